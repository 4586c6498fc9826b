//! Where the hub's bytes live: the only folder that knows which engine keeps them.
//!
//! Comes in: typed rows. Goes out: typed rows, after the commit. One file a subject holds its SQL; the tables stand in
//! `migrations/`. SQLite in WAL mode: one connection writes and waits for the disk at each commit
//! (`synchronous=FULL`, because boxes forget what was acknowledged), several read. Never: a decision about hockey. On
//! failure a transaction leaves nothing behind and the caller is told.

pub mod records;
pub mod reading;
pub mod reconciling;
pub mod projected;
pub mod enrolments;
pub mod commands;
pub mod resources;
pub mod hub_events;
pub mod skating;
pub mod correcting;
pub mod boxes;

use sqlx::{
    Connection as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Connections that read at the same time: more than cores, fewer than would exhaust file handles.
const READERS: u32 = 8;

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
    /// A statement failed; its transaction left nothing behind.
    #[error("database: {0}")]
    Engine(#[from] sqlx::Error),
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
}

/// The hub's database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Database {
    /// Opens or makes the database at `path` and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        let fault = |source| StorageError::Open { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| fault(error.into()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            .pragma("wal_autocheckpoint", "4000");
        // A full disk makes SQLite take a transaction back by itself. The connection then believes for ever that it is
        // in one and begins no other, so it gives way to a new one.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(fault)?;
        // `cloud-hub edges` and a starting hub may both find an older file: one after the other.
        let turn = std::fs::File::create(path.with_extension("lock")).map_err(|error| fault(error.into()))?;
        turn.lock().map_err(|error| fault(error.into()))?;
        sqlx::migrate!("./migrations").run(&writer).await.map_err(|error| fault(error.into()))?;
        drop(turn);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
            .await
            .map_err(fault)?;
        Ok(Self { writer, readers })
    }

    /// For files of this folder: the one connection that writes.
    pub(in crate::storage) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// For files of this folder: connections that only read.
    pub(in crate::storage) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
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
