//! What every engine is given: the records of a game.

use firmware_protocol::network::{
    ChunkBuilder, Event, EventKind, GameClock, Record, Role, Side, Stream, Who, centimetres, encode,
};

/// Seconds the rate is measured for.
pub const SECONDS: u64 = 10;
/// Chunks and events in a group of the rate: as 500,000 positions and 10,000 events a second stand to each other.
pub const CHUNKS: usize = 18;
pub const EVENTS: usize = 234;
/// Chunks and events in a group that fills a journal: as in a game, where chunks are nearly all.
const CHUNKS_FILLING: usize = 250;
const EVENTS_FILLING: usize = 2;
/// Memory every engine may use for its cache, bytes.
pub const CACHE_BYTES: u64 = 16 << 20;
/// Steps of a chunk: one second at 50 Hz.
const STEPS: u16 = 50;
const PEOPLE: u16 = 12;
/// Places in a chunk: twelve people and the puck.
pub const POSITIONS: usize = STEPS as usize * (PEOPLE as usize + 1);

/// The group whose rate is measured.
pub fn group() -> Vec<Record> {
    mixed(CHUNKS, EVENTS)
}

/// The group that fills a journal.
pub fn filling() -> Vec<Record> {
    mixed(CHUNKS_FILLING, EVENTS_FILLING)
}

fn mixed(chunks: usize, events: usize) -> Vec<Record> {
    let chunks = (0..chunks).map(|number| chunk(number as i64));
    let events = (0..events).map(|number| event(number as i64));
    events.chain(chunks).collect()
}

/// One second of twelve skaters on circles and a puck that crosses the ice.
fn chunk(second: i64) -> Record {
    let mut builder = ChunkBuilder::new(2_025_020_001, 1_790_000_000_000_000 + second * 1_000_000, 20_000);
    for step in 0..STEPS {
        let seconds = second as f64 + f64::from(step) * 0.02;
        builder.place(Who::PUCK, step, [centimetres(25.0 * (seconds * 1.2).sin()), centimetres(12.0 * seconds.cos())]);
        for person in 1..=PEOPLE {
            let (radius, speed) = (3.0 + f64::from(person) * 0.5, 4.0 + f64::from(person) * 0.58);
            let (sin, cos) = (speed / radius * seconds).sin_cos();
            let who =
                Who { entity: person, role: Some(Role::Skater), side: Some(Side::Home), number: Some(person as u8) };
            builder.place(who, step, [centimetres(radius * cos - 20.0), centimetres(radius * sin + 5.0)]);
        }
    }
    Record::Tracks(builder.finish())
}

fn event(number: i64) -> Record {
    Record::Event(Event {
        game: 2_025_020_001,
        captured_us: 1_790_000_000_000_000 + number * 4_000,
        uncertainty_us: 20_000,
        clock: GameClock::default(),
        side: Some(Side::Home),
        number: Some(19),
        position_m: Some([26.5, -3.25]),
        kind: EventKind::Shot { speed_mps: 31.5, distance_m: 9.25, on_goal: None },
    })
}

/// Numbers the records of an engine that does not.
#[derive(Default)]
pub struct Numbering {
    /// The next sequence of each stream.
    pub next: [u64; 3],
}

impl Numbering {
    /// Each record of `group` with its stream, its sequence and its bytes.
    pub fn numbered<'a>(&'a mut self, group: &'a [Record]) -> impl Iterator<Item = (Stream, u64, Vec<u8>)> + 'a {
        group.iter().map(|record| {
            let stream = record.stream();
            let sequence = self.next[stream as usize];
            self.next[stream as usize] += 1;
            (stream, sequence, encode(record))
        })
    }

    /// The same with the key of an engine whose keys are bytes.
    pub fn keyed<'a>(&'a mut self, group: &'a [Record]) -> impl Iterator<Item = ([u8; 9], Vec<u8>)> + 'a {
        self.numbered(group).map(|(stream, sequence, bytes)| (key(stream, sequence), bytes))
    }
}

/// Stream, then sequence, so that keys stand in order.
pub fn key(stream: Stream, sequence: u64) -> [u8; 9] {
    let mut key = [stream as u8; 9];
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// The sequence in a key.
pub fn sequence(key: &[u8]) -> u64 {
    key[1..9].try_into().map_or(0, u64::from_be_bytes)
}
