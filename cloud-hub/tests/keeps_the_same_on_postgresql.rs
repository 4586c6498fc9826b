//! Promise: a hub keeps the same on PostgreSQL as in its own file, and several hubs may share one PostgreSQL: what boxes
//! send through whichever of them is kept once, in one order that every follower sees whole.
//!
//! Shown with a PostgreSQL that the test starts. The same random batches, some of them twice, too early or of a stream
//! that was lost, go into both; every answer and everything that can be read back must be the same. Then two hubs take
//! boxes' batches at once, many of them through both, while somebody follows; nothing may be lost, doubled or skipped. Last, the server
//! cuts every connection again and again; hubs and followers go on by themselves.

#[path = "trial/deliveries.rs"]
mod deliveries;
mod trial;

use cloud_hub::{
    event_store::EventStore,
    ids::Offset,
    projections::{Freshness, follower, projector::catch_up},
    storage::{
        Database,
        config::StorageConfig,
        hub_events::{Appended, Appending, KeptAnswer, RowChange},
        reading::StoredEvent,
        records::Delivery,
        resources::ResourceRow,
    },
};
use deliveries::{Boxes, GAMES};
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, EventKind, Record, Side, Stream, topic};
use futures_util::future::join_all;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::path::{Path, PathBuf};
use tokio::time::timeout;
use trial::{PATIENCE, Trial, event, postgresql};

const BATCHES: usize = 400;

/// What all hubs on the database at `address` share besides it: the folder of the root key.
fn folder_of(address: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(address.replace(|character: char| !character.is_alphanumeric(), "-"))
}

async fn on_server(address: &str) -> Database {
    let config = StorageConfig { database: address.into(), ..StorageConfig::default() };
    Database::connect(&config, &folder_of(address)).await.unwrap()
}

/// Everything that can be read back, in words.
async fn all_of(database: &Database) -> Vec<String> {
    let mut all = vec![
        format!("{:#?}", database.holdings().await.unwrap()),
        format!("{:#?}", database.events_after(Offset(0), 100_000).await.unwrap()),
        format!("{:#?}", database.events_of_game_newest(1, 20).await.unwrap()),
        format!("{:#?}", database.events_of_game(2, Offset(30), 20).await.unwrap()),
        format!("{:#?}", database.tracks_after(Offset(0), 100_000).await.unwrap()),
        format!("{:#?}", database.telemetry_newest().await.unwrap()),
        format!("{:#?}", database.newest().await.unwrap()),
        format!("{:#?}", database.projected_all().await.unwrap()),
        format!("{:#?}", database.skating_all().await.unwrap()),
        format!("{:#?}", database.hub_events_after(Offset(0), 1_000).await.unwrap()),
        format!("{:#?}", database.resources_all().await.unwrap()),
        format!("{:#?}", database.boxes_heard().await.unwrap()),
        format!("{:#?}", database.newest_readings("box-1").await.unwrap()),
    ];
    for game in 1..=GAMES {
        all.push(format!("{:#?}", database.accounts(game).await.unwrap()));
    }
    all
}

/// What people change at a hub, some of it twice or behind another: what became of each.
async fn change(database: &Database, seed: u64) -> Vec<Appended> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut became = Vec::new();
    for number in 0..200i64 {
        let (id, expected) = (format!("team-{}", random.random_range(0..9)), random.random_range(0..4));
        let stream = format!("team/{id}");
        let row = match random.random_range(0..4) {
            0 => RowChange::Removed("team".into(), id),
            _ => RowChange::Set(ResourceRow {
                kind: "team".into(),
                id,
                sequence: expected + 1,
                updated_us: number,
                payload: format!("{{\"name\":\"Öaks {number}\"}}"),
                links: vec![("venue".into(), format!("rink-{}", number % 3))],
            }),
        };
        let key = random.random_bool(0.5).then(|| KeptAnswer {
            name: format!("key {}", random.random_range(0..60)),
            request: format!("asked {number}"),
            answer: format!("answered {number}"),
        });
        let (at_us, author, payload) = (number, "staff".into(), format!("{{\"number\":{number}}}"));
        let appending = Appending { stream, expected, at_us, author, payload, row: Some(row), key };
        became.push(database.append(&appending).await.unwrap());
    }
    became
}

