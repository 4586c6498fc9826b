//! Promise: a backup that was taken while boxes send is the whole hub at one instant, in one file; taken into an empty
//! hub of either engine it is that hub again, and the read tables made anew from it are the same.
//!
//! Shown in all four directions, with a PostgreSQL that the test starts: backups while a writer goes on, rows compared,
//! numbers that must never come twice, projections made again. And what must be refused: a file that is there, a hub
//! that is not empty, a harmed file, one of a newer hub. Then by the program, with the keys that boxes trust.

#[path = "trial/deliveries.rs"]
mod deliveries;
#[path = "trial/postgresql.rs"]
mod postgresql;

use cloud_hub::{
    event_store::EventStore,
    ids::Offset,
    projections::{Freshness, projector::catch_up},
    storage::{Database, config::StorageConfig, copying::Progress, enrolments::GivenCode},
};
use deliveries::{Boxes, GAMES};
use sqlx::Connection as _;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
};

/// A hub's place: an address, in a folder of its own.
struct Place {
    config: StorageConfig,
    folder: tempfile::TempDir,
}

impl Place {
    async fn on_server() -> Self {
        let database = postgresql::database().await.as_str().into();
        Self { config: StorageConfig { database, ..StorageConfig::default() }, ..Self::in_a_file() }
    }

    fn in_a_file() -> Self {
        Self { config: StorageConfig::default(), folder: tempfile::tempdir().unwrap() }
    }

    /// The file that its operator kept apart.
    fn bring_root_key(&self, from: &Place) {
        let path = |place: &Place| place.folder.path().join(&place.config.root_key);
        fs::create_dir_all(path(self).parent().unwrap()).unwrap();
        fs::copy(path(from), path(self)).unwrap();
    }

    async fn open(&self) -> Database {
        Database::connect(&self.config, self.folder.path()).await.unwrap()
    }
}

async fn project(database: &Database) -> String {
    let store = EventStore::new(database.clone()).await.unwrap();
    catch_up(&store, database, &Freshness::default()).await.unwrap();
    format!("{:#?}", database.projected_all().await.unwrap())
}

/// Everything that can be read back, in words. Without offsets: a restored hub may leave some out.
async fn all_of(database: &Database) -> Vec<String> {
    let mut events = database.events_after(Offset(0), 1_000_000).await.unwrap();
    for event in &mut events {
        event.offset = Offset(0);
    }
    let mut tracks = database.tracks_after(Offset(0), 1_000_000).await.unwrap();
    for chunk in &mut tracks {
        chunk.offset = Offset(0);
    }
    let mut all = vec![
        format!("{:#?}", database.holdings().await.unwrap()),
        format!("{events:#?}"),
        format!("{tracks:#?}"),
        format!("{:#?}", database.telemetry_newest().await.unwrap()),
        format!("{:#?}", database.enrolments().await.unwrap()),
        format!("{:#?}", database.commands("box", 100).await.unwrap()),
        format!("{:#?}", database.projected_all().await.unwrap()),
    ];
    for game in 1..=GAMES {
        all.push(format!("{:#?}", database.accounts(game).await.unwrap()));
    }
    all
}

fn code(digest: &str) -> GivenCode {
    GivenCode { digest: digest.into(), venue: "oak".into(), edge: None, made_us: 0, expires_us: 100 }
}

