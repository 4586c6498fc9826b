//! The table of the skating projection: one row of JSON a game, and how far the track chunks have been read.
//!
//! As `projected` is for events: rows and place move in one transaction, and who reads on from elsewhere changes nothing.

use super::{Database, StorageError, projected::stands_at};
use crate::ids::Offset;
use sqlx::Row as _;

const PROGRESS: &str = "SELECT tracks_place FROM skating_progress WHERE version = $1";

impl Database {
    /// How far skating of `version` has read; the start when it was made by another.
    pub async fn skating_to(&self, version: u32) -> Result<Offset, StorageError> {
        Ok(stands_at(self.readers(), PROGRESS, version).await?)
    }

    /// Writes what the chunks in `from..=to` made of the games' rows; answers `false`, and changes nothing, when the
    /// table does not stand at `from`. From 0 it is emptied first.
    pub async fn project_skating(
        &self,
        version: u32,
        (from, to): (Offset, Offset),
        rows: &[(u64, String)],
    ) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        if stands_at(&mut *transaction, PROGRESS, version).await? != from {
            return Ok(false);
        }
        if from == Offset(0) {
            sqlx::query("DELETE FROM skating_rows").execute(&mut *transaction).await?;
        }
        for (game, payload) in rows {
            sqlx::query(
                "INSERT INTO skating_rows (game, payload) VALUES ($1, $2)
                 ON CONFLICT (game) DO UPDATE SET payload = excluded.payload",
            )
            .bind(*game as i64)
            .bind(payload)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "INSERT INTO skating_progress (one, version, tracks_place) VALUES (1, $1, $2)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version, tracks_place = excluded.tracks_place",
        )
        .bind(i64::from(version))
        .bind(to.0 as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The JSON of one game's row.
    pub async fn skating(&self, game: u64) -> Result<Option<String>, StorageError> {
        let row = sqlx::query("SELECT payload FROM skating_rows WHERE game = $1")
            .bind(game as i64)
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Every row, to compare.
    pub async fn skating_all(&self) -> Result<Vec<(u64, String)>, StorageError> {
        let rows =
            sqlx::query("SELECT game, payload FROM skating_rows ORDER BY game").fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)? as u64, row.try_get(1)?))).collect()
    }

    /// Empties the table; it is made again from the first chunk.
    pub async fn forget_skating(&self) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM skating_rows").execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM skating_progress").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
