//! Promise: people prove who they are, by a password and more, and prove it anew: codes work once, a changed password ends
//! what was open, sessions end by themselves, and whoever wants may ask everybody for a second factor.
//!
//! Shown over HTTP with a hub of one process on SQLite; what all processes must agree on is shown in `lets_in_who_may.rs`.

mod trial;

use cloud_hub::{
    access::{Access, AccessConfig, SecondFactor, Shown, accounts::Personal, roles::Role},
    storage::Database,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use trial::{
    Shape, Trial,
    accounts::{COACH, LOGIN, PASSWORD, PERMISSIONS, asking, role, try_in},
};

async fn start() -> Trial {
    asking(Shape::Whole).await
}

#[tokio::test]
async fn asks_for_a_code_that_works_once() {
    let trial = start().await;
    let (admin, authenticator) = trial.administrator("ann", &[role(Role::LeagueAdmin, "league")]).await;
    let body = |code: Option<&str>| json!({"name": "ann", "password": PASSWORD, "code": code});
    let (status, told) = try_in(&trial, 1, &body(None)).await;
    assert!(status == 401 && told["detail"].as_str().unwrap().contains("code is needed"), "{told}");
    let (_, wrong) = try_in(&trial, 1, &json!({"name": "ann", "password": "other words altogether here"})).await;
    assert!(!wrong["detail"].as_str().unwrap().contains("needed"), "only who knows the password learns of it");
    // The one that let `admin` in, again.
    let (status, _) = try_in(&trial, 2, &body(Some(&authenticator.shown))).await;
    assert_eq!(status, 401, "used before");
    let codes = trial.as_them(&admin, Method::POST, "/api/security/auth/paper-codes").send().await.unwrap();
    let codes: Value = codes.json().await.unwrap();
    let paper = codes["codes"][0].as_str().unwrap();
    assert_eq!(try_in(&trial, 3, &body(Some(paper))).await.0, 200);
    assert_eq!(try_in(&trial, 3, &body(Some(paper))).await.0, 401, "used before");
    assert_eq!(trial.status(&admin, "/api/security/accounts").await, 200);
    trial.hub.stop().await;
}

#[tokio::test]
async fn changes_a_password_for_who_knows_it_and_ends_what_was_open() {
    let trial = start().await;
    let (ann, _) = trial.administrator("ann", &[role(Role::Coach, COACH)]).await;
    let paper = trial.as_them(&ann, Method::POST, "/api/security/auth/paper-codes").send().await.unwrap();
    let codes: Value = paper.json().await.unwrap();
    let elsewhere = trial.log_in("ann", codes["codes"][0].as_str()).await;
    let change = async |old: &str, new: &str| {
        let body = json!({"old": old, "new": new});
        trial.as_them(&ann, Method::PUT, "/api/security/auth/password").json(&body).send().await.unwrap().status()
    };
    let new = "slow boats carry warm letters";
    assert_eq!(change("rocks fall in quick lakes", new).await, 403, "not the old one");
    assert_eq!(change(PASSWORD, "password1234").await, 422, "among the first that are tried");
    assert_eq!(trial.status(&elsewhere, PERMISSIONS).await, 200);
    assert_eq!(change(PASSWORD, new).await, 204);
    assert_eq!(trial.status(&elsewhere, PERMISSIONS).await, 401, "what was open elsewhere is over");
    assert_eq!(trial.status(&ann, PERMISSIONS).await, 200, "who changed it goes on");

    // A code that sets a password is no way around the authenticator, unless an administrator says so.
    let account = trial.access().standing().accounts[&ann.account].clone();
    let set = async |code: &str| {
        let body = json!({"name": "ann", "code": code, "password": PASSWORD});
        trial.post("/api/security/auth/reset", &body).await.status()
    };
    let forgotten = trial.access().make_reset_code(&account, false).await.unwrap().unwrap();
    assert_eq!(set("not this one").await, 401);
    assert_eq!((set(&forgotten).await, set(&forgotten).await), (StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED));
    assert_eq!(trial.status(&ann, PERMISSIONS).await, 401, "every session is over");
    let alone = json!({"name": "ann", "password": PASSWORD});
    let (status, told) = try_in(&trial, 40, &alone).await;
    assert!(status == 401 && told["detail"].as_str().unwrap().contains("code is needed"), "{told}");
    let with = json!({"name": "ann", "password": PASSWORD, "code": codes["codes"][1]});
    assert_eq!(try_in(&trial, 40, &with).await.0, 200);
    let lost = trial.access().make_reset_code(&account, true).await.unwrap().unwrap();
    assert_eq!(set(&lost).await, 204);
    assert_eq!(try_in(&trial, 40, &alone).await.0, 200, "the authenticator is forgotten");
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let trial = start().await;
    trial.account("ann", &[role(Role::Coach, COACH)]).await;
    let body = json!({"name": "ann", "password": PASSWORD, "cookie": true});
    let cookie = async || {
        let answer = trial.request(Method::POST, LOGIN).json(&body).send().await.unwrap();
        let set = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        Shown::Cookie(set.split_once('=').unwrap().1.split(';').next().unwrap().to_owned())
    };
    let minute_us = 60_000_000;
    let began_us = cloud_hub::time::utc_us();
    let known = async |shown: &Shown, minutes: i64| {
        let who = trial.access().known(shown, began_us + minutes * minute_us).await.unwrap();
        who.account().is_some()
    };
    // As shipped: after an hour in which it was not used, and half a day at the latest.
    let (idle, busy) = (cookie().await, cookie().await);
    assert!(known(&idle, 1).await && !known(&idle, 63).await);
    for minutes in (30..720).step_by(30) {
        assert!(known(&busy, minutes).await, "{minutes}");
    }
    assert!(!known(&busy, 721).await);
    trial.hub.stop().await;
}

#[tokio::test]
async fn may_ask_everybody_for_a_second_factor() {
    let trial = Trial::start_as(Shape::Whole, |config| {
        config.access.required = true;
        config.access.second_factor = SecondFactor::Everybody;
    })
    .await;
    let ann = trial.somebody("ann", &[role(Role::Coach, COACH)]).await;
    assert_eq!(trial.status(&ann, PERMISSIONS).await, 200);
    assert_eq!(trial.status(&ann, "/api/core/teams").await, 403);
    let (bob, _) = trial.administrator("bob", &[role(Role::Coach, COACH)]).await;
    assert_eq!(trial.status(&bob, "/api/core/teams").await, 200);
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_code_from_another_process_works_at_once() {
    let trial = start().await;
    let database = Database::connect(&trial.storage(), trial.folder()).await.unwrap();
    let (elsewhere, _following) =
        Access::open(database, AccessConfig::default(), CancellationToken::new()).await.unwrap();
    // As `cloud-hub access add` does beside a hub that runs.
    let roles = [role(Role::Coach, COACH)];
    let made = elsewhere.add_account("ann", &roles, &Personal::default(), false).await.unwrap();
    let body = json!({"name": "ann", "code": made.unwrap().1, "password": PASSWORD});
    assert_eq!(trial.post("/api/security/auth/reset", &body).await.status(), 204);
    let ann = trial.log_in("ann", None).await;
    assert_eq!(trial.status(&ann, PERMISSIONS).await, 200);
    trial.hub.stop().await;
}