async fn from_and_into(from: Place, into: Place) {
    let seed = rand::random();
    println!("seed {seed}, {:?} into {:?}", from.config.database, into.config.database);
    let live = from.open().await;
    let mut boxes = Boxes::new(seed);
    for _ in 0..150 {
        live.keep(&[boxes.next(), boxes.next()]).await.unwrap();
    }
    live.give_code(&code("a")).await.unwrap();
    live.enrol("a", 1, 2).await.unwrap().unwrap();
    live.give_command("box", &[1, 0, 255], "do it", 1, 2).await.unwrap();
    project(&live).await;

    // A writer that goes on until the backup is made.
    let file = from.folder.path().join("monday.backup");
    let beside = vec![("ca.pem".to_owned(), b"a certificate".to_vec())];
    let stop = AtomicBool::new(false);
    let writing = async {
        let mut groups = 0;
        while !stop.load(Ordering::Relaxed) || groups < 3 {
            live.keep(&[boxes.next(), boxes.next()]).await.unwrap();
            groups += 1;
        }
        groups
    };
    let backing = async {
        let other = from.open().await;
        let done = other.backup(&file, beside.clone(), false, &mut |_| ()).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        other.close().await;
        done
    };
    let (groups, made) = tokio::join!(writing, backing);
    assert!(groups >= 3 && made.rows > 1_000, "{groups} groups, {} rows", made.rows);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&file).unwrap().len(), made.bytes);
    let error = live.backup(&file, Vec::new(), false, &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("is there already"), "{error}");

    into.bring_root_key(&from);
    let restored = into.open().await;
    let mut told: Vec<Progress> = Vec::new();
    let done = restored.restore(&file, into.folder.path(), &mut |progress| told.push(progress)).await.unwrap();
    assert_eq!((done.rows, &done.beside), (made.rows, &beside));
    assert!(told.is_sorted_by_key(|progress| progress.done) && told.last().is_some_and(|it| it.done == it.total));
    assert_ne!(restored.epoch().await.unwrap(), live.epoch().await.unwrap(), "pages must start anew");

    // An instant of the live hub: each journal up to where it stood, without a hole. Then the rest comes, as from boxes.
    for journal in restored.holdings().await.unwrap() {
        assert_eq!(journal.records + journal.lost, journal.next_sequence, "{journal:?}");
    }
    let mut again = Boxes::new(seed);
    for _ in 0..2 * (150 + groups) {
        restored.keep(&[again.next()]).await.unwrap();
    }
    project(&live).await;
    let anew = project(&restored).await;
    restored.forget_projections().await.unwrap();
    assert_eq!(project(&restored).await, anew);
    for (restored, live) in all_of(&restored).await.into_iter().zip(all_of(&live).await) {
        assert_eq!(restored, live);
    }

    // Numbers that were given are not given again.
    restored.give_code(&code("b")).await.unwrap();
    assert_eq!(restored.enrol("b", 1, 2).await.unwrap().unwrap().enrolment, 2);
    assert_eq!(restored.give_command("box", &[], "again", 1, 2).await.unwrap(), 2);
    let error = restored.restore(&file, into.folder.path(), &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
    live.close().await;
    restored.close().await;
}

#[tokio::test]
async fn from_a_file_into_a_file() {
    from_and_into(Place::in_a_file(), Place::in_a_file()).await;
}

#[tokio::test]
async fn from_a_file_into_postgresql() {
    from_and_into(Place::in_a_file(), Place::on_server().await).await;
}

#[tokio::test]
async fn from_postgresql_into_a_file() {
    from_and_into(Place::on_server().await, Place::in_a_file()).await;
}

