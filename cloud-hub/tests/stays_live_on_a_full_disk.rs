//! Promise: a box whose disk is full goes on showing the game. Its people move on every page as before, and once there is
//! room everything of worth goes to the hub by itself, each number once.
//!
//! Shown with the programs that ship, the box's data on a small file system in memory that is filled to its last byte in
//! a namespace of the test's own, so that it needs no rights. Skipped, said, where the system forbids such namespaces.

#[path = "../../edge-agent/tests/small_disk/mod.rs"]
mod small_disk;

use cloud_hub::services::core::live_picture::Picture;
use futures_util::StreamExt as _;
use small_disk::{fill, on_a_small_disk};
use sqlx::Row as _;
use std::{
    fs::{self, OpenOptions},
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

const DISK_BYTES: u64 = 24 << 20;
/// States to be seen while nothing can be written: ten seconds of a game.
const STATES: usize = 500;
/// Longer than anything here takes: a promise that hangs must fail.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A process; killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command, words: &Path) -> Running {
    let words = OpenOptions::new().create(true).append(true).open(words).unwrap();
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words).spawn().unwrap())
}

/// The first line of `words` that holds `what`, once it is there.
async fn said(words: &Path, what: &str) -> String {
    let look = async {
        loop {
            let text = fs::read_to_string(words).unwrap_or_default();
            if let Some(line) = text.lines().find(|line| line.contains(what)) {
                return line.to_owned();
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, look)
        .await
        .unwrap_or_else(|_| panic!("never said: {what}\n{}", fs::read_to_string(words).unwrap()))
}

#[test]
fn people_move_on_while_the_disk_is_full() {
    on_a_small_disk("people_move_on_while_the_disk_is_full", DISK_BYTES, |disk| {
        tokio::runtime::Runtime::new().unwrap().block_on(outlast(disk));
    });
}

async fn outlast(disk: &Path) {
    let elsewhere = tempfile::tempdir().unwrap();
    let (data, hub_words, box_words) =
        (elsewhere.path().join("hub"), elsewhere.path().join("hub.words"), elsewhere.path().join("box.words"));
    let quic = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let hub = env!("CARGO_BIN_EXE_cloud-hub");
    let mut serve = Command::new(hub);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--ingest", &format!("127.0.0.1:{quic}"), "--data"]).arg(&data);
    let _hub = run(&mut serve, &hub_words);
    let ready: serde_json::Value = serde_json::from_str(&said(&hub_words, "the hub is ready").await).unwrap();
    let (mut socket, _) =
        connect_async(format!("ws://{}/ws/analytics", ready["address"].as_str().unwrap())).await.unwrap();

    let agent = Path::new(hub).with_file_name("edge-agent");
    assert!(agent.is_file(), "no {}: build it with `make build`", agent.display());
    let config = elsewhere.path().join("edge.toml");
    let text = "[[sensors.lines]]\npath = \"simulated\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [health]\nsample_every_ms = 1000\n[store]\ndisk_reserve_bytes = 0\n";
    fs::write(&config, text).unwrap();
    let mut command = Command::new(agent);
    command.arg("run").arg("--config").arg(&config).arg("--data").arg(disk);
    command.arg("--hub").arg(format!("quic/127.0.0.1:{quic}")).arg("--ca").arg(data.join("certificates/ca.pem"));
    let _box = run(&mut command, &box_words);
    let mut picture = Picture::default();
    let first_us = watch(&mut socket, &mut picture, 50).await;

    fill(&disk.join("ballast"));
    said(&box_words, "nothing is written; records wait in memory").await;
    let full_us = watch(&mut socket, &mut picture, STATES).await;
    assert!(
        !fs::read_to_string(&box_words).unwrap().contains("takes writes again"),
        "the disk was not full all the time"
    );
    println!("{STATES} states while nothing could be written, over {:.1} s", (full_us - first_us) as f64 / 1e6);

    fs::remove_file(disk.join("ballast")).unwrap();
    said(&box_words, "the disk takes writes again").await;
    let again_us = watch(&mut socket, &mut picture, 50).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("hub.sqlite"));
    let tables = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let arrived = async {
        loop {
            let newest =
                sqlx::query("SELECT COALESCE(MAX(end_us), 0) FROM track_chunks").fetch_one(&tables).await.unwrap();
            if newest.get::<i64, _>(0) > again_us {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, arrived).await.expect("the hub gets what is recorded after the disk was full");
    for (table, stream) in [("events", "events"), ("track_chunks", "tracks")] {
        let query = format!("SELECT COUNT(*), COALESCE(MAX(sequence) + 1, 0) FROM {table}");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(&tables).await.unwrap();
        let (kept, next): (i64, i64) = (row.get(0), row.get(1));
        println!("{stream}: {kept} at the hub");
        assert_eq!(kept, next, "{stream}: every number is there, once");
    }
    let lost = sqlx::query("SELECT COUNT(*) FROM losses WHERE stream <> 'telemetry'").fetch_one(&tables).await.unwrap();
    assert_eq!(lost.get::<i64, _>(0), 0, "memory was enough for this");
}

/// Sees `states` states, each newer than the one before: capture time of the last, microseconds UTC.
async fn watch(socket: &mut Socket, picture: &mut Picture, states: usize) -> i64 {
    let (mut seen, mut last_us) = (0, 0);
    while seen < states {
        let message = timeout(PATIENCE, socket.next()).await.expect("the picture stands still").unwrap().unwrap();
        if let Message::Binary(frame) = message
            && picture.apply(&frame).is_ok()
            && let Some(state) = picture.state()
            && state.captured_us > last_us
        {
            assert!(!state.players.is_empty(), "nobody is on the ice");
            (seen, last_us) = (seen + 1, state.captured_us);
        }
    }
    last_us
}
