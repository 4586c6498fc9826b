//! Promise: players' names and what they wear measures of them are in no file of the hub as they are; they are read by
//! whoever has the root key, through any number of new root keys and data keys, and by nobody else; a sealed row that was
//! changed or put elsewhere is no row. Who is erased is in no table, copy or backup any more.
//!
//! Shown in a file and in a PostgreSQL that the test starts, with what the API was told and boxes sent: bytes of all files
//! and texts of all rows searched, keys rotated while another hub goes on, the root key taken away.

mod trial;

use cloud_hub::{
    event_store::{EventStore, Fact},
    projections::resources,
    storage::{
        Database,
        config::StorageConfig,
        keyring,
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{Stream, Telemetry};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Row as _};
use std::{
    fs,
    path::{Path, PathBuf},
};
use trial::{Trial, postgresql};

const NAME: &str = "Maurice Unverwechselbar";
/// No number of this size comes by chance.
const BEATS: f64 = 171.624_915_3;

fn readings(first_sequence: u64, captured_us: i64) -> Delivery {
    let reading = |subject: &str, name: &str, value| {
        let (name, subject) = (name.into(), subject.into());
        Opened::Telemetry(Telemetry { captured_us, name, subject, value })
    };
    let records = vec![reading("17", "heart_rate_bpm", BEATS), reading("", "cpu_percent", 7.0)];
    let (venue, edge) = ("oak".into(), "oak-box-1".into());
    Delivery { venue, edge, epoch: 1, stream: Stream::Telemetry, first_sequence, records }
}

/// Bytes of every file below `folder`.
fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push((path.clone(), fs::read(path).unwrap())) }
    }
    files
}

fn shown_in(bytes: &[u8]) -> bool {
    // As text, and as SQLite lays out a number.
    let words = [NAME.as_bytes().to_vec(), BEATS.to_string().into_bytes(), BEATS.to_be_bytes().to_vec()];
    words.iter().any(|word| bytes.windows(word.len()).any(|part| part == word))
}

async fn say(trial: &Trial) {
    let player = json!({"player": "maurice-9", "name": NAME, "position": "forward"});
    let request = trial.http.post(format!("http://{}/api/core/players", trial.hub.address));
    let made = request.header("idempotency-key", "once").json(&player).send().await.unwrap();
    assert_eq!(made.status(), 201);
}

async fn read(trial: &Trial) -> Value {
    trial.get("/api/core/players/maurice-9").await.json().await.unwrap()
}

async fn heart(database: &Database) -> Vec<f64> {
    let newest = database.telemetry_newest().await.unwrap();
    newest.iter().filter(|one| one.telemetry.subject == "17").map(|one| one.telemetry.value).collect()
}

#[tokio::test]
async fn in_a_file() {
    let trial = Trial::start().await;
    let folder = trial.folder().to_owned();
    say(&trial).await;
    let other = Database::open(&folder.join("hub.sqlite")).await.unwrap();
    other.keep(&[readings(0, 5)]).await.unwrap();
    let backup = folder.join("monday.backup");
    other.backup(&backup, vec![("ca-key.pem".into(), NAME.into())], false, &mut |_| ()).await.unwrap();
    let files = all_files(&folder);
    assert!(files.iter().any(|(path, bytes)| path.ends_with("monday.backup") && bytes.len() > 100_000));
    for (path, bytes) in files {
        assert!(!shown_in(&bytes), "{} shows what is personal", path.display());
    }
    keys_turn(&trial, &other).await;

    // Rows that were moved or changed.
    let mut tables =
        AnyConnection::connect(&format!("sqlite://{}", folder.join("hub.sqlite").display())).await.unwrap();
    let copied =
        "UPDATE telemetry SET sealed = (SELECT sealed FROM telemetry WHERE sequence = 0) WHERE sealed IS NOT NULL";
    sqlx::raw_sql(copied).execute(&mut tables).await.unwrap();
    let error = other.telemetry_newest().await.unwrap_err().to_string();
    assert!(error.contains("changed or moved"), "{error}");
    let size = "UPDATE resources SET payload = payload || 'AAAA' WHERE kind = 'player'";
    sqlx::raw_sql(size).execute(&mut tables).await.unwrap();
    assert_eq!(trial.get("/api/core/players/maurice-9").await.status(), 500);

    // The root key is gone: nothing is made in its place.
    fs::remove_file(folder.join("keys/root.key")).unwrap();
    let error = Database::open(&folder.join("hub.sqlite")).await.unwrap_err().to_string();
    assert!(error.contains("root.key") && error.contains("copy that file"), "{error}");
    assert!(!folder.join("keys/root.key").exists());
}

