//! Only who may comes in, and no longer than they may: logging in, tokens, and taking rights back.
//!
//! Shown over HTTP and sockets, with a hub of one process on SQLite and one of several on PostgreSQL and Redis: what is
//! taken back in the process that keeps accounts is taken back at the gateway and at the process of live pages.

#[macro_use]
mod trial;

use cloud_hub::access::roles::Role;
use firmware_protocol::network::{EventKind, Side};
use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};
use trial::{
    GAME, PATIENCE, Shape, Socket, Trial,
    accounts::{COACH, LOGIN, PASSWORD, PERMISSIONS, Somebody, asking, role, try_in},
    event, skate, state,
};

in_both_shapes!(
    tells_nobody_what_was_wrong,
    gives_pages_a_cookie_of_their_own,
    knows_a_refresh_token_that_was_copied,
    takes_rights_back_at_once,
    shows_rivals_nothing_of_who_is_where,
);

async fn checked(trial: &Trial) -> u64 {
    let text = trial.hub.hubs.iter().map(|hub| hub.addresses[0]);
    let mut sum = 0;
    for address in text {
        let figures = trial.http.get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap();
        let line = figures.lines().find(|line| line.starts_with("access_passwords_checked_total"));
        sum = sum.max(line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default() as u64);
    }
    sum
}

async fn tells_nobody_what_was_wrong(shape: Shape) {
    let trial = asking(shape).await;
    trial.account("ann", &[role(Role::Coach, COACH)]).await;
    let out = trial.account("bob", &[role(Role::Coach, COACH)]).await;
    trial.access().look().await.unwrap();
    let account = trial.access().standing().accounts[&out].clone();
    trial.access().end_account(&account).await.unwrap();
    let mut told = Vec::new();
    for (from, name, password) in
        [(1, "nobody", PASSWORD), (2, "ann", "rocks fall in quick lakes"), (3, "bob", PASSWORD)]
    {
        let before = checked(&trial).await;
        told.push(try_in(&trial, from, &json!({"name": name, "password": password})).await);
        assert!(checked(&trial).await > before, "{name}: as much work as for anybody");
    }
    assert_eq!((told[0].0, &told[0], &told[1]), (StatusCode::UNAUTHORIZED, &told[1], &told[2]));
    // Who guesses waits; the owner, who was there from elsewhere, does not.
    let owner = json!({"name": "ann", "password": PASSWORD});
    assert_eq!(try_in(&trial, 10, &owner).await.0, StatusCode::OK);
    let guess = json!({"name": "ann", "password": "wrong words every single time"});
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(try_in(&trial, 20, &guess).await.0.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    let (status, told) = try_in(&trial, 20, &owner).await;
    assert_eq!((status.as_u16(), told["retry_after_s"].as_u64()), (429, Some(2)), "{told}");
    for from in 100..130 {
        try_in(&trial, from, &guess).await;
    }
    assert_eq!(try_in(&trial, 131, &owner).await.0, 429, "many who guess one name wait");
    assert_eq!(try_in(&trial, 10, &owner).await.0, StatusCode::OK, "and not the owner where they were before");
    trial.hub.stop().await;
}

async fn gives_pages_a_cookie_of_their_own(shape: Shape) {
    let trial = asking(shape).await;
    trial.account("ann", &[role(Role::Coach, COACH)]).await;
    let body = json!({"name": "ann", "password": PASSWORD, "cookie": true});
    let log_in = |cookie: &str| {
        let request = trial.request(Method::POST, LOGIN).json(&body);
        if cookie.is_empty() { request } else { request.header(header::COOKIE, cookie) }
    };
    let answer = log_in("").send().await.unwrap();
    let set = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let said: Value = answer.json().await.unwrap();
    assert!(said["access_token"].is_null() && said["refresh_token"].is_null(), "a page has no token to lose");
    let (cookie, flags) = set.split_once("; ").unwrap();
    assert_eq!(flags, "Path=/; Secure; HttpOnly; SameSite=Strict");
    assert!(cookie.starts_with("__Host-rinkside="));
    let by_cookie = |method: Method, path: &str| trial.request(method, path).header(header::COOKIE, cookie);
    assert_eq!(by_cookie(Method::GET, PERMISSIONS).send().await.unwrap().status(), 200);

    // Another site's page sends the cookie too: it gets nowhere with anything that changes, nor with a socket.
    let evil = |request: reqwest::RequestBuilder| request.header(header::ORIGIN, "https://evil.example");
    let across = |request: reqwest::RequestBuilder| request.header("sec-fetch-site", "cross-site");
    let verify = "/api/security/auth/verify";
    assert_eq!(by_cookie(Method::POST, verify).send().await.unwrap().status(), 200);
    assert_eq!(evil(by_cookie(Method::POST, verify)).send().await.unwrap().status(), 403);
    assert_eq!(across(by_cookie(Method::POST, verify)).send().await.unwrap().status(), 403);
    assert_eq!(across(by_cookie(Method::POST, "/api/security/auth/logout")).send().await.unwrap().status(), 403);
    // Nor can it log anybody in as somebody else.
    assert_eq!(evil(log_in("")).send().await.unwrap().status(), 403);
    assert_eq!(across(log_in("")).send().await.unwrap().status(), 403);

    // A session that was planted before the login is not the one after it, and is over.
    let again = log_in(cookie).send().await.unwrap();
    let fresh = again.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(fresh, cookie);
    assert_eq!(by_cookie(Method::GET, PERMISSIONS).send().await.unwrap().status(), 401);
    let own = || trial.request(Method::POST, "/api/security/auth/logout").header(header::COOKIE, &fresh);
    let out = own().send().await.unwrap();
    assert_eq!(out.status(), 204);
    assert!(out.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(own().send().await.unwrap().status(), 401);
    trial.hub.stop().await;
}

async fn knows_a_refresh_token_that_was_copied(shape: Shape) {
    let trial = asking(shape).await;
    let ann = trial.somebody("ann", &[role(Role::Coach, COACH)]).await;
    let refresh = async |token: &str| {
        let answer = trial.post("/api/security/auth/refresh", &json!({"refresh_token": token})).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, next) = refresh(&ann.refresh).await;
    assert_eq!(status, 200);
    let second = Somebody { token: next["access_token"].as_str().unwrap().to_owned(), ..ann.clone() };
    assert_eq!(trial.status(&second, PERMISSIONS).await, 200);
    assert_eq!(refresh("rkr_s-1_0_AAAA").await.0, 401);
    assert_eq!(trial.status(&second, PERMISSIONS).await, 200, "a forged one harms nobody");
    assert_eq!(refresh(&ann.refresh).await.0, 401, "the first one again: somebody has a copy");
    trial.until_status(&second, PERMISSIONS, StatusCode::UNAUTHORIZED).await;
    assert_eq!(refresh(next["refresh_token"].as_str().unwrap()).await.0, 401, "the whole family is over");
    trial.hub.stop().await;
}

async fn watch(trial: &Trial, somebody: &Somebody, query: &str) -> Socket {
    let mut request = format!("ws://{}/ws/analytics{query}", trial.hub.address).into_client_request().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {}", somebody.token).parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// The next frame of positions, or how the socket was closed.
async fn shown(socket: &mut Socket) -> Result<(), CloseCode> {
    let shown = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Binary(_))) => return Ok(()),
                Some(Ok(Message::Close(close))) => return Err(close.map_or(CloseCode::Normal, |close| close.code)),
                Some(Ok(_)) => {}
                end => panic!("no farewell: {end:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("something comes")
}

/// The oaks play `GAME`, live.
async fn live(trial: &Trial, admin: &Somebody) {
    for (team, letters) in [("oaks", "OAK"), ("elms", "ELM")] {
        trial.make(admin, "/api/core/teams", json!({"team": team, "name": team, "abbreviation": letters})).await;
    }
    trial.make(admin, "/api/core/venues", json!({"venue": "oak", "name": "Oak", "city": "Oakville"})).await;
    let sides =
        json!({"game": GAME, "venue": "oak", "starts_us": 1, "home": {"team": "oaks"}, "away": {"team": "elms"}});
    trial.make(admin, "/api/core/games", sides).await;
    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal)]).await;
    trial.keep_tracks(vec![skate(1, 500)]).await;
    trial.heard().await;
}

