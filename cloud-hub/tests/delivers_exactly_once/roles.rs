//! The processes that are killed: the programs that ship, or this test binary started again as a box or as a hub.

use cloud_hub::{
    event_store::EventStore,
    ingest::{self, Admission, IngestConfig, LiveBoard},
    storage::Database,
};
use edge_agent::{
    store::{Store, StoreConfig},
    uplink::{self, UplinkConfig, UplinkState, zenoh::ZenohLink},
};
use firmware_protocol::network::{Event, EventKind, GameClock, Record, Stream, Telemetry, TrackChunk};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const FOLDER: &str = "RINKSIDE_TEST_FOLDER";
const PORT: &str = "RINKSIDE_TEST_PORT";
const SEED: &str = "RINKSIDE_TEST_SEED";
const DRAINING: &str = "RINKSIDE_TEST_DRAINING";
/// Between two records: some hundred a second, as a game with every tag on.
const PACE: Duration = Duration::from_millis(3);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    Hub,
    Edge,
    /// Ships what is left and makes nothing new.
    DrainingEdge,
}

/// A running process; killed when it is dropped.
pub(crate) struct Play(Child);

impl Play {
    pub(crate) fn start(role: Role, folder: &Path, port: u16, seed: u64) -> Self {
        let name = if role == Role::Hub { "roles::hub" } else { "roles::edge" };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--ignored", "--nocapture"]);
        command.env(FOLDER, folder).env(PORT, port.to_string()).env(SEED, seed.to_string());
        if role == Role::DrainingEdge {
            command.env(DRAINING, "1");
        }
        Self::spawn(command, folder)
    }

    /// The hub that ships, with its data in `folder`.
    pub(crate) fn start_shipped_hub(folder: &Path, port: u16) -> Self {
        let ingest = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-hub"));
        command.arg("serve").arg("--data").arg(folder).args(["--listen", "127.0.0.1:0", "--ingest", &ingest]);
        Self::spawn(command, folder)
    }

    /// The appliance that ships, on a simulated game, with its data in `folder`.
    pub(crate) fn start_shipped_edge(folder: &Path, port: u16) -> Self {
        let config = folder.join("edge.toml");
        let text = "[uplink]\ntimeout_ms = 400\nretry_max_ms = 200\n[[sensors.lines]]\npath = \"simulated\"\n\
             [web]\nlisten = \"127.0.0.1:0\"\n[health]\nsample_every_ms = 1000\n";
        fs::write(&config, text).unwrap();
        // Both crates' programs are built into one folder.
        let program = Path::new(env!("CARGO_BIN_EXE_cloud-hub")).with_file_name("edge-agent");
        assert!(program.is_file(), "no {}: build it with `make build`", program.display());
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(config).arg("--data").arg(folder);
        command.arg("--hub").arg(format!("quic/127.0.0.1:{port}")).arg("--ca").arg(folder.join("certificates/ca.pem"));
        Self::spawn(command, folder)
    }

    fn spawn(mut command: Command, folder: &Path) -> Self {
        let words = OpenOptions::new().create(true).append(true).open(folder.join("words")).unwrap();
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words).spawn().unwrap())
    }

    /// SIGKILL: nothing is flushed, nobody says goodbye.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the processes last said.
pub(crate) fn words(folder: &Path) -> String {
    let words = fs::read_to_string(folder.join("words")).unwrap_or_default();
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn stage() -> Option<(PathBuf, u16, u64)> {
    let folder = std::env::var_os(FOLDER)?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).try_init();
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    Some((folder.into(), number(PORT) as u16, number(SEED)))
}

