//! Read tables after corrections: all rows of one game replaced, and how far corrections have been read.

use super::{
    Database, StorageError,
    projected::{PROGRESS, ProjectedRow, stands_at},
};
use crate::ids::Offset;
use sqlx::Row as _;

impl Database {
    /// Up to where corrections are in the read tables.
    pub async fn corrected_to(&self) -> Result<Offset, StorageError> {
        let row = sqlx::query("SELECT hub_place FROM corrections_progress").fetch_optional(self.readers()).await?;
        Ok(Offset(row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))? as u64))
    }

    /// Corrections up to `place` are in the read tables.
    pub async fn set_corrected_to(&self, place: Offset) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO corrections_progress (one, hub_place) VALUES (1, $1)
             ON CONFLICT (one) DO UPDATE SET hub_place = excluded.hub_place",
        )
        .bind(place.0 as i64)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Puts `rows` in place of all rows of `game`; answers `false`, and changes nothing, when the tables of `version` do
    /// not stand at `stands`.
    pub async fn project_anew(
        &self,
        version: u32,
        stands: Offset,
        game: u64,
        rows: &[ProjectedRow],
    ) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        if stands_at(&mut *transaction, PROGRESS, version).await? != stands {
            return Ok(false);
        }
        sqlx::query("DELETE FROM projection_rows WHERE game = $1").bind(game as i64).execute(&mut *transaction).await?;
        for row in rows {
            sqlx::query(
                "INSERT INTO projection_rows (projection, game, subject, updated_us, payload)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&row.projection)
            .bind(row.game as i64)
            .bind(&row.subject)
            .bind(row.updated_us)
            .bind(&row.payload)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}
