//! Promise: every line of the hub's log is one JSON object with time, level and message, a request's lines carry its id;
//! and nothing secret stands in it, nor in the box's: no password, cookie, token, query, code, key, or name of a player,
//! also where everything is logged.
//!
//! Shown with the programs that ship, over PostgreSQL with a password in its address, at level debug.

#[path = "trial/postgresql.rs"]
mod postgresql;
#[path = "trial/programs.rs"]
mod programs;

use programs::{HUB, PATIENCE, agent, free_port};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const LOOK: Duration = Duration::from_millis(50);
const SECRETS: [&str; 6] =
    ["Bearer-9f31c", "session-77aa0", "token-in-query-5b2", "Astrid Hemmelig", "reason-for-nobody-41", "word-8e0d"];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("hub"), folder.path().join("hub.log"));
    let (page, https, quic) = (free_port(), free_port(), free_port());
    let database = postgresql::database().await;
    let config = folder.path().join("hub.toml");
    let text = format!(
        "data = \"{0}\"\n[log]\nfilter = \"debug\"\n[storage]\ndatabase = \"{database}\"\n\
         [gateway]\nlisten = \"127.0.0.1:{page}\"\n\
         [ingest]\nlisten = [\"quic/127.0.0.1:{quic}\"]\ncertificates = \"{0}/certificates\"\nrequire_certificates = true\n\
         [trust]\nlisten = \"127.0.0.1:{https}\"\n",
        data.display()
    );
    fs::write(&config, text).unwrap();
    let code = Command::new(HUB).args(["edges", "code", "--venue", "oak", "--config"]).arg(&config).output().unwrap();
    let code = String::from_utf8(code.stdout).unwrap().lines().next().unwrap().trim().to_owned();
    let mut hub = Command::new(HUB);
    hub.args(["serve", "--config"]).arg(&config).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
    let hub = Running(hub.spawn().unwrap());
    let base = format!("http://127.0.0.1:{page}");
    let ready = async {
        while reqwest::get(format!("{base}/health/ready")).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("the hub starts");

    let http = reqwest::Client::new();
    let [bearer, session, query, name, reason, word] = SECRETS;
    for path in ["/api/game/state", "/api/none", "/api/core/players", "/health"] {
        let asked = http.get(format!("{base}{path}?token={query}")).header("authorization", bearer);
        let asked = asked.header("cookie", format!("session={session}")).header("x-request-id", "known-1");
        asked.send().await.unwrap();
    }
    let player = json!({"player": "ann-lee", "name": name, "position": "forward"});
    assert_eq!(http.post(format!("{base}/api/core/players")).json(&player).send().await.unwrap().status(), 201);
    let wrong = json!({"event": 1, "action": "withdraw", "reason": reason, "password": word});
    let wrong = http.post(format!("{base}/api/core/games/7/corrections")).json(&wrong).send().await.unwrap();
    assert!(wrong.status().is_client_error());

    // A box enrols, works and is told something.
    let (own, at) = (folder.path().join("box"), format!("https://127.0.0.1:{https}"));
    let mut enrol = Command::new(agent());
    let enrolled = enrol.args(["enrol", "--hub", &at, "--code", &code, "--data"]).arg(&own).output().unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let again = Command::new(agent()).args(["enrol", "--hub", &at, "--code", &code, "--data"]).arg(&own).output();
    let of_box = folder.path().join("box.log");
    let edge = "[[sensors.lines]]\npath = \"simulated\"\n[web]\nlisten = \"127.0.0.1:0\"\n";
    fs::write(folder.path().join("edge.toml"), edge).unwrap();
    let mut run = Command::new(agent());
    run.args(["run", "--log-json", "--config"]).arg(folder.path().join("edge.toml")).arg("--data").arg(&own);
    run.env("RUST_LOG", "debug").stdout(Stdio::null()).stderr(File::create(&of_box).unwrap());
    let running = Running(run.spawn().unwrap());
    let kept = async {
        let path = format!("{base}/api/core/edges/oak-box-1");
        loop {
            let edge: Value = reqwest::get(&path).await.unwrap().json().await.unwrap();
            if edge["active"] == true || edge["last_batch_us"].is_number() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), kept).await;
    drop((running, hub));

    let said = fs::read_to_string(&log).unwrap();
    let mut secrets: Vec<String> = SECRETS.map(str::to_owned).to_vec();
    secrets.extend([code, postgresql::PASSWORD.to_owned(), "p%40ss%2Fw%3Frd".to_owned(), "PRIVATE KEY".to_owned()]);
    for file in private(&data).into_iter().chain(private(&own)) {
        let bytes = fs::read(&file).unwrap();
        // The body of a key, whatever its frame.
        let body = String::from_utf8_lossy(&bytes).lines().filter(|line| !line.starts_with('-')).collect::<String>();
        secrets.extend((body.len() >= 32).then(|| body[..32].to_owned()));
    }
    assert!(secrets.len() >= 13, "the keys were found: {}", secrets.len());
    let boxes = [enrolled.stderr, enrolled.stdout, again.unwrap().stderr, fs::read(&of_box).unwrap()].concat();
    let boxes = String::from_utf8_lossy(&boxes).into_owned();
    for secret in &secrets {
        for (whose, said) in [("hub", &said), ("box", &boxes)] {
            let line = said.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret} stands in the log of the {whose}");
        }
    }
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.len() > 20);
    for line in &lines {
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    let of_request = lines.iter().filter(|line| line["span"]["request_id"] == "known-1").count();
    assert!(of_request >= 4, "{of_request} lines of the requests that were asked by that name");
}

/// Files of keys below `folder`.
fn private(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(private(&path));
        } else if path.extension().is_some_and(|end| end == "key")
            || fs::read(&path).is_ok_and(|bytes| bytes.windows(11).any(|window| window == b"PRIVATE KEY"))
        {
            found.push(path);
        }
    }
    found
}
