//! Promise: whatever is sent, the hub answers with a problem that says what is wrong, keeps nothing of it, runs nothing of
//! it, and goes on.
//!
//! Shown by sending a hub on loopback what should not be: bodies too large, too slow, of another kind or cut short, SQL
//! and paths in every place a name may stand.

#[macro_use]
mod trial;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use trial::{GAME, PATIENCE, Shape, Trial, event};

in_both_shapes!(
    bodies_that_are_not_what_they_should_be,
    names_are_never_statements_or_paths,
    methods_paths_and_numbers_that_are_not,
    a_body_that_does_not_come_is_given_up,
    a_request_ends_where_it_says_or_is_refused,
);

async fn send(trial: &Trial, method: Method, path: &str, media: &str, body: Vec<u8>) -> (u16, Value) {
    let request = trial.http.request(method, format!("http://{}{path}", trial.hub.address));
    let answer = request.header("content-type", media).header("if-match", "*").body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}: {status}");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{problem}");
    (status, problem)
}

const JSON: &str = "application/json";
const TEAMS: &str = "/api/core/teams";

async fn bodies_that_are_not_what_they_should_be(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.gateway.body_bytes_max = 4_096).await;
    let team = br#"{"team":"oaks","name":"Oaks","abbreviation":"OAK"}"#;
    for (media, body, status) in [
        ("text/plain", team.to_vec(), 415),
        ("application/xml", team.to_vec(), 415),
        (JSON, b"".to_vec(), 400),
        (JSON, team[..20].to_vec(), 400),
        (JSON, b"{\"team\":\xff\xfe}".to_vec(), 400),
        (JSON, [b"[".repeat(2_000), b"]".repeat(2_000)].concat(), 422),
        (JSON, b"null".to_vec(), 422),
        (JSON, b"[]".to_vec(), 422),
        (JSON, br#"{"team":"oaks"}"#.to_vec(), 422),
        (JSON, br#"{"team":"oaks","name":"Oaks","abbreviation":"OAK","colour":"red"}"#.to_vec(), 422),
        (JSON, br#"{"team":7,"name":"Oaks","abbreviation":"OAK"}"#.to_vec(), 422),
        (JSON, br#"{"team":"oaks","team":"elms","name":"Oaks","abbreviation":"OAK"}"#.to_vec(), 422),
        (JSON, br#"{"team":"oaks","name":"Oaks\u0000","abbreviation":"OAK"}"#.to_vec(), 422),
        (JSON, br#"{"team":"oaks","name":"","abbreviation":"OAK"}"#.to_vec(), 422),
        (JSON, br#"{"team":"../oaks","name":"Oaks","abbreviation":"OAK"}"#.to_vec(), 422),
        (JSON, vec![b' '; 5_000], 413),
    ] {
        let shown = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
        assert_eq!(send(&trial, Method::POST, TEAMS, media, body).await.0, status, "{media} {shown}");
    }
    assert_eq!(trial.json(TEAMS).await["items"], json!([]), "nothing was kept");
    trial.hub.stop().await;
}

async fn names_are_never_statements_or_paths(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    assert_eq!(
        trial
            .post(TEAMS, &json!({"team": "oaks", "name": "O'Aks \"; DROP TABLE resources;--", "abbreviation": "OAK"}))
            .await
            .status(),
        201
    );
    let attacks = [
        "'%20OR%20'1'='1",
        "oaks';DROP%20TABLE%20resources;--",
        "oaks%00",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fhub.db",
        "oaks%0d%0aset-cookie:%20a=b",
        "%F0%9F%8F%92",
        "%ff%fe",
        "%25",
        "_",
    ];
    for attack in attacks {
        for path in ["teams", "players", "venues", "edges"] {
            let (status, problem) =
                send(&trial, Method::GET, &format!("/api/core/{path}/{attack}"), JSON, Vec::new()).await;
            assert!(status == 404 || status == 400, "{path}/{attack}: {problem}");
            assert!(!problem.to_string().to_lowercase().contains("database"), "{problem}");
        }
        for path in ["games/", "events/live?game="] {
            let path = if path.starts_with("games") {
                format!("/api/core/{path}{attack}")
            } else {
                format!("/api/{path}{attack}")
            };
            assert_eq!(send(&trial, Method::GET, &path, JSON, Vec::new()).await.0, 400, "{path}");
        }
        for path in
            [format!("teams?cursor={attack}"), format!("games?cursor={attack}"), format!("teams?limit={attack}")]
        {
            assert_eq!(
                send(&trial, Method::GET, &format!("/api/core/{path}"), JSON, Vec::new()).await.0,
                400,
                "{path}"
            );
        }
        let found = trial.get(&format!("/api/core/games?team={attack}")).await;
        assert!(found.status() == 200 || found.status() == 400, "{attack}: {}", found.status());
    }
    let page = trial.get("/..%2f..%2fetc%2fpasswd").await.text().await.unwrap();
    assert!(!page.contains("root:"), "{page}");
    assert_eq!(trial.json(TEAMS).await["items"].as_array().unwrap().len(), 1);
    trial.hub.stop().await;
}

async fn methods_paths_and_numbers_that_are_not(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial
        .keep(vec![event(1, firmware_protocol::network::Side::Home, 9, firmware_protocol::network::EventKind::Goal)])
        .await;
    trial.projected().await;
    let too_great = "99999999999999999999999";
    for (method, path, status) in [
        (Method::DELETE, "/api/core/teams".to_owned(), 405),
        (Method::PATCH, "/api/core/teams/oaks".to_owned(), 405),
        (Method::POST, format!("/api/core/games/{GAME}/statistics/teams"), 405),
        (Method::GET, "/api/core/nothing".to_owned(), 404),
        (Method::GET, "/api/core/games/".to_owned(), 404),
        (Method::GET, format!("/api/core/games/{too_great}"), 400),
        (Method::GET, "/api/core/games/-1".to_owned(), 400),
        (Method::GET, format!("/api/game/state?game={}", u64::MAX), 400),
        (Method::GET, format!("/api/events/live?after={}", u64::MAX), 400),
        (Method::GET, format!("/api/core/games/{}", u64::MAX), 404),
        (Method::GET, format!("/api/core/games/{GAME}/statistics/players?strength=7v5"), 400),
        (Method::GET, format!("/api/core/games/{GAME}/statistics/players?strength=5v5&strength=all"), 400),
        (Method::GET, format!("/api/core/games/{GAME}/statistics/players?colour=red"), 400),
        (Method::GET, "/api/core/games?team=a&venue=b".to_owned(), 400),
        (Method::GET, "/api/core/games?limit=0".to_owned(), 400),
        (Method::GET, "/api/core/games?limit=201".to_owned(), 400),
    ] {
        assert_eq!(send(&trial, method.clone(), &path, JSON, Vec::new()).await.0, status, "{method} {path}");
    }
    trial.hub.stop().await;
}

async fn a_body_that_does_not_come_is_given_up(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.gateway.request_timeout_ms = 200).await;
    let mut slow = TcpStream::connect(trial.hub.address).await.unwrap();
    let head =
        "POST /api/core/teams HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 256];
    let count = timeout(PATIENCE, slow.read(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    // The others are served meanwhile and afterwards.
    assert_eq!(trial.get("/health/live").await.status(), 200);
    trial.hub.stop().await;
}

/// Two who disagree where a request ends could be told different ones (request smuggling).
async fn a_request_ends_where_it_says_or_is_refused(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let team = r#"{"team":"oaks","name":"Oaks","abbreviation":"OAK"}"#;
    let (length, chunk) = (team.len(), format!("{:x}\r\n{team}\r\n0\r\n\r\n", team.len()));
    let head = "POST /api/core/teams HTTP/1.1\r\nhost: hub\r\nconnection: close\r\ncontent-type: application/json\r\n";
    for (said, body, status) in [
        // Chunks count, as RFC 9112 6.3 says; a length beside them is not passed on.
        ("content-length: 3\r\ntransfer-encoding: chunked".to_owned(), chunk.clone(), "201"),
        (format!("content-length: {length}\r\ncontent-length: 3"), team.to_owned(), "400"),
        ("content-length: +51".to_owned(), team.to_owned(), "400"),
        ("content-length: 51, 3".to_owned(), team.to_owned(), "400"),
        ("transfer-encoding: xchunked".to_owned(), chunk.clone(), "400"),
        ("transfer-encoding: chunked, identity".to_owned(), chunk.clone(), "400"),
        ("transfer-encoding : chunked".to_owned(), chunk.clone(), "400"),
    ] {
        let mut open = TcpStream::connect(trial.hub.address).await.unwrap();
        open.write_all(format!("{head}{said}\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, open.read_to_end(&mut answer)).await.expect("an answer in time").unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.get(9..12), Some(status), "{said}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{said}: one request, one answer: {answer}");
    }
    trial.hub.stop().await;
}
