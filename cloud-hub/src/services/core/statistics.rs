//! `GET /api/core/games/{game}/statistics/players` and `…/teams`: what everybody has done in one game, at any strength.

use super::{
    Core,
    event_view::Side,
    figures_view::{PlayerStatistics, TeamStatistics},
    resources::games::Schedule,
};
use crate::{
    access::Action,
    api::{Asker, Named, Parameters, Problem, tags},
    projections::{
        Ledger, Skating,
        statistics::{Counted, Person, Strength},
    },
};
use axum::{extract::State, http::HeaderMap, response::Response};
use firmware_protocol::network;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of the game.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StrengthChoice {
    /// `all`, `even`, `power_play`, `short_handed`, `empty_net`, or skaters for and against as `5v5`, seen from each own
    /// team. Moments of which it cannot be told are in `all` only.
    #[param(pattern = "^(all|even|power_play|short_handed|empty_net|[3-6]v[3-6])$", default = "all")]
    pub strength: Option<String>,
}

/// The players of one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GamePlayers {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Which part of it.
    pub strength: String,
    /// Whether every event is in it: one with too many is counted only so far.
    pub complete: bool,
    /// Home before away, by number. Whose number was not read is not here.
    pub players: Vec<PlayerStatistics>,
}

/// The teams of one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GameTeams {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Which part of it.
    pub strength: String,
    /// Whether every event is in it: one with too many is counted only so far.
    pub complete: bool,
    /// The home team.
    pub home: TeamStatistics,
    /// The away team.
    pub away: TeamStatistics,
}

/// What one game is counted from.
pub(super) struct GameRows {
    pub(super) ledger: Ledger,
    pub(super) skating: Skating,
    pub(super) schedule: Option<Schedule>,
}

impl StrengthChoice {
    pub(super) fn strength(&self) -> Result<Strength, Problem> {
        self.strength.as_deref().map_or(Ok(Strength::All), str::parse).map_err(Problem::bad_request)
    }
}

impl GameRows {
    /// The rows of `game`; `None` when nothing of it was seen. How it was skated is tracking: without it for who may not
    /// see that.
    pub(super) async fn read(core: &Core, asker: &Asker, game: u64) -> Result<Option<Self>, Problem> {
        let fault = |error| Problem::internal(&error);
        let projections = &core.shared.projections;
        let ledger = projections.ledger(game).await.map_err(fault)?;
        let skating = projections.skating(game).await.map_err(fault)?;
        if ledger.is_none() && !skating.seen() {
            return Ok(None);
        }
        let sees = asker.sees(Action::ViewTracking, &asker.owners.game(game).await?);
        let skating = if sees { skating } else { Skating::default() };
        let schedule = super::resources::find::<Schedule>(core, &Schedule::id_of(game)).await?;
        let schedule = schedule.map(|(_, schedule)| schedule);
        Ok(Some(Self { ledger: ledger.unwrap_or_default(), skating, schedule }))
    }

    /// The game, ready to be counted.
    pub(super) fn counted(&self) -> Counted<'_> {
        let goalies = self.schedule.iter().flat_map(|schedule| {
            [(network::Side::Home, &schedule.home), (network::Side::Away, &schedule.away)].into_iter().flat_map(
                |(side, listed)| {
                    let goalies = listed.roster.iter().filter(|place| place.goalie);
                    goalies.map(move |place| Person { side, number: place.number })
                },
            )
        });
        Counted::new(&self.ledger, &self.skating, goalies)
    }

    /// Who wears `person`'s number, as the roster has it.
    pub(super) fn player(&self, person: Person) -> Option<String> {
        let schedule = self.schedule.as_ref()?;
        let listed = match person.side {
            network::Side::Home => &schedule.home,
            network::Side::Away => &schedule.away,
        };
        listed.roster.iter().find(|place| place.number == person.number).map(|place| place.player.clone())
    }
}

async fn rows(core: &Core, asker: &Asker, game: u64) -> Result<GameRows, Problem> {
    let rows = GameRows::read(core, asker, game).await?;
    rows.ok_or_else(|| Problem::not_found(format!("game {game} has not been seen")))
}

/// What each player has done in one game.
#[utoipa::path(get, operation_id = "count_players", path = "/api/core/games/{game}/statistics/players", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"), StrengthChoice),
    responses(
        (status = 200, description = "The players of the game", body = GamePlayers, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn players(
    State(core): State<Core>,
    asker: Asker,
    Named(game): Named<u64>,
    Parameters(choice): Parameters<StrengthChoice>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let strength = choice.strength()?;
    let rows = rows(&core, &asker, game).await?;
    let lines = rows.counted().players(strength);
    let players = lines.into_iter().map(|line| {
        let player = rows.player(line.person);
        PlayerStatistics::new(line, player)
    });
    let complete = rows.ledger.dropped == 0;
    let answer = GamePlayers { game, strength: strength.to_string(), complete, players: players.collect() };
    Ok(tags::answer_computed(&headers, &answer))
}

/// What each team has done in one game.
#[utoipa::path(get, operation_id = "count_teams", path = "/api/core/games/{game}/statistics/teams", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"), StrengthChoice),
    responses(
        (status = 200, description = "The two teams of the game", body = GameTeams, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn teams(
    State(core): State<Core>,
    asker: Asker,
    Named(game): Named<u64>,
    Parameters(choice): Parameters<StrengthChoice>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let strength = choice.strength()?;
    let rows = rows(&core, &asker, game).await?;
    let counted = rows.counted();
    let (home, away) = match &rows.schedule {
        Some(schedule) => (Some(schedule.home.team.clone()), Some(schedule.away.team.clone())),
        None => (None, None),
    };
    let answer = GameTeams {
        game,
        strength: strength.to_string(),
        complete: rows.ledger.dropped == 0,
        home: TeamStatistics::new(Side::Home, home, &counted.team(network::Side::Home, strength)),
        away: TeamStatistics::new(Side::Away, away, &counted.team(network::Side::Away, strength)),
    };
    Ok(tags::answer_computed(&headers, &answer))
}
