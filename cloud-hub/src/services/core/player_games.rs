//! `GET /api/core/players/{player}/statistics`: what one player has done, game by game.
//!
//! By the rosters games were scheduled with: a game that nobody scheduled knows numbers only.

use super::{
    Core,
    event_view::Side,
    figures_view::PlayerStatistics,
    resources::{self, games::Schedule, players::Player},
    statistics::{GameRows, StrengthChoice},
};
use crate::{
    api::{Asker, Named, Page, PageChoice, Parameters, Problem},
    projections::statistics::{Person, Strength},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use firmware_protocol::network;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Games on a page when it is not said: each is counted from its ledger.
const GAMES_DEFAULT: usize = 20;

/// Which part of which games.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlayerGamesChoice {
    /// `next_cursor` of the page before; the first page when left out.
    #[param(max_length = 128)]
    pub cursor: Option<String>,
    /// At most this many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 20)]
    pub limit: Option<usize>,
    /// As for one game.
    #[param(pattern = "^(all|even|power_play|short_handed|empty_net|[3-6]v[3-6])$", default = "all")]
    pub strength: Option<String>,
}

/// One player in one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlayerGame {
    /// The game, as the league numbers it.
    pub game: u64,
    /// When it was to begin, microseconds UTC.
    pub starts_us: i64,
    /// For which team.
    pub side: Side,
    /// Jersey number in this game.
    pub number: u8,
    /// What they did; `null` when the game was not seen, or nothing of them in it.
    pub statistics: Option<PlayerStatistics>,
}

/// Where `player` stands in the rosters of `schedule`.
pub(super) fn place(schedule: &Schedule, player: &str) -> Option<Person> {
    let sides = [(network::Side::Home, &schedule.home), (network::Side::Away, &schedule.away)];
    sides.into_iter().find_map(|(side, listed)| {
        let place = listed.roster.iter().find(|place| place.player == player)?;
        Some(Person { side, number: place.number })
    })
}

async fn count(
    (core, asker): (&Core, &Asker),
    game: u64,
    person: Person,
    strength: Strength,
) -> Result<Option<PlayerStatistics>, Problem> {
    let Some(rows) = GameRows::read(core, asker, game).await? else { return Ok(None) };
    let line = rows.counted().players(strength).into_iter().find(|line| line.person == person);
    Ok(line.map(|line| PlayerStatistics::new(line, rows.player(person))))
}

/// What one player has done, game by game in order of their numbers.
#[utoipa::path(get, operation_id = "count_player_games", path = "/api/core/players/{player}/statistics", tag = "core",
    params(("player" = String, Path, description = "The player's name in paths"), PlayerGamesChoice),
    responses(
        (status = 200, description = "A page of the scheduled games in whose rosters they stand", body = Page<PlayerGame>),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn statistics(
    State(core): State<Core>,
    asker: Asker,
    Named(player): Named<String>,
    Parameters(choice): Parameters<PlayerGamesChoice>,
) -> Result<Response, Problem> {
    let strength = StrengthChoice { strength: choice.strength }.strength()?;
    if resources::find::<Player>(&core, &player).await?.is_none() {
        return Err(Problem::not_found(format!("no player {player}")));
    }
    let choice = PageChoice { cursor: choice.cursor, limit: choice.limit.or(Some(GAMES_DEFAULT)) };
    let Page { items, next_cursor } = resources::page::<Schedule>(&core, &choice, Some(("player", &player))).await?;
    let mut games = Vec::with_capacity(items.len());
    for schedule in items {
        let Some(person) = place(&schedule, &player) else { continue };
        games.push(PlayerGame {
            game: schedule.game,
            starts_us: schedule.starts_us,
            side: person.side.into(),
            number: person.number,
            statistics: count((&core, &asker), schedule.game, person, strength).await?,
        });
    }
    Ok(Json(Page { items: games, next_cursor }).into_response())
}
