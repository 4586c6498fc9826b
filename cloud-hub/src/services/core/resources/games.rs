//! `/api/core/games`: which games are to be played, by whom and where, and which were seen.
//!
//! A box numbers its game as the league does; a game that nobody scheduled is listed all the same, once something of it
//! was seen. A schedule keeps the rosters of its day, so that numbers mean who wore them then.

use super::{
    super::{Core, GAME_MAX, event_view::Clock},
    Thing, find,
    rosters::{self, Place, Roster},
    slug_fault, writing,
};
use crate::{
    api::{
        Asker, Body, Named, Page, PageChoice, Parameters, Problem,
        described::{BadBody, Held, Key, Saw, SawNothing, Unseen},
        page, tags,
    },
    projections,
};
use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Latest beginning, microseconds UTC: the year 2100.
const STARTS_US_MAX: i64 = 4_102_444_800_000_000;

/// One team of a game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledTeam {
    /// Which team.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub team: String,
    /// Who wears which number in this game; the team's roster when left out or empty.
    #[serde(default)]
    #[schema(max_items = 60)]
    pub roster: Vec<Place>,
}

/// A game that is to be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The game, as the league numbers it.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_u64)]
    pub game: u64,
    /// Where.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub venue: String,
    /// When, microseconds UTC.
    #[schema(minimum = 0, maximum = 4_102_444_800_000_000_i64)]
    pub starts_us: i64,
    /// The home team.
    pub home: ScheduledTeam,
    /// The away team.
    pub away: ScheduledTeam,
}

impl Schedule {
    /// Its name in the table: games in order of their numbers.
    pub fn id_of(game: u64) -> String {
        format!("{game:020}")
    }
}

impl Thing for Schedule {
    const KIND: &'static str = "game";

    fn id(&self) -> String {
        Self::id_of(self.game)
    }

    fn path(&self) -> String {
        format!("/api/core/games/{}/schedule", self.game)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=GAME_MAX).contains(&self.game) {
            faults.push(format!("game {} (1 to {GAME_MAX})", self.game));
        }
        if !(0..=STARTS_US_MAX).contains(&self.starts_us) {
            faults.push(format!("starts_us {} (0 to {STARTS_US_MAX})", self.starts_us));
        }
        faults.extend(slug_fault("venue", &self.venue));
        for (side, listed) in [("home", &self.home), ("away", &self.away)] {
            faults.extend(slug_fault(&format!("{side}.team"), &listed.team));
            faults.extend(rosters::faults(&format!("{side}.roster"), &listed.roster));
        }
        if self.home.team == self.away.team {
            faults.push("home and away are one team".to_owned());
        }
        faults
    }

    fn names(&self) -> Vec<(&'static str, String)> {
        let places = self.home.roster.iter().chain(&self.away.roster);
        let players = places.map(|place| ("player", place.player.clone()));
        let teams = [&self.home, &self.away].map(|side| ("team", side.team.clone()));
        std::iter::once(("venue", self.venue.clone())).chain(teams).chain(players).collect()
    }
}

/// Which games.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GamesChoice {
    /// `next_cursor` of the page before; the first page when left out.
    #[param(max_length = 128)]
    pub cursor: Option<String>,
    /// At most this many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
    /// Only scheduled games of this team.
    pub team: Option<String>,
    /// Only scheduled games at this venue. Not together with `team`.
    pub venue: Option<String>,
}

/// A game in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedGame {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Who is to play; `null` for one that nobody scheduled.
    pub schedule: Option<Schedule>,
    /// The scoreboard at its newest event; `null` before one.
    pub clock: Option<Clock>,
    /// Capture time of its newest event, microseconds UTC; `null` before one.
    pub updated_us: Option<i64>,
    /// Whether a box shows it now or did since the hub started.
    pub live: bool,
}

fn listed(core: &Core, game: u64, schedule: Option<Schedule>, row: Option<&projections::Game>) -> ListedGame {
    ListedGame {
        game,
        schedule,
        clock: row.map(|row| row.clock.into()),
        updated_us: row.map(|row| row.updated_us),
        live: core.shared.board.latest(game).is_some(),
    }
}

