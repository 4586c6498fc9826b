//! `GET /ws/analytics`: one page watching one game, a team, or a player.
//!
//! Comes in: ticks of the game's feed, announcements of events, and pongs. Goes out: `hello`, what a returning page
//! missed, then frames and events as they come. Never: more for a slow page than the rings hold; events out of order,
//! twice, or with a silent hole. A page that takes nothing for the send time limit, or answers no ping, is closed. When
//! the hub stops, every page gets a closing frame.

use super::{
    Core,
    event_feed::{Announcement, Standing},
    event_view::EventView,
    live_feed::{RING_TICKS, Tick},
    socket_end::End,
    socket_messages::{PROTOCOL, SocketMessage},
    subscription::{self, Scope, SocketChoice, Subscription},
};
use crate::{
    access::{Action, Object},
    api::{Asker, Parameters, Problem},
    ids::Offset,
    storage::reading::StoredEvent,
    time::utc_us,
};
use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::future::poll_immediate;
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{MissedTickBehavior, interval, timeout},
};

/// tungstenite reserves 128 KiB a socket unless told: pages say pongs of some bytes, and there may be 20,000 of them.
const READ_BUFFER_BYTES: usize = 512;
/// What one page may leave unread inside the hub, beside the kernel's buffer.
const WRITE_BUFFER_BYTES_MAX: usize = 256 << 10;
/// Pages say nothing but pongs.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// A page this many ticks behind skips to the newest: a quarter second.
const BEHIND_TICKS_MAX: usize = RING_TICKS / 5;
/// Events read at once in search of a team's or player's.
const PAGE_EVENTS: usize = 256;
/// Events looked through for each that may be replayed; beyond, the page fetches them itself.
const SCAN: usize = 50;
/// How often a page without a game, or with the newest, looks for another.
const LOOK: Duration = Duration::from_millis(500);

/// Live frames and events of one game.
///
/// Binary messages are keyframes and deltas, laid out in the header of `cloud-hub/src/services/core/live_frame.rs`;
/// text messages are `SocketMessage`s.
#[utoipa::path(get, path = "/ws/analytics", tag = "core", params(SocketChoice), responses(
    (status = 101, description = "The WebSocket is open; text messages are these", body = SocketMessage),
    (status = 400, description = "The query is wrong or this is no WebSocket request", body = Problem,
     content_type = "application/problem+json"),
    (status = 403, description = "The page is another's: see core.origins", body = Problem,
     content_type = "application/problem+json"),
    (status = 503, description = "Too many pages", body = Problem, content_type = "application/problem+json"),
))]
pub async fn analytics(
    State(core): State<Core>,
    asker: Asker,
    Parameters(choice): Parameters<SocketChoice>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let scope = Scope::new(Subscription::new(&choice)?);
    if choice.epoch.is_some() != choice.offset.is_some() {
        return Err(Problem::bad_request("epoch and offset go together: send both to go on, or neither to begin"));
    }
    let upgrade = upgrade.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let shared = &core.shared;
    if !subscription::is_welcome(&headers, &shared.config.origins) {
        let detail = "pages of this origin may not watch: name it in core.origins";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let Ok(permit) = shared.sockets.clone().try_acquire_owned() else {
        return Err(Problem::unavailable(format!("{} pages are watching already", shared.config.sockets_max), 5));
    };
    let token = shared.tracker.token();
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _held = (permit, token);
        metrics::gauge!("core_sockets").increment(1.0);
        let frames = metrics::counter!("core_frames_sent_total");
        let mut page =
            Page { core, asker, socket, scope, game: None, ticks: None, offset: 0, fact: 0, held: None, frames };
        let end = page.serve(&choice).await;
        tracing::debug!(?end, "a page left");
        metrics::counter!("core_sockets_ended_total", "end" => end.word()).increment(1);
        metrics::gauge!("core_sockets").decrement(1.0);
    }))
}

struct Page {
    core: Core,
    asker: Asker,
    socket: WebSocket,
    scope: Scope,
    game: Option<u64>,
    ticks: Option<Receiver<Arc<Tick>>>,
    /// Every event of the game up to here was sent, or the page knows it was not.
    offset: u64,
    /// The same of corrections.
    fact: u64,
    /// Sequence of the last frame sent.
    held: Option<u32>,
    /// Frames sent to all pages: looked up once, not at each.
    frames: metrics::Counter,
}

impl Page {
    async fn serve(&mut self, choice: &SocketChoice) -> End {
        let Err(end) = self.talk(choice).await else { return End::Left };
        let Some(farewell) = end.farewell() else { return end };
        let _ = self.send(Message::Close(Some(farewell))).await;
        end
    }

