//! How fast the hub answers and fans out: a table, and rows in `target/bench.json`.
//!
//! Comes in: nothing. Goes out: latest state at 1,000 requests a second, open loop, timed from when each request was due
//! so that a stall is not hidden; and live frames to 500 sockets, timed from the state's arrival to each socket's frame.

#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;
#[path = "../tests/trial/mod.rs"]
mod trial;

use firmware_protocol::network::{EventKind, Side};
use futures_util::{StreamExt as _, future::join_all};
use hdrhistogram::Histogram;
use rows::{Row, report};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::Message;
use trial::{GAME, Trial, event, state};

const RATE_HZ: u64 = 1_000;
const SECONDS: u64 = 10;
const SOCKETS: usize = 500;

/// A figure beside the bar it has to pass.
fn row(name: &str, value: f64, unit: &'static str, bar: f64, conditions: &str) {
    report(&[Row { peer: Some(("bar", bar)), ..Row::new(name, value, unit, conditions) }]);
}

fn milliseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

async fn latest_state() {
    let trial = Trial::start().await;
    let shot = |at| event(at, Side::Home, 9, EventKind::Shot { speed_mps: 30.0, distance_m: 9.0, on_goal: None });
    trial.keep((0..500).map(shot).collect()).await;
    trial.projected().await;
    trial.hub.board.put(state(GAME, 1, 14));
    let url = format!("http://{}/api/game/state", trial.hub.address);
    let taken_us = Arc::new(Mutex::new(Histogram::<u64>::new(3).unwrap()));
    let began = Instant::now();
    let mut requests = Vec::new();
    let mut due = tokio::time::interval(Duration::from_micros(1_000_000 / RATE_HZ));
    for index in 0..RATE_HZ * SECONDS {
        due.tick().await;
        let was_due = began + Duration::from_micros(index * 1_000_000 / RATE_HZ);
        let (request, taken_us) = (trial.http.get(&url), taken_us.clone());
        requests.push(tokio::spawn(async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            taken_us.lock().unwrap().record(was_due.elapsed().as_micros() as u64).unwrap();
        }));
    }
    join_all(requests).await.into_iter().for_each(|request| request.unwrap());
    let taken_us = taken_us.lock().unwrap().clone();
    let conditions = format!("{RATE_HZ} requests/s open loop, {SECONDS} s, client in the same process");
    row("hub latest state p50", milliseconds(&taken_us, 0.5), "ms", 5.0, &conditions);
    row("hub latest state p99", milliseconds(&taken_us, 0.99), "ms", 5.0, &conditions);
    trial.hub.stop().await;
}

async fn fan_out() {
    let trial = Trial::start().await;
    trial.hub.board.put(state(GAME, 0, 14));
    let taken_us = Arc::new(Mutex::new(Histogram::<u64>::new(3).unwrap()));
    let received = Arc::new(AtomicU64::new(0));
    let said: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let first_us = state(GAME, 0, 1).captured_us;
    for _ in 0..SOCKETS {
        let mut socket = trial.connect("").await;
        let (taken_us, received, said) = (taken_us.clone(), received.clone(), said.clone());
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Binary(frame) = message else { continue };
                let captured_us = i64::from_le_bytes(frame[24..32].try_into().unwrap());
                let tick = ((captured_us - first_us) / 20_000) as usize;
                let at = said.lock().unwrap().get(tick.wrapping_sub(1)).copied();
                if let Some(at) = at {
                    taken_us.lock().unwrap().record(at.elapsed().as_micros() as u64).unwrap();
                    received.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let ticks = 50 * SECONDS;
    let mut due = tokio::time::interval(Duration::from_millis(20));
    for tick in 1..=ticks {
        due.tick().await;
        said.lock().unwrap().push(Instant::now());
        trial.hub.board.put(state(GAME, tick, 14));
    }
    trial.hub.stop().await;
    let taken_us = taken_us.lock().unwrap();
    let conditions = format!("{SOCKETS} sockets, 50 Hz, 14 players, {SECONDS} s, readers in the same process");
    let received = received.load(Ordering::Relaxed);
    row(
        "hub live frames delivered",
        received as f64 / SECONDS as f64,
        "messages/s",
        SOCKETS as f64 * 50.0,
        &conditions,
    );
    row("hub live frame p50", milliseconds(&taken_us, 0.5), "ms", 10.0, &conditions);
    row("hub live frame p99", milliseconds(&taken_us, 0.99), "ms", 10.0, &conditions);
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    latest_state().await;
    fan_out().await;
}
