//! Promise: every position of a game that is over lies in the lake once, by league, venue, game and period, and `DuckDB` and
//! pandas read it as it lies. What comes late is added; a file that a killed hub left half done is removed; two hubs on
//! one database double nothing.
//!
//! Shown by what `DuckDB` and pandas (which `deploy/setup.sh` fetches) count and sum in the folder of objects, beside what
//! was kept; once in a bucket of a server that speaks S3, by the program that ships.

mod trial;

use cloud_hub::{
    event_store::EventStore,
    lake::{Lake, LakeConfig},
    storage::{
        Database,
        backup::{RootKeyIn, root_key_in},
        config::StorageConfig,
        lake::LakeFile,
        objects::Objects,
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{self, Column, EventKind, Record, Role, Side, Stream, TrackChunk};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};
use trial::{PATIENCE, Shape, event, postgresql, redis};

const GAME: u64 = 2_024_020_001;
const LIVE_GAME: u64 = 2_024_020_002;
const STEP_US: u32 = 20_000;
const STEPS: usize = 50;
/// A summer's evening, microseconds UTC.
const BEGAN_US: i64 = 1_750_000_000_000_000;
const PERIOD_US: i64 = 30_000_000;

const READER: &str = r#"
import duckdb, json, pandas, sys
files = sys.argv[1] + "/**/*.parquet"
positions = f"read_parquet('{files}', hive_partitioning = true)"
rows = duckdb.sql(f"""
    SELECT league, venue, game, period, edge, role, side, number, COUNT(*),
           SUM(CAST(ROUND(x_m * 100) AS BIGINT)), SUM(CAST(ROUND(y_m * 100) AS BIGINT)),
           MIN(epoch_us(captured_at)), MAX(epoch_us(captured_at)), COUNT(DISTINCT (entity, captured_at))
    FROM {positions} GROUP BY ALL ORDER BY ALL""").fetchall()
types = duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {positions})").fetchall()
frame = pandas.read_parquet(sys.argv[1])
print(json.dumps({"rows": rows, "types": dict(types), "pandas": [len(frame), str(frame.dtypes["captured_at"]),
      round(float(frame["x_m"].astype("float64").sum()), 1)]}))
"#;

/// Of one player or the puck in one period of one game: positions, sums of x and y in centimetres, first and last instant.
type Sums = BTreeMap<String, (i64, i64, i64, i64, i64)>;

/// A hub's tables and objects, and what was put there.
struct Rink {
    database: Database,
    objects: Objects,
    next: [u64; 3],
    kept: Sums,
}

impl Rink {
    async fn keep(&mut self, stream: Stream, records: Vec<Opened>) {
        let first_sequence = self.next[stream as usize];
        self.next[stream as usize] += records.len() as u64;
        let (venue, edge) = ("oak".into(), "oak-box-1".into());
        let kept = self.database.keep(&[Delivery { venue, edge, epoch: 1, stream, first_sequence, records }]).await;
        assert_eq!(kept.unwrap().duplicates, 0);
    }

    async fn clock(&mut self, game: u64, captured_us: i64, period: u8) {
        let mut event = network::Event { game, captured_us, ..event(0, Side::Home, 9, EventKind::PlayStart) };
        event.clock.period = period;
        let json = serde_json::to_string(&event).unwrap();
        self.keep(Stream::Events, vec![Opened::Event { event: Box::new(event), json }]).await;
    }

    /// A second of everybody, kept and summed.
    async fn second(&mut self, game: u64, start_us: i64, period: u8) {
        let column = |entity: u16| Column {
            entity,
            role: (entity > 0).then_some([Role::Skater, Role::Goalie, Role::Official][usize::from(entity % 3)]),
            side: (entity > 0 && entity < 9).then_some(if entity.is_multiple_of(2) { Side::Home } else { Side::Away }),
            number: (entity > 0 && entity < 9).then_some(entity as u8 + 10),
            first_step: entity % 5,
            dx_cm: vec![entity as i16 * 3 - 20; STEPS],
            dy_cm: vec![7 - entity as i16; STEPS],
        };
        let chunk = TrackChunk { game, start_us, step_us: STEP_US, columns: (0..10).map(column).collect() };
        if game == GAME {
            for column in &chunk.columns {
                let who = |text: Option<String>| text.unwrap_or_else(|| "none".into());
                let role = who(column.role.map(|role| format!("{role:?}").to_lowercase()));
                let side = who(column.side.map(|side| format!("{side:?}").to_lowercase()));
                let number = who(column.number.map(|number| number.to_string()));
                let sums = self.kept.entry(format!("local oak {game} {period} oak-box-1 {role} {side} {number}"));
                let sums = sums.or_insert((0, 0, 0, i64::MAX, i64::MIN));
                for (step, [x_cm, y_cm]) in column.places() {
                    let captured_us = chunk.captured_us(step);
                    *sums = (
                        sums.0 + 1,
                        sums.1 + i64::from(x_cm),
                        sums.2 + i64::from(y_cm),
                        sums.3.min(captured_us),
                        sums.4.max(captured_us),
                    );
                }
            }
        }
        let (end_us, bytes) = (start_us + 1_000_000, network::encode(&Record::Tracks(chunk)));
        self.keep(Stream::Tracks, vec![Opened::Tracks { game, start_us, end_us, bytes }]).await;
    }

