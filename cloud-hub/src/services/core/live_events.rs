//! `GET /api/events/live`: the events of one game, the newest or those after an offset.

use super::{Core, event_view::EventView};
use crate::{
    api::{Parameters, Problem},
    ids::Offset,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1_000;

/// Which events.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventChoice {
    /// The game, as the league numbers it; the newest when left out.
    pub game: Option<u64>,
    /// Only events after this offset, from the oldest on; the newest events when left out.
    pub after: Option<u64>,
    /// At most this many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub limit: Option<usize>,
}

/// Events of one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveEvents {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Which event store: offsets of another epoch mean nothing here.
    pub epoch: String,
    /// Where to read on: `after` of the next request.
    pub next_after: u64,
    /// Oldest first.
    pub events: Vec<EventView>,
}

/// The events of one game.
#[utoipa::path(get, path = "/api/events/live", tag = "core", params(EventChoice), responses(
    (status = 200, description = "Events, oldest first", body = LiveEvents),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No game yet", body = Problem, content_type = "application/problem+json"),
))]
pub async fn live_events(
    State(core): State<Core>,
    Parameters(choice): Parameters<EventChoice>,
) -> Result<Json<LiveEvents>, Problem> {
    let limit = choice.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!("limit {limit} (1 to {LIMIT_MAX})")));
    }
    if choice.after.is_some_and(|after| after > i64::MAX as u64) {
        return Err(Problem::bad_request(format!("after (at most {})", i64::MAX)));
    }
    let game = core.choose_game(choice.game).await?;
    let store = &core.shared.store;
    let events = match choice.after {
        Some(after) => store.read_game_after(game, Offset(after), limit).await,
        None => store.read_game_newest(game, limit).await,
    }
    .map_err(|error| Problem::internal(&error))?;
    let corrections = store.corrections(game).await.map_err(|error| Problem::internal(&error))?;
    let next_after = events.last().map(|stored| stored.offset.0).or(choice.after).unwrap_or(0);
    Ok(Json(LiveEvents {
        game,
        epoch: core.shared.epoch.clone(),
        next_after,
        events: events
            .iter()
            .map(|stored| EventView::new(stored.offset.0, &stored.event).corrected(&corrections))
            .collect(),
    }))
}