pub(crate) async fn open_hub(folder: &Path, stop: &CancellationToken) -> Admission {
    let database = Database::open(&folder.join("hub.sqlite")).await.unwrap();
    let events = EventStore::new(database).await.unwrap();
    let (admission, handovers) = Admission::new(256, 4 << 20);
    let stop = stop.clone();
    tokio::spawn(async move { events.run(handovers, stop).await });
    admission
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "played by a process of its own"]
async fn hub() {
    let Some((folder, port, _)) = stage() else { return };
    let stop = CancellationToken::new();
    let admission = open_hub(&folder, &stop).await;
    let config = IngestConfig {
        listen: vec![format!("quic/127.0.0.1:{port}")],
        certificates: folder.join("certificates"),
        ..IngestConfig::default()
    };
    ingest::run(&config, admission, LiveBoard::default(), stop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "played by a process of its own"]
async fn edge() {
    let Some((folder, port, seed)) = stage() else { return };
    // So small a share of sled that kills strike while parts are sealed.
    let config = StoreConfig { path: folder.join("store"), head_bytes: 1 << 14, ..StoreConfig::default() };
    let store = Arc::new(Store::open(&config).unwrap());
    let config = UplinkConfig {
        hub: format!("quic/127.0.0.1:{port}"),
        authority: folder.join("certificates/ca.pem"),
        batch_records_max: 64,
        timeout_ms: 400,
        retry_max_ms: 200,
        ..UplinkConfig::default()
    };
    let link = ZenohLink::open(&config);
    let (_newest, live) = watch::channel(None);
    let state = watch::Sender::new(UplinkState::default());
    let lanes = tokio::spawn(uplink::run(config, link, store.clone(), live, state, CancellationToken::new()));
    if std::env::var_os(DRAINING).is_none() {
        let (appended, path) = (store.clone(), folder.clone());
        thread::spawn(move || append(&appended, &path, seed, None));
    } else {
        while !is_drained(&store) {
            tokio::time::sleep(PACE).await;
        }
        fs::write(folder.join("drained"), "").unwrap();
    }
    lanes.await.unwrap();
}

/// Whether the hub has acknowledged everything.
pub(crate) fn is_drained(store: &Store) -> bool {
    store.stats().streams.iter().all(|stream| stream.first_sequence == stream.next_sequence)
}

/// Appends records with nonces drawn from `seed`, `count` or until killed, and writes a line to the ledger once a
/// record is on disk: epoch, stream, sequence, nonce, 0.
pub(crate) fn append(store: &Store, folder: &Path, seed: u64, count: Option<u64>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ledger = OpenOptions::new().create(true).append(true).open(folder.join("ledger")).unwrap();
    writeln!(ledger).unwrap();
    let (receipts, told) = mpsc::channel();
    let epoch = store.epoch() as i64;
    let writer = thread::spawn(move || write_ledger(epoch, &told, &mut ledger));
    for _ in 0..count.unwrap_or(u64::MAX) {
        let nonce = random.random::<u64>() as i64;
        let record = match random.random_range(0..3) {
            0 => Record::Event(Event {
                game: 1,
                captured_us: nonce,
                uncertainty_us: 0,
                clock: GameClock::default(),
                side: None,
                number: None,
                position_m: Some([0.5, -0.25]),
                kind: EventKind::Goal,
            }),
            1 => Record::Tracks(TrackChunk { game: 1, start_us: nonce, step_us: 20_000, columns: Vec::new() }),
            _ => {
                let (name, subject) = ("test".into(), String::new());
                Record::Telemetry(Telemetry { captured_us: nonce, name, subject, value: 1.0 })
            }
        };
        receipts.send((record.stream(), nonce, store.append(&record).unwrap())).unwrap();
        if count.is_none() {
            thread::sleep(PACE);
        }
    }
    drop(receipts);
    writer.join().unwrap();
}

type Kept = (Stream, i64, edge_agent::store::Receipt);

fn write_ledger(epoch: i64, told: &mpsc::Receiver<Kept>, ledger: &mut File) {
    for (stream, nonce, receipt) in told {
        let sequence = receipt.wait().unwrap();
        let line = format!("{epoch} {} {sequence} {nonce} 0\n", stream as u8);
        ledger.write_all(line.as_bytes()).unwrap();
    }
}
