//! The tables of the projections: rows of JSON and how far the events have been read, moved in one transaction.
//!
//! Comes in: rows made from the events up to an offset. Goes out: rows. Never: what a row means. A projector that reads
//! on from another place than the tables stand at changes nothing and is told.

use super::{
    Database, StorageError,
    side_by_side::{places, side_by_side},
};
use crate::ids::Offset;
use sqlx::{Any, AssertSqlSafe, Executor, Row as _};

/// One row of a read table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectedRow {
    /// Which projection.
    pub projection: String,
    /// Which game.
    pub game: u64,
    /// Whom it is about within the game; empty for the game itself.
    pub subject: String,
    /// Capture time of the newest event in it, microseconds UTC.
    pub updated_us: i64,
    /// JSON.
    pub payload: String,
}

/// How far the tables of a version have read.
pub(super) const PROGRESS: &str = "SELECT events_offset FROM projection_progress WHERE version = $1";

/// What `progress` says of `version`; the start when the tables were made by another.
pub(super) async fn stands_at<'e>(
    connection: impl Executor<'e, Database = Any>,
    progress: &'static str,
    version: u32,
) -> Result<Offset, sqlx::Error> {
    let row = sqlx::query(progress).bind(i64::from(version)).fetch_optional(connection).await?;
    Ok(Offset(row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))? as u64))
}

impl Database {
    /// Which event store this is.
    pub async fn epoch(&self) -> Result<String, StorageError> {
        let row = sqlx::query("SELECT epoch FROM event_store_epoch").fetch_one(self.readers()).await?;
        Ok(row.try_get(0)?)
    }

    /// How far projections of `version` have read; the start when they were made by another.
    pub async fn projected_to(&self, version: u32) -> Result<Offset, StorageError> {
        Ok(stands_at(self.readers(), PROGRESS, version).await?)
    }

    /// Writes what the events in `from..=to` made of the rows; answers `false`, and changes nothing, when the tables do
    /// not stand at `from`. From 0 the tables are emptied first.
    pub async fn project(
        &self,
        version: u32,
        (from, to): (Offset, Offset),
        rows: &[ProjectedRow],
    ) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        if stands_at(&mut *transaction, PROGRESS, version).await? != from {
            return Ok(false);
        }
        if from == Offset(0) {
            sqlx::query("DELETE FROM projection_rows").execute(&mut *transaction).await?;
        }
        for row in rows {
            sqlx::query(
                "INSERT INTO projection_rows (projection, game, subject, updated_us, payload) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (projection, game, subject) DO UPDATE SET updated_us = excluded.updated_us, payload = excluded.payload",
            )
            .bind(&row.projection)
            .bind(row.game as i64)
            .bind(&row.subject)
            .bind(row.updated_us)
            .bind(&row.payload)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "INSERT INTO projection_progress (one, version, events_offset) VALUES (1, $1, $2)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version, events_offset = excluded.events_offset",
        )
        .bind(i64::from(version))
        .bind(to.0 as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Empties the read tables; the projector makes them again from the first event.
    pub async fn forget_projections(&self) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM projection_rows").execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM projection_progress").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The JSON of one row.
    pub async fn projected(&self, projection: &str, game: u64, subject: &str) -> Result<Option<String>, StorageError> {
        let row =
            sqlx::query("SELECT payload FROM projection_rows WHERE projection = $1 AND game = $2 AND subject = $3")
                .bind(projection)
                .bind(game as i64)
                .bind(subject)
                .fetch_optional(self.readers())
                .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The JSON of every row of a game, in order of subject.
    pub async fn projected_of_game(&self, projection: &str, game: u64) -> Result<Vec<String>, StorageError> {
        let rows =
            sqlx::query("SELECT payload FROM projection_rows WHERE projection = $1 AND game = $2 ORDER BY subject")
                .bind(projection)
                .bind(game as i64)
                .fetch_all(self.readers())
                .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The JSON of the rows of `games`, each with its game.
    pub async fn projected_of_games(
        &self,
        projection: &str,
        games: &[u64],
    ) -> Result<Vec<(u64, String)>, StorageError> {
        side_by_side(games, |games| async move {
            let query = format!(
                "SELECT game, payload FROM projection_rows WHERE projection = $1 AND subject = '' AND game IN ({})",
                places(2, games.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(query)).bind(projection);
            for game in games {
                query = query.bind(*game as i64);
            }
            let rows = query.fetch_all(self.readers()).await?;
            rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)? as u64, row.try_get(1)?))).collect()
        })
        .await
    }

    /// The game whose row of `projection` holds the newest event.
    pub async fn projected_newest_game(&self, projection: &str) -> Result<Option<u64>, StorageError> {
        let row = sqlx::query(
            "SELECT game FROM projection_rows WHERE projection = $1 ORDER BY updated_us DESC, game DESC LIMIT 1",
        )
        .bind(projection)
        .fetch_optional(self.readers())
        .await?;
        Ok(row.map(|row| row.try_get::<i64, _>(0)).transpose()?.map(|game| game as u64))
    }

    /// Every row of every projection, to compare.
    pub async fn projected_all(&self) -> Result<Vec<ProjectedRow>, StorageError> {
        let query = "SELECT projection, game, subject, updated_us, payload FROM projection_rows
                     ORDER BY projection, game, subject";
        let rows = sqlx::query(query).fetch_all(self.readers()).await?;
        rows.iter()
            .map(|row| {
                Ok(ProjectedRow {
                    projection: row.try_get("projection")?,
                    game: row.try_get::<i64, _>("game")? as u64,
                    subject: row.try_get("subject")?,
                    updated_us: row.try_get("updated_us")?,
                    payload: row.try_get("payload")?,
                })
            })
            .collect()
    }
}
