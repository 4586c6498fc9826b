//! Promise: of two who change the same thing at the same time one is told that the other was first; a request that is sent
//! again with its key changes nothing twice; a reader who holds the newest gets it not again.
//!
//! Shown by asking a hub on loopback.

#[macro_use]
mod trial;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use trial::{GAME, Shape, Trial, event};

in_both_shapes!(
    the_second_of_two_writers_is_told,
    a_key_makes_a_request_safe_to_send_again,
    lists_come_by_the_page_and_what_is_named_stays,
    boxes_are_listed_with_how_they_say_they_are,
);

async fn ask(trial: &Trial, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Response {
    let mut request = trial.http.request(method, format!("http://{}{path}", trial.hub.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    request.send().await.unwrap()
}

fn tag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

fn oaks(name: &str) -> Value {
    json!({"team": "oaks", "name": name, "abbreviation": "OAK"})
}

const OAKS: &str = "/api/core/teams/oaks";

async fn the_second_of_two_writers_is_told(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let made = trial.post("/api/core/teams", &oaks("Oaks")).await;
    assert_eq!((made.status().as_u16(), made.headers()["location"].to_str().unwrap()), (201, OAKS));
    assert_eq!(trial.post("/api/core/teams", &oaks("Oaks")).await.status(), 409);
    let read = trial.get(OAKS).await;
    let seen = tag(&read);
    assert_eq!(seen, tag(&made));
    assert_eq!(read.json::<Value>().await.unwrap(), oaks("Oaks"), "what was written is read at once");
    assert_eq!(ask(&trial, Method::GET, OAKS, &[("if-none-match", &seen)], &Value::Null).await.status(), 304);

    let put = |headers: Vec<(&'static str, String)>, body: Value| {
        let trial = &trial;
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            ask(trial, Method::PUT, OAKS, &headers, &body).await
        }
    };
    let (first, second) = tokio::join!(
        put(vec![("if-match", seen.clone())], oaks("Oaks A")),
        put(vec![("if-match", seen.clone())], oaks("Oaks B"))
    );
    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(put(vec![], oaks("Oaks C")).await.status(), 428);
    assert_eq!(put(vec![("if-none-match", "*".into())], oaks("Oaks C")).await.status(), 412);
    assert_eq!(
        put(vec![("if-match", "*".into())], json!({"team": "elms", "name": "E", "abbreviation": "EL"})).await.status(),
        422
    );
    let now = tag(&trial.get(OAKS).await);
    assert_eq!(now, "\"2\"");
    assert_eq!(ask(&trial, Method::DELETE, OAKS, &[("if-match", &seen)], &Value::Null).await.status(), 412);
    assert_eq!(ask(&trial, Method::DELETE, OAKS, &[("if-match", &now)], &Value::Null).await.status(), 204);
    assert_eq!(trial.get(OAKS).await.status(), 404);
    // Made again it goes on counting, so that an old tag is never right again.
    assert_eq!(tag(&trial.post("/api/core/teams", &oaks("Oaks")).await), "\"4\"");
    trial.hub.stop().await;
}

async fn a_key_makes_a_request_safe_to_send_again(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let post = async |key: &str, body: &Value| {
        ask(&trial, Method::POST, "/api/core/teams", &[("idempotency-key", key)], body).await
    };
    let body = oaks("Oaks");
    let (first, second) = tokio::join!(post("k-1", &body), post("k-1", &body));
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 201));
    assert_eq!(
        (tag(&first), first.headers()["location"].clone()),
        (tag(&second), second.headers()["location"].clone())
    );
    assert_eq!(first.json::<Value>().await.unwrap(), second.json::<Value>().await.unwrap());
    assert_eq!(post("k-1", &oaks("Others")).await.status(), 422, "the key with another request");
    assert_eq!(post("k-2", &oaks("Oaks")).await.status(), 409, "another key: another request");
    assert_eq!(post("", &oaks("Oaks")).await.status(), 400);
    assert_eq!(post(&"k".repeat(65), &oaks("Oaks")).await.status(), 400);
    assert_eq!(trial.json("/api/core/teams").await["items"].as_array().unwrap().len(), 1);

    // A correction sent twice is one.
    trial
        .keep(vec![event(1, firmware_protocol::network::Side::Home, 9, firmware_protocol::network::EventKind::Goal)])
        .await;
    let path = format!("/api/core/games/{GAME}/corrections");
    let body = json!({"event": 1, "action": "withdraw", "reason": "offside"});
    for _ in 0..3 {
        assert_eq!(ask(&trial, Method::POST, &path, &[("idempotency-key", "c-1")], &body).await.status(), 201);
    }
    assert_eq!(trial.json(&path).await["items"].as_array().unwrap().len(), 1);
    trial.hub.stop().await;
}

