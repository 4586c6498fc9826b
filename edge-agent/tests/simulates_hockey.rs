//! Promise: the simulated game looks like hockey. Skaters keep to what legs, boards and other bodies allow; a game
//! has the face-offs, shots, goals and whistles of a real one; the scoreboard agrees with the events; and a seed is a
//! game, always the same.
//!
//! Shown by playing whole games of seeds that no rate was tuned on, and measuring. Bands are those of professional
//! games, widened for the spread between single games.

use edge_agent::{
    rink::Rink,
    simulation::{
        Game, STEP_US, Setup, Truth,
        devices::{Devices, DevicesConfig, PUCK_TAG, SCOREBOARD_TAG},
    },
};
use firmware_protocol::{
    network::{Event, EventKind, Role, Side},
    serial::Message,
};
use std::collections::BTreeMap;

const SEEDS: [u64; 3] = [901, 902, 903];

fn play(seed: u64, rink: Rink, until_s: i64, see: impl FnMut(&Truth)) -> Game {
    let mut game = Game::new(Setup { seed, rink, game: 1 });
    game.step_to(until_s * 1_000_000, see);
    game
}

#[test]
fn a_game_has_the_rates_of_hockey() {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for seed in SEEDS {
        let mut game = Game::new(Setup { seed, rink: Rink::NHL, game: 1 });
        let mut goals = [0u8; 2];
        while !game.is_over() {
            let truth = game.step();
            assert!(truth.time_us < 9_000_000_000, "seed {seed}: two and a half hours and not over");
            for event in &truth.events {
                let name = match event.kind {
                    EventKind::Shot { on_goal: Some(true), .. } => "shot on goal",
                    ref kind => kind.name(),
                };
                *counts.entry(name).or_default() += 1.0 / SEEDS.len() as f64;
                if let (EventKind::Goal, Some(side)) = (&event.kind, event.side) {
                    goals[side as usize] += 1;
                }
            }
        }
        let clock = game.truth().clock;
        assert_eq!([clock.home_score, clock.away_score], goals, "seed {seed}: the scoreboard shows the goals");
        assert_eq!((clock.period, clock.remaining_ms), (3, 0), "seed {seed}");
    }
    eprintln!("simulated, mean of seeds {SEEDS:?}: {counts:.1?}");
    let bands = [
        ("face_off", 45.0, 75.0),
        ("stoppage", 45.0, 75.0),
        ("shot on goal", 40.0, 75.0),
        ("goal", 2.5, 10.0),
        ("penalty", 2.0, 11.0),
        ("zone_entry", 90.0, 230.0),
        ("pass", 500.0, 1200.0),
        ("shift_start", 700.0, 1200.0),
    ];
    for (name, low, high) in bands {
        let count = counts.get(name).copied().unwrap_or_default();
        assert!((low..=high).contains(&count), "{name}: {count:.1} a game, {low} to {high} expected, seeds {SEEDS:?}");
    }
}

#[test]
fn bodies_keep_to_what_bodies_can() {
    for (seed, rink) in [(911, Rink::NHL), (912, Rink::IIHF)] {
        let mut before: BTreeMap<u32, ([f64; 2], [f64; 2])> = BTreeMap::new();
        let (mut top, mut hard, mut all) = (0.0f64, 0u32, 0u32);
        play(seed, rink, 1500, |truth| {
            for (at, person) in truth.people.iter().enumerate() {
                let speed = person.velocity_mps[0].hypot(person.velocity_mps[1]);
                top = top.max(speed);
                assert!(speed < 11.0, "seed {seed} {} s: {speed:.1} m/s", truth.time_us / 1_000_000);
                let inside = rink.boards_distance(person.position_m);
                assert!(inside < -0.3, "seed {seed}: person {} is {inside:.2} m into the boards", person.id);
                for other in &truth.people[at + 1..] {
                    let gap =
                        (person.position_m[0] - other.position_m[0]).hypot(person.position_m[1] - other.position_m[1]);
                    assert!(gap > 0.7, "seed {seed}: {} and {} are {gap:.2} m apart", person.id, other.id);
                }
                if let Some((place, velocity)) = before.get(&person.id) {
                    let moved = (person.position_m[0] - place[0]).hypot(person.position_m[1] - place[1]);
                    let push = (person.velocity_mps[0] - velocity[0]).hypot(person.velocity_mps[1] - velocity[1]);
                    // Whoever was on the bench in between appears at a gate.
                    if moved < 1.0 {
                        all += 1;
                        hard += u32::from(push * 100.0 > 7.5 || moved * 100.0 > 12.0);
                    }
                }
                before.insert(person.id, (person.position_m, person.velocity_mps));
            }
            before.retain(|id, _| truth.people.iter().any(|person| person.id == *id));
            for side in [Side::Home, Side::Away] {
                let on = truth.people.iter().filter(|person| person.side == Some(side)).count();
                assert!(on <= 7, "seed {seed}: {on} of a team on the ice");
            }
            assert!(rink.contains([truth.puck.position_m[0], truth.puck.position_m[1]], 0.05), "the puck left");
        });
        assert!(top > 7.5, "seed {seed}: nobody hurries ({top:.1} m/s)");
        // Collisions are harder than skating, and rare.
        let share = f64::from(hard) / f64::from(all);
        eprintln!("simulated, seed {seed}: top {top:.1} m/s, beyond legs in {share:.4} of steps");
        assert!(share < 0.01, "seed {seed}: {share:.4} of steps beyond what legs can");
    }
}

