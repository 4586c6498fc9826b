//! Promise: every record the box has acknowledged to its own pipeline reaches the hub exactly once, in order, whatever
//! is killed or cut on the way.
//!
//! Shown three times, with kills and cuts drawn from a printed seed (`RINKSIDE_SEED`), 130 kills by default
//! (`RINKSIDE_KILLS`) and half as many cuts. With the programs that ship: `edge-agent run` on a simulated game and
//! `cloud-hub serve` are killed with SIGKILL, and the link between them is cut, at random moments; at the end the hub's
//! tables, read with plain SQL, must hold every number the box's journal ever gave, from 0 on (numbers that a salvage
//! skipped were never given, and are told). With this test as box (store and uplink) and hub (ingest and event store),
//! which make some hundred records a second, half as often: the box also writes a line to a ledger for each record its
//! store said is on disk, and the hub must hold just that record under that number, none twice. And within one process,
//! over a link that loses, repeats and delays.

mod relay;
mod roles;

use edge_agent::{
    store::{Store, StoreConfig},
    uplink::{
        self, UplinkConfig, UplinkState,
        memory::{Faults, MemoryLink},
    },
};
use firmware_protocol::network::{Loss, Stream};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use relay::Relay;
use roles::{Play, Role};
use sqlx::Row as _;
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    ops::RangeInclusive,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long the box has, in the end, to ship what is left.
const DRAIN_TRIES: u32 = 1_200;
const DRAIN_LOOK: Duration = Duration::from_millis(50);

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// How often something is killed with the programs that ship.
fn kills() -> u64 {
    from_environment("RINKSIDE_KILLS", 130)
}

async fn pause(random: &mut StdRng, milliseconds: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.random_range(milliseconds))).await;
}

/// Who is killed.
#[derive(Clone, Copy, PartialEq)]
enum Programs {
    /// `edge-agent` and `cloud-hub` as they ship.
    Shipped,
    /// This test, with a ledger.
    Ledger,
}

