//! How fast the hub's tables take positions, and how long a backup and its way back take: a table, and rows in
//! `target/bench.json`.
//!
//! Comes in: nothing. Goes out, for SQLite and for a PostgreSQL that is started here and waits for its disk: positions a
//! second in second-long chunks of 14 players, groups of 64 batches, each committed before it is answered; beside it the
//! same positions as rows by PostgreSQL's own COPY and, where it is installed, as lines of InfluxDB; readings of a row
//! each. Then these positions exported in each format, and a backup of `RINKSIDE_BACKUP_MB` (200 without it), restored.

#[path = "../tests/trial/postgresql.rs"]
mod postgresql;
#[path = "peers/influxdb.rs"]
mod influxdb;
#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;

use cloud_hub::{
    event_store::EventStore,
    lake::{
        Selection,
        export::{self, Format},
    },
    storage::{
        Database,
        config::StorageConfig,
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{self, Column, Record, Role, Side, Stream, Telemetry, TrackChunk};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rows::{Row, report};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::{fmt::Write as _, io::Write, time::Instant};

const PLAYERS: usize = 14;
const STEPS: usize = 50;
const BATCHES: usize = 64;
const CHUNKS_IN_BATCH: usize = 4;
const GROUPS: usize = 40;
const POSITIONS: usize = GROUPS * BATCHES * CHUNKS_IN_BATCH * PLAYERS * STEPS;
const BAR: f64 = 250_000.0;
const EXPORT_BAR: f64 = 2_000_000.0;

fn chunk(random: &mut ChaCha8Rng, second: i64) -> TrackChunk {
    let column = |entity: usize| {
        let mut walk = || (0..STEPS).map(|_| random.random_range(-15..=15)).collect();
        Column {
            entity: entity as u16,
            role: Some(Role::Skater),
            side: Some(if entity.is_multiple_of(2) { Side::Home } else { Side::Away }),
            number: Some(entity as u8),
            first_step: 0,
            dx_cm: walk(),
            dy_cm: walk(),
        }
    };
    let columns = (1..=PLAYERS).map(column).collect();
    TrackChunk { game: 1, start_us: second * 1_000_000, step_us: 20_000, columns }
}

/// Groups of batches, one of each of 64 boxes.
fn groups(count: usize, chunks: &[Vec<u8>]) -> Vec<Vec<Delivery>> {
    let mut numbers = (0..).zip(chunks.iter().cycle());
    let mut record = |_| {
        let (second, bytes) = numbers.next().expect("a cycle has no end");
        let start_us = (second % chunks.len() as i64) * 1_000_000;
        Opened::Tracks { game: 1, start_us, end_us: start_us + 980_000, bytes: bytes.clone() }
    };
    let mut delivery = |group: usize, edge: usize| Delivery {
        venue: "oak".into(),
        edge: format!("box-{edge}"),
        epoch: 1,
        stream: Stream::Tracks,
        first_sequence: (group * CHUNKS_IN_BATCH) as u64,
        records: (0..CHUNKS_IN_BATCH).map(&mut record).collect(),
    };
    (0..count).map(|group| (0..BATCHES).map(|edge| delivery(group, edge)).collect()).collect()
}

async fn keep(database: &Database, groups: &[Vec<Delivery>]) -> f64 {
    let began = Instant::now();
    for group in groups {
        database.keep(group).await.unwrap();
    }
    let positions = groups.len() * BATCHES * CHUNKS_IN_BATCH * PLAYERS * STEPS;
    positions as f64 / began.elapsed().as_secs_f64()
}

/// Readings a second, a row each, in groups of 64 batches of 100.
async fn readings(database: &Database, engine: &str) {
    let reading = |at: usize| {
        let (name, subject) = ("sensors_packets_total".into(), format!("tag {}", at % 40));
        Opened::Telemetry(Telemetry { captured_us: at as i64, name, subject, value: at as f64 })
    };
    let delivery = |group: usize, edge: usize| Delivery {
        venue: "oak".into(),
        edge: format!("box-{edge}"),
        epoch: 1,
        stream: Stream::Telemetry,
        first_sequence: (group * 100) as u64,
        records: (0..100).map(reading).collect(),
    };
    let groups: Vec<Vec<Delivery>> =
        (0..4).map(|group| (0..BATCHES).map(|edge| delivery(group, edge)).collect()).collect();
    let began = Instant::now();
    for group in &groups {
        database.keep(group).await.unwrap();
    }
    let rate = (4 * BATCHES * 100) as f64 / began.elapsed().as_secs_f64();
    let conditions = format!("groups of {BATCHES} batches of 100, committed");
    report(&[Row::new(format!("hub readings committed, {engine}"), rate, "records/s", conditions)]);
}

/// The same positions as rows, as many in one COPY as a group holds.
async fn copied(address: &str, chunks: &[TrackChunk]) -> f64 {
    let mut connection = PgConnection::connect(address).await.unwrap();
    let table = "CREATE TABLE peer (edge TEXT, captured_us BIGINT, entity INT, x_m REAL, y_m REAL)";
    connection.execute(table).await.unwrap();
    let groups: Vec<String> = (0..8)
        .map(|_| {
            let mut text = String::new();
            for chunk in chunks.iter().cycle().take(BATCHES * CHUNKS_IN_BATCH) {
                for column in &chunk.columns {
                    for (step, [x, y]) in column.places() {
                        let (at, entity) = (chunk.captured_us(step), column.entity);
                        let (x, y) = (f32::from(x) / 100.0, f32::from(y) / 100.0);
                        writeln!(text, "box-1\t{at}\t{entity}\t{x}\t{y}").unwrap();
                    }
                }
            }
            text
        })
        .collect();
    let began = Instant::now();
    let mut copied = 0;
    for group in groups {
        let mut copy = connection.copy_in_raw("COPY peer FROM STDIN").await.unwrap();
        copy.send(group.as_bytes()).await.unwrap();
        copied += copy.finish().await.unwrap();
    }
    copied as f64 / began.elapsed().as_secs_f64()
}

/// The same positions as lines of InfluxDB, each box's and player's a series, as many as the first groups hold.
fn lines(chunks: &[TrackChunk]) -> impl Iterator<Item = String> {
    chunks.iter().cycle().take(8 * BATCHES * CHUNKS_IN_BATCH).enumerate().flat_map(move |(number, chunk)| {
        chunk.columns.iter().flat_map(move |column| {
            column.places().map(move |(step, [x, y])| {
                let (edge, entity) = (number % BATCHES, column.entity);
                let (x, y) = (f32::from(x) / 100.0, f32::from(y) / 100.0);
                // No instant comes twice: it would be the same point again.
                let at = chunk.captured_us(step) + (number / chunks.len() * chunks.len()) as i64 * 1_000_000;
                format!("position,edge=box-{edge},entity={entity} x={x},y={y} {at}")
            })
        })
    })
}

/// How fast positions are taken elsewhere, and at which cost.
async fn exports(database: &Database, engine: &str) {
    let store = EventStore::new(database.clone()).await.unwrap();
    for format in Format::ALL {
        let (store, began, worked) = (store.clone(), Instant::now(), worked_s());
        let written = tokio::task::spawn_blocking(move || {
            let mut rows = 0;
            let sink = export::write(&store, &Selection::everything(1), format, Counted(0), |now| rows = now).unwrap();
            (rows, sink.0)
        });
        let (rows, bytes) = written.await.unwrap();
        let (took_s, worked_s) = (began.elapsed().as_secs_f64(), worked_s() - worked);
        let conditions = format!("{rows} positions, {bytes} bytes, {:.2} cores", worked_s / took_s);
        let row =
            Row::new(format!("hub export as {format} from {engine}"), rows as f64 / took_s, "positions/s", conditions);
        report(&[Row { peer: Some(("bar", EXPORT_BAR)), ..row }]);
    }
}

/// Bytes that went by.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Time this process has had the processor, seconds.
fn worked_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

async fn backup(from: &Database, into: &Database, engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let began = Instant::now();
    let done = from.backup(&file, Vec::new(), true, &mut |_| ()).await.unwrap();
    let (made, megabytes) = (began.elapsed().as_secs_f64(), done.bytes as f64 / 1e6);
    let began = Instant::now();
    into.restore(&file, folder.path(), &mut |_| ()).await.unwrap();
    let restored = began.elapsed().as_secs_f64();
    let conditions = format!("{megabytes:.0} MB, {} rows, nobody else at it", done.rows);
    report(&[
        Row::new(format!("hub backup from {engine}"), megabytes / made, "MB/s", &conditions),
        Row::new(format!("hub restore into {engine}"), megabytes / restored, "MB/s", &conditions),
    ]);
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let megabytes = std::env::var("RINKSIDE_BACKUP_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let _ = rustls::crypto::ring::default_provider().install_default();
    postgresql::wait_for_the_disk();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let chunks: Vec<TrackChunk> = (0..256).map(|second| chunk(&mut random, second)).collect();
    let encoded: Vec<Vec<u8>> = chunks.iter().map(|chunk| network::encode(&Record::Tracks(chunk.clone()))).collect();
    let group_bytes = BATCHES * CHUNKS_IN_BATCH * encoded[0].len();
    let folder = tempfile::tempdir().unwrap();
    let open = async |name: &str| Database::open(&folder.path().join(name)).await.unwrap();
    let serve = async || {
        let address = postgresql::database().await;
        let config = StorageConfig { database: address.as_str().into(), ..StorageConfig::default() };
        (Database::connect(&config, folder.path()).await.unwrap(), address)
    };
    let (file, (server, address)) = (open("hub.sqlite").await, serve().await);
    let kept = groups(GROUPS, &encoded);
    let conditions = format!("{POSITIONS} positions, groups of {BATCHES} batches of {CHUNKS_IN_BATCH} chunks");
    for (engine, database) in [("SQLite", &file), ("PostgreSQL", &server)] {
        readings(database, engine).await;
    }
    let copied = copied(&address, &chunks).await;
    let influxdb = influxdb::written(lines(&chunks)).await;
    for (engine, database) in [("SQLite", &file), ("PostgreSQL", &server)] {
        let rate = keep(database, &kept).await;
        let name = format!("hub positions committed, {engine}");
        report(&[
            Row { peer: Some(("bar", BAR)), ..Row::new(&name, rate, "positions/s", &conditions) },
            Row {
                peer: Some(("COPY", copied)),
                ..Row::new(format!("{name}, to COPY"), rate, "positions/s", &conditions)
            },
        ]);
        if let Some(peer) = influxdb {
            let row = Row::new(name + ", to InfluxDB", rate, "positions/s", &conditions);
            report(&[Row { peer: Some(("InfluxDB", peer)), ..row }]);
        }
    }
    for (engine, database) in [("SQLite", &file), ("PostgreSQL", &server)] {
        exports(database, engine).await;
    }
    // As much as is wanted, on from where the boxes stand.
    let wanted = (megabytes * 1_000_000_usize).div_ceil(group_bytes).max(GROUPS);
    for group in groups(wanted, &encoded).split_off(GROUPS) {
        file.keep(&group).await.unwrap();
        server.keep(&group).await.unwrap();
    }
    backup(&file, &open("restored.sqlite").await, "SQLite").await;
    backup(&server, &serve().await.0, "PostgreSQL").await;
}
