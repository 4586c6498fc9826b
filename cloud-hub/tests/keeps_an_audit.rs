//! What was done and refused is written down, and whoever changes it afterwards is found out; no secret lies where it could
//! be read.
//!
//! Shown with a hub over HTTP; then its file is changed as by somebody who has it, and read.

mod trial;

use cloud_hub::access::{merkle, roles::Role};
use reqwest::Method;
use serde_json::{Value, json};
use trial::{
    Trial,
    accounts::{PASSWORD, role},
};

const COACH: &str = "team/oaks";

#[tokio::test]
async fn tells_the_audit_and_the_audit_tells_when_it_is_changed() {
    let trial = Trial::start_with(|config| config.access.required = true).await;
    let (admin, _) = trial.administrator("admin", &[role(Role::LeagueAdmin, "league")]).await;
    let coach = trial.somebody("coach", &[role(Role::Coach, COACH)]).await;
    assert_eq!(trial.status(&coach, "/api/core/games/7/positions").await, 403);
    assert_eq!(trial.status(&coach, "/api/security/audit").await, 403);
    let export = async || {
        let export = trial.as_them(&admin, Method::GET, "/api/security/audit/export").send().await.unwrap();
        assert_eq!(export.status(), 200);
        export.text().await.unwrap()
    };
    let text = export().await;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for told in ["viewTracking", "list_positions", "game/7", "refused", "viewAudit", "let in", &coach.account] {
        assert!(text.contains(told), "{told}");
    }
    let keys: Value = trial.json("/api/security/auth/keys").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let heads: Value =
        trial.as_them(&admin, Method::GET, "/api/security/audit/heads").send().await.unwrap().json().await.unwrap();
    let trusted = [heads["items"][0]["public_key"].as_str().unwrap().to_owned()];
    let shown = merkle::verify(lines.clone().into_iter(), &trusted, 1).unwrap();
    assert_eq!(shown.covered, shown.entries);
    // Later, all that was is still as it was.
    trial.status(&coach, "/api/core/games/8/positions").await;
    let later = export().await;
    assert!(later.starts_with(&lines[0]) && later.len() > text.len());
    // Somebody who has the database changes, removes, and moves entries, and hides that they were refused.
    trial.hub.stop().await;
    let file = trial.config.data.join("hub.sqlite");
    let before = std::fs::read(&file).unwrap();
    let exported = async || {
        let database = cloud_hub::storage::Database::connect(&trial.config.storage, &trial.config.data).await.unwrap();
        let mut export = cloud_hub::access::journal::Export::open(database.clone()).await.unwrap();
        let mut text = String::new();
        while let Some(lines) = export.lines().await.unwrap() {
            text += &lines;
        }
        database.close().await;
        merkle::verify(text.lines().map(str::to_owned), &trusted, shown.entries)
    };
    assert!(exported().await.is_ok());
    for change in [
        "UPDATE audit SET entry = replace(entry, 'refused', 'permitted')",
        "DELETE FROM audit WHERE number = 7",
        "UPDATE audit SET number = -1 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; \
         UPDATE audit SET number = 4 WHERE number = -1",
        "DELETE FROM audit WHERE number >= 5; DELETE FROM audit_checkpoints WHERE size > 5",
    ] {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch(change).unwrap();
        drop(database);
        let changed = exported().await;
        assert!(changed.is_err(), "{change}");
        std::fs::write(&file, &before).unwrap();
        assert!(exported().await.is_ok(), "as it was before");
    }
}

#[tokio::test]
async fn keeps_no_secret_where_it_could_be_read() {
    let trial = Trial::start_with(|config| config.access.required = true).await;
    let (admin, authenticator) = trial.administrator("admin", &[role(Role::LeagueAdmin, "league")]).await;
    let made = trial.as_them(&admin, Method::POST, "/api/security/accounts").json(&json!({
        "name": "coach", "display_name": "Maurice Richard", "roles": [{"role": "coach", "scope": COACH}]
    }));
    let reset: Value = made.send().await.unwrap().json().await.unwrap();
    let key =
        trial.program("program", trial::accounts::program("league", &[cloud_hub::access::Action::ViewLeague])).await;
    let codes = trial.as_them(&admin, Method::POST, "/api/security/auth/paper-codes").send().await.unwrap();
    let codes: Value = codes.json().await.unwrap();
    let figures = trial.get("/metrics").await.text().await.unwrap();
    trial.hub.stop().await;
    let mut kept = figures.into_bytes();
    for file in walk(&trial.config.data) {
        if !file.ends_with("root.key") {
            kept.extend(std::fs::read(file).unwrap());
        }
    }
    assert!(memchr::memmem::find(&kept, admin.account.as_bytes()).is_some(), "the image is searched");
    for (what, secret) in [
        ("password", PASSWORD),
        ("authenticator", &authenticator.secret),
        ("reset code", reset["code"].as_str().unwrap()),
        ("code on paper", codes["codes"][1].as_str().unwrap()),
        ("access token", &admin.token),
        ("refresh token", &admin.refresh),
        ("key", &key.token),
        ("key's secret", key.token.rsplit('_').next().unwrap()),
        ("name", "Maurice"),
        ("argon2's digest", "$argon2id"),
    ] {
        assert!(memchr::memmem::find(&kept, secret.as_bytes()).is_none(), "{what} lies open");
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
