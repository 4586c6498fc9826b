//! The two engines, and everything in which they differ: how a connection is set, how a write takes its turn, how what
//! was committed is told to other processes.
//!
//! SQLite in WAL mode keeps the tables of one machine, PostgreSQL those of many hubs at once. In both a commit waits for
//! the disk, because boxes forget what was acknowledged, and in both one transaction writes at a time: so numbers that
//! the engine counts up become visible in their order, and who reads `"offset" > n` misses none.

use super::wake::Newest;
use sqlx::{
    AnyPool, Connection as _, Executor as _,
    any::{Any, AnyConnectOptions, AnyPoolOptions},
};
use std::time::Duration;

/// Connections that read at the same time: more than cores, fewer than would exhaust file handles.
pub(super) const READERS: u32 = 8;
/// PostgreSQL's advisory lock of who writes: any number that nobody else of the database takes.
const WRITING: &str = "SELECT pg_advisory_xact_lock(7447001)";
/// PostgreSQL's channel on which a commit is told.
pub(super) const CHANNEL: &str = "rinkside_kept";
/// A statement that waits for another's turn longer than this fails: the other is stuck, and boxes send again.
const WRITER: [[&str; 4]; 2] = [
    [
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA wal_autocheckpoint = 4000",
    ],
    [
        "SET lock_timeout = '10s'",
        // Of a process that stopped with its turn taken, the turn is taken back.
        "SET idle_in_transaction_session_timeout = '30s'",
        "SET client_min_messages = warning",
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    ],
];
const READER: [[&str; 2]; 2] = [
    ["PRAGMA busy_timeout = 10000", "PRAGMA query_only = on"],
    ["SET default_transaction_read_only = on", "SET client_min_messages = warning"],
];

/// One row of either engine.
pub(in crate::storage) type Row = sqlx::any::AnyRow;
/// One transaction of either engine.
pub(in crate::storage) type Transaction = sqlx::Transaction<'static, Any>;

/// Which engine keeps the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Engine {
    Sqlite,
    Postgresql,
}

impl Engine {
    /// The connection that writes. One, in each process.
    pub(super) async fn writer(self, options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
        self.pool(1, &WRITER[self as usize]).connect_with(options).await
    }

    /// A connection that waits as long as another process brings the tables up to date.
    pub(super) async fn patient(self, options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
        self.pool(1, &[]).connect_with(options).await
    }

    /// The connections that only read.
    pub(super) async fn readers(self, options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
        self.pool(READERS, &READER[self as usize]).connect_with(options).await
    }

    /// A transaction that writes; whoever else wants to, in any process, waits until it ends.
    pub(super) async fn begin(self, writer: &AnyPool) -> Result<Transaction, sqlx::Error> {
        match self {
            Self::Sqlite => writer.begin_with("BEGIN IMMEDIATE").await,
            Self::Postgresql => {
                let mut transaction = writer.begin().await?;
                transaction.execute(WRITING).await?;
                Ok(transaction)
            }
        }
    }

    /// A transaction that reads one state of the tables, whatever is written meanwhile.
    pub(super) async fn begin_reading(self, readers: &AnyPool) -> Result<Transaction, sqlx::Error> {
        match self {
            Self::Sqlite => readers.begin().await,
            Self::Postgresql => readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    /// Tells other processes what is newest once `transaction` is committed.
    pub(super) async fn tell(self, transaction: &mut Transaction, newest: Newest) -> Result<(), sqlx::Error> {
        if self == Self::Postgresql {
            let said = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(newest.to_string());
            said.execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Goes behind a table's name: reads it by `index`. SQLite keeps no statistics here and would take another one, of
    /// whole seasons; PostgreSQL finds it by itself.
    pub(super) fn by(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!("INDEXED BY {index}"),
            Self::Postgresql => String::new(),
        }
    }

    fn pool(self, connections: u32, settings: &'static [&'static str]) -> AnyPoolOptions {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(30))
            // A server may have gone; a file has not, and to ask is to wait for the connection's thread twice.
            .test_before_acquire(self == Self::Postgresql)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for setting in settings {
                        connection.execute(*setting).await?;
                    }
                    Ok(())
                })
            })
            // A full disk makes SQLite take a transaction back by itself. The connection then believes for ever that it is
            // in one and begins no other, so it gives way to a new one.
            .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(!connection.is_in_transaction()))))
    }
}
