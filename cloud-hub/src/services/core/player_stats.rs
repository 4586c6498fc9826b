//! `GET /api/players/stats`: what each player has done in one game.

use super::{Core, GameChoice, event_view::Side};
use crate::{
    api::{Parameters, Problem},
    projections::Player,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The players of one game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlayerStats {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Home before away, by number. Whose number was not read is not here.
    pub players: Vec<PlayerLine>,
}

/// One player in one game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlayerLine {
    /// The team.
    pub side: Side,
    /// Jersey number.
    pub number: u8,
    /// Time on the ice in shifts that have ended, milliseconds.
    pub toi_ms: u64,
    /// Shifts begun.
    pub shifts: u32,
    /// When the shift under way began, microseconds UTC; `null` on the bench.
    pub shift_started_us: Option<i64>,
    /// Longest shift that has ended, milliseconds.
    pub longest_shift_ms: u32,
    /// Goals.
    pub goals: u32,
    /// Attempts at goal: individual Corsi.
    pub attempts: u32,
    /// Attempts a goalie or the net stopped.
    pub on_goal: u32,
    /// Passes that reached a stick.
    pub passes: u32,
    /// Passes taken.
    pub passes_received: u32,
    /// Entries into the offensive zone.
    pub entries: u32,
    /// Of those, with the puck on a stick or passed.
    pub entries_controlled: u32,
    /// Exits from the defensive zone.
    pub exits: u32,
    /// Face-offs won.
    pub face_offs_won: u32,
    /// Penalties.
    pub penalties: u32,
}

impl From<Player> for PlayerLine {
    fn from(player: Player) -> Self {
        Self {
            side: player.side.into(),
            number: player.number,
            toi_ms: player.ice_time_ms,
            shifts: player.shifts,
            shift_started_us: player.shift_started_us,
            longest_shift_ms: player.longest_shift_ms,
            goals: player.goals,
            attempts: player.attempts,
            on_goal: player.on_goal,
            passes: player.passes,
            passes_received: player.passes_received,
            entries: player.entries,
            entries_controlled: player.entries_controlled,
            exits: player.exits,
            face_offs_won: player.face_offs_won,
            penalties: player.penalties,
        }
    }
}

/// What each player has done in one game.
#[utoipa::path(get, path = "/api/players/stats", tag = "core", params(GameChoice), responses(
    (status = 200, description = "The players of the game; nobody before the first event", body = PlayerStats),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No game yet", body = Problem, content_type = "application/problem+json"),
))]
pub async fn player_stats(
    State(core): State<Core>,
    Parameters(choice): Parameters<GameChoice>,
) -> Result<Json<PlayerStats>, Problem> {
    let game = core.choose_game(choice.game).await?;
    let players = core.shared.projections.players(game).await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(PlayerStats { game, players: players.into_iter().map(Into::into).collect() }))
}
