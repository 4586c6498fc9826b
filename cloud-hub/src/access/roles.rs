//! What somebody is to the league: roles, each of something and perhaps until some day.

use super::action::Action;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Keeps the league: teams, schedules, accounts.
    LeagueAdmin,
    /// Keeps a team: its roster, its accounts, what it shares.
    TeamAdmin,
    /// Works with a team's tracking and hearts, and sets its roster.
    Coach,
    /// Works with a team's tracking and hearts.
    Analyst,
    /// Works with a team's tracking.
    Scout,
    /// Looks after an arena's boxes and corrects what was seen there.
    ArenaStaff,
    /// Watches a team's games, or all of the league's.
    Viewer,
    /// Is one of the league's players.
    Player,
    /// A program: may what is listed.
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::LeagueAdmin,
        Self::TeamAdmin,
        Self::Coach,
        Self::Analyst,
        Self::Scout,
        Self::ArenaStaff,
        Self::Viewer,
        Self::Player,
        Self::Service,
    ];

    /// Whether it can be held of `scope`.
    pub fn fits(self, scope: &Scope) -> bool {
        match self {
            Self::LeagueAdmin => matches!(scope, Scope::League),
            Self::TeamAdmin | Self::Coach | Self::Analyst | Self::Scout => matches!(scope, Scope::Team(_)),
            Self::ArenaStaff => matches!(scope, Scope::Venue(_)),
            Self::Viewer | Self::Service => matches!(scope, Scope::League | Scope::Team(_)),
            Self::Player => matches!(scope, Scope::Player(_)),
        }
    }
}

/// What a role is held of: `league`, `team/oaks`, `venue/oak`, `player/ann`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// All of it.
    League,
    /// One team.
    Team(String),
    /// One arena.
    Venue(String),
    /// One player.
    Player(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::League => formatter.write_str("league"),
            Self::Team(team) => write!(formatter, "team/{team}"),
            Self::Venue(venue) => write!(formatter, "venue/{venue}"),
            Self::Player(player) => write!(formatter, "player/{player}"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, id) = text.split_once('/').unwrap_or((text, ""));
        let named =
            |make: fn(String) -> Self| firmware_protocol::network::topic::is_slug(id).then(|| make(id.to_owned()));
        let scope = match kind {
            "league" if text == "league" => Some(Self::League),
            "team" => named(Self::Team),
            "venue" => named(Self::Venue),
            "player" => named(Self::Player),
            _ => None,
        };
        scope.ok_or_else(|| format!("{text:?} is nothing a role is held of (league, team/…, venue/…, player/…)"))
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A role somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Which.
    pub role: Role,
    /// Of what.
    pub scope: Scope,
    /// Until when, microseconds UTC; `None` until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_us: Option<i64>,
    /// With role service: what the program may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may: Vec<Action>,
}

impl Membership {
    /// Whether it is held at `now_us`.
    pub fn holds(&self, now_us: i64) -> bool {
        self.until_us.is_none_or(|until_us| now_us < until_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in
            [Scope::League, Scope::Team("oaks".into()), Scope::Venue("oak".into()), Scope::Player("a-1".into())]
        {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for wrong in ["", "league/x", "team/", "team", "team/Oaks", "team/a/b", "TEAM/oaks", "team/a\0"] {
            assert!(wrong.parse::<Scope>().is_err(), "{wrong}");
        }
    }
}
