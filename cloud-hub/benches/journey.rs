//! The whole journey, measured from outside: a real hub, a real appliance, a real WebSocket.
//!
//! The appliance sees a simulated game in real time, so load is open-loop: a slow stage shows as latency, not as a
//! lower rate. Every event carries its capture time and every state the instant it speaks of: the present one, reckoned
//! from the readings that had come by then. This bench notes when they reach a viewer on the same machine's clock. Two
//! runs: tags only (the model apart), and tags with one 1080p camera (the model included).
//!
//! ```text
//! cargo bench -p cloud-hub --bench journey        JOURNEY_SECONDS=20 for a longer run
//! ```

#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;

use cloud_hub::services::core::live_picture::Picture;
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use rows::{Row, report};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// Longest silence of a hub that is shown a game.
const MINUTE: Duration = Duration::from_mins(1);

fn main() {
    let seconds: u64 = std::env::var("JOURNEY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut table = Vec::new();
    for (name, cameras) in [("model apart", 0), ("model included", 1)] {
        let found = measure(cameras, seconds);
        let conditions = format!(
            "{seconds} s of a simulated game in real time, {} people and puck tagged, {cameras} synthetic 1080p camera(s) at \
             10 frames/s, QUIC and WebSocket on loopback, rendering on the same two cores",
            24
        );
        for (what, histogram) in [("instant of a state", &found.states), ("capture of an event", &found.events)] {
            for (percentile, quantile) in [("p50", 0.5), ("p99", 0.99)] {
                let value = histogram.value_at_quantile(quantile) as f64 / 1000.0;
                let name = format!("{what} → hub → WebSocket, {name}, {percentile}");
                table.push(Row::new(name, value, "ms", &conditions));
            }
        }
        println!("{name}: {} states, {} events at the viewer", found.states.len(), found.events.len());
    }
    report(&table);
}

struct Found {
    states: Histogram<u64>,
    events: Histogram<u64>,
}

fn measure(cameras: usize, seconds: u64) -> Found {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ingest = format!("127.0.0.1:{}", free_udp_port());
    let data = folder.path().join("hub");
    let (mut hub, hub_line) = start(
        "cloud-hub",
        &["serve", "--data", path(&data), "--listen", "127.0.0.1:0", "--ingest", &ingest],
        "the hub is ready",
    );
    let config = folder.path().join("edge.toml");
    std::fs::write(&config, configuration(cameras)).expect("the folder takes files");
    let authority = data.join("certificates/ca.pem");
    let edge_data = folder.path().join("edge");
    let (mut edge, _) = start(
        "edge-agent",
        &[
            "run",
            "--log-json",
            "--config",
            path(&config),
            "--data",
            path(&edge_data),
            "--hub",
            &format!("quic/{ingest}"),
            "--ca",
            path(&authority),
        ],
        "box at work",
    );
    let page = hub_line["address"].as_str().expect("the hub says its address").to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
    let found = runtime.block_on(view(&format!("ws://{page}/ws/analytics"), Duration::from_secs(seconds)));
    for child in [&mut edge, &mut hub] {
        // They are ours, and nothing of this run is kept.
        child.kill().and_then(|()| child.wait()).expect("a child of ours ends");
    }
    found
}

/// Watches for `length` after the first state.
async fn view(url: &str, length: Duration) -> Found {
    let (mut socket, _) = connect_async(url).await.expect("the hub takes sockets");
    let new = || Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds");
    let mut found = Found { states: new(), events: new() };
    let mut picture = Picture::default();
    let mut until: Option<Instant> = None;
    while until.is_none_or(|until| Instant::now() < until) {
        let message = tokio::time::timeout(MINUTE, socket.next()).await;
        let message = message.expect("something within a minute").expect("an open socket").expect("whole messages");
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).expect("a set clock").as_micros() as i64;
        match message {
            Message::Binary(frame) => {
                if picture.apply(&frame).is_err() {
                    continue;
                }
                let state = picture.state().expect("a frame was taken");
                // The first seconds are joining, not latency.
                let until = *until.get_or_insert_with(|| Instant::now() + length + Duration::from_secs(3));
                if until.saturating_duration_since(Instant::now()) < length {
                    found.states.saturating_record((now_us - state.captured_us).max(1) as u64);
                }
            }
            Message::Text(text) if until.is_some() => {
                let message: serde_json::Value = serde_json::from_str(&text).expect("text frames are JSON");
                if message["type"] == "event" {
                    let captured_us = message["event"]["captured_us"].as_i64().expect("an event says when");
                    found.events.saturating_record((now_us - captured_us).max(1) as u64);
                }
            }
            _ => {}
        }
    }
    found
}

fn configuration(cameras: usize) -> String {
    let calibration = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/cameras/stand-left.toml");
    let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/registry.toml");
    let mut text = format!(
        "[uplink]\nvenue = \"bench\"\nedge = \"bench\"\n[simulation]\nseed = 7\n[[sensors.lines]]\npath = \"simulated\"\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[inference]\nregistry = \"{}\"\n",
        registry.display()
    );
    for camera in 0..cameras {
        let calibration = calibration.display();
        write!(
            text,
            "[[capture.cameras]]\nname = \"camera-{camera}\"\nsource = \"synthetic\"\ncalibration = \"{calibration}\"\nfps = 10.0\n"
        )
        .expect("text grows");
    }
    text
}

/// Starts a binary of this build and waits for the log line with `message`.
fn start(name: &str, arguments: &[&str], message: &str) -> (Child, serde_json::Value) {
    let mut child = Command::new(binary(name))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("{name}: {fault}: build it first with `make build`"));
    let mut lines = BufReader::new(child.stderr.take().expect("it was piped")).lines();
    let mut before = String::new();
    for line in lines.by_ref().map_while(Result::ok) {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&line)
            && value["message"] == message
        {
            // Its log has to be read on, or the pipe fills and it stops.
            std::thread::spawn(move || lines.for_each(drop));
            return (child, value);
        }
        before = line;
    }
    child.wait().expect("a child of ours ends");
    panic!("{name} ended before saying {message:?}; its last words: {before}")
}

/// Benches stand in `<profile>/deps`, binaries one folder up.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    own.parent().and_then(Path::parent).expect("it stands in <profile>/deps").join(name)
}

fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("loopback has ports").port()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
