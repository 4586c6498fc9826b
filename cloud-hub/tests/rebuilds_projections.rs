//! Promise: the read tables may be deleted at any time; made again from events, track chunks and facts, they are the same,
//! whenever corrections came.
//!
//! Shown by folding random games in random steps while they are kept and corrected, then all at once, and comparing every
//! row.

use cloud_hub::{
    event_store::{
        Correction, EventStore, Fact,
        correction::{Action, Changes},
    },
    ids::Offset,
    projections::{Freshness, VERSION, follower, projector::catch_up, resources},
    storage::{
        Database,
        hub_events::{Appended, Appending},
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{
    self, ChunkBuilder, Event, EventKind, GameClock, Record, Role, Side, Stream, Who, Zone,
    event::{Crossing, StoppageReason},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EVENTS: u64 = 3_000;

fn any_event(random: &mut ChaCha8Rng, captured_us: i64) -> Event {
    let crossing = [Crossing::Carry, Crossing::Pass, Crossing::Dump][random.random_range(0..3)];
    let kind = match random.random_range(0..12) {
        0 => EventKind::ZoneEntry { crossing },
        1 => EventKind::ZoneExit { crossing },
        2 => EventKind::Shot {
            speed_mps: 30.0,
            distance_m: 12.0,
            on_goal: [None, Some(true), Some(false)][random.random_range(0..3)],
        },
        3 => EventKind::Goal,
        4 => EventKind::FaceOff { zone: Zone::Neutral },
        5 => EventKind::Stoppage { reason: StoppageReason::Icing },
        6 => EventKind::ShiftStart,
        7 => EventKind::ShiftEnd { length_ms: random.random_range(10_000..90_000) },
        8 | 9 => {
            EventKind::Pass { receiver: random.random_bool(0.8).then(|| random.random_range(1..20)), length_m: 8.0 }
        }
        10 => EventKind::Penalty { length_s: 120 },
        _ => EventKind::PlayStart,
    };
    Event {
        game: random.random_range(1..4),
        // Late events come after newer ones.
        captured_us: captured_us - random.random_range(0..5) * 1_000,
        uncertainty_us: 100,
        clock: GameClock {
            period: 1,
            remaining_ms: random.random_range(0..1_200_000),
            running: true,
            home_score: 0,
            away_score: 2,
        },
        side: [None, Some(Side::Home), Some(Side::Away)][random.random_range(0..3)],
        number: random.random_bool(0.8).then(|| random.random_range(1..20)),
        position_m: None,
        kind,
    }
}

/// A second in which five skate about, some faster than anybody can.
fn any_chunk(random: &mut ChaCha8Rng, second: i64) -> Opened {
    let (game, start_us) = (random.random_range(1..4), second * 1_000_000 + random.random_range(-30_000..30_000));
    let mut chunk = ChunkBuilder::new(game, start_us, 20_000);
    for entity in 0..5 {
        let role = (entity > 0).then_some(if entity == 1 { Role::Goalie } else { Role::Skater });
        let side = if entity % 2 == 0 { Side::Home } else { Side::Away };
        let who = Who { entity, role, side: Some(side), number: Some(entity as u8) };
        let ([x, y], [dx, dy]): ([i16; 2], [i16; 2]) = (
            [random.random_range(-2_000..2_000), random.random_range(-1_000..1_000)],
            [0; 2].map(|_: i16| random.random_range(-25..25)),
        );
        for step in (0..50).filter(|_| random.random_bool(0.97)).collect::<Vec<u16>>() {
            chunk.place(who, step, [x + dx * step as i16, y + dy * step as i16]);
        }
    }
    let bytes = network::encode(&Record::Tracks(chunk.finish()));
    Opened::Tracks { game, start_us, end_us: start_us + 1_000_000, bytes }
}

/// A team that is new, changed or removed, or a correction of an event of the first `kept`.
async fn any_fact(random: &mut ChaCha8Rng, store: &EventStore, kept: u64) {
    let id = format!("team-{}", random.random_range(0..5));
    let fact = match random.random_range(0..4) {
        0 => Fact::Set {
            kind: "game".into(),
            id: id.clone(),
            state: serde_json::json!({"venue": id, "home": {"team": "oaks", "roster": [{"player": id}]}, "away": {"team": "elms"}}),
        },
        1 => Fact::Removed { kind: "game".into(), id },
        _ => {
            let event = random.random_range(1..=kept);
            let stored = store.read_after(Offset(event - 1), 1).await.unwrap().remove(0);
            let action = [Action::Withdraw, Action::Change, Action::Restore][random.random_range(0..3)];
            let changes =
                Changes { number: Some(random.random_range(1..20)), side: Some(Side::Home), ..Changes::default() };
            let changes = if action == Action::Change { changes } else { Changes::default() };
            Fact::Corrected(Correction { game: stored.event.game, event, action, changes, reason: "seen".into() })
        }
    };
    let expected = store.stands(&fact.stream()).await.unwrap();
    let appending = Appending {
        stream: fact.stream(),
        expected,
        at_us: 5,
        author: String::new(),
        payload: fact.payload(),
        row: resources::change(&fact, expected + 1, 5),
        key: None,
    };
    assert!(matches!(store.append(&appending).await.unwrap(), Appended::At(_)));
    assert_eq!(
        store.append(&appending).await.unwrap(),
        Appended::Conflict(expected + 1),
        "a second writer who saw the same"
    );
}

#[tokio::test]
async fn rebuilt_tables_equal_the_live_ones() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
    let (store, freshness) = (EventStore::new(database.clone()).await.unwrap(), Freshness::default());
    let (mut kept, mut seconds) = (0, 0);
    while kept < EVENTS {
        let count = random.random_range(1..=400);
        let records = (0..count).map(|index| {
            let event = any_event(&mut random, ((kept + index) * 100) as i64);
            let json = serde_json::to_string(&event).unwrap();
            Opened::Event { event: Box::new(event), json }
        });
        let delivery = Delivery {
            venue: "arena".into(),
            edge: "north".into(),
            epoch: 1,
            stream: Stream::Events,
            first_sequence: kept,
            records: records.collect(),
        };
        let chunks = (0..random.random_range(1..5)).map(|index| any_chunk(&mut random, (seconds + index) as i64));
        let chunks: Vec<Opened> = chunks.collect();
        let (venue, edge, next) = ("arena".into(), "north".into(), chunks.len() as u64);
        let tracks =
            Delivery { venue, edge, epoch: 1, stream: Stream::Tracks, first_sequence: seconds, records: chunks };
        database.keep(&[delivery, tracks]).await.unwrap();
        kept += count;
        seconds += next;
        for _ in 0..random.random_range(0..8) {
            any_fact(&mut random, &store, kept).await;
        }
        assert_eq!(follower::catch_up(&store, &database, &mut |_| {}).await.unwrap(), Offset(seconds));
        assert_eq!(catch_up(&store, &database, &freshness).await.unwrap(), Offset(kept));
    }
    let live = database.projected_all().await.unwrap();
    assert!(live.len() > 50, "{} rows", live.len());
    let (skating, things) = (database.skating_all().await.unwrap(), database.resources_all().await.unwrap());
    assert!(skating.len() == 3 && !things.is_empty(), "{} and {}", skating.len(), things.len());
    assert!(things.iter().all(|thing| thing.links.len() == 4), "venue, two teams, a player: {things:?}");

    database.forget_skating().await.unwrap();
    assert_eq!(database.skating_all().await.unwrap(), []);
    follower::catch_up(&store, &database, &mut |_| {}).await.unwrap();
    assert_eq!(database.skating_all().await.unwrap(), skating);
    assert_eq!(resources::rebuild(&store, &database).await.unwrap(), things.len());
    assert_eq!(database.resources_all().await.unwrap(), things);

    database.forget_projections().await.unwrap();
    assert_eq!(database.projected_all().await.unwrap(), []);
    catch_up(&store, &database, &freshness).await.unwrap();
    assert_eq!(database.projected_all().await.unwrap(), live);

    // A second projector that read from an older place changes nothing.
    assert!(!database.project(VERSION, (Offset(0), Offset(1)), &[]).await.unwrap());
    assert_eq!(database.projected_all().await.unwrap(), live);

    // Tables of another version are made again.
    assert_eq!(database.projected_to(VERSION + 1).await.unwrap(), Offset(0));
}

#[test]
fn the_command_makes_them_again_and_tells_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let file = folder.path().join("hub.sqlite");
    let live = runtime.block_on(async {
        let database = Database::open(&file).await.unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let records = (0..1_200).map(|index| {
            let event = any_event(&mut random, index * 100);
            let json = serde_json::to_string(&event).unwrap();
            Opened::Event { event: Box::new(event), json }
        });
        let (venue, edge, records) = ("arena".into(), "north".into(), records.collect());
        database
            .keep(&[Delivery { venue, edge, epoch: 1, stream: Stream::Events, first_sequence: 0, records }])
            .await
            .unwrap();
        let store = EventStore::new(database.clone()).await.unwrap();
        catch_up(&store, &database, &Freshness::default()).await.unwrap();
        let live = database.projected_all().await.unwrap();
        database.forget_projections().await.unwrap();
        database.close().await;
        live
    });
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_cloud-hub"))
        .args(["projections", "rebuild", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8_lossy(&command.stdout), String::from_utf8_lossy(&command.stderr));
    assert!(command.status.success() && said.contains("1200 events"), "{said}{told}");
    assert!(told.contains("events: 0 of 1200") && told.contains("events: 1000 of 1200"), "{told}");
    let again = runtime.block_on(async {
        let database = Database::open(&file).await.unwrap();
        let again = database.projected_all().await.unwrap();
        database.close().await;
        again
    });
    assert_eq!(again, live);
}
