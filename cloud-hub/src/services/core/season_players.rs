//! `GET /api/core/seasons/{season}/players`: every player of a season, and where they stand among the others.
//!
//! Comes in: a line a game and player, and the rosters. Goes out: sums, rates in an hour of ice time, and percentile ranks
//! among those who play the same (skaters, goalies) and were on the ice for as long as is asked. A percentile rank is the
//! share of these with less, and half of those with as much, in hundredths: everybody equal is at 50.

use super::{
    Core,
    figures_view::AttemptBalance,
    resources::{self, games::Schedule},
    with_without::{per_60, season_of},
};
use crate::{
    api::{Named, Page, Parameters, Problem, page, tags},
    projections::{
        statistics::{Balance, Person},
        together::Line,
    },
};
use axum::{extract::State, http::HeaderMap, response::Response};
use firmware_protocol::network::Side;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Games read at once.
const PAGE_GAMES: usize = 200;

/// Which players.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeasonChoice {
    /// `next_cursor` of the page before; the first page when left out.
    #[param(max_length = 128)]
    pub cursor: Option<String>,
    /// At most this many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
    /// This player alone; ranks are among all.
    #[param(max_length = 63)]
    pub player: Option<String>,
    /// Who was on the ice for less has no ranks and counts in nobody's, milliseconds.
    #[param(default = 0)]
    pub toi_ms_min: Option<u64>,
}

/// Figures that are ranked, each an hour of ice time unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Ice time a game, milliseconds.
    pub toi_ms_per_game: Option<f64>,
    /// Goals.
    pub goals_per_60: Option<f64>,
    /// Assists.
    pub assists_per_60: Option<f64>,
    /// Goals and assists.
    pub points_per_60: Option<f64>,
    /// Attempts at goal.
    pub attempts_per_60: Option<f64>,
    /// Attempts of the own team while on the ice.
    pub corsi_for_per_60: Option<f64>,
    /// Attempts of the others while on the ice; fewer is better, and ranks lower.
    pub corsi_against_per_60: Option<f64>,
    /// Own share of all attempts while on the ice, 0 to 1.
    pub corsi_share: Option<f64>,
    /// Own share of all goals while on the ice, 0 to 1.
    pub goals_share: Option<f64>,
}

/// One player's season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeasonPlayer {
    /// Who.
    pub player: String,
    /// Whether they keep goal, as the newest roster says.
    pub goalie: bool,
    /// The team of the newest game.
    pub team: String,
    /// Games in which something of them was seen.
    pub games: u32,
    /// Ice time while play was on, milliseconds.
    pub toi_ms: u64,
    /// Goals.
    pub goals: u32,
    /// Assists, by the passes that were seen.
    pub assists: u32,
    /// Attempts at goal: individual Corsi.
    pub attempts: u32,
    /// Of those, the ones goalie or net stopped.
    pub shots_on_goal: u32,
    /// Both teams' attempts while on the ice.
    pub on_ice: AttemptBalance,
    /// Rates.
    pub rates: Rates,
    /// Percentile ranks of the rates, 0 to 100; `null` without the rate, or with less ice time than asked for.
    pub percentiles: Rates,
}

#[derive(Debug, Default)]
struct Season {
    goalie: bool,
    team: String,
    games: u32,
    toi_ms: u64,
    goals: u32,
    assists: u32,
    attempts: u32,
    on_goal: u32,
    on_ice: Balance,
}

impl Season {
    fn take(&mut self, line: &Line) {
        self.games += 1;
        self.toi_ms += line.toi_ms;
        self.goals += line.goals;
        self.assists += line.assists;
        self.attempts += line.attempts;
        self.on_goal += line.on_goal;
        self.on_ice.join(&line.on_ice);
    }

    fn rates(&self) -> Rates {
        let Balance { own, other } = &self.on_ice;
        let hourly = |count| per_60(count, self.toi_ms);
        let part = |own: u32, other: u32| (own + other > 0).then(|| f64::from(own) / f64::from(own + other));
        Rates {
            toi_ms_per_game: (self.games > 0).then(|| self.toi_ms as f64 / f64::from(self.games)),
            goals_per_60: hourly(self.goals),
            assists_per_60: hourly(self.assists),
            points_per_60: hourly(self.goals + self.assists),
            attempts_per_60: hourly(self.attempts),
            corsi_for_per_60: hourly(own.corsi),
            corsi_against_per_60: hourly(other.corsi),
            corsi_share: part(own.corsi, other.corsi),
            goals_share: part(own.goals, other.goals),
        }
    }
}

impl Rates {
    fn all(&mut self) -> [&mut Option<f64>; 9] {
        [
            &mut self.toi_ms_per_game,
            &mut self.goals_per_60,
            &mut self.assists_per_60,
            &mut self.points_per_60,
            &mut self.attempts_per_60,
            &mut self.corsi_for_per_60,
            &mut self.corsi_against_per_60,
            &mut self.corsi_share,
            &mut self.goals_share,
        ]
    }
}

