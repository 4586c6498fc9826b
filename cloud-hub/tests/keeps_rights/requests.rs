//! What is asked: each operation, on each thing it may be about. Bodies are such that whoever may is told what is missing
//! and nothing is changed, where that can be.

use super::people::Targets;
use reqwest::Method;
use serde_json::{Value, json};

/// One request.
pub struct Asked {
    pub operation: &'static str,
    /// Whose the thing is.
    pub of: &'static str,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// It says who one is: 401 is its own answer.
    pub is_login: bool,
}

impl Asked {
    pub fn name(&self) -> String {
        format!("{} of {}", self.operation, self.of)
    }
}

/// All of them.
pub fn all(targets: &Targets) -> Vec<Asked> {
    let mut all = Vec::new();
    let mut put = |operation: &'static str, of: &'static str, method: Method, path: String, body: Option<Value>| {
        let is_login = ["log_in", "refresh", "reset_password"].contains(&operation);
        all.push(Asked { operation, of, method, path, body, is_login });
    };
    let empty = || Some(json!({}));
    for (operation, path) in [
        ("game_state", "/api/game/state"),
        ("player_stats", "/api/players/stats"),
        ("live_events", "/api/events/live"),
        ("analytics_metrics", "/api/analytics/metrics"),
        ("analytics", "/ws/analytics"),
        ("list_games", "/api/core/games"),
        ("list_players", "/api/core/players"),
        ("list_teams", "/api/core/teams"),
        ("list_venues", "/api/core/venues"),
        ("count_season", "/api/core/seasons/2026/players"),
        ("list_edges", "/api/core/edges"),
        ("list_accounts", "/api/security/accounts"),
        ("list_audit", "/api/security/audit"),
        ("export_audit", "/api/security/audit/export"),
        ("list_audit_heads", "/api/security/audit/heads"),
        ("read_permissions", "/api/security/auth/permissions"),
        ("list_own_sessions", "/api/security/auth/sessions"),
        ("read_keys", "/api/security/auth/keys"),
    ] {
        put(operation, "the league", Method::GET, path.to_owned(), None);
    }
    for (operation, method, path) in [
        ("schedule_game", Method::POST, "/api/core/games"),
        ("create_player", Method::POST, "/api/core/players"),
        ("create_team", Method::POST, "/api/core/teams"),
        ("create_venue", Method::POST, "/api/core/venues"),
        ("log_in", Method::POST, "/api/security/auth/login"),
        ("refresh", Method::POST, "/api/security/auth/refresh"),
        ("reset_password", Method::POST, "/api/security/auth/reset"),
        ("prove", Method::POST, "/api/security/auth/prove"),
        ("change_password", Method::PUT, "/api/security/auth/password"),
        ("confirm_authenticator", Method::POST, "/api/security/auth/authenticator/confirm"),
        ("offer_authenticator", Method::POST, "/api/security/auth/authenticator"),
        ("make_paper_codes", Method::POST, "/api/security/auth/paper-codes"),
        ("verify", Method::POST, "/api/security/auth/verify"),
        ("sign_audit_head", Method::POST, "/api/security/audit/heads"),
        ("create_account", Method::POST, "/api/security/accounts"),
    ] {
        put(operation, "the league", method, path.to_owned(), empty());
    }
    let never = "s-0000000000000000";
    put("end_own_session", "nobody", Method::DELETE, format!("/api/security/auth/sessions/{never}"), None);
    for (scope, of) in
        [("team/oaks", "own"), ("team/elms", "rival"), ("venue/oak", "an arena"), ("league", "the league")]
    {
        // Ends with a fault: whoever may give the role is told that the name is taken.
        let given = if scope.starts_with("venue") { "arena_staff" } else { "viewer" };
        let body = json!({"name": "admin", "roles": [{"role": given, "scope": scope}]});
        put("create_account", of, Method::POST, "/api/security/accounts".to_owned(), Some(body));
    }
    for (game, of) in [(1, "own"), (2, "others"), (3, "nobody")] {
        for (operation, path) in [
            ("read_game", ""),
            ("read_schedule", "/schedule"),
            ("count_players", "/statistics/players"),
            ("count_teams", "/statistics/teams"),
            ("list_positions", "/positions"),
            ("export_positions", "/positions/export"),
            ("list_corrections", "/corrections"),
            ("reconciliation", "/reconciliation"),
        ] {
            put(operation, of, Method::GET, format!("/api/core/games/{game}{path}"), None);
        }
        put("correct_event", of, Method::POST, format!("/api/core/games/{game}/corrections"), empty());
        put("replace_schedule", of, Method::PUT, format!("/api/core/games/{game}/schedule"), empty());
        put("remove_schedule", of, Method::DELETE, format!("/api/core/games/{game}/schedule"), None);
    }
    for (player, of) in [("ann", "own"), ("eve", "rival"), ("zoe", "nobody")] {
        let path = format!("/api/core/players/{player}");
        put("read_player", of, Method::GET, path.clone(), None);
        put("replace_player", of, Method::PUT, path.clone(), empty());
        put("remove_player", of, Method::DELETE, path.clone(), None);
        put("count_player_games", of, Method::GET, format!("{path}/statistics"), None);
        put("count_with_without", of, Method::GET, format!("{path}/with-without?season=2026"), None);
    }
    for (team, of) in [("oaks", "own"), ("elms", "rival"), ("firs", "other")] {
        let (core, security) = (format!("/api/core/teams/{team}"), format!("/api/security/teams/{team}/shares"));
        put("read_team", of, Method::GET, core.clone(), None);
        put("replace_team", of, Method::PUT, core.clone(), empty());
        put("remove_team", of, Method::DELETE, core.clone(), None);
        put("read_roster", of, Method::GET, format!("{core}/roster"), None);
        put("replace_roster", of, Method::PUT, format!("{core}/roster"), empty());
        put("remove_roster", of, Method::DELETE, format!("{core}/roster"), None);
        put("list_shares", of, Method::GET, security.clone(), None);
        put("create_share", of, Method::POST, security.clone(), empty());
        put("end_share", of, Method::DELETE, format!("{security}/g-0000000000000000"), None);
    }
    for (venue, of) in [("oak", "own"), ("elm", "other")] {
        let path = format!("/api/core/venues/{venue}");
        put("read_venue", of, Method::GET, path.clone(), None);
        put("replace_venue", of, Method::PUT, path.clone(), empty());
        put("remove_venue", of, Method::DELETE, path, None);
    }
    put("read_edge", "nobody", Method::GET, "/api/core/edges/stranger".to_owned(), None);
    for (account, of) in [
        (targets.oaks_coach.as_str(), "own"),
        (targets.elms_coach.as_str(), "rival"),
        (targets.league_viewer.as_str(), "the league"),
        ("u-0000000000000000", "nobody"),
    ] {
        let path = format!("/api/security/accounts/{account}");
        put("read_account", of, Method::GET, path.clone(), None);
        put("list_sessions", of, Method::GET, format!("{path}/sessions"), None);
        put("replace_roles", of, Method::PUT, format!("{path}/roles"), empty());
        put("create_key", of, Method::POST, format!("{path}/keys"), empty());
        put("make_reset_code", of, Method::POST, format!("{path}/reset"), None);
        put("end_sessions", of, Method::DELETE, format!("{path}/sessions"), None);
        put("end_account", of, Method::DELETE, path, None);
    }
    put("remove_authenticator", "the league", Method::DELETE, "/api/security/auth/authenticator".to_owned(), None);
    // Last: it ends the session that asks.
    put("log_out", "the league", Method::POST, "/api/security/auth/logout".to_owned(), None);
    all
}