async fn takes_rights_back_at_once(shape: Shape) {
    let trial = asking(shape).await;
    let (admin, _) = trial.administrator("admin", &[role(Role::LeagueAdmin, "league")]).await;
    live(&trial, &admin).await;
    let mut tick = 0;
    let mut next = || {
        tick += 1;
        trial.hub.board.put(state(GAME, tick, 12));
    };
    let account = |somebody: &Somebody| trial.access().standing().accounts[&somebody.account].clone();

    // A role is taken away, a session ended, an account shut out: each ends an open socket and REST.
    let change = async |somebody: &Somebody, what: &str| match what {
        "role" => drop(trial.access().replace_roles(&account(somebody), &[]).await.unwrap()),
        "logout" => {
            let out = trial.as_them(somebody, Method::POST, "/api/security/auth/logout").send().await.unwrap();
            assert_eq!(out.status(), 204);
        }
        _ => {
            let path = format!("/api/security/accounts/{}", somebody.account);
            let out = trial.as_them(&admin, Method::DELETE, &path).send().await.unwrap();
            assert_eq!(out.status(), 204);
        }
    };
    for (what, then) in [("role", 403), ("logout", 401), ("account", 401)] {
        let coach = trial.somebody(&format!("coach-{what}"), &[role(Role::Coach, COACH)]).await;
        assert_eq!(trial.status(&coach, "/api/core/teams").await, 200);
        let mut socket = watch(&trial, &coach, &format!("?game={GAME}")).await;
        next();
        assert_eq!(shown(&mut socket).await, Ok(()), "{what}");
        change(&coach, what).await;
        trial.until_status(&coach, "/api/core/teams", StatusCode::from_u16(then).unwrap()).await;
        let end = loop {
            if let Err(end) = shown(&mut socket).await {
                break end;
            }
        };
        assert_eq!(end, CloseCode::Policy, "{what}");
    }
    // What was shared is shared no more: the page stays, and is shown nobody's place.
    let share = trial.access().add_share(("oaks", "pines"), "tracking", cloud_hub::time::utc_us() + 3_600_000_000);
    let share = share.await.unwrap();
    let scout = trial.somebody("scout", &[role(Role::Scout, "team/pines")]).await;
    let positions = format!("/api/core/games/{GAME}/positions");
    trial.until_status(&scout, &positions, StatusCode::OK).await;
    let mut socket = watch(&trial, &scout, &format!("?game={GAME}")).await;
    next();
    assert_eq!(shown(&mut socket).await, Ok(()));
    assert!(trial.access().end_share("oaks", &share).await.unwrap());
    trial.until_status(&scout, &positions, StatusCode::FORBIDDEN).await;
    trial.hub.stop().await;
}