#[tokio::test]
async fn in_postgresql() {
    let address = postgresql::database().await;
    let shared = tempfile::tempdir().unwrap();
    let root_key = shared.path().join("root.key");
    let trial = Trial::start_with(|config| {
        config.storage.database = address.as_str().into();
        config.storage.root_key = root_key.clone();
    })
    .await;
    say(&trial).await;
    let config = StorageConfig { database: address.as_str().into(), root_key, ..StorageConfig::default() };
    let other = Database::connect(&config, shared.path()).await.unwrap();
    other.keep(&[readings(0, 5)]).await.unwrap();
    let mut tables = AnyConnection::connect(&address).await.unwrap();
    let mut rows = 0;
    for table in ["hub_events", "resources", "resource_links", "idempotency_keys", "telemetry", "data_keys"] {
        let query = sqlx::AssertSqlSafe(format!("SELECT row_to_json(t)::text FROM {table} t"));
        for row in sqlx::query(query).fetch_all(&mut tables).await.unwrap() {
            let text: String = row.try_get(0).unwrap();
            assert!(!shown_in(text.as_bytes()), "{table}: {text}");
            rows += 1;
        }
    }
    assert!(rows >= 6, "{rows}");
    keys_turn(&trial, &other).await;

    // A hub with another root key is none of this league.
    let stranger = StorageConfig { root_key: shared.path().join("another.key"), ..config };
    let error = Database::connect(&stranger, shared.path()).await.unwrap_err().to_string();
    assert!(error.contains("another.key") && error.contains("copy that file"), "{error}");
}

/// New root keys and data keys while `trial` goes on.
async fn keys_turn(trial: &Trial, other: &Database) {
    let before = other.keys_held().await.unwrap();
    assert_eq!((before.of_players, before.of_wearers), (1, 1));
    let root = fs::read(other.root_key()).unwrap();
    let held = other.rotate_keys(false).await.unwrap();
    assert_eq!(held.keys, before.keys);
    assert_ne!(held.root, before.root);
    let after = fs::read_to_string(other.root_key()).unwrap();
    assert!(after.lines().count() == 1 && after.as_bytes() != root, "the old root key is kept");
    assert_eq!(other.rotate_keys(true).await.unwrap().keys, before.keys + 2, "the hub's and the player's");
    // Written with the old keys before, and with whichever now.
    assert_eq!(read(trial).await["name"], NAME);
    let day_us = 86_400_000_000;
    other.keep(&[readings(2, 5 + day_us)]).await.unwrap();
    assert_eq!(heart(other).await, [BEATS]);
    assert_eq!(other.keys_held().await.unwrap().of_wearers, 2, "one a day");
    let again = Database::connect(&trial.storage(), trial.folder()).await.unwrap();
    assert_eq!(heart(&again).await, [BEATS]);
}

#[tokio::test]
async fn who_is_erased_is_gone_from_a_file() {
    let trial = Trial::start().await;
    let other = Database::open(&trial.folder().join("hub.sqlite")).await.unwrap();
    erased(&trial, &other).await;
}

#[tokio::test]
async fn who_is_erased_is_gone_from_postgresql() {
    let address = postgresql::database().await;
    let trial = Trial::start_with(|config| config.storage.database = address.as_str().into()).await;
    let other = Database::connect(&trial.storage(), trial.folder()).await.unwrap();
    erased(&trial, &other).await;
}

