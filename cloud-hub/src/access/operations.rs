//! Which action of the policies each operation of the API is, and whose rights it is held against.
//!
//! One row an operation, by the name OpenAPI gives it; an operation without a row does not start (`api/guard.rs`) and fails
//! `tests/keeps_rights.rs`.

use super::Action;

/// What an operation is done to, as far as its path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Nobody is asked who they are: it is how one says so.
    Anybody,
    /// Whoever is somebody may; what they get is their own.
    Own,
    /// The league's things together.
    League,
    /// The game `{game}`.
    Game,
    /// The team `{team}`.
    Team,
    /// The player `{player}`.
    Player,
    /// The arena of the box `{edge}`.
    Edge,
    /// The account `{account}`.
    Account,
    /// Said in the query or the body, or several: the handler asks, and shows only what may be seen.
    Chosen,
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its name in OpenAPI.
    pub id: &'static str,
    /// What it is to the policies.
    pub action: Action,
    /// What it is done to.
    pub about: About,
}

const fn row(id: &'static str, action: Action, about: About) -> Operation {
    Operation { id, action, about }
}

/// Every operation.
pub const OPERATIONS: &[Operation] = &[
    // What is live.
    row("game_state", Action::ViewLeague, About::League),
    // Events; who is where is asked for game by game (`services/core/socket.rs`).
    row("analytics", Action::ViewLeague, About::League),
    row("analytics_metrics", Action::ViewLeague, About::League),
    row("player_stats", Action::ViewLeague, About::League),
    row("live_events", Action::ViewLeague, About::League),
    // Games.
    row("list_games", Action::ViewLeague, About::League),
    row("read_game", Action::ViewLeague, About::Game),
    row("read_schedule", Action::ViewLeague, About::Game),
    row("schedule_game", Action::ManageLeague, About::League),
    row("replace_schedule", Action::ManageLeague, About::League),
    row("remove_schedule", Action::ManageLeague, About::League),
    row("count_players", Action::ViewLeague, About::Game),
    row("count_teams", Action::ViewLeague, About::Game),
    row("list_positions", Action::ViewTracking, About::Game),
    row("export_positions", Action::ViewTracking, About::Game),
    row("list_corrections", Action::ViewLeague, About::Game),
    row("correct_event", Action::CorrectEvents, About::Game),
    row("reconciliation", Action::ViewEdges, About::Game),
    // Players and seasons.
    row("list_players", Action::ViewLeague, About::League),
    row("read_player", Action::ViewLeague, About::Player),
    row("create_player", Action::ManagePlayer, About::League),
    row("replace_player", Action::ManagePlayer, About::Player),
    row("remove_player", Action::ManagePlayer, About::Player),
    row("count_player_games", Action::ViewLeague, About::Player),
    row("count_with_without", Action::ViewLeague, About::Player),
    row("count_season", Action::ViewLeague, About::League),
    // Teams and arenas.
    row("list_teams", Action::ViewLeague, About::League),
    row("read_team", Action::ViewLeague, About::Team),
    row("create_team", Action::ManageLeague, About::League),
    row("replace_team", Action::ManageLeague, About::League),
    row("remove_team", Action::ManageLeague, About::League),
    row("read_roster", Action::ViewLeague, About::Team),
    row("replace_roster", Action::ManageTeam, About::Team),
    row("remove_roster", Action::ManageTeam, About::Team),
    row("list_venues", Action::ViewLeague, About::League),
    row("read_venue", Action::ViewLeague, About::League),
    row("create_venue", Action::ManageLeague, About::League),
    row("replace_venue", Action::ManageLeague, About::League),
    row("remove_venue", Action::ManageLeague, About::League),
    // Boxes.
    row("list_edges", Action::ViewEdges, About::Chosen),
    row("read_edge", Action::ViewEdges, About::Edge),
    // Saying who one is.
    row("log_in", Action::ManageOwn, About::Anybody),
    row("refresh", Action::ManageOwn, About::Anybody),
    row("reset_password", Action::ManageOwn, About::Anybody),
    row("read_keys", Action::ManageOwn, About::Anybody),
    row("log_out", Action::ManageOwn, About::Own),
    row("read_permissions", Action::ManageOwn, About::Own),
    row("verify", Action::ManageOwn, About::Own),
    row("prove", Action::ManageOwn, About::Own),
    row("change_password", Action::ManageOwn, About::Own),
    row("list_own_sessions", Action::ManageOwn, About::Own),
    row("end_own_session", Action::ManageOwn, About::Own),
    row("offer_authenticator", Action::ManageOwn, About::Own),
    row("confirm_authenticator", Action::ManageOwn, About::Own),
    row("remove_authenticator", Action::ManageOwn, About::Own),
    row("make_paper_codes", Action::ManageOwn, About::Own),
    // Accounts.
    row("list_accounts", Action::ViewAccounts, About::Chosen),
    row("create_account", Action::ManageAccounts, About::Chosen),
    row("read_account", Action::ViewAccounts, About::Account),
    row("replace_roles", Action::ManageAccounts, About::Account),
    row("end_account", Action::ManageAccounts, About::Account),
    row("make_reset_code", Action::ManageAccounts, About::Account),
    row("list_sessions", Action::ViewAccounts, About::Account),
    row("end_sessions", Action::ManageAccounts, About::Account),
    row("create_key", Action::ManageAccounts, About::Account),
    // What teams share.
    row("list_shares", Action::Share, About::Team),
    row("create_share", Action::Share, About::Team),
    row("end_share", Action::Share, About::Team),
    // The audit.
    row("list_audit", Action::ViewAudit, About::League),
    row("export_audit", Action::ViewAudit, About::League),
    row("list_audit_heads", Action::ViewAudit, About::League),
    row("sign_audit_head", Action::ViewAudit, About::League),
];

/// The row of the operation that OpenAPI calls `id`.
pub fn of(id: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_operation_has_one_row() {
        let names: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
