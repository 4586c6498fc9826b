//! `GET /api/game/state`: the scoreboard, shots and last events of one game.

use super::{
    Core, GameChoice,
    event_view::{Clock, EventView},
};
use crate::{
    api::{Parameters, Problem},
    projections::games::Tally,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Events shown with the state.
const LAST_EVENTS: usize = 10;

/// One game as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GameState {
    /// The game, as the league numbers it.
    pub game: u64,
    /// The arena, once an event told it.
    pub venue: Option<String>,
    /// The scoreboard: of the newest live state, or of the newest event when that is newer.
    pub clock: Clock,
    /// When the scoreboard was so, microseconds UTC, at capture.
    pub captured_us: i64,
    /// Capture time of the first event, microseconds UTC.
    pub started_us: Option<i64>,
    /// Whether a box shows this game now or did since the hub started.
    pub live: bool,
    /// The home team's shots.
    pub home: Shots,
    /// The away team's shots.
    pub away: Shots,
    /// The newest events, oldest first.
    pub last_events: Vec<EventView>,
}

/// One side's shots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shots {
    /// All attempts.
    pub attempts: u32,
    /// Those a goalie or the net stopped.
    pub on_goal: u32,
    /// Goals that were seen; the scoreboard's are in `clock`.
    pub goals: u32,
}

impl From<Tally> for Shots {
    fn from(tally: Tally) -> Self {
        Self { attempts: tally.attempts, on_goal: tally.on_goal, goals: tally.goals }
    }
}

/// The scoreboard, shots and last events of one game.
#[utoipa::path(get, path = "/api/game/state", tag = "core", params(GameChoice), responses(
    (status = 200, description = "The game as it stands", body = GameState),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such game", body = Problem, content_type = "application/problem+json"),
))]
pub async fn game_state(
    State(core): State<Core>,
    Parameters(choice): Parameters<GameChoice>,
) -> Result<Json<GameState>, Problem> {
    let game = core.choose_game(choice.game).await?;
    let shared = &core.shared;
    let live = shared.board.latest(game);
    let row = shared.projections.game(game).await.map_err(|error| Problem::internal(&error))?;
    let (clock, captured_us) = match (&live, &row) {
        (Some(state), Some(row)) if row.updated_us > state.captured_us => (row.clock, row.updated_us),
        (Some(state), _) => (state.clock, state.captured_us),
        (None, Some(row)) => (row.clock, row.updated_us),
        (None, None) => return Err(Problem::not_found(format!("game {game} has not been seen"))),
    };
    let events = match row {
        Some(_) => shared.store.read_game_newest(game, LAST_EVENTS).await.map_err(|error| Problem::internal(&error))?,
        None => Vec::new(),
    };
    let corrections = shared.store.corrections(game).await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(GameState {
        game,
        venue: row.as_ref().map(|row| row.venue.clone()),
        clock: clock.into(),
        captured_us,
        started_us: row.as_ref().map(|row| row.started_us),
        live: live.is_some(),
        home: row.as_ref().map_or_else(Shots::default, |row| row.home.into()),
        away: row.as_ref().map_or_else(Shots::default, |row| row.away.into()),
        last_events: events
            .iter()
            .map(|stored| EventView::new(stored.offset.0, &stored.event).corrected(&corrections))
            .collect(),
    }))
}
