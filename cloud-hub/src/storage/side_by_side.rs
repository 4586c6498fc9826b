//! Rows by many keys, asked for in parts on all connections that read: a disk that has to look for each row, or a
//! server that is far away, looks for several at once.
//!
//! Comes in: keys, and how a part of them is asked for. Goes out: what was found, part after part in order of the keys.
//! Never: one state of the tables for all parts; each sees what is committed when it begins.

use super::{Database, StorageError, engine::READERS};
use futures_util::future::try_join_all;

/// What `ask` finds by each part of `keys`.
pub(super) async fn side_by_side<'k, K, T, F>(keys: &'k [K], ask: impl Fn(&'k [K]) -> F) -> Result<Vec<T>, StorageError>
where
    F: Future<Output = Result<Vec<T>, StorageError>>,
{
    let part = keys.len().div_ceil(READERS as usize).max(1);
    let parts = try_join_all(keys.chunks(part).map(ask)).await?;
    Ok(parts.into_iter().flatten().collect())
}

impl Database {
    /// Opens all connections that read, so that the first who asks much at once does not wait for that.
    pub async fn open_side_by_side(&self) -> Result<(), StorageError> {
        // Held until all are open: each gets one of its own.
        let opened = try_join_all((0..READERS).map(|_| self.begin_reading())).await?;
        for mut reading in opened {
            // Reads what tables there are, once a connection.
            sqlx::query("SELECT COUNT(*) FROM projection_progress").execute(&mut *reading).await?;
        }
        Ok(())
    }
}

/// `$first, …`: `count` of them.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..).take(count).map(|place| format!("${place}")).collect();
    places.join(", ")
}
