//! Read tables, made from the event store alone: they may be deleted at any time and are made again.
//!
//! Comes in: events in the order of the event store. Goes out: [`games`] (score, clock, shots, counts by side) and
//! [`players`] (ice time, shifts, shots … by game), read through [`Projections`]; and [`freshness`], what is known of
//! lag and boxes, which is not kept. Never: a row that depends on anything but the events before its offset, so a
//! rebuilt table equals the live one. When the disk fails the projector tries again; readers see the last whole state.

pub mod games;
pub mod players;
pub mod freshness;
pub mod projector;

pub use freshness::Freshness;
pub use games::Game;
pub use players::Player;

use crate::{
    ids::Offset,
    storage::{Database, StorageError},
};
use serde::de::DeserializeOwned;

/// Raised when a fold changes: tables made by another version are made again.
pub const VERSION: u32 = 1;

/// Why a projection cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A row is not what this version writes.
    #[error("projection {projection} of game {game}: {reason} (empty the read tables: they are made again)")]
    Row {
        /// Which projection.
        projection: &'static str,
        /// Which game.
        game: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// The read tables. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Projections {
    database: Database,
}

impl Projections {
    /// The read tables in `database`.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// One game, when anything happened in it.
    pub async fn game(&self, game: u64) -> Result<Option<Game>, ProjectionError> {
        let payload = self.database.projected(games::PROJECTION, game, "").await?;
        payload.map(|payload| read(games::PROJECTION, game, &payload)).transpose()
    }

    /// The game with the newest event.
    pub async fn newest_game(&self) -> Result<Option<u64>, ProjectionError> {
        Ok(self.database.projected_newest_game(games::PROJECTION).await?)
    }

    /// Everybody who did something in `game`: home before away, by number.
    pub async fn players(&self, game: u64) -> Result<Vec<Player>, ProjectionError> {
        let payloads = self.database.projected_of_game(players::PROJECTION, game).await?;
        let players: Result<Vec<Player>, _> =
            payloads.iter().map(|payload| read(players::PROJECTION, game, payload)).collect();
        let mut players = players?;
        players.sort_by_key(|player| (player.side, player.number));
        Ok(players)
    }

    /// How far the tables have read.
    pub async fn offset(&self) -> Result<Offset, ProjectionError> {
        Ok(self.database.projected_to(VERSION).await?)
    }
}

fn read<T: DeserializeOwned>(projection: &'static str, game: u64, payload: &str) -> Result<T, ProjectionError> {
    serde_json::from_str(payload).map_err(|error| ProjectionError::Row { projection, game, reason: error.to_string() })
}
