//! `GET /api/core/players/{player}/with-without`: a season of a player with some team-mates and without others ("with or
//! without you"), while they were on the ice and while they were not.
//!
//! Comes in: rosters of the season's games, and who was on together in each ([`Together`]). Goes out: sums. A game counts
//! when everybody who is named stands in its team's roster: of others nothing can be said. Who keeps goal is as the rosters
//! say, so a strength is known of games whose rosters name a goalie of both teams.

use super::{
    Core,
    figures_view::AttemptBalance,
    player_games::place,
    resources::{self, games::Schedule, players::Player},
    statistics::StrengthChoice,
};
use crate::{
    api::{Named, Parameters, Problem, tags},
    projections::{
        Together,
        statistics::{Balance, Person, Strength, strength::Situation},
        together::Set,
    },
};
use axum::{extract::State, http::HeaderMap, response::Response};
use firmware_protocol::network::Side;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// Games of a season, as leagues number them: 2026020001 is of 2026.
pub(super) const GAMES_OF_A_SEASON: u64 = 1_000_000;
/// Latest season: what a game's number has room for.
pub(super) const SEASON_MAX: u64 = 9_000_000;
/// Team-mates named at once, with and without.
const NAMED_MAX: usize = 5;
/// Characters of their names, with commas.
const NAMES_MAX: usize = 400;
/// Games of one player in a season; leagues play 82 and play-offs.
const GAMES_MAX: usize = 200;

/// Which part of which season.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WithWithoutChoice {
    /// The season by the year it begins in; the first digits of its games' numbers.
    #[param(minimum = 1, maximum = 9_000_000)]
    pub season: u64,
    /// Team-mates who are on the ice, at most 5, separated by commas.
    #[param(max_length = 400)]
    pub with: Option<String>,
    /// Team-mates who are not, at most 5, separated by commas.
    #[param(max_length = 400)]
    pub without: Option<String>,
    /// As for one game.
    #[param(pattern = "^(all|even|power_play|short_handed|empty_net|[3-6]v[3-6])$", default = "all")]
    pub strength: Option<String>,
}

/// A part of a season.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeasonPart {
    /// For how long while play was on, milliseconds.
    pub toi_ms: u64,
    /// What both teams did meanwhile, seen from the player's.
    pub attempts: AttemptBalance,
    /// Goals of the own team in an hour of it; `null` without time.
    pub goals_for_per_60: Option<f64>,
    /// Goals of the others in an hour of it; the same.
    pub goals_against_per_60: Option<f64>,
    /// Attempts of the own team in an hour of it; the same.
    pub corsi_for_per_60: Option<f64>,
    /// Attempts of the others in an hour of it; the same.
    pub corsi_against_per_60: Option<f64>,
}

/// A season with and without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WithWithout {
    /// Who.
    pub player: String,
    /// The season by the year it begins in.
    pub season: u64,
    /// Who was on the ice in all of it.
    pub with: Vec<String>,
    /// Who was not in any of it.
    pub without: Vec<String>,
    /// At which strength.
    pub strength: String,
    /// Games that count: everybody named stands in the roster, and something of it was seen.
    pub games: u32,
    /// While the player was on the ice.
    pub on: SeasonPart,
    /// While the player was not, and the others with and without as asked.
    pub off: SeasonPart,
}

/// `count` in an hour of `toi_ms`.
pub(super) fn per_60(count: u32, toi_ms: u64) -> Option<f64> {
    (toi_ms > 0).then(|| f64::from(count) * 3_600_000.0 / toi_ms as f64)
}

/// Sums of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    played_us: u64,
    balance: Balance,
}

impl Part {
    fn take(&mut self, set: &Set, side: Side) {
        let [home, away] = set.attempts.unwrap_or_default();
        let (own, other) = if side == Side::Home { (home, away) } else { (away, home) };
        self.played_us += set.played_us;
        self.balance.join(&Balance { own, other });
    }
}

impl From<Part> for SeasonPart {
    fn from(Part { played_us, balance }: Part) -> Self {
        let toi_ms = played_us / 1_000;
        Self {
            toi_ms,
            attempts: balance.into(),
            goals_for_per_60: per_60(balance.own.goals, toi_ms),
            goals_against_per_60: per_60(balance.other.goals, toi_ms),
            corsi_for_per_60: per_60(balance.own.corsi, toi_ms),
            corsi_against_per_60: per_60(balance.other.corsi, toi_ms),
        }
    }
}

