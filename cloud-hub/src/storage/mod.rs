//! Where the hub's bytes live: the only folder that knows which engine keeps them.
//!
//! Comes in: typed rows. Goes out: typed rows, after the commit. One file a subject holds its SQL, which both engines
//! understand: `$1` for what is bound, numbers of 64 bits, text and bytes, `"offset"` in quotes, `RETURNING`, and no
//! function that only one of them has; the tables stand in `migrations/`. [`engine`] holds what differs. Never: a
//! decision about hockey. On failure a transaction leaves nothing behind and the caller is told.

pub mod config;
mod engine;
mod migrations;
#[cfg(test)]
mod shapes;
pub mod records;
pub mod reading;
mod side_by_side;
pub mod reconciling;
pub mod projected;
pub mod access;
pub mod accounts;
pub mod sessions;
pub mod audit;
pub mod enrolments;
pub mod commands;
pub mod objects;
pub mod lake;
pub mod wake;
pub mod relay;
pub mod turn;
pub mod copying;
pub mod backup;
pub mod resources;
pub mod hub_events;
pub mod skating;
pub mod correcting;
pub mod boxes;
mod sealing;
pub mod keyring;

use self::{
    config::StorageConfig,
    engine::{Engine, Transaction},
    keyring::Keyring,
};
use sqlx::{AnyPool, any::AnyConnectOptions};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// What storage cannot do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file cannot be opened or brought up to date.
    #[error("database {path}: {source} (is the folder writable, and the file from this version or an older one?)")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the engine says.
        source: sqlx::Error,
    },
    /// The server cannot be reached or its tables cannot be brought up to date.
    #[error(
        "database {address}: {source} (does the server run, are database, user and password right, and are the tables \
         from this version or an older one?)"
    )]
    Connect {
        /// Which server, without the password.
        address: String,
        /// What the engine says.
        source: sqlx::Error,
    },
    /// Objects cannot be reached, written or read.
    #[error("objects {address}: {source}")]
    Objects {
        /// Which folder or bucket.
        address: String,
        /// What is wrong.
        source: object_store::Error,
    },
    /// Redis cannot be reached or does not answer.
    #[error("redis {address}: {source}")]
    Relay {
        /// Which Redis, without the password.
        address: String,
        /// What is wrong.
        source: redis::RedisError,
    },
    /// A statement failed; its transaction left nothing behind.
    #[error("database: {0}")]
    Engine(#[from] sqlx::Error),
    /// The key that sealed it was destroyed: nobody can read it.
    #[error("database: what data key {0} sealed is erased")]
    Erased(i64),
    /// A row holds what this version cannot read.
    #[error("database: {table} {row}: {reason}")]
    Row {
        /// Which table.
        table: &'static str,
        /// Its number.
        row: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// The root key cannot be read, written or is another's.
    #[error("storage.root_key {path} {reason}")]
    Keys {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A backup cannot be made or taken back.
    #[error("backup {path}: {reason}")]
    Backup {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// The hub's database. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    writer: AnyPool,
    readers: AnyPool,
    keyring: Keyring,
    /// With its password: never printed.
    options: AnyConnectOptions,
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens what `config` names, a file in the folder `data` or a server, and brings its tables up to date.
    pub async fn connect(config: &StorageConfig, data: &Path) -> Result<Self, StorageError> {
        let root_key = data.join(&config.root_key);
        if let Some(path) = config.file(data) {
            let database = Self::open_tables(&path, root_key).await?;
            database.open_keyring().await?;
            return Ok(database);
        }
        sqlx::any::install_default_drivers();
        let served = async {
            let options = config.server()?;
            let patient = Engine::Postgresql.patient(options.clone()).await?;
            migrations::run(Engine::Postgresql, &patient).await?;
            patient.close().await;
            Self::pooled(Engine::Postgresql, options.clone(), options, root_key).await
        };
        let database: Self =
            served.await.map_err(|source| StorageError::Connect { address: config.database.to_string(), source })?;
        database.open_keyring().await?;
        Ok(database)
    }

    /// Opens or makes the file at `path`, with its root key beside it, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        let beside = path.parent().unwrap_or(Path::new("")).join(StorageConfig::default().root_key);
        let database = Self::open_tables(path, beside).await?;
        database.open_keyring().await?;
        Ok(database)
    }

    /// For files of this folder: opens or makes the file at `path`; whether its root key is there is not looked at.
    pub(in crate::storage) async fn open_tables(path: &Path, root_key: PathBuf) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        let opened = async {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            // `cloud-hub edges` and a starting hub may both find an older file: one after the other.
            let turn = fs::File::create(path.with_extension("lock"))?;
            turn.lock()?;
            let database =
                Self::pooled(Engine::Sqlite, config::of_file(path, true)?, config::of_file(path, false)?, root_key)
                    .await?;
            migrations::run(Engine::Sqlite, &database.writer).await?;
            Ok(database)
        };
        opened.await.map_err(|source| StorageError::Open { path: path.to_owned(), source })
    }

    async fn pooled(
        engine: Engine,
        writer: AnyConnectOptions,
        options: AnyConnectOptions,
        root_key: PathBuf,
    ) -> Result<Self, sqlx::Error> {
        let writer = engine.writer(writer).await?;
        let readers = engine.readers(options.clone()).await?;
        Ok(Self { engine, writer, readers, keyring: Keyring::new(root_key), options })
    }

    /// For files of this folder: which engine it is.
    pub(in crate::storage) fn engine(&self) -> Engine {
        self.engine
    }

    /// For files of this folder: the one connection that writes.
    pub(in crate::storage) fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// For files of this folder: connections that only read.
    pub(in crate::storage) fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// For files of this folder: a transaction that writes, one at a time in all processes.
    pub(in crate::storage) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.engine.begin(&self.writer).await
    }

    /// For files of this folder: a transaction that reads one state of the tables.
    pub(in crate::storage) async fn begin_reading(&self) -> Result<Transaction, sqlx::Error> {
        self.engine.begin_reading(&self.readers).await
    }

    /// Waits for what is under way and closes the connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// `text` as both engines hold it: PostgreSQL has no zero character, and neither must a box's batch be refused for ever nor
/// a stranger's question be our failure.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::records::{Delivery, Opened};
    use firmware_protocol::network::{Answer, Stream};

    fn delivery(bytes: usize) -> [Delivery; 1] {
        let (reason, bytes) = ("torn".into(), vec![7; bytes]);
        let (venue, edge, records) = ("arena".into(), "a".into(), vec![Opened::Unreadable { reason, bytes }]);
        [Delivery { venue, edge, epoch: 1, stream: Stream::Events, first_sequence: 0, records }]
    }

    #[tokio::test]
    async fn goes_on_after_a_full_disk() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hub.db")).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(database.writer()).await.unwrap();
        let error = database.keep(&delivery(1 << 20)).await.unwrap_err().to_string();
        assert!(error.contains("full"), "{error}");
        assert_eq!(database.keep(&delivery(1)).await.unwrap().answers, [Answer::Kept { next_sequence: 1 }]);
    }
}
