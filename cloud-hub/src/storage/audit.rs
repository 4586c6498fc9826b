//! The audit as it lies: entries, the hashes of whole subtrees over them, and signed heads.
//!
//! Comes in: entries, and how two hashes make one. Goes out: entries in order, and the few hashes a head is made of. An
//! entry and its hashes are one transaction. Never: a change or a removal; there is no statement for either.

use super::{Database, StorageError};
use sqlx::Row as _;

/// Makes a leaf's hash of an entry, and a node's of two.
#[derive(Debug, Clone, Copy)]
pub struct Hashing {
    /// Of an entry.
    pub leaf: fn(&str) -> String,
    /// Of two subtrees, left and right.
    pub node: fn(&str, &str) -> String,
}

impl Database {
    /// Appends entries; `entry` is told each one's number and says its text. Answers how many there are then.
    pub async fn append_audit(
        &self,
        count: usize,
        entry: impl Fn(usize, u64) -> String,
        hashing: Hashing,
    ) -> Result<u64, StorageError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query("SELECT COALESCE(MAX(number) + 1, 0) FROM audit").fetch_one(&mut *transaction).await?;
        let first = row.try_get::<i64, _>(0)? as u64;
        for index in 0..count {
            let number = first + index as u64;
            let text = entry(index, number);
            sqlx::query("INSERT INTO audit (number, entry) VALUES ($1, $2)")
                .bind(number as i64)
                .bind(&text)
                .execute(&mut *transaction)
                .await?;
            let (mut level, mut place, mut hash) = (0_i64, number as i64, (hashing.leaf)(&text));
            loop {
                sqlx::query("INSERT INTO audit_nodes (level, place, hash) VALUES ($1, $2, $3)")
                    .bind(level)
                    .bind(place)
                    .bind(&hash)
                    .execute(&mut *transaction)
                    .await?;
                if place % 2 == 0 {
                    break;
                }
                let left = sqlx::query("SELECT hash FROM audit_nodes WHERE level = $1 AND place = $2")
                    .bind(level)
                    .bind(place - 1)
                    .fetch_one(&mut *transaction)
                    .await?;
                hash = (hashing.node)(left.try_get(0)?, &hash);
                (level, place) = (level + 1, place / 2);
            }
        }
        transaction.commit().await?;
        Ok(first + count as u64)
    }

    /// How many entries there are, and the hashes of the whole subtrees they make, largest first.
    pub async fn audit_subtrees(&self) -> Result<(u64, Vec<String>), StorageError> {
        let mut reading = self.begin_reading().await?;
        let row = sqlx::query("SELECT COALESCE(MAX(number) + 1, 0) FROM audit").fetch_one(&mut *reading).await?;
        let size: i64 = row.try_get(0)?;
        let mut hashes = Vec::new();
        for level in (0..i64::from(i64::BITS) - 1).rev().filter(|level| size >> level & 1 == 1) {
            let hash = sqlx::query("SELECT hash FROM audit_nodes WHERE level = $1 AND place = $2")
                .bind(level)
                .bind((size >> level) - 1)
                .fetch_one(&mut *reading)
                .await?;
            hashes.push(hash.try_get(0)?);
        }
        reading.commit().await?;
        Ok((size as u64, hashes))
    }

    /// At most `entries_max` entries from number `from` on, before `before`.
    pub async fn audit_entries(
        &self,
        from: u64,
        before: u64,
        entries_max: usize,
    ) -> Result<Vec<(u64, String)>, StorageError> {
        let rows =
            sqlx::query("SELECT number, entry FROM audit WHERE number >= $1 AND number < $2 ORDER BY number LIMIT $3")
                .bind(from.min(i64::MAX as u64) as i64)
                .bind(before.min(i64::MAX as u64) as i64)
                .bind(entries_max as i64)
                .fetch_all(self.readers())
                .await?;
        rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)? as u64, row.try_get(1)?))).collect()
    }

    /// Keeps a signed head of so many entries; one that is there stays.
    pub async fn keep_checkpoint(&self, size: u64, signed: &str) -> Result<(), StorageError> {
        let query = "INSERT INTO audit_checkpoints (size, signed) VALUES ($1, $2) ON CONFLICT (size) DO NOTHING";
        sqlx::query(query).bind(size as i64).bind(signed).execute(self.writer()).await?;
        Ok(())
    }

    /// Signed heads of at least `from` entries, in order.
    pub async fn checkpoints(&self, from: u64) -> Result<Vec<(u64, String)>, StorageError> {
        let query = "SELECT size, signed FROM audit_checkpoints WHERE size >= $1 ORDER BY size";
        let rows = sqlx::query(query).bind(from.min(i64::MAX as u64) as i64).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)? as u64, row.try_get(1)?))).collect()
    }
}
