//! Promise: an hour of a full disk costs no event. The box stays up, nobody waits for the disk, memory is bounded, what
//! is given up is the least worth and accounted for, and within five seconds of room everything is written again.
//!
//! Shown on a real disk that is really full: a small file system in memory, filled to its last byte, in a namespace of
//! the test's own, so that it needs no rights. An hour of a game's records (every second a chunk of thirteen people's
//! places, an event and five readings) goes into the store as fast as it takes them; an hour of clock time would only
//! add waiting. Once with a game's usual records, once with the longest that a box makes. Skipped, said, where the system forbids such namespaces.

mod small_disk;

use edge_agent::store::{Store, StoreConfig, StreamStats};
use firmware_protocol::network::{
    ChunkBuilder, Event, EventKind, GameClock, Record, Role, Side, Stream, Telemetry, Who, decode,
};
use small_disk::{fill, on_a_small_disk};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

const DISK_BYTES: u64 = 64 << 20;
/// Less than an hour's records, so that some must go.
const PENDING_BYTES_MAX: u64 = 2 << 20;
const SECONDS_BEFORE: u64 = 60;
const SECONDS: u64 = SECONDS_BEFORE + 3_600;
const READINGS: u64 = 5;
/// What is promised after room is there.
const RECOVERED_AFTER: Duration = Duration::from_secs(5);
/// Nobody waits for the disk: far above a hiccup of a busy machine, far below the outage.
const APPEND_MAX: Duration = Duration::from_secs(2);

/// What moves on the ice, and how.
#[derive(Debug, Clone, Copy)]
struct Ice {
    entities: u16,
    /// From one place to the next, at most, along and across.
    stride_cm: u64,
}

#[test]
fn an_hour_of_a_full_disk_costs_no_event() {
    check("an_hour_of_a_full_disk_costs_no_event", Ice { entities: 13, stride_cm: 10 });
}

#[test]
fn nor_with_records_as_long_as_they_come() {
    check("nor_with_records_as_long_as_they_come", Ice { entities: 45, stride_cm: 30_000 });
}

/// Shows it in the test called `test`.
fn check(test: &str, ice: Ice) {
    on_a_small_disk(test, DISK_BYTES, |disk| outlast(disk, ice));
}

fn outlast(disk: &Path, ice: Ice) {
    let config = StoreConfig {
        path: disk.join("store"),
        disk_reserve_bytes: 0,
        pending_bytes_max: PENDING_BYTES_MAX,
        ..StoreConfig::default()
    };
    let store = Store::open(&config).unwrap();
    for second in 0..SECONDS_BEFORE {
        for record in ice.records(second) {
            store.append_and_wait(&record).unwrap();
        }
    }
    fill(&disk.join("ballast"));

    let (mut receipts, mut slowest, mut most_pending) = (Vec::new(), Duration::ZERO, 0);
    for second in SECONDS_BEFORE..SECONDS {
        for record in ice.records(second) {
            let began = Instant::now();
            let receipt = store.append(&record).unwrap();
            slowest = slowest.max(began.elapsed());
            if record.stream() == Stream::Events {
                receipts.push(receipt);
            }
        }
        most_pending = most_pending.max(store.stats().pending_bytes);
    }
    while store.stats().fault.is_none() {
        std::thread::yield_now();
    }
    println!("{}; slowest append {slowest:?}, {most_pending} bytes in memory", store.stats().fault.unwrap());
    assert!(slowest < APPEND_MAX, "somebody waited {slowest:?} for a full disk");
    assert!((1..=PENDING_BYTES_MAX).contains(&most_pending), "{most_pending} bytes in memory");

    fs::remove_file(disk.join("ballast")).unwrap();
    let began = Instant::now();
    while store.stats().fault.is_some() {
        assert!(began.elapsed() < RECOVERED_AFTER, "still nothing is written: {:?}", store.stats().fault);
        std::thread::yield_now();
    }
    println!("written again after {:?}", began.elapsed());
    for (receipt, sequence) in receipts.into_iter().zip(SECONDS_BEFORE..) {
        assert_eq!(receipt.wait().unwrap(), sequence, "every event is kept");
    }
    assert_eq!(store.stats().pending_bytes, 0);
    account(&store, ice);
    drop(store);
    account(&Store::open(&config).unwrap(), ice);
}

/// Every number of every stream is a record or in a loss; events all there, of the others the newest.
fn account(store: &Store, ice: Ice) {
    for (stream, given) in [(Stream::Events, 1), (Stream::Tracks, 1), (Stream::Telemetry, READINGS)] {
        let StreamStats { first_sequence, next_sequence, .. } = store.stats().streams[stream as usize];
        assert_eq!((first_sequence, next_sequence), (0, SECONDS * given), "{stream:?}");
        let (mut next, mut kept, mut lost, mut found) = (0, 0, 0, Vec::new());
        while next < next_sequence {
            assert_eq!(store.read(stream, next, 512, 1 << 20, &mut found).unwrap(), next);
            for bytes in &found {
                match decode(bytes).unwrap() {
                    Record::Lost(loss) => {
                        assert!(loss.from == next && loss.reason.contains("disk"), "{loss:?} at {next}");
                        lost += loss.to + 1 - loss.from;
                        next = loss.to + 1;
                    }
                    record => {
                        let second = next / given;
                        assert!(ice.records(second).contains(&record), "another record at {next} of {stream:?}");
                        kept += 1;
                        next += 1;
                    }
                }
            }
        }
        println!("{stream:?}: {kept} kept, {lost} told as lost");
        assert_eq!(kept + lost, SECONDS * given);
        match stream {
            Stream::Events => assert_eq!(lost, 0, "an event was lost"),
            Stream::Tracks => assert!(kept > SECONDS_BEFORE, "tracks outlive telemetry"),
            Stream::Telemetry => assert!(lost > 0, "the test's memory is too large to show anything"),
        }
    }
}

impl Ice {
    /// What a game gives in one second.
    fn records(self, second: u64) -> Vec<Record> {
        let captured_us = 1_790_000_000_000_000 + second as i64 * 1_000_000;
        let mut chunk = ChunkBuilder::new(7, captured_us, 20_000);
        for step in 0..50u16 {
            for entity in 0..self.entities {
                let role = (entity > 0).then_some(Role::Skater);
                let chance = (second * 50 + step as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(entity as u32);
                let place = [chance, chance >> 32].map(|chance| (chance % self.stride_cm) as i16);
                chunk.place(Who { entity, role, side: None, number: None }, step, place);
            }
        }
        let mut records = vec![
            Record::Event(Event {
                game: 7,
                captured_us,
                uncertainty_us: 0,
                clock: GameClock::default(),
                side: Some(Side::Home),
                number: Some(9),
                position_m: None,
                kind: EventKind::Goal,
            }),
            Record::Tracks(chunk.finish()),
        ];
        records.extend((0..READINGS).map(|tag| {
            let (name, subject) = ("tag_battery_volts".to_owned(), format!("tag {tag}"));
            Record::Telemetry(Telemetry { captured_us, name, subject, value: 3.7 })
        }));
        records
    }
}