async fn lists_come_by_the_page_and_what_is_named_stays(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    for number in 0..7 {
        let team = json!({"team": format!("team-{number}"), "name": format!("Team {number}"), "abbreviation": "TEA"});
        assert_eq!(trial.post("/api/core/teams", &team).await.status(), 201);
    }
    let (mut found, mut path) = (Vec::new(), "/api/core/teams?limit=3".to_owned());
    loop {
        let page = trial.json(&path).await;
        found.extend(page["items"].as_array().unwrap().iter().map(|team| team["team"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/core/teams?limit=3&cursor={cursor}");
    }
    assert_eq!(found, (0..7).map(|number| format!("team-{number}")).collect::<Vec<_>>());

    let venue = json!({"venue": "oak-arena", "name": "Oak Arena", "city": "Oakville"});
    assert_eq!(trial.post("/api/core/venues", &venue).await.status(), 201);
    let player = json!({"player": "ann-lee", "name": "Ann Lee", "position": "forward"});
    assert_eq!(trial.post("/api/core/players", &player).await.status(), 201);
    let roster = json!({"team": "team-0", "players": [{"number": 9, "player": "ann-lee", "goalie": false}]});
    let put = async |seen: (&str, &str), body: &Value| {
        ask(&trial, Method::PUT, "/api/core/teams/team-0/roster", &[seen], body).await
    };
    assert_eq!(put(("if-match", "*"), &roster).await.status(), 404);
    assert_eq!(put(("if-none-match", "*"), &roster).await.status(), 201);
    let strangers = json!({"team": "team-0", "players": [{"number": 9, "player": "nobody"}]});
    assert_eq!(put(("if-match", "*"), &strangers).await.status(), 422);

    let game = |number: u64, home: &str| json!({"game": number, "venue": "oak-arena", "starts_us": 1, "home": {"team": home}, "away": {"team": "team-1"}});
    for (number, home) in [(30, "team-0"), (4, "team-2"), (200, "team-0")] {
        let made = trial.post("/api/core/games", &game(number, home)).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
    }
    assert_eq!(
        trial.json("/api/core/games/30/schedule").await["home"]["roster"],
        roster["players"],
        "the team's roster of the day"
    );
    trial
        .keep(vec![event(1, firmware_protocol::network::Side::Home, 9, firmware_protocol::network::EventKind::Goal)])
        .await;
    trial.projected().await;
    let numbers = async |query: &str| -> Vec<u64> {
        let page = trial.json(&format!("/api/core/games{query}")).await;
        page["items"].as_array().unwrap().iter().map(|game| game["game"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("").await, [4, 30, 200, GAME], "by number, seen and scheduled");
    assert_eq!(numbers("?limit=2").await, [4, 30]);
    assert_eq!(numbers("?limit=2&cursor=30").await, [200, GAME]);
    assert_eq!(numbers("?team=team-0").await, [30, 200]);
    assert_eq!(numbers("?venue=elsewhere").await, Vec::<u64>::new());
    assert_eq!(trial.json(&format!("/api/core/games/{GAME}")).await["schedule"], Value::Null);

    for path in ["/api/core/teams/team-0", "/api/core/venues/oak-arena", "/api/core/players/ann-lee"] {
        assert_eq!(ask(&trial, Method::DELETE, path, &[("if-match", "*")], &Value::Null).await.status(), 409, "{path}");
    }
    assert_eq!(
        ask(&trial, Method::DELETE, "/api/core/teams/team-6", &[("if-match", "*")], &Value::Null).await.status(),
        204
    );
    trial.hub.stop().await;
}

async fn boxes_are_listed_with_how_they_say_they_are(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    assert_eq!(trial.json("/api/core/edges").await["items"], json!([]));
    trial
        .keep(vec![event(1, firmware_protocol::network::Side::Home, 9, firmware_protocol::network::EventKind::Goal)])
        .await;
    trial.keep_readings(&[("temperature_celsius", "", 51.5), ("heart_rate_bpm", "tag-9", 171.0)]).await;
    trial.projected().await;
    trial.until("/api/core/edges/north", |edge| edge["active"] == true).await;
    let edge = trial.json("/api/core/edges/north").await;
    assert_eq!((&edge["venue"], &edge["active"]), (&"arena".into(), &true.into()), "{edge}");
    assert_eq!(edge["readings"], json!({"temperature_celsius": 51.5}), "no heart rate");
    assert_eq!(trial.json("/api/core/edges").await["items"][0]["edge"], "north");
    assert_eq!(trial.get("/api/core/edges/south").await.status(), 404);
    trial.hub.stop().await;
}