async fn shows_rivals_nothing_of_who_is_where(shape: Shape) {
    let trial = asking(shape).await;
    let (admin, _) = trial.administrator("admin", &[role(Role::LeagueAdmin, "league")]).await;
    live(&trial, &admin).await;
    trial.hub.board.put(state(GAME, 1, 12));
    let own = trial.somebody("own", &[role(Role::Coach, COACH)]).await;
    let other = trial.somebody("other", &[role(Role::Coach, "team/firs")]).await;
    // By id, by every filter, and as an export.
    for what in
        ["positions", "positions?side=home", "positions?number=9", "positions?entity=1", "positions/export?format=csv"]
    {
        let path = format!("/api/core/games/{GAME}/{what}");
        assert_eq!(trial.status(&own, &path).await, 200, "{path}");
        assert_eq!(trial.status(&other, &path).await, 403, "{path}");
    }
    let shown_once =
        trial.as_them(&own, Method::GET, &format!("/api/core/games/{GAME}/positions")).send().await.unwrap();
    assert_eq!(shown_once.headers()[header::CACHE_CONTROL], "no-store");
    // On a socket, however it asks: what happens is the league's, who is where is not.
    let mut seen = watch(&trial, &own, &format!("?game={GAME}")).await;
    assert_eq!(shown(&mut seen).await, Ok(()));
    for query in ["", &format!("?game={GAME}"), "?team=oaks"] {
        let mut socket = watch(&trial, &other, query).await;
        for tick in 2..5 {
            trial.hub.board.put(state(GAME, tick, 12));
        }
        trial.keep(vec![event(i64::from(b'2'), Side::Home, 9, EventKind::Goal)]).await;
        let told = async {
            loop {
                match socket.next().await.unwrap().unwrap() {
                    Message::Binary(_) => panic!("{query}: somebody's place"),
                    Message::Text(text) if text.contains("\"goal\"") => return,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("the event comes");
    }
    trial.hub.stop().await;
}

#[tokio::test]
async fn gives_no_team_to_who_has_none_to_give() {
    let trial = asking(Shape::Whole).await;
    let (admin, _) = trial.administrator("oaks-admin", &[role(Role::TeamAdmin, COACH)]).await;
    let make = async |roles: Value| {
        let body = json!({"name": format!("n-{}", cloud_hub::access::tokens::name("x")), "roles": roles});
        let made = trial.as_them(&admin, Method::POST, "/api/security/accounts").json(&body).send().await.unwrap();
        made.status().as_u16()
    };
    assert_eq!(make(json!([{"role": "scout", "scope": "team/oaks"}])).await, 201);
    for roles in [
        json!([{"role": "scout", "scope": "team/elms"}]),
        json!([{"role": "scout", "scope": "team/oaks"}, {"role": "viewer", "scope": "team/elms"}]),
        json!([{"role": "league_admin", "scope": "league"}]),
        json!([{"role": "player", "scope": "player/ann"}]),
        json!([{"role": "arena_staff", "scope": "venue/oak"}]),
        json!([]),
    ] {
        assert_eq!(make(roles.clone()).await, 403, "{roles}");
    }
    // Nor to themselves, nor of an account that is another team's too.
    let own = format!("/api/security/accounts/{}/roles", admin.account);
    let more =
        json!({"roles": [{"role": "team_admin", "scope": "team/oaks"}, {"role": "league_admin", "scope": "league"}]});
    assert_eq!(trial.as_them(&admin, Method::PUT, &own).json(&more).send().await.unwrap().status(), 403);
    let both = trial.somebody("both", &[role(Role::Coach, COACH), role(Role::Coach, "team/elms")]).await;
    let path = format!("/api/security/accounts/{}", both.account);
    assert_eq!(trial.status(&admin, &path).await, 404);
    trial.hub.stop().await;
}
