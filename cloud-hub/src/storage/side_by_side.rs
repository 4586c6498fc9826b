//! Rows by many keys, asked for in parts on all connections that read: a disk that has to look for each row, or a
//! server that is far away, looks for several at once.
//!
//! Comes in: keys, and how a part of them is asked for. Goes out: what was found, part after part in order of the keys.
//! Never: one state of the tables for all parts; each sees what is committed when it begins.

use super::{StorageError, engine::READERS};
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

/// `$first, …`: `count` of them.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..).take(count).map(|place| format!("${place}")).collect();
    places.join(", ")
}
