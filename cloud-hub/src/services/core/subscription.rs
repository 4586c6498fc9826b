//! What one socket wants to hear of: the newest game, one game, a team's games, or what one player does.
//!
//! Comes in: events, and rosters as games were scheduled with. Goes out: whether an event is wanted, and which live game is
//! to be shown. What a game has to do with the team or player is remembered until [`Scope::forget`], so that a game that
//! is scheduled while the page watches is found. Never: more games remembered than [`GAMES_MAX`].

use super::{
    Core,
    event_feed::Announcement,
    player_games,
    resources::{self, games::Schedule},
};
use crate::{
    api::{Problem, shown::is_own_page},
    projections::statistics::Person,
};
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::IntoParams;

/// Games remembered at once: more than are played at a time.
const GAMES_MAX: usize = 64;

/// Which game, and where a returning page stands.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SocketChoice {
    /// The game, as the league numbers it; always the newest when nothing else is asked for.
    pub game: Option<u64>,
    /// Instead: every game scheduled for this team.
    pub team: Option<String>,
    /// Instead: what this player does in the games in whose rosters they stand.
    pub player: Option<String>,
    /// The last `epoch` this page was told.
    pub epoch: Option<String>,
    /// The last `offset` this page holds.
    pub offset: Option<u64>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subscription {
    /// One game, or always the newest.
    Game(Option<u64>),
    /// The games of a team.
    Team(String),
    /// What a player does.
    Player(String),
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Everything,
    Of(Person),
}

/// A subscription, and what is remembered of games.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) subscription: Subscription,
    known: HashMap<u64, Option<Wanted>>,
}

impl Subscription {
    /// What `choice` asks for.
    pub(super) fn new(choice: &SocketChoice) -> Result<Self, Problem> {
        match (choice.game, &choice.team, &choice.player) {
            (game, None, None) => Ok(Self::Game(game)),
            (None, Some(team), None) => Ok(Self::Team(team.clone())),
            (None, None, Some(player)) => Ok(Self::Player(player.clone())),
            _ => Err(Problem::bad_request("game, team and player: one of them")),
        }
    }
}

impl Scope {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, known: HashMap::new() }
    }

    /// Forgets what games have to do with it: schedules change.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Whether it is about a team or a player, and so about many games.
    pub(super) fn is_wide(&self) -> bool {
        !matches!(self.subscription, Subscription::Game(_))
    }

    /// Whether the event is wanted by a page that is shown `shown`.
    pub(super) async fn wants(
        &mut self,
        core: &Core,
        shown: Option<u64>,
        event: &Announcement,
    ) -> Result<bool, Problem> {
        if !self.is_wide() {
            return Ok(shown == Some(event.game));
        }
        Ok(match self.of_game(core, event.game).await? {
            None => false,
            Some(Wanted::Everything) => true,
            Some(Wanted::Of(person)) => event.people.contains(&Some(person)),
        })
    }

    /// The live game to show: of several, the one with the greatest number.
    pub(super) async fn live_game(&mut self, core: &Core) -> Result<Option<u64>, Problem> {
        if !self.is_wide() {
            return Ok(core.live_game());
        }
        let mut games = core.shared.board.games();
        games.sort_unstable();
        for game in games.into_iter().rev().take(GAMES_MAX) {
            if self.of_game(core, game).await?.is_some() {
                return Ok(Some(game));
            }
        }
        Ok(None)
    }

    async fn of_game(&mut self, core: &Core, game: u64) -> Result<Option<Wanted>, Problem> {
        if let Some(known) = self.known.get(&game) {
            return Ok(*known);
        }
        let schedule = resources::find::<Schedule>(core, &Schedule::id_of(game)).await?;
        let wanted = schedule.and_then(|(_, schedule)| match &self.subscription {
            Subscription::Game(_) => None,
            Subscription::Team(team) => {
                (schedule.home.team == *team || schedule.away.team == *team).then_some(Wanted::Everything)
            }
            Subscription::Player(player) => player_games::place(&schedule, player).map(Wanted::Of),
        });
        if self.known.len() >= GAMES_MAX {
            self.known.clear();
        }
        self.known.insert(game, wanted);
        Ok(wanted)
    }
}

/// Whether a page of this origin may open a socket: browsers let any page try, and say whose it is. A program says none.
pub(super) fn is_welcome(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(own) = is_own_page(headers) else { return true };
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    own || origins.iter().any(|welcome| welcome.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&str>, expected: bool) {
        let mut headers = HeaderMap::from_iter([(header::HOST, "hub.example:8000".parse().unwrap())]);
        headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
        assert_eq!(is_welcome(&headers, &["https://league.example".to_owned()]), expected, "{origin:?}");
    }

    #[test]
    fn pages_of_others_are_not_welcome() {
        check(None, true);
        check(Some("http://hub.example:8000"), true);
        check(Some("https://HUB.example:8000"), true);
        check(Some("https://league.example"), true);
        check(Some("https://hub.example"), false);
        check(Some("https://hub.example:8000.evil.example"), false);
        check(Some("https://evil.example"), false);
        check(Some("null"), false);
        check(Some("file://hub.example:8000"), false);
    }
}
