//! A backup is one file, whichever engine keeps the tables: an SQLite database with the same tables, and beside them the
//! hub's certificates in `backup_files`. So it can be looked into, and taken back into either engine.
//!
//! Comes in: a hub that runs or not. Goes out: a file that is whole or not there; and of such a file an empty hub with the
//! same rows. Never: a write into the backup, a row over rows that are there, objects (they are made from the tables).
//! What is personal, and the certificates' keys, lie sealed in it; the root key is in it only when the operator says so.
//!
//! A hub that is taken back says another epoch, so that pages do not take its next events for those they have seen.

use super::{
    Database, StorageError, config,
    copying::{self, Watcher},
    engine::Engine,
    keyring::HUB,
    migrations,
};
use sqlx::{
    AnyConnection, Connection as _, Row as _,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often is looked how far SQLite has come, which does not tell.
const LOOK: Duration = Duration::from_millis(200);
/// What a backup's tables hold that the migrations made themselves, so that an empty hub has it too.
const BORN_WITH: [&str; 5] =
    ["event_store_epoch", "projection_progress", "data_keys", "access_revision", "signing_keys"];
/// The root key among the files of a backup, which alone is not sealed.
const ROOT_KEY: &str = "root.key";
/// The migration from which on rows are sealed.
const SEALING: i64 = 11;

/// A file that goes with the tables: its name, and what is in it.
pub type Beside = (String, Vec<u8>);

/// What was made or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Rows of all tables.
    pub rows: u64,
    /// Size of the backup.
    pub bytes: u64,
    /// The files that go with the tables.
    pub beside: Vec<Beside>,
}