    async fn play(&mut self) {
        for period in 1..=3u8 {
            let began_us = BEGAN_US + i64::from(period - 1) * PERIOD_US;
            self.clock(GAME, began_us, period).await;
            for second in 0..20 {
                self.second(GAME, began_us + second * 1_000_000, period).await;
            }
            self.clock(GAME, began_us + 20_000_000, period).await;
        }
    }

    async fn lake(&self) -> Lake {
        let store = EventStore::new(self.database.clone()).await.unwrap();
        Lake::new(store, self.database.clone(), self.objects.clone(), LakeConfig::default())
    }

    /// What `DuckDB` and pandas find in `folder` must be what was kept.
    fn check(&self, folder: &Path) {
        let python = python();
        let read = Command::new(&python).args(["-c", READER]).arg(folder.join("objects")).output();
        let read = read.unwrap_or_else(|error| panic!("{python}: {error} (make setup fetches it)"));
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let read: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
        let mut found = Sums::new();
        for row in read["rows"].as_array().unwrap() {
            let word = |at: usize| match &row[at] {
                serde_json::Value::Null => "none".to_owned(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let number = |at: usize| row[at].as_i64().unwrap();
            let key = (0..8).map(word).collect::<Vec<_>>().join(" ");
            assert_eq!(number(8), number(13), "{key}: an instant stands there twice");
            found.insert(key, (number(8), number(9), number(10), number(11), number(12)));
        }
        assert_eq!(found, self.kept);
        let types = &read["types"];
        assert_eq!(types["captured_at"], "TIMESTAMP WITH TIME ZONE");
        assert_eq!(
            (&types["x_m"], &types["number"], &types["side"]),
            (&"FLOAT".into(), &"INTEGER".into(), &"VARCHAR".into())
        );
        let total: i64 = self.kept.values().map(|sums| sums.0).sum();
        assert_eq!((&read["pandas"][0], &read["pandas"][1]), (&total.into(), &"datetime64[us, UTC]".into()));
    }
}

fn python() -> String {
    let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/setup/lake/bin/python");
    std::env::var("RINKSIDE_LAKE_PYTHON").unwrap_or_else(|_| setup.to_owned())
}

async fn lies_in_the_lake(config: StorageConfig) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::connect(&config, folder.path()).await.unwrap();
    let objects = Objects::open(&config, folder.path()).unwrap();
    let mut rink = Rink { database, objects, next: [0; 3], kept: Sums::new() };
    rink.play().await;
    let ended_us = BEGAN_US + 4 * PERIOD_US;
    rink.second(LIVE_GAME, ended_us, 1).await;

    // Two hubs on one database at the same time.
    let (one, other) = (rink.lake().await, rink.lake().await);
    let (first, second) = tokio::join!(one.compact_ended(ended_us), other.compact_ended(ended_us));
    let _ = (first.unwrap(), second.unwrap());
    one.compact_ended(ended_us).await.unwrap();
    rink.check(folder.path());
    let files = rink.database.lake_files(GAME, true).await.unwrap();
    assert_eq!(files.len(), 3, "{files:#?}");
    assert!(files[0].name.starts_with(&format!("league=local/venue=oak/game={GAME}/period=1/positions-")));
    assert_eq!(rink.objects.get(&files[0].name).await.unwrap().len() as u64, files[0].bytes);
    assert_eq!(one.compact_ended(ended_us).await.unwrap(), [], "once");

    // A hub that was killed while it wrote, then a chunk that comes late.
    let name = format!("league=local/venue=oak/game={GAME}/period=3/positions-killed.parquet");
    let half = LakeFile { name: name.clone(), rows: 1, bytes: 1 };
    rink.database.lake_begin(GAME, &[half]).await.unwrap();
    let whole = rink.objects.get(&files[2].name).await.unwrap();
    rink.objects.put(&name, whole).await.unwrap();
    rink.second(GAME, BEGAN_US + 2 * PERIOD_US + 25_000_000, 3).await;
    assert_eq!(one.compact_ended(ended_us).await.unwrap().len(), 1);
    rink.check(folder.path());

    // Restored elsewhere, without the objects: the lake is made anew.
    let restored = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    rink.database.backup(&backup, Vec::new(), true, &mut |_| ()).await.unwrap();
    let root_key = root_key_in(&backup).await.unwrap();
    let RootKeyIn::Within(root_key) = root_key else { panic!("made with it") };
    fs::create_dir(restored.path().join("keys")).unwrap();
    fs::write(restored.path().join("keys/root.key"), root_key).unwrap();
    rink.database = Database::open(&restored.path().join("hub.sqlite")).await.unwrap();
    rink.database.restore(&backup, restored.path(), &mut |_| ()).await.unwrap();
    rink.objects = Objects::open(&config, restored.path()).unwrap();
    rink.lake().await.compact_ended(ended_us).await.unwrap();
    rink.check(restored.path());
}

#[tokio::test]
async fn from_a_file() {
    lies_in_the_lake(StorageConfig::default()).await;
}

#[tokio::test]
async fn from_postgresql() {
    let database = postgresql::database().await.as_str().into();
    lies_in_the_lake(StorageConfig { database, ..StorageConfig::default() }).await;
}

/// A server that speaks S3, with an empty bucket: where it is, and what ends it.
async fn bucket(http: &reqwest::Client) -> (String, tokio::process::Child) {
    let mut server = tokio::process::Command::new(python());
    server.args(["-m", "moto.server", "-p", "0"]).env("PYTHONUNBUFFERED", "1").kill_on_drop(true);
    let mut server = server.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let address = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the server says where it is");
            if let Some((_, address)) = line.split_once("Running on ") {
                return address.trim().to_owned();
            }
        }
    };
    let address = timeout(PATIENCE, address).await.unwrap();
    // What it says of each request must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    assert!(http.put(format!("{address}/season")).send().await.unwrap().status().is_success());
    (address, server)
}