#[tokio::test]
async fn from_postgresql_into_postgresql() {
    from_and_into(Place::on_server().await, Place::on_server().await).await;
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_an_older_one_is_brought_up_to_date() {
    let (from, into) = (Place::in_a_file(), Place::in_a_file());
    let live = from.open().await;
    let mut boxes = Boxes::new(1);
    for _ in 0..100 {
        live.keep(&[boxes.next()]).await.unwrap();
    }
    let file = from.folder.path().join("backup");
    live.backup(&file, Vec::new(), false, &mut |_| ()).await.unwrap();
    // Without the root key nothing is taken.
    let stranger = Place::in_a_file();
    let restored = stranger.open().await;
    let error = restored.restore(&file, stranger.folder.path(), &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("root.key") && error.contains("copy that file"), "{error}");
    assert_eq!(restored.holdings().await.unwrap(), []);
    into.bring_root_key(&from);
    let restored = into.open().await;
    let refused = async |name: &str, change: &dyn Fn(&Path), words: &str| {
        let path = from.folder.path().join(name);
        fs::copy(&file, &path).unwrap();
        change(&path);
        let error = restored.restore(&path, into.folder.path(), &mut |_| ()).await.unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
        assert_eq!(restored.holdings().await.unwrap(), []);
    };
    refused("torn", &|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100_000).unwrap(), "harmed")
        .await;
    refused("words", &|path| fs::write(path, "no database").unwrap(), "harmed").await;
    refused("gone", &|path| fs::remove_file(path).unwrap(), "No such file").await;
    let change = async |name: &str, statement: &'static str| {
        let path = from.folder.path().join(name);
        fs::copy(&file, &path).unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut tables = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut tables).await.unwrap();
        path
    };
    let newer = change("newer", "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    let error = restored.restore(&newer, into.folder.path(), &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("newer hub"), "{error}");

    let older = change(
        "older",
        "DROP INDEX events_of_time; DROP INDEX track_chunks_of_time; DROP INDEX telemetry_of_time;
         DELETE FROM _sqlx_migrations WHERE version = 5",
    )
    .await;
    restored.restore(&older, into.folder.path(), &mut |_| ()).await.unwrap();
    assert_eq!(restored.holdings().await.unwrap(), live.holdings().await.unwrap());
    assert!(!into.folder.path().join("restoring.sqlite").exists());
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cloud-hub")).args(arguments).output().unwrap()
}

#[tokio::test]
async fn the_program_moves_a_hub_with_the_keys_that_boxes_trust() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, file, server) = (path("data"), path("monday.backup"), path("server"));
    let code = program(&["edges", "code", "--venue", "oak", "--data", &data]);
    assert!(code.status.success(), "{}", String::from_utf8_lossy(&code.stderr));
    let made = program(&["backup", &file, "--data", &data]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = fs::read_to_string(format!("{data}/certificates/ca-key.pem")).unwrap();
    let inner = key.lines().nth(1).unwrap().as_bytes().to_vec();
    let holds = |file: &str| fs::read(file).unwrap().windows(inner.len()).any(|bytes| bytes == inner);
    assert!(!holds(&file), "a backup shows the authority's key");
    let whole = path("whole.backup");
    assert!(program(&["backup", &whole, "--with-root-key", "--data", &data]).status.success());
    let moved = path("moved");
    assert!(program(&["restore", &whole, "--data", &moved]).status.success());
    assert_eq!(fs::read_to_string(format!("{moved}/certificates/ca-key.pem")).unwrap(), key);

    let address = postgresql::database().await;
    let config = format!(
        "data = {server:?}\n[storage]\ndatabase = {address:?}\nroot_key = \"secret\"\n[ingest]\ncertificates = \"{server}/certificates\"\n"
    );
    fs::write(path("hub.toml"), config).unwrap();
    let without = program(&["restore", &file, "--config", &path("hub.toml")]);
    assert!(!without.status.success() && String::from_utf8_lossy(&without.stderr).contains("--root-key"));
    let root_key = format!("{data}/keys/root.key");
    let restored = program(&["restore", &file, "--config", &path("hub.toml"), "--root-key", &root_key]);
    let (said, errors) = (String::from_utf8_lossy(&restored.stdout), String::from_utf8_lossy(&restored.stderr));
    assert!(restored.status.success() && said.contains("restored") && errors.contains("100 %"), "{said}{errors}");
    for name in ["ca.pem", "ca-key.pem"] {
        let read = |data: &str| fs::read(format!("{data}/certificates/{name}")).unwrap();
        assert_eq!(read(&server), read(&data), "{name}");
    }
    for name in ["certificates/ca-key.pem", "secret"] {
        let key = fs::metadata(format!("{server}/{name}")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let again = program(&["restore", &file, "--config", &path("hub.toml")]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is not empty"));
}