    /// Talks until there is a reason not to.
    async fn talk(&mut self, choice: &SocketChoice) -> Result<(), End> {
        let core = self.core.clone();
        let config = core.shared.config.clone();
        // Heard from before the replay reads, so nothing falls between.
        let mut events = core.shared.events.subscribe();
        self.game = match self.scope.subscription {
            Subscription::Game(asked) => core.choose_game(asked).await.ok(),
            _ => self.scope.live_game(&core).await.map_err(|_| End::Failed)?,
        };
        self.greet(choice).await?;
        self.watch_game().await?;

        let mut look = interval(LOOK);
        let mut ping = interval(Duration::from_millis(config.ping_interval_ms));
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ping.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ping.reset();
        let mut pings_unanswered = 0;
        // Once, not at each frame: all pages wait in one list.
        let mut stopping = pin!(core.shared.stop.cancelled());
        loop {
            tokio::select! {
                () = &mut stopping => return Err(End::Stopping),
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Left),
                    Some(Ok(_)) => pings_unanswered = 0,
                },
                announcement = events.recv() => match announcement {
                    Ok(announcement) => self.announce(announcement).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => return Err(End::Stopping),
                },
                tick = next(&mut self.ticks) => match tick {
                    Ok(tick) => self.show(tick).await?,
                    Err(RecvError::Lagged(skipped)) => metrics::counter!("core_ticks_skipped_total").increment(skipped),
                    Err(RecvError::Closed) => self.ticks = None,
                },
                _ = look.tick() => self.look_for_game().await?,
                _ = ping.tick() => {
                    if pings_unanswered >= 2 {
                        return Err(End::Stuck);
                    }
                    pings_unanswered += 1;
                    self.send(Message::Ping(bytes::Bytes::new())).await?;
                }
            }
        }
    }

    /// Says hello, and brings a returning page up to date.
    async fn greet(&mut self, choice: &SocketChoice) -> Result<(), End> {
        let shared = self.core.shared.clone();
        // Another process may have shown the page what is not heard here yet.
        if choice.offset.is_some_and(|offset| offset > shared.store.follow().borrow().0) {
            shared.store.look().await.map_err(|error| unreadable(&error))?;
        }
        let newest = shared.store.follow().borrow().0;
        self.fact = shared.store.follow_hub().borrow().0;
        let returns = choice.epoch.as_deref().zip(choice.offset);
        self.offset = match returns {
            Some((epoch, offset)) if epoch == shared.epoch && offset <= newest => offset,
            _ => newest,
        };
        let (epoch, rink) = (shared.epoch.clone(), shared.config.rink);
        self.say(&SocketMessage::Hello {
            protocol: PROTOCOL,
            epoch,
            offset: self.offset,
            fact: self.fact,
            game: self.game,
            rink,
        })
        .await?;
        match returns {
            Some((epoch, offset)) if epoch != shared.epoch || offset > newest => {
                self.reset("this hub keeps another event store now; what was held is of the old one").await
            }
            Some(_) => self.replay().await,
            None => Ok(()),
        }
    }

    /// Sends what fell out of the ring; corrections are not read again, so it is said when there were any.
    async fn catch_up(&mut self) -> Result<(), End> {
        self.replay().await?;
        let newest = self.core.shared.store.follow_hub().borrow().0;
        if newest <= self.fact {
            return Ok(());
        }
        self.fact = newest;
        self.reset("corrections were missed").await
    }

    /// Sends all events of the game after `offset`, or says that it does not.
    async fn replay(&mut self) -> Result<(), End> {
        let shared = self.core.shared.clone();
        let newest = shared.store.follow().borrow().0;
        let events_max = shared.config.replay_events_max;
        let missed = match self.game {
            _ if self.scope.is_wide() => self.missed_of_many(events_max).await?,
            Some(game) => {
                let missed = shared.store.read_game_after(game, Offset(self.offset), events_max + 1).await;
                Some(missed.map_err(|error| unreadable(&error))?)
            }
            None => Some(Vec::new()),
        };
        let Some(missed) = missed.filter(|missed| missed.len() <= events_max) else {
            self.offset = newest;
            return self
                .reset(&format!("more than {events_max} events were missed, or too many to look through"))
                .await;
        };
        for stored in missed {
            let corrections = shared.store.corrections(stored.event.game).await.map_err(|error| unreadable(&error))?;
            let event = EventView::new(stored.offset.0, &stored.event).corrected(&corrections);
            self.say(&SocketMessage::Event { event }).await?;
            self.offset = stored.offset.0;
        }
        self.offset = newest.max(self.offset);
        Ok(())
    }

    /// The events after `offset` that a team or player is in; `None` when they are more than `events_max`, or when it would
    /// take reading more than [`SCAN`] times that.
    async fn missed_of_many(&mut self, events_max: usize) -> Result<Option<Vec<StoredEvent>>, End> {
        let core = self.core.clone();
        let (mut missed, mut at, mut read) = (Vec::new(), Offset(self.offset), 0);
        while read <= SCAN * events_max && missed.len() <= events_max {
            let page = core.shared.store.read_after(at, PAGE_EVENTS).await.map_err(|error| unreadable(&error))?;
            let Some(last) = page.last().map(|stored| stored.offset) else { return Ok(Some(missed)) };
            (at, read) = (last, read + page.len());
            for stored in page {
                let event = Announcement::new(EventView::new(stored.offset.0, &stored.event), &stored);
                if self.scope.wants(&core, None, &event).await.map_err(|_| End::Failed)? {
                    missed.push(stored);
                }
            }
        }
        Ok(None)
    }

    async fn reset(&mut self, reason: &str) -> Result<(), End> {
        metrics::counter!("core_resets_total").increment(1);
        let epoch = self.core.shared.epoch.clone();
        self.say(&SocketMessage::Reset { epoch, offset: self.offset, reason: reason.to_owned() }).await
    }

    async fn announce(&mut self, announcement: Announcement) -> Result<(), End> {
        let (held, at) = match announcement.standing {
            Standing::Event(offset) => (&mut self.offset, offset),
            Standing::Fact(place) => (&mut self.fact, place),
        };
        if at <= *held {
            return Ok(());
        }
        *held = at;
        let core = self.core.clone();
        if self.scope.wants(&core, self.game, &announcement).await.map_err(|_| End::Failed)? {
            self.send(Message::Text(announcement.text)).await?;
        }
        Ok(())
    }

    /// Sends one tick, or the newest when the page is behind.
    async fn show(&mut self, mut tick: Arc<Tick>) -> Result<(), End> {
        if let Some(ticks) = &mut self.ticks
            && ticks.len() > BEHIND_TICKS_MAX
        {
            let skipped = ticks.len();
            while let Ok(newer) = ticks.try_recv() {
                tick = newer;
            }
            metrics::counter!("core_ticks_skipped_total").increment(skipped as u64);
        }
        let frame = tick.frame(self.held).clone();
        self.held = Some(tick.sequence);
        self.frames.increment(1);
        self.send(Message::Binary(frame)).await?;
        if let Some(mut journey) = tick.journey() {
            journey.stage("socket", utc_us());
        }
        Ok(())
    }

    /// Ends what may not be watched any more: rights change while a page is open.
    async fn look_at_rights(&mut self) -> Result<(), End> {
        if !self.asker.still() || !self.asker.sees(Action::ViewLeague, &Object::League) {
            return Err(End::Refused);
        }
        if let Some(game) = self.game.filter(|_| self.ticks.is_some()) {
            let asker = self.asker.clone();
            let object = asker.owners.game(game).await.map_err(|error| unreadable(&error))?;
            if !asker.sees(Action::ViewLive, &object) {
                self.ticks = None;
            }
        }
        Ok(())
    }

    /// Joins the feed of the game, once it has a state and if the page may see it. The audit is told.
    async fn watch_game(&mut self) -> Result<(), End> {
        let Some(game) = self.game else { return Ok(()) };
        let Some(watch) = self.core.shared.feeds.watch(game) else { return Ok(()) };
        let asker = self.asker.clone();
        let object = asker.owners.game(game).await.map_err(|error| unreadable(&error))?;
        match asker.ask(Action::ViewLive, &object).await {
            Ok(()) => {}
            // What happened in the game is for the whole league; only who is where is not.
            Err(problem) if problem.status == 403 => return Ok(()),
            Err(_) => return Err(End::Failed),
        }
        self.ticks = Some(watch.ticks);
        self.held = None;
        self.show(watch.newest).await
    }

    /// Follows the newest game, and joins a game that has begun meanwhile.
    async fn look_for_game(&mut self) -> Result<(), End> {
        self.look_at_rights().await?;
        let core = self.core.clone();
        self.scope.forget();
        let newest = match self.scope.live_game(&core).await.map_err(|_| End::Failed)? {
            None if self.game.is_none() && !self.scope.is_wide() => core.choose_game(None).await.ok(),
            live => live,
        };
        if !matches!(self.scope.subscription, Subscription::Game(Some(_)))
            && let Some(game) = newest
            && self.game != Some(game)
        {
            self.game = Some(game);
            self.ticks = None;
            self.say(&SocketMessage::Game { game }).await?;
        }
        if self.ticks.is_none() { self.watch_game().await } else { Ok(()) }
    }

    async fn say(&mut self, message: &SocketMessage) -> Result<(), End> {
        self.send(Message::Text(message.text())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let limit = Duration::from_millis(self.core.shared.config.send_timeout_ms);
        let mut sending = pin!(self.socket.send(message));
        // Most sockets take it at once: nobody waits, so there is nothing to time.
        let sent = match poll_immediate(&mut sending).await {
            Some(sent) => sent,
            None => timeout(limit, sending).await.map_err(|_| End::Stuck)?,
        };
        sent.map_err(|_| End::Left)
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> End {
    tracing::error!(%error, "missed events cannot be read");
    End::Failed
}

/// The next tick; never, while there is no feed.
async fn next(ticks: &mut Option<Receiver<Arc<Tick>>>) -> Result<Arc<Tick>, RecvError> {
    match ticks {
        Some(ticks) => ticks.recv().await,
        None => std::future::pending().await,
    }
}