/// All games, by number.
#[utoipa::path(get, operation_id = "list_games", path = "/api/core/games", tag = "core", params(GamesChoice), responses(
    (status = 200, description = "A page of games", body = Page<ListedGame>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn all(State(core): State<Core>, Parameters(choice): Parameters<GamesChoice>) -> Result<Response, Problem> {
    let fault = |error| Problem::internal(&error);
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let after: u64 = if cursor.is_empty() { 0 } else { cursor.parse().map_err(|_| not_a_cursor())? };
    let link = match (&choice.team, &choice.venue) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("team and venue: one of them")),
        (Some(team), None) => Some(("team", team.as_str())),
        (None, Some(venue)) => Some(("venue", venue.as_str())),
        (None, None) => None,
    };
    let scheduled = PageChoice { cursor: (after > 0).then(|| Schedule::id_of(after)), limit: Some(limit) };
    let page = super::page::<Schedule>(&core, &scheduled, link).await?;
    let more = page.next_cursor.is_some();
    let mut games: BTreeMap<u64, ListedGame> = BTreeMap::new();
    for schedule in page.items {
        let row = core.shared.projections.game(schedule.game).await.map_err(fault)?;
        games.insert(schedule.game, listed(&core, schedule.game, Some(schedule), row.as_ref()));
    }
    if link.is_none() {
        // Beyond the last scheduled game of this page there may be more of those.
        let last = games.keys().next_back().copied().filter(|_| more);
        for row in core.shared.projections.games_after(after, limit + 1).await.map_err(fault)? {
            if last.is_none_or(|last| row.game <= last) {
                games.entry(row.game).or_insert_with(|| listed(&core, row.game, None, Some(&row)));
            }
        }
    }
    let over = games.len() > limit;
    let items: Vec<ListedGame> = games.into_values().take(limit).collect();
    let next_cursor = items.last().filter(|_| more || over).map(|last| last.game.to_string());
    Ok(Json(Page { items, next_cursor }).into_response())
}

fn not_a_cursor() -> Problem {
    Problem::bad_request("cursor is not a next_cursor of this list: begin without one")
}

/// One game, scheduled or seen.
#[utoipa::path(get, operation_id = "read_game", path = "/api/core/games/{game}", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"),
        Held),
    responses(
        (status = 200, description = "The game", body = ListedGame, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(State(core): State<Core>, Named(game): Named<u64>, headers: HeaderMap) -> Result<Response, Problem> {
    let schedule = find::<Schedule>(&core, &Schedule::id_of(game)).await?.map(|(_, schedule)| schedule);
    let row = core.shared.projections.game(game).await.map_err(|error| Problem::internal(&error))?;
    let found = listed(&core, game, schedule, row.as_ref());
    if found.schedule.is_none() && row.is_none() && !found.live {
        return Err(Problem::not_found(format!("game {game} is neither scheduled nor has it been seen")));
    }
    Ok(tags::answer_computed(&headers, &found))
}

/// Gives a side without a roster that of its team.
async fn fill(core: &Core, mut body: Body<Schedule>) -> Result<Body<Schedule>, Problem> {
    for side in [&mut body.value.home, &mut body.value.away] {
        if side.roster.is_empty()
            && let Some((_, roster)) = find::<Roster>(core, &side.team).await?
        {
            side.roster = roster.players;
        }
    }
    Ok(body)
}

/// A game that is to be played.
#[utoipa::path(post, operation_id = "schedule_game", path = "/api/core/games", tag = "core", request_body = Schedule,
    params(Key),
    responses(
        (status = 201, description = "It is scheduled", body = Schedule, headers(("etag"), ("location"))),
        (status = 400, description = "No JSON, or a faulty key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was scheduled before", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create(
    State(core): State<Core>,
    asker: Asker,
    headers: HeaderMap,
    body: Body<Schedule>,
) -> Result<Response, Problem> {
    let body = fill(&core, body).await?;
    writing::create(&core, (&asker, &headers), "/api/core/games", body).await
}

/// When, where and by whom a game is to be played.
#[utoipa::path(get, operation_id = "read_schedule", path = "/api/core/games/{game}/schedule", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"),
        Held),
    responses(
        (status = 200, description = "The schedule", body = Schedule, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody scheduled it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn schedule(
    State(core): State<Core>,
    Named(game): Named<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    super::get::<Schedule>(&core, &Schedule::id_of(game), &headers).await
}

/// A schedule as it is to be.
#[utoipa::path(put, operation_id = "replace_schedule", path = "/api/core/games/{game}/schedule", tag = "core", request_body = Schedule,
    params(("game" = u64, Path, description = "The game, as the league numbers it"),
        Saw, SawNothing),
    responses(
        (status = 200, description = "It is so", body = Schedule, headers(("etag"))),
        (status = 201, description = "It is scheduled", body = Schedule, headers(("etag"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody scheduled it", body = Problem, content_type = "application/problem+json"),
        BadBody,
        Unseen,
    )
)]
pub async fn reschedule(
    State(core): State<Core>,
    asker: Asker,
    Named(game): Named<u64>,
    headers: HeaderMap,
    body: Body<Schedule>,
) -> Result<Response, Problem> {
    let body = fill(&core, body).await?;
    writing::replace(&core, (&asker, &headers), &Schedule::id_of(game), body).await
}

/// A game that is not to be played. What was seen of it stays.
#[utoipa::path(delete, operation_id = "remove_schedule", path = "/api/core/games/{game}/schedule", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"),
        Saw),
    responses(
        (status = 204, description = "It is no longer scheduled"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody scheduled it", body = Problem, content_type = "application/problem+json"),
        Unseen,
    )
)]
pub async fn unschedule(
    State(core): State<Core>,
    asker: Asker,
    Named(game): Named<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    writing::remove::<Schedule>(&core, (&asker, &headers), &Schedule::id_of(game), &[]).await
}