impl Database {
    /// Writes all tables, as they are at one instant, and `beside` into the new file `path`. Boxes and pages go on.
    /// `with_root_key`, the file is all that is needed to restore it, and to read it.
    pub async fn backup(
        &self,
        path: &Path,
        beside: Vec<Beside>,
        with_root_key: bool,
        watcher: Watcher<'_>,
    ) -> Result<Done, StorageError> {
        let fault = |reason: String| StorageError::Backup { path: path.to_owned(), reason };
        if path.exists() {
            return Err(fault("is there already: choose another name, or remove it".into()));
        }
        let part = with_end(path, ".part");
        let _ = fs::remove_file(&part);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        made.map_err(|error| fault(format!("{error} (is its folder there and writable?)")))?;
        let written = async {
            match self.engine() {
                Engine::Sqlite => self.vacuum_into(&part, watcher).await?,
                Engine::Postgresql => self.copy_into(&part, watcher).await?,
            }
            let mut files = Vec::with_capacity(beside.len() + 1);
            let key = self.data_key(HUB).await?;
            for (name, bytes) in &beside {
                files.push((name.clone(), key.seal(&place_of(name), bytes).into_bytes()));
            }
            if with_root_key {
                let bytes = fs::read(self.root_key()).map_err(|error| fault(error.to_string()))?;
                files.push((ROOT_KEY.to_owned(), bytes));
            }
            finish(&part, &files).await
        };
        let rows = match written.await {
            Ok(rows) => rows,
            Err(error) => {
                remove(&part);
                return Err(error);
            }
        };
        let put = || {
            File::open(&part)?.sync_all()?;
            fs::rename(&part, path)?;
            remove(&part);
            File::open(path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(fs::metadata(path)?.len())
        };
        let bytes = put().map_err(|error: std::io::Error| fault(error.to_string()))?;
        Ok(Done { rows, bytes, beside })
    }

    /// SQLite's own way: it reads one state of the tables, whatever is written meanwhile.
    async fn vacuum_into(&self, part: &Path, watcher: Watcher<'_>) -> Result<(), StorageError> {
        let mut connection = AnyConnection::connect_with(&self.options).await?;
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let total = sqlx::query(pages).fetch_one(&mut connection).await?.try_get::<i64, _>(0)? as u64;
        let path = part.to_str().ok_or_else(|| sqlx::Error::Configuration("its path is not UTF-8".into()))?;
        {
            let vacuum = sqlx::query("VACUUM INTO $1").bind(path).execute(&mut connection);
            tokio::pin!(vacuum);
            loop {
                tokio::select! {
                    done = &mut vacuum => {
                        done?;
                        break;
                    }
                    () = tokio::time::sleep(LOOK) => {
                        let done = fs::metadata(part).map_or(0, |found| found.len());
                        watcher(super::copying::Progress { done: done.min(total), total });
                    }
                }
            }
        }
        Ok(connection.close().await?)
    }

    async fn copy_into(&self, part: &Path, watcher: Watcher<'_>) -> Result<(), StorageError> {
        let file = Self::open_tables(part, self.root_key().to_owned()).await?;
        let tables = copying::tables(&mut *file.writer().acquire().await?).await?;
        let mut from = self.begin_reading().await?;
        let mut into = file.begin().await?;
        copying::copy(&tables, (self.engine(), &mut from), (Engine::Sqlite, &mut into), watcher).await?;
        into.commit().await?;
        from.commit().await?;
        file.close().await;
        Ok(())
    }

    /// Takes the backup at `path` into this empty database. An older one is brought up to date in the folder `work`.
    pub async fn restore(&self, path: &Path, work: &Path, watcher: Watcher<'_>) -> Result<Done, StorageError> {
        let fault = |reason: String| StorageError::Backup { path: path.to_owned(), reason };
        let (versions, beside) = look_into(path).await.map_err(fault)?;
        let known = migrations::versions();
        if let Some(newer) = versions.iter().find(|version| !known.contains(version)) {
            let reason = format!("was made by a newer hub (this one does not know version {newer} of the tables)");
            return Err(fault(reason + ": install that one"));
        }
        let older = work.join("restoring.sqlite");
        let outdated = versions.len() < known.len();
        if outdated {
            let copied = fs::create_dir_all(work).and_then(|()| fs::copy(path, &older));
            copied.map_err(|error| fault(format!("cannot be copied to {}: {error}", older.display())))?;
            Self::open_tables(&older, self.root_key().to_owned()).await?.close().await;
        }
        let taken = self.take(if outdated { &older } else { path }, watcher).await;
        if outdated {
            remove(&older);
        }
        let (rows, bytes) = (taken?, fs::metadata(path).map_or(0, |found| found.len()));
        let mut opened = Vec::with_capacity(beside.len());
        for (name, sealed) in beside {
            // Of an older hub they are not sealed.
            let bytes = if name == ROOT_KEY { continue } else { self.opened_bytes(&place_of(&name), sealed).await? };
            opened.push((name, bytes));
        }
        Ok(Done { rows, bytes, beside: opened })
    }

    async fn take(&self, path: &Path, watcher: Watcher<'_>) -> Result<u64, StorageError> {
        let mut options = config::of_file(path, false)?;
        options.database_url.set_query(Some("mode=ro"));
        let file = Engine::Sqlite.readers(options).await?;
        let mut from = Engine::Sqlite.begin_reading(&file).await?;
        let tables = copying::tables(&mut from).await?;
        // From here on nobody else writes: what is empty stays empty.
        let mut into = self.begin().await?;
        for table in tables.iter().filter(|table| !BORN_WITH.contains(&table.name.as_str())) {
            if copying::rows(std::slice::from_ref(table), &mut into).await? > 0 {
                let reason = format!(
                    "this hub is not empty (table {} has rows): restore into another data folder or database",
                    table.name
                );
                return Err(StorageError::Backup { path: path.to_owned(), reason });
            }
        }
        let own = sqlx::query("SELECT epoch FROM event_store_epoch").fetch_one(&mut *into).await?;
        let rows = copying::copy(&tables, (Engine::Sqlite, &mut from), (self.engine(), &mut into), watcher).await?;
        let own: String = own.try_get(0)?;
        sqlx::query("UPDATE event_store_epoch SET epoch = $1").bind(own).execute(&mut *into).await?;
        // The lake's files may be elsewhere by now, or gone: each game is put there anew, what is there of it removed.
        for anew in ["UPDATE lake_files SET state = 'removing'", "DELETE FROM lake_games", "DELETE FROM lake_progress"]
        {
            sqlx::query(anew).execute(&mut *into).await?;
        }
        // Sessions that were ended since must not come back: everybody logs in anew, programs get new keys.
        sqlx::query("DELETE FROM sessions").execute(&mut *into).await?;
        self.look_that_it_opens(&mut into).await?;
        self.bury(&mut into).await?;
        into.commit().await?;
        from.commit().await?;
        file.close().await;
        Ok(rows)
    }
}

/// Where the root key of a backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKeyIn {
    /// In the backup.
    Within(Vec<u8>),
    /// Kept apart: without it the backup is not taken back.
    Apart,
    /// Nothing in it is sealed: an older hub made it.
    Nowhere,
}