/// Folds what is new, then all of it again from nothing, which must be the same.
async fn project(database: &Database) {
    let (store, freshness) = (EventStore::new(database.clone()).await.unwrap(), Freshness::default());
    catch_up(&store, database, &freshness).await.unwrap();
    follower::catch_up(&store, database, &mut |_| {}).await.unwrap();
    let live = (database.projected_all().await.unwrap(), database.skating_all().await.unwrap());
    assert!(live.0.len() > 20, "{} rows", live.0.len());
    assert!(!live.1.is_empty(), "nobody skated");
    database.forget_projections().await.unwrap();
    database.forget_skating().await.unwrap();
    catch_up(&store, database, &freshness).await.unwrap();
    follower::catch_up(&store, database, &mut |_| {}).await.unwrap();
    assert_eq!((database.projected_all().await.unwrap(), database.skating_all().await.unwrap()), live);
}

#[tokio::test]
async fn the_same_batches_leave_the_same_rows() {
    let seed = rand::random();
    println!("seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let file = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
    let server = on_server(&postgresql::database().await).await;
    let mut boxes = Boxes::new(seed);
    let mut sent: Vec<Delivery> = Vec::new();
    for _ in 0..BATCHES / 4 {
        let mut group: Vec<Delivery> = Vec::new();
        for _ in 0..4 {
            let mut delivery = boxes.next();
            sent.push(delivery.clone());
            if boxes.random.random_bool(0.1) {
                // Too early: a gap, which leaves nothing.
                delivery.first_sequence += 1_000;
                group.push(delivery.clone());
                delivery.first_sequence -= 1_000;
            }
            group.push(delivery);
            if boxes.random.random_bool(0.3) {
                group.push(sent[boxes.random.random_range(0..sent.len())].clone());
            }
        }
        let kept = file.keep(&group).await.unwrap();
        assert_eq!(server.keep(&group).await.unwrap(), kept);
        assert!(kept.answers.iter().any(|answer| matches!(answer, Answer::Kept { .. })));
    }
    project(&file).await;
    project(&server).await;
    let became = change(&file, seed).await;
    assert_eq!(change(&server, seed).await, became);
    let is_some = |wanted: fn(&Appended) -> bool| became.iter().any(wanted);
    assert!(is_some(|one| matches!(one, Appended::At(_))) && is_some(|one| matches!(one, Appended::Conflict(_))));
    assert!(is_some(|one| matches!(one, Appended::Before(_))), "{became:?}");
    for (server, file) in all_of(&server).await.into_iter().zip(all_of(&file).await) {
        assert_eq!(server, file);
    }
    // What is kept survives a new connection.
    let holdings = file.holdings().await.unwrap();
    assert_eq!(holdings.len(), 9, "three boxes with three streams");
    server.close().await;
}

fn goals(edge: usize, first_sequence: u64, count: u64) -> Batch {
    let goal = |sequence| event((edge as i64) << 32 | sequence as i64, Side::Home, 9, EventKind::Goal);
    let records = first_sequence..first_sequence + count;
    let records = records.map(|sequence| network::encode(&Record::Event(goal(sequence)))).collect();
    Batch { edge: format!("box-{edge}"), epoch: 7, stream: Stream::Events, first_sequence, records }
}

/// Says it as a box does: again when the hub is busy.
async fn say(hub: &Trial, batch: &Batch) -> Answer {
    let key = topic::records("arena", &batch.edge, batch.stream);
    loop {
        let answer = hub.hub.admission.admit(&key, &network::encode(batch)).await.unwrap();
        match network::decode::<Acknowledgement>(&answer).unwrap().answer {
            Answer::Busy { .. } => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
}

/// Reads on whenever something new is said, until `count` events were seen.
async fn follow(store: EventStore, count: usize) -> Vec<StoredEvent> {
    let (mut newest, mut seen) = (store.follow(), Vec::<StoredEvent>::new());
    while seen.len() < count {
        let after = seen.last().map_or(Offset(0), |event| event.offset);
        let events = store.read_after(after, 50).await.unwrap();
        if events.is_empty() {
            newest.changed().await.unwrap();
        }
        seen.extend(events);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_at_one_postgresql_lose_and_double_nothing() {
    const EDGES: usize = 6;
    const ROUNDS: u64 = 40;
    const COUNT: u64 = 5;
    let address = postgresql::database().await;
    let start = || {
        Trial::start_with(|config| {
            config.storage.database = address.as_str().into();
            config.storage.root_key = folder_of(&address).join("keys/root.key");
        })
    };
    let hubs = [start().await, start().await];
    let total = EDGES * (ROUNDS * COUNT) as usize;
    let followers = hubs.each_ref().map(|hub| tokio::spawn(follow(hub.hub.store.clone(), total)));
    let sending = (0..EDGES).map(|edge| {
        let hubs = &hubs;
        async move {
            for round in 0..ROUNDS {
                let batch = goals(edge, round * COUNT, COUNT);
                let kept = Answer::Kept { next_sequence: (round + 1) * COUNT };
                // A third through each hub, a third through both at once.
                match (edge as u64 + round) % 3 {
                    0 => assert_eq!(say(&hubs[0], &batch).await, kept),
                    1 => assert_eq!(say(&hubs[1], &batch).await, kept),
                    _ => {
                        let (first, second) = tokio::join!(say(&hubs[0], &batch), say(&hubs[1], &batch));
                        assert_eq!((first, second), (kept.clone(), kept));
                    }
                }
            }
        }
    });
    timeout(PATIENCE, join_all(sending)).await.expect("both hubs answer");
    for follower in followers {
        let seen = timeout(PATIENCE, follower).await.expect("a follower misses events").unwrap();
        assert!(seen.is_sorted_by(|before, after| before.offset < after.offset));
        for edge in 0..EDGES {
            let name = format!("box-{edge}");
            let of_box = seen.iter().filter(|event| event.edge == name).map(|event| event.sequence);
            assert!(of_box.eq(0..ROUNDS * COUNT), "{name}: each number once, in order");
        }
    }
    for hub in hubs {
        hub.projected().await;
        hub.hub.stop().await;
    }
    let database = on_server(&address).await;
    for held in database.holdings().await.unwrap() {
        assert_eq!((held.next_sequence, held.records, held.lost), (ROUNDS * COUNT, ROUNDS * COUNT, 0), "{held:?}");
    }
    // What the two hubs' projectors made together is what one makes of the same events.
    let (live, store) = (database.projected_all().await.unwrap(), EventStore::new(database.clone()).await.unwrap());
    database.forget_projections().await.unwrap();
    catch_up(&store, &database, &Freshness::default()).await.unwrap();
    assert_eq!(database.projected_all().await.unwrap(), live);
    assert!(live[0].payload.contains(&format!("{total}")), "{}", live[0].payload);
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_go_on_after_the_server_has_cut_every_connection() {
    const ROUNDS: u64 = 6;
    let address = postgresql::database().await;
    let start = || {
        Trial::start_with(|config| {
            config.storage.database = address.as_str().into();
            config.storage.root_key = folder_of(&address).join("keys/root.key");
        })
    };
    let hubs = [start().await, start().await];
    let total = (ROUNDS * 3) as usize;
    // Follows what the other hub keeps, so it has to hear again as well.
    let mut newest = hubs[1].hub.store.follow();
    let mut cutting = PgConnection::connect(&address).await.unwrap();
    for round in 0..ROUNDS {
        let kept =
            timeout(PATIENCE, say(&hubs[0], &goals(1, round * 3, 3))).await.expect("the hub takes records again");
        assert_eq!(kept, Answer::Kept { next_sequence: (round + 1) * 3 });
        let heard = newest.wait_for(|offset| offset.0 >= (round + 1) * 3);
        timeout(PATIENCE, heard).await.expect("the other hub hears again").unwrap();
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE pid <> pg_backend_pid() AND datname = current_database()";
        assert!(cutting.execute(cut).await.unwrap().rows_affected() >= 2, "connections were cut");
    }
    for hub in &hubs {
        hub.projected().await;
    }
    let seen = follow(hubs[1].hub.store.clone(), total).await;
    assert!(seen.iter().map(|event| event.sequence).eq(0..ROUNDS * 3));
    for hub in hubs {
        hub.hub.stop().await;
    }
}

#[tokio::test]
async fn the_password_may_stand_in_a_file_and_is_never_said() {
    let address = postgresql::database().await;
    let (user, host) = address.rsplit_once('@').unwrap();
    let bare = format!("{}@{host}", user.rsplit_once(':').unwrap().0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let config =
        StorageConfig { database: bare.as_str().into(), password_file: Some(file.clone()), ..StorageConfig::default() };
    std::fs::write(&file, format!("{}\n", postgresql::PASSWORD)).unwrap();
    Database::connect(&config, folder.path()).await.unwrap().close().await;
    std::fs::write(&file, "another").unwrap();
    let error = Database::connect(&config, folder.path()).await.unwrap_err();
    let said = format!("{error} {error:?} {config:?}");
    assert!(said.contains("password authentication failed") && said.contains("right"), "{said}");
    assert!(!said.contains("another") && !said.contains(postgresql::PASSWORD), "{said}");
}
