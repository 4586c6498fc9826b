//! What a flood does to others: a table, and rows in `target/bench.json`.
//!
//! The hub that ships, with the limits that ship. One caller asks ten times as often as it may, for a minute; another
//! asks before, meanwhile and afterwards, each request timed from when it was due. Both share the machine with the hub.
//!
//! ```text
//! cargo bench --workspace --bench flood        RINKSIDE_FLOOD_SECONDS=60
//! ```

mod load;
#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;

use cloud_hub::gateway::config::LimitsConfig;
use load::{Load, Program, asked, caller, drive, resident_bytes};
use rows::{Row, report};
use std::{
    process::Command,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const OTHER_HZ: u64 = 100;
const BEFORE_S: u64 = 10;
/// Within so long everything is as before.
const AFTER_S: u64 = 30;
const TEAMS: usize = 32;
const FLOODING: u8 = 2;
const OTHER: u8 = 3;

/// The most memory process `id` holds until `stop`.
async fn watch(id: u32, stop: CancellationToken) -> u64 {
    let mut most = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        most = most.max(resident_bytes(id));
    }
    most
}

/// How long until the caller that flooded is answered again, seconds.
async fn answered_again(url: &str) -> f64 {
    let (began, client) = (Instant::now(), caller(FLOODING));
    loop {
        let answer = client.get(url).send().await.expect("the hub lives");
        if answer.status() == 200 {
            return began.elapsed().as_secs_f64();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn flood(seconds: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let hub = Program::start(
        Command::new(env!("CARGO_BIN_EXE_cloud-hub"))
            .args(["serve", "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", "--data"])
            .arg(folder.path()),
    );
    let url = format!("http://{}/api/core/teams", hub.address);
    let other = caller(OTHER);
    for team in 0..TEAMS {
        let body = serde_json::json!({"team": format!("team-{team}"), "name": "Oaks", "abbreviation": "OAK"});
        assert_eq!(other.post(&url).json(&body).send().await.expect("an answer").status(), 201);
    }
    let flood_hz = u64::from(LimitsConfig::default().reads_per_minute) / 60 * 10;
    let before = drive(&other, &url, OTHER_HZ, BEFORE_S).await;
    let rest_bytes = hub.resident_bytes();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch(hub.id(), stop.clone()));
    let flooding = caller(FLOODING);
    let (flooded, during) =
        tokio::join!(drive(&flooding, &url, flood_hz, seconds), drive(&other, &url, OTHER_HZ, seconds));
    let (again_s, after) = tokio::join!(answered_again(&url), drive(&other, &url, OTHER_HZ, AFTER_S));
    stop.cancel();
    let most_bytes = watching.await.expect("it watches");

    let conditions = format!(
        "{flood_hz} requests/s from one address for {seconds} s, {OTHER_HZ}/s from another, all on one machine"
    );
    let p99 = |load: &Load| load.milliseconds(0.99);
    let row = |name: &str, value: f64, unit, peer| Row { peer, ..Row::new(name, value, unit, &conditions) };
    report(&[
        row("hub other caller p99 before a flood", p99(&before), "ms", None),
        row("hub other caller p99 in a flood", p99(&during), "ms", Some(("twice before", 2.0 * p99(&before)))),
        row("hub other caller p99 after a flood", p99(&after), "ms", Some(("twice before", 2.0 * p99(&before)))),
        row("hub other caller answered in a flood", during.share(200) * 100.0, "%", Some(("bar", 100.0))),
        row("hub flood refused with 429", flooded.share(429) * 100.0, "%", None),
        row("hub flood answered", flooded.share(200) * 100.0, "%", None),
        row("hub flood without an answer", flooded.share(0) * 100.0, "%", None),
        row("hub flooding caller answered again after", again_s, "s", Some(("bar", 30.0))),
        row("hub memory before a flood", rest_bytes as f64 / 1e6, "MB", None),
        row("hub memory in a flood, most", most_bytes as f64 / 1e6, "MB", None),
    ]);
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    flood(asked("RINKSIDE_FLOOD_SECONDS", 60)).await;
}
