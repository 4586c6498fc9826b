//! The lake: every position of the games that are over, as Parquet files in the objects, for whoever outgrows this hub.
//!
//! Comes in: chunks of player states, which were committed before their box was answered. Goes out: files
//! `league=…/venue=…/game=…/period=…/positions-….parquet`, each chunk in one of them, once. What comes late of a
//! game makes further files. Never: a chunk taken out of the event store; a file that is there and not noted, but for one
//! that a killed hub was writing, which the game's next turn removes. When objects fail it tries again a minute later.

mod config;
mod selection;
mod parquet_file;
mod arrow_stream;
mod csv_text;
pub mod export;

pub use config::LakeConfig;
pub use selection::Selection;

use self::parquet_file::Positions;
use crate::{
    event_store::EventStore,
    ids::Offset,
    storage::{
        Database, StorageError,
        lake::{LakeFile, Waiting},
        objects::Objects,
        reading::StoredTracks,
    },
};
use parquet::errors::ParquetError;
use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often is looked for games that are over.
const LOOK: Duration = Duration::from_mins(1);
/// Chunks read at a time: four minutes of a game, 3 MB.
const CHUNKS_MAX: usize = 256;
/// Events read at a time.
const EVENTS_MAX: usize = 1_000;

/// Why a game is not in the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The database or the objects failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file cannot be made.
    #[error("lake, game {game}: {source}")]
    File {
        /// Which game.
        game: u64,
        /// What is wrong.
        source: ParquetError,
    },
}

/// The lake of one hub. Clones share everything.
#[derive(Debug, Clone)]
pub struct Lake {
    store: EventStore,
    database: Database,
    objects: Objects,
    config: LakeConfig,
}

impl Lake {
    /// The lake in `objects`.
    pub fn new(store: EventStore, database: Database, objects: Objects, config: LakeConfig) -> Self {
        Self { store, database, objects, config }
    }

