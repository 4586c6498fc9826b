//! How well the recogniser sees a simulated game. Simulated figures: never to be set beside a real game's.
//!
//! Noise model `snapshot-1`: places of people off by 0.10 m white and 0.10 m slowly wandering (0.5 s) a coordinate,
//! the puck by 0.06 m and 0.08 m; velocities by 0.4 m/s; each person unseen for 0.1 to 1 s about every 20 s, the puck
//! for 0.05 to 0.3 s about every 10 s; the scoreboard read ten times a second.

use super::{Config, Recogniser};
use crate::{
    fusion::{PlayerState, PuckState, Snapshot},
    ids::EntityId,
    rink::Rink,
    simulation::{Game, Setup, Truth},
};
use firmware_protocol::network::{Event, EventKind, GameClock, Role};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;

/// How far a recognised event may lie from the true one, microseconds.
const TOLERANCE_US: i64 = 700_000;
const STEP_S: f64 = 0.02;

/// Sees the truth as fusion might.
struct Blur {
    random: ChaCha8Rng,
    wander: BTreeMap<u32, [f64; 2]>,
    unseen_until_us: BTreeMap<u32, i64>,
    board: (GameClock, [[u16; 2]; 2]),
    with_board: bool,
}

impl Blur {
    fn new(seed: u64, with_board: bool) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            wander: BTreeMap::new(),
            unseen_until_us: BTreeMap::new(),
            board: Default::default(),
            with_board,
        }
    }

    fn normal(&mut self, sigma: f64) -> f64 {
        sigma * self.random.sample::<f64, _>(StandardNormal)
    }

    /// Where `id` seems to be; `None` while it is unseen.
    fn place(&mut self, id: u32, place: [f64; 2], now_us: i64, white: f64, slow: f64) -> Option<[f64; 2]> {
        let keep: f64 = (-STEP_S / 0.5f64).exp();
        let fresh = [self.normal(1.0), self.normal(1.0)];
        let wander = self.wander.entry(id).or_insert(fresh);
        for axis in 0..2 {
            wander[axis] = keep * wander[axis] + (1.0 - keep * keep).sqrt() * fresh[axis];
        }
        let wander = *wander;
        let (every_s, low, high) = if id == 0 { (10.0, 0.05, 0.3) } else { (20.0, 0.1, 1.0) };
        if self.random.random::<f64>() < STEP_S / every_s {
            let spell = (self.random.random_range(low..high) * 1e6) as i64;
            self.unseen_until_us.insert(id, now_us + spell);
        }
        let seen = self.unseen_until_us.get(&id).is_none_or(|&until| now_us >= until);
        let off = [self.normal(white), self.normal(white)];
        seen.then(|| [place[0] + off[0] + slow * wander[0], place[1] + off[1] + slow * wander[1]])
    }

    fn see(&mut self, truth: &Truth) -> Snapshot {
        if self.with_board && truth.time_us % 100_000 == 0 {
            self.board = (truth.clock, truth.penalties_s);
        }
        let mut players = Vec::new();
        for person in &truth.people {
            let velocity_mps = [person.velocity_mps[0] + self.normal(0.4), person.velocity_mps[1] + self.normal(0.4)];
            if let Some(position_m) = self.place(person.id, person.position_m, truth.time_us, 0.1, 0.1) {
                players.push(PlayerState {
                    entity: EntityId(person.id as u16),
                    role: person.role,
                    side: person.side,
                    number: (person.role != Role::Official).then_some(person.number),
                    position_m,
                    velocity_mps,
                    covariance_m2: [0.02, 0.0, 0.02],
                });
            }
        }
        let [x, y, z] = truth.puck.position_m;
        let puck = self.place(0, [x, y], truth.time_us, 0.06, 0.08).map(|place| PuckState {
            position_m: [place[0], place[1], z],
            velocity_mps: [truth.puck.velocity_mps[0], truth.puck.velocity_mps[1]],
            sigma_m: 0.1,
        });
        let (clock, penalties_s) = self.board;
        Snapshot { captured_us: truth.time_us, clock, penalties_s, puck, players }
    }
}

