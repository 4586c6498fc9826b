//! What is known of boxes: who has sent anything, and their newest readings; and games by number.

use super::{Database, StorageError, storable};
use firmware_protocol::network::Telemetry;
use sqlx::Row as _;

/// Readings looked at: a box says fewer than this at once.
const NEWEST_READINGS: i64 = 200;

impl Database {
    /// Boxes that have sent anything.
    pub async fn boxes_heard(&self) -> Result<Vec<String>, StorageError> {
        let rows = sqlx::query("SELECT DISTINCT edge FROM high_water ORDER BY edge").fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The newest readings of a box about itself (not of what people wear), newest first; its venue beside each.
    pub async fn newest_readings(&self, edge: &str) -> Result<Vec<(String, Telemetry)>, StorageError> {
        let edge = storable(edge);
        let journals = sqlx::query("SELECT epoch FROM high_water WHERE edge = $1 AND stream = 'telemetry'")
            .bind(&edge)
            .fetch_all(self.readers())
            .await?;
        let mut newest: Vec<(String, Telemetry)> = Vec::new();
        for journal in journals {
            let epoch: i64 = journal.try_get(0)?;
            let rows = sqlx::query(
                "SELECT venue, captured_us, name, subject, value FROM telemetry
                 WHERE edge = $1 AND epoch = $2 ORDER BY sequence DESC LIMIT $3",
            )
            .bind(&edge)
            .bind(epoch)
            .bind(NEWEST_READINGS)
            .fetch_all(self.readers())
            .await?;
            let readings: Vec<(String, Telemetry)> = rows
                .iter()
                .map(|row| {
                    let (captured_us, name) = (row.try_get("captured_us")?, row.try_get("name")?);
                    let (subject, value) = (row.try_get("subject")?, row.try_get("value")?);
                    Ok((row.try_get("venue")?, Telemetry { captured_us, name, subject, value }))
                })
                .collect::<Result<_, sqlx::Error>>()?;
            let at = |readings: &[(String, Telemetry)]| readings.iter().map(|(_, one)| one.captured_us).max();
            if at(&readings) > at(&newest) {
                newest = readings;
            }
        }
        newest.retain(|(_, reading)| reading.subject.is_empty());
        Ok(newest)
    }

    /// The JSON of the rows of `projection` that are about games themselves, of at most `rows_max` games after `game`.
    pub async fn projected_games_after(
        &self,
        projection: &str,
        game: u64,
        rows_max: usize,
    ) -> Result<Vec<(u64, String)>, StorageError> {
        let rows = sqlx::query(
            "SELECT game, payload FROM projection_rows
             WHERE projection = $1 AND game > $2 AND subject = '' ORDER BY game LIMIT $3",
        )
        .bind(projection)
        .bind(game as i64)
        .bind(rows_max as i64)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)? as u64, row.try_get(1)?))).collect()
    }
}