#[tokio::test]
async fn in_a_bucket_by_the_program() {
    in_a_bucket(Shape::Whole).await;
}

/// The process that hears boxes, of a hub of several.
#[tokio::test]
async fn in_a_bucket_by_the_program_that_hears_boxes() {
    in_a_bucket(Shape::Split).await;
}

async fn in_a_bucket(shape: Shape) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (folder, http) = (tempfile::tempdir().unwrap(), reqwest::Client::new());
    let (address, _server) = bucket(&http).await;
    let data = folder.path().join("data");
    let (mut storage, mut text) = (StorageConfig::default(), String::new());
    let redis = redis::Server::start().await;
    if shape == Shape::Split {
        let database = postgresql::database().await;
        text = format!("roles = [\"ingest\"]\n[storage]\ndatabase = \"{database}\"\nredis = \"{}\"\n", redis.address());
        storage.database = database.as_str().into();
    } else {
        text.push_str("[storage]\n");
    }
    fs::create_dir_all(&data).unwrap();
    let database = Database::connect(&storage, &data).await.unwrap();
    let objects = Objects::open(&StorageConfig::default(), folder.path()).unwrap();
    let mut rink = Rink { database, objects, next: [0; 3], kept: Sums::new() };
    rink.play().await;

    let config = folder.path().join("hub.toml");
    fs::write(&config, text + "objects = \"s3://season/hub\"\n").unwrap();
    let mut hub = tokio::process::Command::new(env!("CARGO_BIN_EXE_cloud-hub"));
    hub.args(["serve", "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", "--config"]).arg(&config);
    hub.arg("--data").arg(&data).stdout(Stdio::null()).kill_on_drop(true);
    hub.env("AWS_ENDPOINT_URL", &address).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", "eu-north-1");
    let _hub = hub.env("AWS_ACCESS_KEY_ID", "hub").env("AWS_SECRET_ACCESS_KEY", "secret").spawn().unwrap();
    let whole = async {
        loop {
            let files = rink.database.lake_files(GAME, true).await.unwrap();
            if files.len() == 3 {
                return files;
            }
            tokio::task::yield_now().await;
        }
    };
    for file in timeout(PATIENCE, whole).await.expect("the hub fills the bucket") {
        // The server wants somebody named, and believes who it is.
        let somebody =
            "AWS4-HMAC-SHA256 Credential=hub/20260101/eu-north-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let got = http.get(format!("{address}/season/hub/{}", file.name)).header("authorization", somebody);
        let got = got.send().await.unwrap();
        let bytes = got.error_for_status().unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        rink.objects.put(&file.name, bytes.to_vec()).await.unwrap();
    }
    rink.check(folder.path());
}
