//! `GET /api/analytics/metrics`: a game's team figures, and how fresh the hub is.

use super::{Core, GameChoice};
use crate::{
    api::{Parameters, Problem},
    projections::games::{Crossings, Tally},
    time,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Team figures and freshness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalyticsMetrics {
    /// The game, as the league numbers it; `null` when none has been seen.
    pub game: Option<u64>,
    /// The home team.
    pub home: SideMetrics,
    /// The away team.
    pub away: SideMetrics,
    /// Stoppages of play.
    pub stoppages: u32,
    /// Events of the game.
    pub events: u64,
    /// How fresh the hub is.
    pub hub: HubFreshness,
}

/// One side's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SideMetrics {
    /// Goals seen.
    pub goals: u32,
    /// Attempts that goalie or net stopped.
    pub shots_on_goal: u32,
    /// Corsi for: all attempts.
    pub corsi_for: u32,
    /// Share of all attempts of both sides, percent; `null` without attempts.
    pub corsi_percent: Option<f64>,
    /// Fenwick for: attempts that were not blocked; `null` while it is not known of each whether it was.
    pub fenwick_for: Option<u32>,
    /// Share of both sides' unblocked attempts, percent; `null` without any, and while one is not known.
    pub fenwick_percent: Option<f64>,
    /// Face-offs won.
    pub face_offs_won: u32,
    /// Share of face-offs won, percent; `null` without any.
    pub face_off_percent: Option<f64>,
    /// Entries into the offensive zone.
    pub entries: CrossingCounts,
    /// Exits from the defensive zone.
    pub exits: CrossingCounts,
    /// Passes received.
    pub passes: u32,
    /// Penalties.
    pub penalties: u32,
    /// Minutes of them.
    pub penalty_minutes: f64,
}

/// Line crossings by the way the puck went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrossingCounts {
    /// All.
    pub total: u32,
    /// On a stick.
    pub carry: u32,
    /// From stick to stick.
    pub pass: u32,
    /// Dumped in or out.
    pub dump: u32,
}

/// How fresh the hub is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HubFreshness {
    /// From capture to here, of the newest event since the hub started, milliseconds; `null` before one.
    pub ingest_lag_ms: Option<f64>,
    /// Boxes heard in the last ten seconds.
    pub edges_active: usize,
    /// Games with a live state.
    pub games_live: usize,
    /// Pages watching.
    pub sockets: usize,
}

impl From<Crossings> for CrossingCounts {
    fn from(crossings: Crossings) -> Self {
        let Crossings { carry, pass, dump } = crossings;
        Self { total: crossings.total(), carry, pass, dump }
    }
}

impl SideMetrics {
    fn new(own: &Tally, other: &Tally) -> Self {
        let percent = |own: u32, other: u32| {
            let all = own + other;
            (all > 0).then(|| 100.0 * f64::from(own) / f64::from(all))
        };
        Self {
            goals: own.goals,
            shots_on_goal: own.on_goal,
            corsi_for: own.attempts,
            corsi_percent: percent(own.attempts, other.attempts),
            fenwick_for: own.fenwick(),
            fenwick_percent: own.fenwick().zip(other.fenwick()).and_then(|(own, other)| percent(own, other)),
            face_offs_won: own.face_offs_won,
            face_off_percent: percent(own.face_offs_won, other.face_offs_won),
            entries: own.entries.into(),
            exits: own.exits.into(),
            passes: own.passes,
            penalties: own.penalties,
            penalty_minutes: f64::from(own.penalty_s) / 60.0,
        }
    }
}

/// A game's team figures, and how fresh the hub is.
#[utoipa::path(get, path = "/api/analytics/metrics", tag = "core", params(GameChoice), responses(
    (status = 200, description = "Figures; zeros before the first event", body = AnalyticsMetrics),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn analytics_metrics(
    State(core): State<Core>,
    Parameters(choice): Parameters<GameChoice>,
) -> Result<Json<AnalyticsMetrics>, Problem> {
    let shared = &core.shared;
    let game = match core.choose_game(choice.game).await {
        Ok(game) => Some(game),
        Err(problem) if problem.status == 404 => None,
        Err(problem) => return Err(problem),
    };
    let row = match game {
        Some(game) => shared.projections.game(game).await.map_err(|error| Problem::internal(&error))?,
        None => None,
    };
    let side = |own: fn(&crate::projections::Game) -> (&Tally, &Tally)| {
        row.as_ref().map(own).map_or_else(SideMetrics::default, |(own, other)| SideMetrics::new(own, other))
    };
    Ok(Json(AnalyticsMetrics {
        game,
        home: side(|row| (&row.home, &row.away)),
        away: side(|row| (&row.away, &row.home)),
        stoppages: row.as_ref().map_or(0, |row| row.stoppages),
        events: row.as_ref().map_or(0, |row| row.events),
        hub: HubFreshness {
            ingest_lag_ms: shared.freshness.lag_us().map(|lag_us| lag_us as f64 / 1e3),
            edges_active: shared.freshness.edges_active(time::monotonic_us()),
            games_live: shared.board.games().len(),
            sockets: shared.config.sockets_max.saturating_sub(shared.sockets.available_permits()),
        },
    }))
}