/// A season of a player.
#[utoipa::path(get, operation_id = "count_with_without", path = "/api/core/players/{player}/with-without", tag = "core",
    params(("player" = String, Path, description = "The player's name in paths"), WithWithoutChoice),
    responses(
        (status = 200, description = "Sums over the season's games", body = WithWithout, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn with_without(
    State(core): State<Core>,
    Named(player): Named<String>,
    Parameters(choice): Parameters<WithWithoutChoice>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let strength = StrengthChoice { strength: choice.strength }.strength()?;
    let season = season_of(choice.season)?;
    let (with, without) = (names("with", choice.with.as_deref())?, names("without", choice.without.as_deref())?);
    let mut once = BTreeSet::from([&player]);
    if let Some(twice) = with.iter().chain(&without).find(|name| !once.insert(name)) {
        return Err(Problem::bad_request(format!("{twice} is named twice")));
    }
    let (found, schedules) =
        tokio::try_join!(resources::find::<Player>(&core, &player), schedules(&core, season, &player))?;
    if found.is_none() {
        return Err(Problem::not_found(format!("no player {player}")));
    }
    let games: Vec<u64> = schedules.keys().copied().collect();
    let rows = core.shared.projections.together(&games).await.map_err(|error| Problem::internal(&error))?;
    let (mut on, mut off, mut counted) = (Part::default(), Part::default(), 0);
    for (game, together) in &rows {
        let Some(schedule) = schedules.get(game) else { continue };
        let all = |names: &[String]| names.iter().map(|name| place(schedule, name)).collect::<Option<Vec<Person>>>();
        let (Some(person), Some(with), Some(without)) = (place(schedule, &player), all(&with), all(&without)) else {
            continue;
        };
        if with.iter().chain(&without).any(|other| other.side != person.side) {
            continue;
        }
        counted += 1;
        sum(together, schedule, &Asked { person, with, without, strength }, &mut on, &mut off);
    }
    let strength = strength.to_string();
    let (on, off) = (on.into(), off.into());
    let answer = WithWithout { player, season: choice.season, with, without, strength, games: counted, on, off };
    Ok(tags::answer_computed(&headers, &answer))
}

/// The numbers of a season's games: from, and before which.
pub(super) fn season_of(season: u64) -> Result<(u64, u64), Problem> {
    if !(1..=SEASON_MAX).contains(&season) {
        return Err(Problem::bad_request(format!("season {season} (the year it begins in; 1 to {SEASON_MAX})")));
    }
    Ok((season * GAMES_OF_A_SEASON, (season + 1) * GAMES_OF_A_SEASON))
}

fn names(what: &str, listed: Option<&str>) -> Result<Vec<String>, Problem> {
    let names: Vec<String> = listed.into_iter().flat_map(|listed| listed.split(',')).map(str::to_owned).collect();
    let long = listed.is_some_and(|listed| listed.chars().count() > NAMES_MAX);
    if long || names.len() > NAMED_MAX || names.iter().any(String::is_empty) {
        return Err(Problem::bad_request(format!("{what} (at most {NAMED_MAX} players, separated by commas)")));
    }
    Ok(names)
}

/// The season's games in whose rosters `player` stands.
async fn schedules(core: &Core, (from, to): (u64, u64), player: &str) -> Result<BTreeMap<u64, Schedule>, Problem> {
    let between = [from, to].map(Schedule::id_of);
    let listed =
        resources::between::<Schedule>(core, ("player", player), (&between[0], &between[1]), GAMES_MAX).await?;
    Ok(listed.into_iter().map(|schedule| (schedule.game, schedule)).collect())
}

/// What is asked of one game.
struct Asked {
    person: Person,
    with: Vec<Person>,
    without: Vec<Person>,
    strength: Strength,
}

fn sum(together: &Together, schedule: &Schedule, asked: &Asked, on: &mut Part, off: &mut Part) {
    let bits = |persons: &[Person]| persons.iter().map(|person| together.bit(*person)).collect::<Option<Vec<u128>>>();
    // Whoever never was on is with nobody.
    let Some(with) = bits(&asked.with) else { return };
    let with = with.into_iter().fold(0, |all, bit| all | bit);
    let without = asked.without.iter().filter_map(|person| together.bit(*person)).fold(0, |all, bit| all | bit);
    let person = together.bit(asked.person).unwrap_or(0);
    let goalies = [(Side::Home, &schedule.home), (Side::Away, &schedule.away)].map(|(side, listed)| {
        let keep = listed.roster.iter().filter(|place| place.goalie);
        let bit = |place: &resources::rosters::Place| together.bit(Person { side, number: place.number }).unwrap_or(0);
        keep.map(bit).reduce(|all, bit| all | bit)
    });
    let is_of = |set: &Set| {
        let count = |at: usize| {
            let goalies = goalies[at]?;
            let skaters = (set.on[at] & !goalies).count_ones() as i32 + i32::from(set.strangers[at]);
            Some((skaters, set.on[at] & goalies != 0))
        };
        let situation = count(0).zip(count(1)).and_then(|(home, away)| Situation::counted([home, away]));
        situation.is_some_and(|situation| situation.is(asked.strength, asked.person.side))
    };
    for set in &together.sets {
        let own = set.on[asked.person.side as usize];
        if own & with != with || own & without != 0 || (asked.strength != Strength::All && !is_of(set)) {
            continue;
        }
        let part = if own & person == 0 { &mut *off } else { &mut *on };
        part.take(set, asked.person.side);
    }
}
