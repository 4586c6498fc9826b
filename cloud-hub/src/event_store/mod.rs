//! The truth: what happened, in the order the hub took it. Projections are read from here and may be made again.
//!
//! Comes in: [`Handover`]s from ingest, in a bounded queue. Goes out: an answer for each after its commit, and
//! [`EventStore::follow`], which moves when there is something new to read. Never: changes or removes what it holds.
//! On failure of the disk nothing of the group is kept and the boxes are told to try again.

mod keeping;
mod hearing;

use crate::{
    ids::Offset,
    ingest::Handover,
    storage::{
        Database, StorageError,
        reading::{StoredEvent, StoredTracks},
        reconciling::Account,
    },
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// All events and player states of all boxes. Clones share everything.
#[derive(Debug, Clone)]
pub struct EventStore {
    database: Database,
    event: watch::Sender<Offset>,
    tracks: watch::Sender<Offset>,
}

impl EventStore {
    /// The event store in `database`.
    pub async fn new(database: Database) -> Result<Self, StorageError> {
        let (event, tracks) = database.newest_offsets().await?;
        Ok(Self { database, event: watch::Sender::new(event), tracks: watch::Sender::new(tracks) })
    }

    /// Keeps what ingest hands over, many batches a commit, until `stop` or until every sender is gone.
    pub async fn run(&self, handovers: mpsc::Receiver<Handover>, stop: CancellationToken) {
        keeping::run(self, handovers, stop).await;
    }

    /// Wakes followers when another process has committed into the same database, until `stop`.
    pub async fn hear(&self, stop: CancellationToken) {
        hearing::run(self, stop).await;
    }

    /// Moves `place` on to `offset`, never back: what others committed is heard out of turn.
    fn advance(place: &watch::Sender<Offset>, offset: Offset) {
        place.send_if_modified(|newest| {
            let moves = offset > *newest;
            *newest = offset.max(*newest);
            moves
        });
    }

    /// At most `events_max` events after `offset`, oldest first. `Offset(0)` is before all.
    pub async fn read_after(&self, offset: Offset, events_max: usize) -> Result<Vec<StoredEvent>, StorageError> {
        self.database.events_after(offset, events_max).await
    }

    /// At most `events_max` events of `game` after `offset`, oldest first.
    pub async fn read_game_after(
        &self,
        game: u64,
        offset: Offset,
        events_max: usize,
    ) -> Result<Vec<StoredEvent>, StorageError> {
        self.database.events_of_game(game, offset, events_max).await
    }

    /// The newest events of `game`, at most `events_max`, oldest first.
    pub async fn read_game_newest(&self, game: u64, events_max: usize) -> Result<Vec<StoredEvent>, StorageError> {
        self.database.events_of_game_newest(game, events_max).await
    }

    /// At most `chunks_max` chunks of player states after `offset`, oldest first. Chunks count apart from events.
    pub async fn read_tracks_after(
        &self,
        offset: Offset,
        chunks_max: usize,
    ) -> Result<Vec<StoredTracks>, StorageError> {
        self.database.tracks_after(offset, chunks_max).await
    }

    /// What became of every sequence number that belongs to `game`; empty when nothing of it has come.
    pub async fn accounts(&self, game: u64) -> Result<Vec<Account>, StorageError> {
        self.database.accounts(game).await
    }

    /// The place of the newest event: wakes its holder when there is one more.
    pub fn follow(&self) -> watch::Receiver<Offset> {
        self.event.subscribe()
    }

    /// The place of the newest chunk of player states.
    pub fn follow_tracks(&self) -> watch::Receiver<Offset> {
        self.tracks.subscribe()
    }
}
