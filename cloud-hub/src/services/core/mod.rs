//! Core: what happens on the ice, live and by game.
//!
//! ```text
//!  projections ─► game_state, player_stats, live_events, analytics_metrics, statistics, player_games, edges ─► REST
//!  REST ─► resources, corrections ─► event store, and with it their read rows
//!  LiveBoard ─► live_feed (each state encoded once) ─┐
//!  event store ─► event_feed (each event written once) ─┴─► socket, one for each page
//!       └───────► reconciliation ─► REST
//! ```
//!
//! Comes in: the projections, the event store, the live board. Goes out: `GET /api/game/state`,
//! `/api/players/stats`, `/api/events/live`, `/api/analytics/metrics`, everything under `/api/core/`, and the
//! WebSocket `/ws/analytics`, whose binary frames are laid out in [`live_frame`] and whose text frames in
//! [`socket_messages`]. Never: changes what was told; it appends. A page that cannot keep up skips states, never events.

pub mod config;
pub mod rink;
pub mod event_view;
pub mod game_state;
pub mod player_stats;
pub mod live_events;
pub mod analytics_metrics;
pub mod reconciliation;
pub mod figures_view;
pub mod resources;
pub mod statistics;
pub mod player_games;
pub mod positions;
pub mod with_without;
pub mod season_players;
pub mod corrections;
pub mod edges;
pub mod live_frame;
pub mod live_picture;
pub mod live_feed;
pub mod socket_messages;
pub mod event_feed;
mod subscription;
mod socket_end;
pub mod socket;

pub use config::{AnalyticsConfig, CoreConfig};

use crate::{
    api::Problem,
    event_store::EventStore,
    ingest::LiveBoard,
    projections::{Freshness, Projections},
};
use event_feed::EventFeed;
use live_feed::LiveFeeds;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Time pages have to take their closing frame.
const DRAIN: Duration = Duration::from_secs(3);
/// Games whose newest states are no further apart are live together, microseconds: no box is silent for ten seconds.
const TOGETHER_US: i64 = 10_000_000;

/// The core service. Clones share everything.
#[derive(Clone)]
pub struct Core {
    shared: Arc<Shared>,
}

struct Shared {
    config: CoreConfig,
    epoch: String,
    store: EventStore,
    projections: Projections,
    freshness: Freshness,
    board: LiveBoard,
    feeds: LiveFeeds,
    events: EventFeed,
    sockets: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// What the core service reads from.
pub struct Sources {
    /// Which event store `store` is.
    pub epoch: String,
    /// The truth.
    pub store: EventStore,
    /// The read tables.
    pub projections: Projections,
    /// Lag and boxes.
    pub freshness: Freshness,
    /// The newest states.
    pub board: LiveBoard,
}

impl Core {
    /// The service, its feeds running until [`stop`](Self::stop).
    pub fn start(config: CoreConfig, sources: Sources) -> Self {
        let Sources { epoch, store, projections, freshness, board } = sources;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let feeds = LiveFeeds::new(board.clone(), freshness.clone(), tracker.clone(), stop.clone());
        let events = EventFeed::new();
        tracker.spawn(events.clone().run(store.clone(), freshness.clone(), stop.clone()));
        let sockets = Arc::new(Semaphore::new(config.sockets_max));
        let exports = Arc::new(Semaphore::new(config.exports_max));
        let shared = Shared {
            config,
            epoch,
            store,
            projections,
            freshness,
            board,
            feeds,
            events,
            sockets,
            exports,
            tracker,
            stop,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Closes every socket and waits until they are, at most three seconds.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tracker.close();
        if tokio::time::timeout(DRAIN, self.shared.tracker.wait()).await.is_err() {
            tracing::warn!(sockets = self.shared.tracker.len(), "sockets did not close in time");
        }
    }

    /// The game asked for, or the newest: one that is live, else the one with the newest event.
    async fn choose_game(&self, asked: Option<u64>) -> Result<u64, Problem> {
        if let Some(game) = asked {
            return possible(game);
        }
        if let Some(game) = self.live_game() {
            return Ok(game);
        }
        let newest = self.shared.projections.newest_game().await.map_err(|error| Problem::internal(&error))?;
        newest.ok_or_else(|| Problem::not_found("no game has been seen yet; start one on a box"))
    }

    /// The game that is live: of several, the one with the greatest number, so that pages do not flicker between them.
    fn live_game(&self) -> Option<u64> {
        let board = &self.shared.board;
        let captured: Vec<(u64, i64)> =
            board.games().into_iter().filter_map(|game| Some((game, board.latest(game)?.captured_us))).collect();
        let newest_us = captured.iter().map(|(_, captured_us)| *captured_us).max()?;
        let live = captured.iter().filter(|(_, captured_us)| newest_us.saturating_sub(*captured_us) <= TOGETHER_US);
        live.map(|(game, _)| *game).max()
    }
}

/// All paths of this service, for the OpenAPI document.
pub fn routes() -> OpenApiRouter<Core> {
    rest_routes().merge(analytics_routes())
}

/// The paths of role analytics: what a live page asks for again and again.
pub fn analytics_routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new().routes(routes!(analytics_metrics::analytics_metrics)).routes(routes!(socket::analytics))
}

/// The paths of role core: everything else.
pub fn rest_routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new()
        .routes(routes!(game_state::game_state))
        .routes(routes!(player_stats::player_stats))
        .routes(routes!(live_events::live_events))
        .routes(routes!(reconciliation::reconciliation))
        .routes(routes!(statistics::players))
        .routes(routes!(statistics::teams))
        .routes(routes!(player_games::statistics))
        .routes(routes!(positions::positions))
        .routes(routes!(positions::export))
        .routes(routes!(with_without::with_without))
        .routes(routes!(season_players::players))
        .routes(routes!(corrections::all, corrections::create))
        .routes(routes!(edges::all))
        .routes(routes!(edges::one))
        .merge(resources::routes())
}

/// Greatest number of a game: what a signed column, and `int64` in other languages, holds.
const GAME_MAX: u64 = i64::MAX as u64;

/// `game`, when one may have this number.
fn possible(game: u64) -> Result<u64, Problem> {
    if game <= GAME_MAX { Ok(game) } else { Err(Problem::bad_request(format!("game {game} (at most {GAME_MAX})"))) }
}

/// Which game.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GameChoice {
    /// The game, as the league numbers it; the newest when left out.
    pub game: Option<u64>,
}
