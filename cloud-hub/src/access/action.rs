//! What can be done, and to what: the words of the policies.

use serde::{Deserialize, Serialize};

/// One thing to do, as `policies/schema.cedarschema` says what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the schema says what each covers")]
pub enum Action {
    ViewLeague,
    ViewLive,
    ViewTracking,
    ViewBiometrics,
    ManageLeague,
    ManageTeam,
    ManagePlayer,
    CorrectEvents,
    ViewEdges,
    ManageOwn,
    ViewAccounts,
    ManageAccounts,
    Share,
    ViewAudit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 14] = [
        Self::ViewLeague,
        Self::ViewLive,
        Self::ViewTracking,
        Self::ViewBiometrics,
        Self::ManageLeague,
        Self::ManageTeam,
        Self::ManagePlayer,
        Self::CorrectEvents,
        Self::ViewEdges,
        Self::ManageOwn,
        Self::ViewAccounts,
        Self::ManageAccounts,
        Self::Share,
        Self::ViewAudit,
    ];

    /// Its name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::ViewLeague => "viewLeague",
            Self::ViewLive => "viewLive",
            Self::ViewTracking => "viewTracking",
            Self::ViewBiometrics => "viewBiometrics",
            Self::ManageLeague => "manageLeague",
            Self::ManageTeam => "manageTeam",
            Self::ManagePlayer => "managePlayer",
            Self::CorrectEvents => "correctEvents",
            Self::ViewEdges => "viewEdges",
            Self::ManageOwn => "manageOwn",
            Self::ViewAccounts => "viewAccounts",
            Self::ManageAccounts => "manageAccounts",
            Self::Share => "share",
            Self::ViewAudit => "viewAudit",
        }
    }

    /// What it is to do, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::ViewLeague => "see what the league sees",
            Self::ViewLive => "watch live",
            Self::ViewTracking => "see the tracking",
            Self::ViewBiometrics => "see the biometrics",
            Self::ManageLeague => "change the teams, arenas and schedules",
            Self::ManageTeam => "change the roster",
            Self::ManagePlayer => "change the players",
            Self::CorrectEvents => "correct events",
            Self::ViewEdges => "see the boxes",
            Self::ManageOwn => "change the account",
            Self::ViewAccounts => "see the accounts",
            Self::ManageAccounts => "change the accounts",
            Self::Share => "share or see what is shared",
            Self::ViewAudit => "read the audit",
        }
    }

    /// Whether the audit tells of each time it was permitted: what changes something, or reveals what is personal. What is
    /// refused is always told.
    pub fn is_told(self) -> bool {
        !matches!(self, Self::ViewLeague | Self::ViewEdges)
    }

    /// Whether what is answered stays in no cache: it is somebody's own.
    pub fn is_personal(self) -> bool {
        use Action::{ManageAccounts, ManageOwn, Share, ViewAccounts, ViewAudit, ViewBiometrics, ViewTracking};
        matches!(self, ViewTracking | ViewBiometrics | ManageOwn | ViewAccounts | ManageAccounts | Share | ViewAudit)
    }

    /// Whether a program's key may list it.
    pub fn is_for_programs(self) -> bool {
        !matches!(
            self,
            Self::ViewBiometrics
                | Self::ManageOwn
                | Self::ViewAccounts
                | Self::ManageAccounts
                | Self::Share
                | Self::ViewAudit
        )
    }
}

/// What something is done to, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// The league's things together.
    League,
    /// A game, the teams that play it and the arena; none of these while nobody scheduled it.
    Game {
        /// Its number.
        game: u64,
        /// Who plays.
        teams: Vec<String>,
        /// Where.
        venue: Option<String>,
    },
    /// A team.
    Team(String),
    /// An arena.
    Venue(String),
    /// A player, and the teams in whose rosters they stand.
    Player {
        /// The player.
        player: String,
        /// Whose.
        teams: Vec<String>,
    },
    /// Somebody's account.
    Account {
        /// Whose.
        account: String,
        /// Teams of their roles.
        teams: Vec<String>,
        /// Arenas of their roles.
        venues: Vec<String>,
        /// Whether they hold a role of the league.
        league: bool,
    },
}

impl Object {
    /// What the audit calls it.
    pub fn name(&self) -> String {
        match self {
            Self::League => "league".to_owned(),
            Self::Game { game, .. } => format!("game/{game}"),
            Self::Team(team) => format!("team/{team}"),
            Self::Venue(venue) => format!("venue/{venue}"),
            Self::Player { player, .. } => format!("player/{player}"),
            Self::Account { account, .. } => format!("account/{account}"),
        }
    }
}
