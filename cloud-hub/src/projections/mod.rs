//! Read tables, made from the event store alone: they may be deleted at any time and are made again.
//!
//! Comes in: events and track chunks in the order of the event store, and corrections. Goes out: [`games`] (score, clock,
//! shots, counts by side), [`players`] (ice time, shifts, shots … by game), [`ledger`] and [`skating`] (what
//! [`statistics`] are counted from), read through [`Projections`]; [`resources`], made with the facts themselves; and
//! [`freshness`], what is known of lag and boxes, which is not kept. Never: a row that depends on anything but the events before its offset, so a
//! rebuilt table equals the live one. When the disk fails the projector tries again; readers see the last whole state.

pub mod games;
pub mod players;
pub mod ledger;
pub mod skating;
pub mod statistics;
pub mod together;
pub mod resources;
pub mod freshness;
mod folding;
pub mod projector;
pub mod follower;

pub use freshness::Freshness;
pub use games::Game;
pub use ledger::Ledger;
pub use players::Player;
pub use skating::Skating;
pub use together::{Lines, Together};

use crate::{
    ids::Offset,
    storage::{Database, StorageError, enrolments::Enrolment, resources::ResourceRow},
};
use firmware_protocol::network::Telemetry;
use serde::{Serialize, de::DeserializeOwned};

/// Raised when a fold changes: tables made by another version are made again.
pub const VERSION: u32 = 4;

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

    /// At most `rows_max` games of which anything was seen, after number `game`.
    pub async fn games_after(&self, game: u64, rows_max: usize) -> Result<Vec<Game>, ProjectionError> {
        let rows = self.database.projected_games_after(games::PROJECTION, game, rows_max).await?;
        rows.iter().map(|(game, payload)| read(games::PROJECTION, *game, payload)).collect()
    }

    /// Boxes that have sent anything, and enrolments that are in force.
    pub async fn boxes(&self) -> Result<(Vec<String>, Vec<Enrolment>), ProjectionError> {
        Ok((self.database.boxes_heard().await?, self.database.enrolments_in_force().await?))
    }

    /// The newest readings of a box about itself, newest first, with its venue.
    pub async fn readings(&self, edge: &str) -> Result<Vec<(String, Telemetry)>, ProjectionError> {
        Ok(self.database.newest_readings(edge).await?)
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

    /// Who was on the ice when in `game`, and what happened; `None` before anything did.
    pub async fn ledger(&self, game: u64) -> Result<Option<Ledger>, ProjectionError> {
        let payload = self.database.projected(ledger::PROJECTION, game, "").await?;
        payload.map(|payload| read(ledger::PROJECTION, game, &payload)).transpose()
    }

    /// Who was on the ice together in each of `games` of which anything was seen.
    pub async fn together(&self, games: &[u64]) -> Result<Vec<(u64, Together)>, ProjectionError> {
        let rows = self.database.projected_of_games(together::PROJECTION, games).await?;
        let together = |(game, payload): &(u64, String)| {
            let fault = || ProjectionError::Row {
                projection: together::PROJECTION,
                game: *game,
                reason: "it cannot be unpacked".to_owned(),
            };
            Together::unpacked(payload).map(|together| (*game, together)).ok_or_else(fault)
        };
        // Eighty games are some milliseconds of unpacking.
        let unpacking = tokio::task::spawn_blocking(move || rows.iter().map(together).collect());
        unpacking.await.expect("unpacking says what is wrong and does not panic")
    }

    /// The lines of at most `rows_max` games after number `game`.
    pub async fn lines_after(&self, game: u64, rows_max: usize) -> Result<Vec<(u64, Lines)>, ProjectionError> {
        let rows = self.database.projected_games_after(together::LINES, game, rows_max).await?;
        rows.iter().map(|(game, payload)| Ok((*game, read(together::LINES, *game, payload)?))).collect()
    }

    /// How `game` was skated; empty before a track chunk came.
    pub async fn skating(&self, game: u64) -> Result<Skating, ProjectionError> {
        let payload = self.database.skating(game).await?;
        payload.map_or_else(|| Ok(Skating::default()), |payload| read("skating", game, &payload))
    }

    /// The newest state of the thing `id` of `kind`.
    pub async fn resource(&self, kind: &str, id: &str) -> Result<Option<ResourceRow>, ProjectionError> {
        Ok(self.database.resource(kind, id).await?)
    }

    /// At most `rows_max` things of `kind` after `id`, in order of id; with `link`, only those it finds.
    pub async fn resources(
        &self,
        kind: &str,
        link: Option<(&str, &str)>,
        id: &str,
        rows_max: usize,
    ) -> Result<Vec<ResourceRow>, ProjectionError> {
        Ok(self.database.resources_after(kind, link, id, rows_max).await?)
    }

    /// At most `rows_max` things of `kind` that `link` finds, in `between` by id; not for pages.
    pub async fn resources_between(
        &self,
        kind: &str,
        link: (&str, &str),
        between: (&str, &str),
        rows_max: usize,
    ) -> Result<Vec<ResourceRow>, ProjectionError> {
        Ok(self.database.resources_between(kind, link, between, rows_max).await?)
    }

    /// How far the tables have read.
    pub async fn offset(&self) -> Result<Offset, ProjectionError> {
        Ok(self.database.projected_to(VERSION).await?)
    }
}

fn read<T: DeserializeOwned>(projection: &'static str, game: u64, payload: &str) -> Result<T, ProjectionError> {
    serde_json::from_str(payload).map_err(|error| ProjectionError::Row { projection, game, reason: error.to_string() })
}

fn json<T: Serialize>(row: &T) -> String {
    serde_json::to_string(row).expect("a row of numbers and words is JSON")
}