#[test]
fn players_spread_out_and_play_begins_at_once() {
    for seed in 921..927 {
        let (mut first, mut gaps, mut seen, mut moving) = (None, 0.0, 0u32, 0);
        let mut kinds: Vec<&'static str> = Vec::new();
        play(seed, Rink::NHL, 120, |truth| {
            for event in &truth.events {
                if !matches!(event.kind, EventKind::ShiftStart | EventKind::ShiftEnd { .. }) {
                    kinds.push(event.kind.name());
                }
                if matches!(event.kind, EventKind::FaceOff { .. }) {
                    first.get_or_insert(event.captured_us);
                }
            }
            let skaters: Vec<_> =
                truth.people.iter().filter(|who| who.side == Some(Side::Home) && who.role == Role::Skater).collect();
            if truth.clock.running && skaters.len() > 1 {
                moving = moving.max(
                    truth.people.iter().filter(|who| who.velocity_mps[0].hypot(who.velocity_mps[1]) > 0.5).count(),
                );
                for who in &skaters {
                    let nearest = skaters
                        .iter()
                        .filter(|other| other.id != who.id)
                        .map(|other| {
                            (who.position_m[0] - other.position_m[0]).hypot(who.position_m[1] - other.position_m[1])
                        })
                        .fold(f64::MAX, f64::min);
                    gaps += nearest;
                    seen += 1;
                }
            }
        });
        assert!(first.is_some_and(|at_us| at_us < 5_000_000), "seed {seed}: first face-off at {first:?}");
        assert!(kinds.len() >= 5, "seed {seed}: only {kinds:?} in two minutes");
        assert!(moving >= 12, "seed {seed}: {moving} people move");
        let mean = gaps / f64::from(seen);
        assert!(mean > 4.0, "seed {seed}: teammates are {mean:.1} m apart: a swarm");
    }
}

#[test]
fn a_seed_is_a_game() {
    let record = |seed: u64| {
        let mut events: Vec<Event> = Vec::new();
        let game = play(seed, Rink::NHL, 200, |truth| events.extend_from_slice(&truth.events));
        (events, game.truth().clone())
    };
    assert_eq!(record(931), record(931));
    assert_ne!(record(931).0, record(932).0);
}

#[test]
fn devices_say_what_they_should_at_the_rate_they_should() {
    let setup = Setup { seed: 941, rink: Rink::NHL, game: 1 };
    let config = DevicesConfig { blocked_chance: 0.0, drop_chance: 0.0, ..DevicesConfig::default() };
    let noise_m = config.noise_m;
    let (mut first, mut second) = (Devices::new(&setup, config.clone()), Devices::new(&setup, config));
    let (mut packets, mut again) = (Vec::new(), Vec::new());
    let (mut fixes, mut puck, mut board, mut sync, mut error, mut people) = (0u32, 0, 0, 0, 0.0, 0u32);
    play(941, Rink::NHL, 30, |truth| {
        packets.clear();
        again.clear();
        first.observe(truth, &mut packets);
        second.observe(truth, &mut again);
        assert_eq!(packets, again, "the same seed says the same");
        people += truth.people.len() as u32;
        for packet in &packets {
            match packet.message {
                Message::UwbPosition { x_mm, .. } => {
                    fixes += 1;
                    let who =
                        truth.people.iter().find(|person| person.id == packet.tag.0).expect("tags are on the ice");
                    error += (f64::from(x_mm) / 1000.0 - who.position_m[0]).powi(2);
                }
                Message::Puck { .. } => puck += u32::from(packet.tag == PUCK_TAG),
                Message::Scoreboard { .. } => board += u32::from(packet.tag == SCOREBOARD_TAG),
                Message::TimeSync { .. } => sync += 1,
                _ => {}
            }
        }
    });
    let steps = (30_000_000 / STEP_US) as u32;
    assert_eq!((puck, board), (steps / 2, steps / 10), "puck at 50 Hz, scoreboard at 10 Hz");
    assert!(fixes.abs_diff(people / 5) < people / 100, "{fixes} fixes of {people} person-steps: 20 Hz each");
    assert!(sync > people / 100, "{sync} time syncs: one a second each");
    let sigma = (error / f64::from(fixes)).sqrt();
    assert!((sigma - noise_m).abs() < 0.01, "noise {sigma:.3} m, {noise_m} asked for");
}
