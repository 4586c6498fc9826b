//! Who asks: every role, of a team that plays, its rival, and one that does neither; and all who are not let in.

use super::trial::{
    Trial,
    accounts::{Somebody, program, role},
};
use cloud_hub::access::{Action, accounts::Personal, roles::Role};
use reqwest::Method;
use serde_json::json;

/// Somebody with what they show.
#[derive(Clone)]
pub struct Person {
    pub name: String,
    pub token: Option<String>,
}

/// Accounts that others ask about.
pub struct Targets {
    pub oaks_coach: String,
    pub elms_coach: String,
    pub league_viewer: String,
}

const PROGRAM: [Action; 8] = [
    Action::ViewLeague,
    Action::ViewLive,
    Action::ViewTracking,
    Action::ManageLeague,
    Action::ManageTeam,
    Action::ManagePlayer,
    Action::CorrectEvents,
    Action::ViewEdges,
];

/// The league: oaks play elms at arena `oak`, and elms play firs at `elm`.
async fn league(trial: &Trial, admin: &Somebody) {
    for (team, letters) in [("oaks", "OAK"), ("elms", "ELM"), ("firs", "FIR")] {
        trial.make(admin, "/api/core/teams", json!({"team": team, "name": team, "abbreviation": letters})).await;
    }
    for venue in ["oak", "elm"] {
        trial.make(admin, "/api/core/venues", json!({"venue": venue, "name": venue, "city": venue})).await;
    }
    for player in ["ann", "eve", "zoe"] {
        trial.make(admin, "/api/core/players", json!({"player": player, "name": player, "position": "forward"})).await;
    }
    for (team, player) in [("oaks", "ann"), ("elms", "eve")] {
        let path = format!("/api/core/teams/{team}/roster");
        let roster = json!({"team": team, "players": [{"player": player, "number": 9}]});
        let put = trial.as_them(admin, Method::PUT, &path).header("if-none-match", "*").json(&roster);
        let put = put.send().await.unwrap();
        assert!(put.status().is_success(), "{path}: {}", put.text().await.unwrap());
    }
    for (game, venue, home, away) in [(1, "oak", "oaks", "elms"), (2, "elm", "elms", "firs")] {
        let sides =
            json!({"game": game, "venue": venue, "starts_us": 1, "home": {"team": home}, "away": {"team": away}});
        trial.make(admin, "/api/core/games", sides).await;
    }
}

/// Everybody who asks, and whom they ask about.
pub async fn all(trial: &Trial) -> (Vec<Person>, Targets) {
    let (admin, _) = trial.administrator("admin", &[role(Role::LeagueAdmin, "league")]).await;
    league(trial, &admin).await;
    let mut people = Vec::new();
    let mut put = |name: &str, token: Option<String>| people.push(Person { name: name.to_owned(), token });
    put("nobody", None);
    put("forged token", Some(format!("{}x", admin.token)));
    put("foreign key", Some("rkk_s-0000000000000000_AAAA".to_owned()));
    // A box shows a certificate at another port; here it is nobody.
    put("edge", None);
    put("league_admin", Some(admin.token.clone()));
    let one_factor = trial.somebody("one-factor", &[role(Role::LeagueAdmin, "league")]).await;
    put("league_admin, password only", Some(one_factor.token));
    let league_viewer = trial.somebody("league-viewer", &[role(Role::Viewer, "league")]).await;
    put("viewer of the league", Some(league_viewer.token));
    for (team, relation) in [("oaks", "own"), ("elms", "rival"), ("firs", "other")] {
        let scope = format!("team/{team}");
        let (team_admin, _) = trial.administrator(&format!("admin-{team}"), &[role(Role::TeamAdmin, &scope)]).await;
        put(&format!("team_admin of {relation}"), Some(team_admin.token));
        for (of, word) in
            [(Role::Coach, "coach"), (Role::Analyst, "analyst"), (Role::Scout, "scout"), (Role::Viewer, "viewer")]
        {
            let somebody = trial.somebody(&format!("{word}-{team}"), &[role(of, &scope)]).await;
            put(&format!("{word} of {relation}"), Some(somebody.token));
        }
    }
    for (venue, relation) in [("oak", "own"), ("elm", "other")] {
        let staff =
            trial.somebody(&format!("staff-{venue}"), &[role(Role::ArenaStaff, &format!("venue/{venue}"))]).await;
        put(&format!("arena_staff of {relation}"), Some(staff.token));
    }
    for (player, relation) in [("ann", "own"), ("eve", "rival")] {
        let somebody =
            trial.somebody(&format!("player-{player}"), &[role(Role::Player, &format!("player/{player}"))]).await;
        put(&format!("player of {relation}"), Some(somebody.token));
    }
    let none = trial.somebody("no-role", &[]).await;
    put("account without a role", Some(none.token));
    let now_us = cloud_hub::time::utc_us();
    let over = cloud_hub::access::roles::Membership { until_us: Some(now_us - 1), ..role(Role::Coach, "team/oaks") };
    put("coach of own, role over", Some(trial.somebody("was-coach", &[over]).await.token));
    let ended = trial.somebody("ended", &[role(Role::Coach, "team/oaks")]).await;
    trial.access().end_session(&ended.session, &ended.account, "test").await.unwrap();
    put("coach of own, session ended", Some(ended.token));
    let out = trial.somebody("shut-out", &[role(Role::Coach, "team/oaks")]).await;
    let account = trial.access().standing().accounts[&out.account].clone();
    trial.access().end_account(&account).await.unwrap();
    put("coach of own, shut out", Some(out.token));
    // Pines play nobody: what they see is shared with them.
    for (team, until_us, word) in [("pines", now_us + 3_600_000_000, "shared"), ("yews", now_us - 1, "share over")] {
        trial.access().add_share(("oaks", team), "tracking", until_us).await.unwrap();
        let coach = trial.somebody(&format!("coach-{team}"), &[role(Role::Coach, &format!("team/{team}"))]).await;
        put(&format!("coach of other, {word}"), Some(coach.token));
    }
    put("service of the league", Some(trial.program("p-league", program("league", &PROGRAM)).await.token));
    put("service of own", Some(trial.program("p-oaks", program("team/oaks", &PROGRAM)).await.token));
    put("service of rival", Some(trial.program("p-elms", program("team/elms", &PROGRAM)).await.token));
    let one = program("league", &[Action::ViewLeague]);
    put("service that sees the league", Some(trial.program("p-one", one).await.token));

    let mut targets = Vec::new();
    for (name, held) in [
        ("t-oaks", role(Role::Coach, "team/oaks")),
        ("t-elms", role(Role::Coach, "team/elms")),
        ("t-league", role(Role::Viewer, "league")),
    ] {
        let made = trial.access().add_account(name, &[held], &Personal::default(), false).await.unwrap().unwrap();
        targets.push(made.0.account.clone());
    }
    let [oaks_coach, elms_coach, league_viewer] = targets.try_into().unwrap();
    (people, Targets { oaks_coach, elms_coach, league_viewer })
}
