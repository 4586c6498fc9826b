//! Promise: the read tables may be deleted at any time; made again from the events, they are the same.
//!
//! Shown by folding random games in random steps while they are kept, then all at once, and comparing every row.

use cloud_hub::{
    event_store::EventStore,
    ids::Offset,
    projections::{Freshness, VERSION, projector::catch_up},
    storage::{
        Database,
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{
    Event, EventKind, GameClock, Side, Stream, Zone,
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

#[tokio::test]
async fn rebuilt_tables_equal_the_live_ones() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
    let (store, freshness) = (EventStore::new(database.clone()).await.unwrap(), Freshness::default());
    let mut kept = 0;
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
        database.keep(&[delivery]).await.unwrap();
        kept += count;
        assert_eq!(catch_up(&store, &database, &freshness).await.unwrap(), Offset(kept));
    }
    let live = database.projected_all().await.unwrap();
    assert!(live.len() > 50, "{} rows", live.len());

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
