//! Follows the event store for all sockets: every event and correction read and written as JSON once.
//!
//! Comes in: events and facts after the newest at start. Goes out: [`Announcement`]s in a ring. Never skips: when the disk fails
//! it tries again from the same offset. A socket that falls out of the ring reads the event store itself.

use super::{corrections::CorrectionView, event_view::EventView, socket_messages::SocketMessage};
use crate::{
    event_store::{Correction, EventStore, Fact, HubEvent},
    ids::Offset,
    projections::{self, Freshness, statistics::Person},
    storage::{StorageError, reading::StoredEvent},
    time,
};
use axum::extract::ws::Utf8Bytes;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Events held for sockets that are behind: many minutes of a game.
const RING_EVENTS: usize = 1_024;
/// Events read at once.
const READ_EVENTS_MAX: usize = 256;
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Where an announcement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// An event, at this offset of the event store.
    Event(u64),
    /// A correction, at this place among facts.
    Fact(u64),
}

/// One event or correction, ready to send.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Where it stands.
    pub standing: Standing,
    /// Its game.
    pub game: u64,
    /// Whom it is about: who did it, and who received.
    pub people: [Option<Person>; 2],
    /// The text frame.
    pub text: Utf8Bytes,
}

/// Where sockets hear of events. Clones share it.
#[derive(Debug, Clone)]
pub struct EventFeed {
    sender: broadcast::Sender<Announcement>,
}

impl Announcement {
    /// Of `stored`, which pages are shown as `event`.
    pub(super) fn new(event: EventView, stored: &StoredEvent) -> Self {
        let concerned = projections::Player::concerned(&stored.event);
        let people = concerned.map(|one| one.map(|(side, number)| Person { side, number }));
        let standing = Standing::Event(stored.offset.0);
        Self { standing, game: stored.event.game, people, text: SocketMessage::Event { event }.text() }
    }

    /// Of the correction that `fact` is; `None` for another fact.
    async fn of_fact(store: &EventStore, fact: HubEvent) -> Result<Option<Self>, StorageError> {
        let place = fact.place.0;
        let Fact::Corrected(Correction { game, event, .. }) = fact.fact else { return Ok(None) };
        let found = store.read_game_after(game, Offset(event.saturating_sub(1)), 1).await?;
        let (Some(stored), Some(correction)) = (found.first(), CorrectionView::new(fact)) else { return Ok(None) };
        let text = SocketMessage::Correction { game, fact: place, correction }.text();
        let view = EventView::new(stored.offset.0, &stored.event);
        Ok(Some(Self { standing: Standing::Fact(place), text, ..Self::new(view, stored) }))
    }
}

impl EventFeed {
    /// A feed that says nothing until it [`run`](Self::run)s.
    #[expect(clippy::new_without_default, reason = "a feed is made once, on purpose")]
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(RING_EVENTS) }
    }

    /// The events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Announcement> {
        self.sender.subscribe()
    }

    /// Announces events until `stop`.
    pub async fn run(self, store: EventStore, freshness: Freshness, stop: CancellationToken) {
        let (mut newest, mut newest_fact) = (store.follow(), store.follow_hub());
        let (mut announced, mut announced_fact) = (*newest.borrow(), *newest_fact.borrow());
        loop {
            let step = async {
                let (kept, known) = (*newest.borrow_and_update(), *newest_fact.borrow_and_update());
                if kept <= announced && known <= announced_fact {
                    // Neither can end: `store` holds their other ends.
                    tokio::select! {
                        _ = newest.changed() => {}
                        _ = newest_fact.changed() => {}
                    }
                }
                match read(&store, announced, announced_fact).await {
                    Ok(read) => read,
                    Err(error) => {
                        tracing::error!(%error, "events are not announced: trying again");
                        tokio::time::sleep(RETRY).await;
                        (Vec::new(), announced_fact, Vec::new())
                    }
                }
            };
            let (events, fact, corrections) = tokio::select! {
                () = stop.cancelled() => return,
                read = step => read,
            };
            // Nobody listening is no fault.
            for stored in events {
                announced = stored.offset;
                // Where no projector runs, this is where boxes are heard.
                freshness.kept(stored.event.captured_us, time::utc_us());
                freshness.heard(&stored.edge, time::monotonic_us());
                let event = EventView::new(stored.offset.0, &stored.event);
                let _ = self.sender.send(Announcement::new(event, &stored));
            }
            announced_fact = fact;
            for correction in corrections {
                let _ = self.sender.send(correction);
            }
        }
    }
}

/// What came after `event` and `fact`, and up to which fact.
async fn read(
    store: &EventStore,
    event: Offset,
    fact: Offset,
) -> Result<(Vec<StoredEvent>, Offset, Vec<Announcement>), StorageError> {
    let events = store.read_after(event, READ_EVENTS_MAX).await?;
    let facts = store.read_hub_after(fact, READ_EVENTS_MAX).await?;
    let upto = facts.last().map_or(fact, |fact| fact.place);
    let mut corrections = Vec::new();
    for fact in facts {
        corrections.extend(Announcement::of_fact(store, fact).await?);
    }
    Ok((events, upto, corrections))
}
