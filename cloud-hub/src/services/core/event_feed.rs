//! Follows the event store for all sockets: every event read and written as JSON once.
//!
//! Comes in: events after the newest at start. Goes out: [`Announcement`]s in a ring. Never skips: when the disk fails
//! it tries again from the same offset. A socket that falls out of the ring reads the event store itself.

use super::{event_view::EventView, socket_messages::SocketMessage};
use crate::event_store::EventStore;
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

/// One event, ready to send.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Its place in the event store.
    pub offset: u64,
    /// Its game.
    pub game: u64,
    /// The text frame.
    pub text: Utf8Bytes,
}

/// Where sockets hear of events. Clones share it.
#[derive(Debug, Clone)]
pub struct EventFeed {
    sender: broadcast::Sender<Announcement>,
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
    pub async fn run(self, store: EventStore, stop: CancellationToken) {
        let mut newest = store.follow();
        let mut announced = *newest.borrow();
        loop {
            let step = async {
                let kept = *newest.borrow_and_update();
                if kept <= announced && newest.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                match store.read_after(announced, READ_EVENTS_MAX).await {
                    Ok(events) => events,
                    Err(error) => {
                        tracing::error!(%error, "events are not announced: trying again");
                        tokio::time::sleep(RETRY).await;
                        Vec::new()
                    }
                }
            };
            let events = tokio::select! {
                () = stop.cancelled() => return,
                events = step => events,
            };
            for stored in events {
                announced = stored.offset;
                let event = EventView::new(stored.offset.0, &stored.event);
                let announcement = Announcement {
                    offset: stored.offset.0,
                    game: stored.event.game,
                    text: SocketMessage::Event { event }.text(),
                };
                // Nobody listening is no fault.
                let _ = self.sender.send(announcement);
            }
        }
    }
}