/// Where the root key of the backup at `path` is.
pub async fn root_key_in(path: &Path) -> Result<RootKeyIn, StorageError> {
    let fault = |reason: String| StorageError::Backup { path: path.to_owned(), reason };
    let (versions, files) = look_into(path).await.map_err(fault)?;
    let within = files.into_iter().find(|(name, _)| name == ROOT_KEY).map(|(_, bytes)| RootKeyIn::Within(bytes));
    let without = if versions.contains(&SEALING) { RootKeyIn::Apart } else { RootKeyIn::Nowhere };
    Ok(within.unwrap_or(without))
}

/// Where a file of a backup lies: what seals it holds it there.
fn place_of(name: &str) -> String {
    format!("backup_files/{name}")
}

/// Puts `beside` into the backup and proves that it can be read: how many rows it has.
async fn finish(part: &Path, beside: &[Beside]) -> Result<u64, StorageError> {
    let options = config::of_file(part, false)?;
    let mut connection = AnyConnection::connect_with(&options).await?;
    // One file, without a journal beside it, also where nothing can be written.
    sqlx::query("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await?;
    let mut transaction = connection.begin().await?;
    let files = "CREATE TABLE backup_files (name TEXT PRIMARY KEY, bytes BLOB NOT NULL)";
    sqlx::query(files).execute(&mut *transaction).await?;
    for (name, bytes) in beside {
        let insert = sqlx::query("INSERT INTO backup_files (name, bytes) VALUES ($1, $2)");
        insert.bind(name).bind(bytes.as_slice()).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    let rows = copying::rows(&copying::tables(&mut connection).await?, &mut connection).await?;
    connection.close().await?;
    look_into(part).await.map_err(|reason| StorageError::Backup { path: part.to_owned(), reason })?;
    Ok(rows)
}

/// Versions of a backup's tables, and the files in it; what is wrong when it is none or was harmed.
async fn look_into(path: &Path) -> Result<(Vec<i64>, Vec<Beside>), String> {
    let harmed = |error: sqlx::Error| format!("is no backup of a hub, or was harmed: {error}");
    fs::metadata(path).map_err(|error| error.to_string())?;
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(harmed)?;
    let checked = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
    let found: String = checked.and_then(|row| row.try_get(0)).map_err(harmed)?;
    if found != "ok" {
        return Err(format!("was harmed: {found}"));
    }
    let versions = "SELECT version FROM _sqlx_migrations WHERE success";
    let rows = sqlx::query(versions).fetch_all(&mut connection).await;
    let versions = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect()).map_err(harmed)?;
    let rows = sqlx::query("SELECT name, bytes FROM backup_files ORDER BY name").fetch_all(&mut connection).await;
    let beside = rows.and_then(|rows| rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect());
    let found = (versions, beside.map_err(harmed)?);
    connection.close().await.map_err(harmed)?;
    Ok(found)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes what an open file has beside it, and the file.
fn remove(path: &Path) {
    for gone in [with_end(path, "-wal"), with_end(path, "-shm"), path.with_extension("lock"), path.to_owned()] {
        let _ = fs::remove_file(gone);
    }
}