/// The percentile rank of `value` in `sorted`, which holds it.
fn rank(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|other| *other < value);
    let upto = sorted.partition_point(|other| *other <= value);
    100.0 * (below + upto) as f64 / (2 * sorted.len()).max(1) as f64
}

/// The players of a season.
#[utoipa::path(get, operation_id = "count_season", path = "/api/core/seasons/{season}/players", tag = "core",
    params(("season" = u64, Path, description = "The season by the year it begins in"), SeasonChoice),
    responses(
        (status = 200, description = "A page of players, in order of their names in paths", body = Page<SeasonPlayer>,
            headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing of this player was seen in this season", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub async fn players(
    State(core): State<Core>,
    Named(season): Named<u64>,
    Parameters(choice): Parameters<SeasonChoice>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let seasons = seasons(&core, season_of(season)?).await?;
    let mut players = ranked(seasons, choice.toi_ms_min.unwrap_or(0));
    if let Some(player) = &choice.player {
        players.retain(|line| line.player == *player);
        if players.is_empty() {
            return Err(Problem::not_found(format!("nothing of {player} was seen in season {season}")));
        }
    }
    players.retain(|line| line.player.as_str() > cursor);
    players.truncate(limit + 1);
    Ok(tags::answer_computed(&headers, &Page::new(players, limit, |line| line.player.clone())))
}

async fn seasons(core: &Core, (from, to): (u64, u64)) -> Result<BTreeMap<String, Season>, Problem> {
    let mut seasons: BTreeMap<String, Season> = BTreeMap::new();
    let mut after = from;
    loop {
        let lines = core.shared.projections.lines_after(after, PAGE_GAMES).await;
        let lines = lines.map_err(|error| Problem::internal(&error))?;
        let listed = resources::after::<Schedule>(core, &Schedule::id_of(after), PAGE_GAMES).await?;
        let listed: BTreeMap<u64, Schedule> = listed.into_iter().map(|schedule| (schedule.game, schedule)).collect();
        let Some((last, _)) = lines.last() else { return Ok(seasons) };
        // Games that nobody scheduled, or nothing was seen of, stand in one of the two only.
        let upto = if lines.len() == PAGE_GAMES { *last } else { u64::MAX };
        let upto = listed.keys().next_back().filter(|_| listed.len() == PAGE_GAMES).map_or(upto, |end| upto.min(*end));
        for (game, lines) in lines.iter().filter(|(game, _)| *game < to && *game <= upto) {
            if let Some(schedule) = listed.get(game) {
                take(&mut seasons, schedule, lines);
            }
        }
        if upto >= to {
            return Ok(seasons);
        }
        after = upto;
    }
}

fn take(seasons: &mut BTreeMap<String, Season>, schedule: &Schedule, lines: &[Line]) {
    let lines: BTreeMap<Person, &Line> = lines.iter().map(|line| (line.person, line)).collect();
    for (side, listed) in [(Side::Home, &schedule.home), (Side::Away, &schedule.away)] {
        for place in &listed.roster {
            let Some(line) = lines.get(&Person { side, number: place.number }) else { continue };
            if !seasons.contains_key(&place.player) {
                seasons.insert(place.player.clone(), Season::default());
            }
            seasons.entry(place.player.clone()).and_modify(|season| {
                season.take(line);
                season.goalie = place.goalie;
                season.team.clone_from(&listed.team);
            });
        }
    }
}

fn ranked(seasons: BTreeMap<String, Season>, toi_ms_min: u64) -> Vec<SeasonPlayer> {
    // Of goalies and of skaters, of each rate.
    let mut sorted: [[Vec<f64>; 9]; 2] = Default::default();
    for season in seasons.values().filter(|season| season.toi_ms >= toi_ms_min) {
        for (values, rate) in sorted[usize::from(season.goalie)].iter_mut().zip(season.rates().all()) {
            values.extend(*rate);
        }
    }
    sorted.iter_mut().flatten().for_each(|values| values.sort_unstable_by(f64::total_cmp));
    let player = |(player, season): (String, Season)| {
        let rates = season.rates();
        let mut percentiles = rates;
        for (values, rate) in sorted[usize::from(season.goalie)].iter().zip(percentiles.all()) {
            *rate = rate.filter(|_| season.toi_ms >= toi_ms_min).map(|value| rank(values, value));
        }
        SeasonPlayer {
            player,
            goalie: season.goalie,
            team: season.team,
            games: season.games,
            toi_ms: season.toi_ms,
            goals: season.goals,
            assists: season.assists,
            attempts: season.attempts,
            shots_on_goal: season.on_goal,
            on_ice: season.on_ice.into(),
            rates,
            percentiles,
        }
    };
    seasons.into_iter().map(player).collect()
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn a_rank_is_the_share_below_and_half_of_those_equal() {
        let sorted = [1.0, 2.0, 2.0, 5.0];
        assert_eq!([1.0, 2.0, 5.0].map(|value| rank(&sorted, value)), [12.5, 50.0, 87.5]);
        assert_eq!(rank(&[3.0; 7], 3.0), 50.0);
    }
}