impl Programs {
    fn start(self, role: Role, folder: &Path, port: u16, seed: u64) -> Play {
        match (self, role) {
            (Self::Shipped, Role::Hub) => Play::start_shipped_hub(folder, port),
            (Self::Shipped, Role::Edge) => Play::start_shipped_edge(folder, port),
            _ => Play::start(role, folder, port, seed),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_or_cut() {
    let (folder, seed, kills) = kill_and_cut(Programs::Ledger, kills() / 2).await;
    let counts = audit(folder.path(), seed).await;
    assert!(counts.held > kills * 10, "seed {seed}: too little happened to show anything: {}", counts.held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_shipped_program_is_killed() {
    let (folder, seed, kills) = kill_and_cut(Programs::Shipped, kills()).await;
    let tables = tables(folder.path()).await;
    let journal = Store::open(&StoreConfig { path: folder.path().join("store"), ..StoreConfig::default() }).unwrap();
    let (epoch, mut held) = (journal.epoch() as i64, 0);
    for (stream, stats) in Stream::ALL.into_iter().zip(journal.stats().streams) {
        let table = if stream == Stream::Tracks { "track_chunks" } else { stream.name() };
        let query = format!("SELECT epoch, sequence FROM {table} ORDER BY epoch, sequence");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&tables).await.unwrap();
        let skipped = skipped(&tables, stream.name()).await;
        let given =
            (0..stats.next_sequence as i64).filter(|sequence| !skipped.iter().any(|range| range.contains(sequence)));
        let found: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut at_hub = found.iter();
        let differs = given.map(|sequence| (epoch, sequence)).find(|number| at_hub.next() != Some(number));
        let beyond = at_hub.next();
        assert_eq!(
            (differs, beyond),
            (None, None),
            "seed {seed}: {} at the hub are others from here on",
            stream.name()
        );
        println!("{} {}: each number once at the hub; skipped {skipped:?}", found.len(), stream.name());
        held += found.len() as u64;
    }
    assert_empty(&tables, seed).await;
    assert!(held > kills, "seed {seed}: too little happened to show anything: {held}");
}

/// Kills `kills` times and cuts between; gives the folder with everything both sides keep, once nothing is left to ship.
async fn kill_and_cut(programs: Programs, kills: u64) -> (tempfile::TempDir, u64, u64) {
    let seed = from_environment("RINKSIDE_SEED", u64::from(std::process::id()));
    println!("seed {seed}, {kills} kills");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let hub_port = relay::free_port();
    let relay = Relay::start(hub_port).await;
    let mut starts = 0;
    let mut start = |role: Role| {
        starts += 1;
        let port = if role == Role::Hub { hub_port } else { relay.port };
        programs.start(role, folder.path(), port, seed ^ (starts << 32))
    };
    // The certificates must be there before the box looks for them.
    let mut hub = start(Role::Hub);
    let authority = folder.path().join("certificates/ca.pem");
    while !authority.exists() {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
    let mut edge = start(Role::Edge);
    let (mut edge_kills, mut hub_kills, mut cuts) = (0, 0, 0);
    while edge_kills + hub_kills < kills {
        pause(&mut random, 100..900).await;
        match random.random_range(0..3) {
            0 => {
                edge_kills += 1;
                edge.kill();
                pause(&mut random, 0..100).await;
                edge = start(Role::Edge);
            }
            1 => {
                hub_kills += 1;
                hub.kill();
                pause(&mut random, 0..300).await;
                hub = start(Role::Hub);
            }
            _ => {
                cuts += 1;
                relay.cut(true);
                pause(&mut random, 50..1_500).await;
                relay.cut(false);
            }
        }
    }
    edge.kill();
    let mut edge = start(Role::DrainingEdge);
    let mut tries = 0;
    while !folder.path().join("drained").exists() {
        tries += 1;
        assert!(tries < DRAIN_TRIES, "seed {seed}: the backlog does not drain\n{}", roles::words(folder.path()));
        tokio::time::sleep(DRAIN_LOOK).await;
    }
    edge.kill();
    hub.kill();
    println!("killed the box {edge_kills} times, the hub {hub_kills} times, cut the link {cuts} times");
    (folder, seed, kills)
}

async fn tables(folder: &Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("hub.sqlite"));
    sqlx::SqlitePool::connect_with(options).await.unwrap()
}

/// Nothing was reported lost, nothing could not be read.
async fn assert_empty(tables: &sqlx::SqlitePool, seed: u64) {
    let lost = sqlx::query("SELECT stream, reason FROM losses WHERE reason <> $1").bind(Loss::SKIPPED);
    let lost = lost.fetch_all(tables).await.unwrap();
    let lost: Vec<(String, String)> = lost.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(lost, [], "seed {seed}: told as lost");
    let unread: i64 = sqlx::query("SELECT COUNT(*) FROM quarantine").fetch_one(tables).await.unwrap().get(0);
    assert_eq!(unread, 0, "seed {seed}: rows in quarantine");
}

/// Numbers of `stream` that the box never gave, because it salvaged its journal and goes on far behind the end it found,
/// and told so. Now and then sled does not open after a kill.
async fn skipped(tables: &sqlx::SqlitePool, stream: &str) -> Vec<RangeInclusive<i64>> {
    let rows = sqlx::query("SELECT first_sequence, last_sequence FROM losses WHERE stream = $1 AND reason = $2");
    let rows = rows.bind(stream).bind(Loss::SKIPPED).fetch_all(tables).await.unwrap();
    rows.iter().map(|row| row.get(0)..=row.get(1)).collect()
}

struct Counts {
    held: u64,
}

/// Compares the ledger with the hub's tables.
async fn audit(folder: &Path, seed: u64) -> Counts {
    let tables = tables(folder).await;
    let mut held: BTreeMap<(i64, &str, i64), i64> = BTreeMap::new();
    let mut nonces = HashSet::new();
    for (stream, query) in [
        ("events", "SELECT epoch, sequence, captured_us AS nonce FROM events ORDER BY offset"),
        ("tracks", "SELECT epoch, sequence, start_us AS nonce FROM track_chunks ORDER BY offset"),
        ("telemetry", "SELECT epoch, sequence, captured_us AS nonce FROM telemetry ORDER BY epoch, sequence"),
    ] {
        let mut next: BTreeMap<i64, i64> = BTreeMap::new();
        let skipped = skipped(&tables, stream).await;
        for row in sqlx::query(query).fetch_all(&tables).await.unwrap() {
            let (epoch, sequence, nonce): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            let expected = next.entry(epoch).or_default();
            if let Some(range) = skipped.iter().find(|range| range.start() == expected) {
                *expected = range.end() + 1;
            }
            assert_eq!(sequence, *expected, "seed {seed}: {stream} are not in order, or have a hole");
            *expected += 1;
            assert!(nonces.insert(nonce), "seed {seed}: {stream} {sequence} came twice");
            held.insert((epoch, stream, sequence), nonce);
        }
    }
    assert_empty(&tables, seed).await;
    let epochs: HashSet<i64> = held.keys().map(|(epoch, ..)| *epoch).collect();
    assert_eq!(epochs.len(), 1, "seed {seed}: a journal was given up");
    let mut acknowledged = 0;
    for line in fs::read_to_string(folder.join("ledger")).unwrap().lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
        // A line cut short by the kill says nothing.
        let (Some(epoch), Some(stream), Some(sequence), Some(nonce), Some(0)) =
            (number(), number(), number(), number(), number())
        else {
            continue;
        };
        let stream = Stream::ALL[stream as usize].name();
        let found = held.get(&(epoch, stream, sequence));
        assert_eq!(found, Some(&nonce), "seed {seed}: the hub has not what the box kept as {stream} {sequence}");
        acknowledged += 1;
    }
    let held = held.len() as u64;
    println!("{acknowledged} records acknowledged by the box's store, each once at the hub");
    println!(
        "{held} records at the hub, every number from 0 on, none twice; {} killed before their receipt",
        held - acknowledged
    );
    Counts { held }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_link_that_loses_repeats_and_delays() {
    for seed in 0..6 {
        let faults = Faults { lost_question: 0.2, lost_answer: 0.2, twice: 0.2, late: 0.3, held_back: 0.1 };
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let admission = roles::open_hub(folder.path(), &stop).await;
        let link = MemoryLink::new(
            Arc::new(move |key, payload| {
                let admission = admission.clone();
                Box::pin(async move { admission.admit(&key, &payload).await })
            }),
            faults,
            seed,
        );
        let store_config = StoreConfig { path: folder.path().join("store"), ..StoreConfig::default() };
        let store = Arc::new(Store::open(&store_config).unwrap());
        let config = UplinkConfig { batch_records_max: 20, retry_max_ms: 10, ..UplinkConfig::default() };
        let (_newest, live) = watch::channel(None);
        let state = watch::Sender::new(UplinkState::default());
        let lanes = tokio::spawn(uplink::run(config, link, store.clone(), live, state, stop.clone()));
        let (path, appended) = (folder.path().to_owned(), store.clone());
        tokio::task::spawn_blocking(move || roles::append(&appended, &path, seed, Some(600))).await.unwrap();
        let mut tries = 0;
        while !roles::is_drained(&store) {
            tries += 1;
            assert!(tries < DRAIN_TRIES, "seed {seed}: the backlog does not drain");
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        stop.cancel();
        lanes.await.unwrap();
        let counts = audit(folder.path(), seed).await;
        assert_eq!(counts.held, 600);
    }
}
