//! The truth: what happened, in the order the hub took it. Projections are read from here and may be made again.
//!
//! Comes in: [`Handover`]s from ingest, in a bounded queue; and [`Fact`]s born here, each with the sequence its writer
//! expects. Goes out: an answer for each after its commit, and [`EventStore::follow`], which moves when there is
//! something new to read. Never: changes or removes what it holds; a reading without a limit. On failure of the disk
//! nothing of the group is kept and the boxes are told to try again.

pub mod correction;
pub mod hub_event;
mod keeping;
mod hearing;
pub mod upcasting;

pub use correction::{Correction, Corrections};
pub use hub_event::{Fact, HubEvent};

use crate::{
    ids::Offset,
    ingest::Handover,
    storage::{
        Database, StorageError,
        hub_events::{Appended, Appending, KeptAnswer},
        reading::{StoredEvent, StoredTracks},
        reconciling::Account,
        wake::Newest,
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
    hub: watch::Sender<Offset>,
}

/// Corrections of one game: more is no correcting.
pub const CORRECTIONS_MAX: usize = 5_000;

impl EventStore {
    /// The event store in `database`.
    pub async fn new(database: Database) -> Result<Self, StorageError> {
        let Newest { event, tracks, fact } = database.newest().await?;
        let [event, tracks, hub] = [event, tracks, fact].map(watch::Sender::new);
        Ok(Self { database, event, tracks, hub })
    }

    /// Keeps what ingest hands over, many batches a commit, until `stop` or until every sender is gone.
    pub async fn run(&self, handovers: mpsc::Receiver<Handover>, stop: CancellationToken) {
        keeping::run(self, handovers, stop).await;
    }

    /// Wakes followers when another process has committed into the same database, until `stop`.
    pub async fn hear(&self, stop: CancellationToken) {
        hearing::run(self, stop).await;
    }

    /// Looks up what others have committed, which may not have been heard yet.
    pub async fn look(&self) -> Result<(), StorageError> {
        self.hear_of(self.database.newest().await?);
        Ok(())
    }

    fn hear_of(&self, newest: Newest) {
        Self::advance(&self.event, newest.event);
        Self::advance(&self.tracks, newest.tracks);
        Self::advance(&self.hub, newest.fact);
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

    /// At most `chunks_max` chunks of `game` with a part in `between` (microseconds UTC, the end not in it), after the one
    /// that began at `after.0` and is called `after.1`: by when they began.
    pub async fn read_tracks_between(
        &self,
        game: u64,
        between: (i64, i64),
        after: (i64, Offset),
        chunks_max: usize,
    ) -> Result<Vec<StoredTracks>, StorageError> {
        self.database.tracks_between(game, between, after, chunks_max).await
    }

    /// Whether any position of `game` was kept.
    pub async fn has_tracks(&self, game: u64) -> Result<bool, StorageError> {
        self.database.has_tracks(game).await
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

    /// Appends what is born here, when its stream still stands where the writer saw it.
    pub async fn append(&self, appending: &Appending) -> Result<Appended, StorageError> {
        let appended = self.database.append(appending).await?;
        if let Appended::At(place) = appended {
            Self::advance(&self.hub, place);
        }
        Ok(appended)
    }

    /// What was answered to the idempotency key `name`.
    pub async fn answer_kept(&self, name: &str) -> Result<Option<KeptAnswer>, StorageError> {
        self.database.answer_kept(name).await
    }

    /// At most `events_max` events born here after `place`, oldest first.
    pub async fn read_hub_after(&self, place: Offset, events_max: usize) -> Result<Vec<HubEvent>, StorageError> {
        self.database.hub_events_after(place, events_max).await?.into_iter().map(HubEvent::read).collect()
    }

    /// At most `events_max` events of `stream` after its `sequence`, oldest first.
    pub async fn read_stream(
        &self,
        stream: &str,
        sequence: u64,
        events_max: usize,
    ) -> Result<Vec<HubEvent>, StorageError> {
        self.database.hub_events_of(stream, sequence, events_max).await?.into_iter().map(HubEvent::read).collect()
    }

    /// The newest sequence of `stream`; 0 when there is none.
    pub async fn stands(&self, stream: &str) -> Result<u64, StorageError> {
        self.database.hub_stream_stands(stream).await
    }

    /// The corrections of `game` that are in force.
    pub async fn corrections(&self, game: u64) -> Result<Corrections, StorageError> {
        let events = self.read_stream(&hub_event::corrections_of(game), 0, CORRECTIONS_MAX).await?;
        Ok(Corrections::new(events.into_iter().filter_map(|event| match event.fact {
            Fact::Corrected(correction) => Some(correction),
            _ => None,
        })))
    }

    /// The place of the newest event born here: wakes its holder when there is one more.
    pub fn follow_hub(&self) -> watch::Receiver<Offset> {
        self.hub.subscribe()
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
