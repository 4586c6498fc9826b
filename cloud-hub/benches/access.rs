//! What a decision costs: who may what, by the policies that ship, as each request and each open page asks.
//!
//! Comes in: nothing. Goes out: a table and rows in `target/bench.json`: half, and 99 of 100, decisions of somebody with five
//! roles about a game of two teams; the same with a token to verify before. Each decision is timed by itself.

#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;

use cloud_hub::access::{
    Action, Object,
    policy::{Policies, Principal},
    roles::{Membership, Role},
    standing::SigningKey,
    tokens,
};
use hdrhistogram::Histogram;
use rows::{Row, report};
use std::{hint::black_box, time::Instant};

const DECISIONS: usize = 200_000;
/// What the issue asks for.
const BAR_US: f64 = 50.0;

fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let held = |role, scope: &str| Membership { role, scope: scope.parse().unwrap(), until_us: None, may: Vec::new() };
    let roles = [
        held(Role::Coach, "team/oaks"),
        held(Role::Analyst, "team/oaks"),
        held(Role::Scout, "team/elms"),
        held(Role::ArenaStaff, "venue/oak"),
        held(Role::Viewer, "league"),
    ];
    let roles: Vec<&Membership> = roles.iter().collect();
    let policies = Policies::new();
    let game = |game: u64| {
        let teams = if game.is_multiple_of(2) { ["oaks", "elms"] } else { ["firs", "pines"] };
        Object::Game { game, teams: teams.map(str::to_owned).to_vec(), venue: Some("oak".into()) }
    };
    let games: Vec<Object> = (0..64).map(game).collect();
    let actions = [Action::ViewTracking, Action::ViewLive, Action::CorrectEvents, Action::ViewLeague];
    let decide = |at: usize| {
        let asks = Principal {
            account: "u-0123456789abcdef",
            roles: &roles,
            tracking: &["firs"],
            biometrics: &[],
            second_factor: true,
        };
        policies.may(asks, actions[at % actions.len()], &games[at % games.len()])
    };
    let now_us = 1_790_000_000_000_000;
    let keys = [SigningKey::make(now_us).0];
    let token = tokens::sign(&keys[0], ("u-0123456789abcdef", "s-0123456789abcdef"), now_us, 300);
    let measured = |what: &str, work: &dyn Fn(usize) -> bool| {
        for at in 0..1_000 {
            black_box(work(at));
        }
        let mut took = Histogram::<u64>::new(3).unwrap();
        for at in 0..DECISIONS {
            let began = Instant::now();
            black_box(work(at));
            took.record(began.elapsed().as_nanos() as u64).unwrap();
        }
        let us = |quantile| took.value_at_quantile(quantile) as f64 / 1e3;
        let conditions = "five roles, one share, a game of two teams; one thread";
        [
            Row::new(format!("{what}, p50"), us(0.5), "us", conditions),
            Row { peer: Some(("bar", BAR_US)), ..Row::new(format!("{what}, p99"), us(0.99), "us", conditions) },
        ]
    };
    report(&measured("a decision", &decide));
    report(&measured("a token verified, and a decision", &|at| {
        tokens::verify(&keys, &token, now_us).is_some() && decide(at)
    }));
}
