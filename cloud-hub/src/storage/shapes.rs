//! For tests: an empty store in each shape, a file and a database of a PostgreSQL that this program started.

#[path = "../../tests/trial/postgresql.rs"]
mod postgresql;

use super::{Database, config::StorageConfig};
use tempfile::TempDir;

/// One empty store.
pub(in crate::storage) struct Shape {
    pub(in crate::storage) config: StorageConfig,
    pub(in crate::storage) folder: TempDir,
}

impl Shape {
    /// Opens it; as often as wanted.
    pub(in crate::storage) async fn open(&self) -> Database {
        Database::connect(&self.config, self.folder.path()).await.unwrap()
    }
}

/// SQLite, then PostgreSQL.
pub(in crate::storage) async fn each() -> [Shape; 2] {
    let database = postgresql::database().await.as_str().into();
    [StorageConfig::default(), StorageConfig { database, ..StorageConfig::default() }]
        .map(|config| Shape { config, folder: tempfile::tempdir().unwrap() })
}