    /// Puts games that are over into the lake until `stop`. `now_us` tells the time, microseconds UTC.
    pub async fn run(&self, now_us: fn() -> i64, stop: CancellationToken) {
        let quiet_us = i64::from(self.config.quiet_minutes) * 60_000_000;
        let looking = async {
            if quiet_us == 0 {
                return;
            }
            loop {
                if let Err(error) = self.compact_ended(now_us() - quiet_us).await {
                    metrics::counter!("lake_failures_total").increment(1);
                    tracing::error!(%error, "a game did not reach the lake: trying again");
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    /// Puts every game into the lake whose newest position is from before `ended_us`: the files made.
    pub async fn compact_ended(&self, ended_us: i64) -> Result<Vec<LakeFile>, LakeError> {
        let mut files = Vec::new();
        let waiting = self.database.lake_waiting().await?;
        let over = waiting.iter().filter(|game| game.end_us < ended_us).count();
        metrics::gauge!("lake_games_waiting").set(over as f64);
        for game in waiting {
            if game.end_us < ended_us {
                files.extend(self.compact(game).await?);
            }
        }
        metrics::gauge!("lake_games_waiting").set(0.0);
        Ok(files)
    }

    async fn compact(&self, waiting: Waiting) -> Result<Vec<LakeFile>, LakeError> {
        let Waiting { game, after, .. } = waiting;
        let begun = self.database.lake_files(game, false).await?;
        self.remove(&self.database.lake_give_up(begun).await?).await?;
        let periods = self.periods(game).await?;
        let mut files = Growing::new();
        let mut to = after;
        loop {
            let chunks = self.database.tracks_of_game(game, to, CHUNKS_MAX).await?;
            let Some(last) = chunks.last() else { break };
            to = last.offset;
            let periods = periods.clone();
            // Sorting and compressing keep a core busy for a while.
            let added = tokio::task::spawn_blocking(move || add(files, &chunks, &periods)).await;
            files = added.expect("it does not panic").map_err(|source| LakeError::File { game, source })?;
        }
        let finished = tokio::task::spawn_blocking(move || finish(files)).await.expect("it does not panic");
        let finished = finished.map_err(|source| LakeError::File { game, source })?;
        // Of each attempt, so that no two hubs write the same file.
        let attempt = RandomState::new().build_hasher().finish();
        let mut noted = Vec::new();
        let mut contents = Vec::new();
        for ((venue, period), (first, last), (bytes, rows)) in finished {
            let league = &self.config.league;
            let name = format!(
                "league={league}/venue={venue}/game={game}/period={period}/positions-{:012}-{:012}-{attempt:016x}.parquet",
                first.0, last.0
            );
            noted.push(LakeFile { name, rows, bytes: bytes.len() as u64 });
            contents.push(bytes);
        }
        self.database.lake_begin(game, &noted).await?;
        for (file, bytes) in noted.iter().zip(contents) {
            self.objects.put(&file.name, bytes).await?;
        }
        if !self.database.lake_finish(game, (after, to), &noted).await? {
            // Another hub was faster.
            self.remove(&noted).await?;
            return Ok(Vec::new());
        }
        metrics::counter!("lake_positions_total").increment(noted.iter().map(|file| file.rows).sum());
        tracing::info!(game, files = noted.len(), "a game is in the lake");
        Ok(noted)
    }

    async fn remove(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        for file in files {
            self.objects.remove(&file.name).await?;
        }
        Ok(self.database.lake_forget(files).await?)
    }

    /// From when on which period was played, by the clocks of the game's events.
    async fn periods(&self, game: u64) -> Result<Vec<(i64, u8)>, LakeError> {
        let (mut periods, mut after) = (Vec::new(), Offset(0));
        loop {
            let events = self.store.read_game_after(game, after, EVENTS_MAX).await?;
            let Some(last) = events.last() else { break };
            after = last.offset;
            periods.extend(events.iter().map(|stored| (stored.event.captured_us, stored.event.clock.period)));
        }
        periods.sort_unstable();
        periods.dedup_by_key(|(_, period)| *period);
        Ok(periods)
    }
}

type Growing = BTreeMap<(String, u8), (Offset, Offset, Positions<Vec<u8>>)>;
type Finished = Vec<((String, u8), (Offset, Offset), (Vec<u8>, u64))>;

fn add(mut files: Growing, chunks: &[StoredTracks], periods: &[(i64, u8)]) -> Result<Growing, ParquetError> {
    for tracks in chunks {
        let key = (tracks.venue.clone(), period(periods, tracks.chunk.start_us));
        if !files.contains_key(&key) {
            files.insert(key.clone(), (tracks.offset, tracks.offset, Positions::new(Vec::new())?));
        }
        let (_, last, positions) = files.get_mut(&key).expect("it is there now");
        *last = tracks.offset;
        positions.add(tracks, &Selection::everything(tracks.chunk.game))?;
    }
    Ok(files)
}

fn finish(files: Growing) -> Result<Finished, ParquetError> {
    let finish = |(key, (first, last, positions)): (_, (_, _, Positions<Vec<u8>>))| {
        Ok((key, (first, last), positions.finish()?))
    };
    files.into_iter().map(finish).collect()
}

/// The period at `captured_us`: what is before the first event is its period's, and 0 when nothing is known.
fn period(periods: &[(i64, u8)], captured_us: i64) -> u8 {
    let at = periods.partition_point(|(since_us, _)| *since_us <= captured_us);
    periods.get(at.saturating_sub(1)).map_or(0, |(_, period)| *period)
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn an_instant_is_in_the_period_that_began_last() {
        let periods = [(10, 1), (50, 2)];
        assert_eq!([0, 10, 49, 50, 99].map(|at| period(&periods, at)), [1, 1, 1, 2, 2]);
        assert_eq!(period(&[], 5), 0);
    }
}