/// Erased while the hub of `trial` runs; then a backup from before is taken back.
async fn erased(trial: &Trial, other: &Database) {
    say(trial).await;
    other.keep(&[readings(0, 5), readings(2, 5 + 86_400_000_000)]).await.unwrap();
    let backup = trial.folder().join("before.backup");
    other.backup(&backup, Vec::new(), false, &mut |_| ()).await.unwrap();
    let held = other.keys_held().await.unwrap();
    assert_eq!((held.of_players, held.of_wearers, held.destroyed), (1, 2, 0));
    for other_name in ["player/maurice", "player/maurice_9", "wearer/oak-box-_", "wearer/%"] {
        assert_eq!(other.erase(other_name).await.unwrap(), 0, "{other_name}");
    }
    assert_eq!(other.erase("player/maurice-9").await.unwrap(), 1);
    assert_eq!(other.erase("wearer/oak-box-1/17").await.unwrap(), 2, "on all days");
    assert_eq!(other.erase("player/maurice-9").await.unwrap(), 0, "once");
    let now = other.keys_held().await.unwrap();
    assert_eq!((now.of_players, now.of_wearers, now.destroyed, now.keys), (0, 0, 3, held.keys - 3));
    gone(other).await;
    assert_eq!(trial.get("/api/core/players/maurice-9").await.status(), 404);
    assert_eq!(trial.get("/api/core/players").await.json::<Value>().await.unwrap()["items"], json!([]));

    // The backup has the keys as they were; who takes it back brings the root key's file, and that knows.
    let (empty, config) = (tempfile::tempdir().unwrap(), StorageConfig::default());
    let file = fs::read_to_string(other.root_key()).unwrap();
    assert!(!file.contains("maurice"), "the file names nobody");
    keyring::bring_root_key(&empty.path().join(&config.root_key), file.as_bytes()).unwrap();
    let back = Database::connect(&config, empty.path()).await.unwrap();
    back.restore(&backup, empty.path(), &mut |_| ()).await.unwrap();
    gone(&back).await;
    // Cut short between the file and the tables, it is ended at the next start.
    let mut tables = AnyConnection::connect(&trial_of(empty.path())).await.unwrap();
    let undo =
        "UPDATE data_keys SET root = (SELECT root FROM data_keys WHERE subject = 'hub') WHERE root = 'destroyed'";
    sqlx::raw_sql(undo).execute(&mut tables).await.unwrap();
    assert_eq!(Database::connect(&config, empty.path()).await.unwrap().keys_held().await.unwrap().destroyed, 3);

    // Keys turn as before, and the file goes on saying who is erased.
    other.rotate_keys(true).await.unwrap();
    let file = fs::read_to_string(other.root_key()).unwrap();
    assert_eq!(file.lines().filter(|line| line.starts_with("destroyed ")).count(), 3);
    gone(other).await;
    // Somebody else may have the name.
    say(trial).await;
    assert_eq!(read(trial).await["name"], NAME);
}

fn trial_of(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("hub.sqlite").display())
}

/// Nothing of the player can be read, also not by who makes the read tables anew.
async fn gone(database: &Database) {
    assert!(database.resource("player", "maurice-9").await.unwrap().is_none());
    assert_eq!(heart(database).await, [0.0; 0]);
    assert_eq!(database.telemetry_newest().await.unwrap().len(), 1, "the box's own reading stays");
    assert!(database.answer_kept("once").await.unwrap().is_none());
    let store = EventStore::new(database.clone()).await.unwrap();
    let facts = store.read_stream("player/maurice-9", 0, 10).await.unwrap();
    assert!(matches!(&facts[..], [one] if matches!(one.fact, Fact::Removed { .. })), "{facts:?}");
    resources::rebuild(&store, database).await.unwrap();
    assert!(database.resource("player", "maurice-9").await.unwrap().is_none());
}
