//! Which player states lie in the lake, and which wait for it.
//!
//! Files are noted before they are written and again after: what was begun and never finished is found and removed. Of two
//! hubs that compact the same game one finishes, the other is told; a name is never used twice.

use super::{
    Database, StorageError,
    reading::{StoredTracks, tracks_from},
};
use crate::ids::Offset;
use sqlx::Row as _;

/// A file of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeFile {
    /// Its name among the objects.
    pub name: String,
    /// Positions in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// A game of which chunks are not in the lake yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The game.
    pub game: u64,
    /// The newest of its chunks that is in the lake.
    pub after: Offset,
    /// Capture time of its newest position, microseconds UTC.
    pub end_us: i64,
}

impl Database {
    /// The games of which chunks wait for the lake.
    pub async fn lake_waiting(&self) -> Result<Vec<Waiting>, StorageError> {
        let query = "SELECT t.game, COALESCE(MAX(g.chunks_offset), 0), MAX(t.end_us), MIN(t.\"offset\")
                     FROM track_chunks t LEFT JOIN lake_games g ON g.game = t.game
                     WHERE t.\"offset\" > COALESCE((SELECT chunks_offset FROM lake_progress), 0)
                     AND t.\"offset\" > COALESCE(g.chunks_offset, 0) GROUP BY t.game ORDER BY t.game";
        let rows = sqlx::query(query).fetch_all(self.readers()).await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in &rows {
            let (game, after): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            waiting.push(Waiting { game: game as u64, after: Offset(after as u64), end_us: row.try_get(2)? });
        }
        // What comes from now on has higher offsets, so nothing below the oldest that waits is looked at again.
        let oldest = rows.iter().map(|row| row.try_get::<i64, _>(3)).collect::<Result<Vec<_>, _>>()?.into_iter().min();
        if let Some(oldest) = oldest {
            let query = "INSERT INTO lake_progress (one, chunks_offset) VALUES (1, $1)
                         ON CONFLICT (one) DO UPDATE SET chunks_offset = excluded.chunks_offset
                         WHERE lake_progress.chunks_offset < excluded.chunks_offset";
            sqlx::query(query).bind(oldest - 1).execute(self.writer()).await?;
        }
        Ok(waiting)
    }

    /// At most `chunks_max` chunks of `game` after `offset`, oldest first.
    pub async fn tracks_of_game(
        &self,
        game: u64,
        offset: Offset,
        chunks_max: usize,
    ) -> Result<Vec<StoredTracks>, StorageError> {
        let query = "SELECT \"offset\", venue, edge, payload FROM track_chunks
                     WHERE game = $1 AND \"offset\" > $2 ORDER BY \"offset\" LIMIT $3";
        let query = sqlx::query(query).bind(game as i64).bind(offset.0 as i64).bind(chunks_max as i64);
        query.fetch_all(self.readers()).await?.iter().map(tracks_from).collect()
    }

    /// At most `chunks_max` chunks of `game` with a part in `from_us..to_us`, after the one that began at `after.0` and is
    /// called `after.1`: by when they began.
    pub async fn tracks_between(
        &self,
        game: u64,
        (from_us, to_us): (i64, i64),
        (after_us, after): (i64, Offset),
        chunks_max: usize,
    ) -> Result<Vec<StoredTracks>, StorageError> {
        let query = "SELECT \"offset\", venue, edge, payload FROM track_chunks
                     WHERE game = $1 AND end_us >= $2 AND start_us < $3 AND start_us >= $4
                     AND (start_us > $4 OR \"offset\" > $5) ORDER BY start_us, \"offset\" LIMIT $6";
        let query = sqlx::query(query).bind(game as i64).bind(from_us).bind(to_us).bind(after_us);
        let query = query.bind(after.0 as i64).bind(chunks_max as i64);
        query.fetch_all(self.readers()).await?.iter().map(tracks_from).collect()
    }

    /// Whether any position of `game` was kept.
    pub async fn has_tracks(&self, game: u64) -> Result<bool, StorageError> {
        let query = sqlx::query("SELECT 1 FROM track_chunks WHERE game = $1 LIMIT 1").bind(game as i64);
        Ok(query.fetch_optional(self.readers()).await?.is_some())
    }

    /// The files of `game` that are whole, or those that are not.
    pub async fn lake_files(&self, game: u64, whole: bool) -> Result<Vec<LakeFile>, StorageError> {
        let query = "SELECT name, row_count, byte_count FROM lake_files
                     WHERE game = $1 AND (state = 'kept') = ($2 = 1) ORDER BY name";
        let query = sqlx::query(query).bind(game as i64).bind(i64::from(whole));
        let file = |row: &super::engine::Row| {
            Ok(LakeFile {
                name: row.try_get(0)?,
                rows: row.try_get::<i64, _>(1)? as u64,
                bytes: row.try_get::<i64, _>(2)? as u64,
            })
        };
        query.fetch_all(self.readers()).await?.iter().map(file).collect()
    }

    /// Notes that `files` of `game` will be written.
    pub async fn lake_begin(&self, game: u64, files: &[LakeFile]) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        for file in files {
            let query = "INSERT INTO lake_files (name, game, state, row_count, byte_count)
                         VALUES ($1, $2, 'writing', $3, $4)";
            let query = sqlx::query(query).bind(&file.name).bind(game as i64);
            query.bind(file.rows as i64).bind(file.bytes as i64).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes that `files` hold the chunks of `game` in `from..=to`; `false`, and nothing is noted, when the lake does not
    /// stand at `from` any more.
    pub async fn lake_finish(
        &self,
        game: u64,
        (from, to): (Offset, Offset),
        files: &[LakeFile],
    ) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        let stands = sqlx::query("SELECT chunks_offset FROM lake_games WHERE game = $1").bind(game as i64);
        let stands = stands.fetch_optional(&mut *transaction).await?.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?;
        if stands != from.0 as i64 {
            return Ok(false);
        }
        for file in files {
            let kept = sqlx::query("UPDATE lake_files SET state = 'kept' WHERE name = $1 AND state = 'writing'");
            if kept.bind(&file.name).execute(&mut *transaction).await?.rows_affected() == 0 {
                return Ok(false);
            }
        }
        let query = "INSERT INTO lake_games (game, chunks_offset) VALUES ($1, $2)
                     ON CONFLICT (game) DO UPDATE SET chunks_offset = excluded.chunks_offset";
        sqlx::query(query).bind(game as i64).bind(to.0 as i64).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Takes those of `files` that nobody has finished out of the hands of whoever writes them: they may be removed.
    pub async fn lake_give_up(&self, files: Vec<LakeFile>) -> Result<Vec<LakeFile>, StorageError> {
        let mut given_up = Vec::new();
        for file in files {
            let query = sqlx::query("UPDATE lake_files SET state = 'removing' WHERE name = $1 AND state <> 'kept'");
            if query.bind(&file.name).execute(self.writer()).await?.rows_affected() == 1 {
                given_up.push(file);
            }
        }
        Ok(given_up)
    }

    /// Forgets files that are not there any more.
    pub async fn lake_forget(&self, files: &[LakeFile]) -> Result<(), StorageError> {
        for file in files {
            let query = sqlx::query("DELETE FROM lake_files WHERE name = $1 AND state <> 'kept'").bind(&file.name);
            query.execute(self.writer()).await?;
        }
        Ok(())
    }
}
