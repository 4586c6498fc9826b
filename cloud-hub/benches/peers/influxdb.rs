//! The peer for positions: InfluxDB as Debian has it, started on a free port of loopback, with its own settings: each
//! write is in its log on disk before it is answered.
//!
//! Comes in: positions as lines of its protocol. Goes out: how many a second it takes; nothing when it is not installed.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What its manual recommends for one write.
const LINES: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(30);

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> String {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.expect("loopback has a free port").to_string()
}

/// Positions a second, written one after the other by `lines`; nothing when there is no `influxd`.
pub async fn written(lines: impl Iterator<Item = String>) -> Option<f64> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target/");
    let (address, own) = (free_address(), free_address());
    let below = |name: &str| folder.path().join(name);
    let server = Command::new("influxd")
        .arg("run")
        .env("INFLUXDB_REPORTING_DISABLED", "true")
        .env("INFLUXDB_BIND_ADDRESS", own)
        .env("INFLUXDB_HTTP_BIND_ADDRESS", &address)
        .env("INFLUXDB_HTTP_LOG_ENABLED", "false")
        .env("INFLUXDB_META_DIR", below("meta"))
        .env("INFLUXDB_DATA_DIR", below("data"))
        .env("INFLUXDB_DATA_WAL_DIR", below("wal"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(server) = server else {
        println!("InfluxDB is not beside it: apt-get install influxdb");
        return None;
    };
    let _server = Server(server);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let began = Instant::now();
    while http.get(format!("http://{address}/ping")).send().await.is_err() {
        assert!(began.elapsed() < PATIENCE, "influxd does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let made = http.post(format!("http://{address}/query?q=CREATE%20DATABASE%20peer")).send().await;
    assert!(made.is_ok_and(|answer| answer.status().is_success()), "no database");
    let lines: Vec<String> = lines.collect();
    let bodies: Vec<String> = lines.chunks(LINES).map(|lines| lines.join("\n")).collect();
    let began = Instant::now();
    for body in bodies {
        let write = http.post(format!("http://{address}/write?db=peer&precision=u")).body(body).send().await;
        let status = write.expect("influxd answers").status();
        assert!(status.is_success(), "influxd: {status}");
    }
    Some(lines.len() as f64 / began.elapsed().as_secs_f64())
}
