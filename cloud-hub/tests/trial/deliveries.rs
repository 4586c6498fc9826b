//! Random batches of several boxes, as the event store takes them: every stream, losses, records that do not open.

#![allow(dead_code, reason = "each promise uses its own part of this")]

use cloud_hub::storage::records::{Delivery, Opened};
use firmware_protocol::network::{
    self, Event, EventKind, GameClock, Record, Side, Stream, Telemetry, TrackChunk, Zone,
    event::{Crossing, StoppageReason},
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub const GAMES: u64 = 3;
const BOXES: usize = 3;
/// Beyond the signed range: an epoch is 64 bits of chance.
const EPOCH: u64 = u64::MAX - 7;

/// The boxes, each with the next number of each of its streams.
pub struct Boxes {
    pub random: ChaCha8Rng,
    next: [[u64; 3]; BOXES],
    captured_us: i64,
}

impl Boxes {
    pub fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), next: [[0; 3]; BOXES], captured_us: 0 }
    }

    /// The next batch of one of them.
    pub fn next(&mut self) -> Delivery {
        let at = self.random.random_range(0..BOXES);
        let stream = Stream::ALL[self.random.random_range(0..3)];
        let first_sequence = self.next[at][stream as usize];
        let count = self.random.random_range(1..=20);
        let mut records: Vec<Opened> = (0..count).map(|_| self.record(stream)).collect();
        let mut next_sequence = first_sequence + records.len() as u64;
        if self.random.random_bool(0.2) {
            let last_sequence = next_sequence + self.random.random_range(0..5);
            records.push(Opened::Lost { last_sequence, reason: "shed".into() });
            next_sequence = last_sequence + 1;
        }
        self.next[at][stream as usize] = next_sequence;
        Delivery {
            venue: ["Oak", "arena", "zoo"][at].into(),
            edge: format!("{}-box", ["Zeta", "alpha", "beta"][at]),
            epoch: EPOCH,
            stream,
            first_sequence,
            records,
        }
    }

    fn record(&mut self, stream: Stream) -> Opened {
        self.captured_us += 1_000;
        let random = &mut self.random;
        if random.random_bool(0.03) {
            return Opened::Unreadable { reason: "torn \0 apart".into(), bytes: vec![0, 255, 7] };
        }
        let game = random.random_range(1..=GAMES);
        match stream {
            Stream::Events => {
                let event = Event {
                    game,
                    // Late events come after newer ones.
                    captured_us: self.captured_us - random.random_range(0..5) * 1_000,
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
                    kind: kind(random),
                };
                let json = serde_json::to_string(&event).unwrap();
                Opened::Event { event: Box::new(event), json }
            }
            Stream::Tracks => {
                let (start_us, end_us) = (self.captured_us, self.captured_us + 1_000);
                let chunk = TrackChunk { game, start_us, step_us: 20_000, columns: Vec::new() };
                Opened::Tracks { game, start_us, end_us, bytes: network::encode(&Record::Tracks(chunk)) }
            }
            Stream::Telemetry => Opened::Telemetry(Telemetry {
                captured_us: self.captured_us,
                name: ["uptime", "Temperature", "öl"][random.random_range(0..3)].into(),
                subject: ["", "cam \"1\"", "nul\0l"][random.random_range(0..3)].into(),
                value: [f64::INFINITY, -0.5, 1e300, random.random()][random.random_range(0..4)],
            }),
        }
    }
}

fn kind(random: &mut ChaCha8Rng) -> EventKind {
    let crossing = [Crossing::Carry, Crossing::Pass, Crossing::Dump][random.random_range(0..3)];
    match random.random_range(0..10) {
        0 => EventKind::ZoneEntry { crossing },
        1 => EventKind::ZoneExit { crossing },
        2 => EventKind::Shot { speed_mps: 30.0, distance_m: 12.0, on_goal: Some(random.random()) },
        3 => EventKind::Goal,
        4 => EventKind::FaceOff { zone: Zone::Neutral },
        5 => EventKind::Stoppage { reason: StoppageReason::Icing },
        6 => EventKind::ShiftStart,
        7 => EventKind::ShiftEnd { length_ms: random.random_range(10_000..90_000) },
        8 => EventKind::Pass { receiver: Some(random.random_range(1..20)), length_m: 8.0 },
        _ => EventKind::PlayStart,
    }
}