/// True and recognised events of one game, up to `until_s`.
fn watch(seed: u64, until_s: i64, with_board: bool) -> (Vec<Event>, Vec<Event>) {
    let mut game = Game::new(Setup { seed, rink: Rink::NHL, game: 1 });
    let mut recogniser = Recogniser::new(Config::default(), Rink::NHL, 1);
    let mut blur = Blur::new(seed ^ 0xB1_u64, with_board);
    let (mut truth, mut seen) = (game.truth().events.clone(), Vec::new());
    recogniser.observe(&blur.see(game.truth()), &mut seen);
    game.step_to(until_s * 1_000_000, |now| {
        truth.extend_from_slice(&now.events);
        if now.time_us % 20_000 == 0 {
            recogniser.observe(&blur.see(now), &mut seen);
        }
    });
    (truth, seen)
}

#[derive(Debug, Default, Clone, Copy)]
struct Score {
    truths: usize,
    seen: usize,
    matched: usize,
}

impl Score {
    fn recall(self) -> f64 {
        self.matched as f64 / self.truths.max(1) as f64
    }

    fn precision(self) -> f64 {
        self.matched as f64 / self.seen.max(1) as f64
    }
}

/// Pairs events of a kind that lie near in time, of the same team, and of the same player for shifts.
fn score(truth: &[Event], seen: &[Event], name: &str) -> Score {
    let of_kind =
        |events: &[Event]| -> Vec<Event> { events.iter().filter(|event| event.kind.name() == name).cloned().collect() };
    let (truth, seen) = (of_kind(truth), of_kind(seen));
    let shift = name.starts_with("shift");
    let mut taken = vec![false; seen.len()];
    let mut matched = 0;
    for event in &truth {
        let best = (0..seen.len())
            .filter(|&at| {
                let other = &seen[at];
                let side = name == "stoppage" || name == "face_off" || other.side == event.side;
                !taken[at]
                    && side
                    && (!shift || other.number == event.number)
                    && (other.captured_us - event.captured_us).abs() <= TOLERANCE_US
            })
            .min_by_key(|&at| (seen[at].captured_us - event.captured_us).abs());
        if let Some(at) = best {
            taken[at] = true;
            matched += 1;
        }
    }
    Score { truths: truth.len(), seen: seen.len(), matched }
}

/// Not among the seeds the rules were tried on.
const SEEDS: [u64; 2] = [8101, 8102];

#[test]
fn a_simulated_game_is_recognised() {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    // What was measured, less a margin.
    let floors = [
        ("goal", 0.85),
        ("face_off", 0.97),
        ("stoppage", 0.97),
        ("period_start", 0.8),
        ("period_end", 0.8),
        ("penalty", 0.9),
        ("shift_start", 0.97),
        ("shift_end", 0.97),
        ("zone_entry", 0.9),
        ("zone_exit", 0.92),
        ("shot", 0.9),
        ("pass", 0.8),
    ];
    for seed in SEEDS {
        let (truth, seen) = watch(seed, 5200, true);
        for (name, _) in floors {
            let one = score(&truth, &seen, name);
            let sum = scores.entry(name).or_default();
            sum.truths += one.truths;
            sum.seen += one.seen;
            sum.matched += one.matched;
        }
    }
    for (name, floor) in floors {
        let score = scores[name];
        eprintln!(
            "simulated, snapshot-1, seeds {SEEDS:?}: {name} {score:?} recall {:.3} precision {:.3}",
            score.recall(),
            score.precision()
        );
        assert!(
            score.recall() >= floor && score.precision() >= floor,
            "{name}: {score:?}, floor {floor}, seeds {SEEDS:?}"
        );
    }
}

#[test]
fn the_same_snapshots_give_the_same_events() {
    let (_, first) = watch(11, 240, true);
    let (_, second) = watch(11, 240, true);
    let bytes = |events: &[Event]| events.iter().map(firmware_protocol::network::encode).collect::<Vec<_>>();
    assert!(first.len() > 20, "{} events", first.len());
    assert_eq!(bytes(&first), bytes(&second));
}

#[test]
fn without_a_scoreboard_play_is_still_seen() {
    let (truth, seen) = watch(12, 900, false);
    for name in ["face_off", "zone_entry", "zone_exit", "shot", "pass"] {
        let score = score(&truth, &seen, name);
        eprintln!("simulated, snapshot-1, no scoreboard, seed 12: {name} {score:?}");
        assert!(score.recall() > 0.6 && score.precision() > 0.6, "{name}: {score:?}");
    }
    assert!(seen.iter().any(|event| matches!(event.kind, EventKind::Stoppage { .. })));
}
