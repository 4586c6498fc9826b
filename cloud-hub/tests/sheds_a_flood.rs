//! Promise: whoever asks too often is told to wait, and nobody else notices; who it is, is not theirs to say.
//!
//! Shown by flooding a hub on loopback from one address while another one asks, and by the headers with which callers and
//! proxies say for whom they ask. How little a million callers take is shown by the unit tests of `gateway::limits`. Waits
//! here are a minute long: no test waits for one, and none can be surprised by one.

mod trial;

use cloud_hub::{config::HubConfig, gateway::config::LimitsConfig};
use futures_util::future::join_all;
use reqwest::{Client, Response};
use std::net::{IpAddr, Ipv4Addr};
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest as _};
use trial::{PATIENCE, Trial};

const TEAMS: &str = "/api/core/teams";

/// `burst` of each kind, and one more a minute.
fn tight(burst: u32) -> impl FnOnce(&mut HubConfig) {
    move |config| {
        config.gateway.trusted_proxies = vec!["127.0.0.5/32".to_owned()];
        config.gateway.limits = LimitsConfig {
            reads_per_minute: 1,
            reads_burst: burst,
            writes_per_minute: 1,
            writes_burst: burst,
            sockets_per_minute: 1,
            sockets_burst: burst,
            ..LimitsConfig::default()
        };
    }
}

/// Somebody at 127.0.0.`last`.
fn caller(last: u8) -> Client {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    Client::builder().local_address(address).timeout(PATIENCE).build().unwrap()
}

async fn ask(trial: &Trial, client: &Client, said: &[(&str, &str)]) -> Response {
    let request = client.get(format!("http://{}{TEAMS}", trial.hub.address));
    said.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

async fn status(trial: &Trial, client: &Client, said: &[(&str, &str)]) -> u16 {
    ask(trial, client, said).await.status().as_u16()
}

fn number(answer: &Response, name: &str) -> u64 {
    answer.headers()[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_told_to_wait_and_nobody_else_notices() {
    const FLOOD: usize = 2_000;
    const BURST: u32 = 50;
    let trial = Trial::start_with(tight(BURST)).await;
    let (flooding, other) = (caller(2), caller(3));
    let flood = join_all((0..FLOOD).map(|_| ask(&trial, &flooding, &[])));
    let asking = async {
        for _ in 0..BURST {
            assert_eq!(status(&trial, &other, &[]).await, 200);
        }
    };
    let (answers, ()) = tokio::join!(flood, asking);
    let refused: Vec<Response> = answers.into_iter().filter(|answer| answer.status() != 200).collect();
    let granted = FLOOD - refused.len();
    // One more a minute: this takes less than four.
    assert!((BURST as usize..BURST as usize + 4).contains(&granted), "{granted}");
    for answer in refused {
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!((1..=60).contains(&number(&answer, "retry-after")), "{:?}", answer.headers());
        assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (BURST.into(), 0));
        assert!(answer.headers().contains_key("x-request-id") && answer.headers().contains_key("x-frame-options"));
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert!(problem["status"] == 429 && problem["retry_after_s"].is_u64(), "{problem}");
    }
    // Who watches the hub is not counted, or a flood from next door would have it restarted.
    let probe = flooding.get(format!("http://{}/health/live", trial.hub.address)).send().await.unwrap();
    assert!(probe.status() == 200 && !probe.headers().contains_key("ratelimit-limit"), "{probe:?}");
    trial.hub.stop().await;
}

#[tokio::test]
async fn each_is_told_what_is_left_of_reads_and_writes_apart() {
    let trial = Trial::start_with(tight(2)).await;
    let client = caller(2);
    let first = ask(&trial, &client, &[]).await;
    assert_eq!((number(&first, "ratelimit-limit"), number(&first, "ratelimit-remaining")), (2, 1));
    assert_eq!(number(&first, "ratelimit-reset"), 60);
    assert_eq!([status(&trial, &client, &[]).await, status(&trial, &client, &[]).await], [200, 429]);
    let team = |name: &str| {
        let body = serde_json::json!({"team": name, "name": "Oaks", "abbreviation": "OAK"});
        client.post(format!("http://{}{TEAMS}", trial.hub.address)).json(&body).send()
    };
    let written = [team("oaks").await, team("elms").await, team("pines").await].map(|answer| answer.unwrap().status());
    assert_eq!(written.map(|status| status.as_u16()), [201, 201, 429]);
    let kept: serde_json::Value =
        caller(3).get(format!("http://{}{TEAMS}", trial.hub.address)).send().await.unwrap().json().await.unwrap();
    assert_eq!(kept["items"].as_array().unwrap().len(), 2, "what was refused was not done");
    trial.hub.stop().await;
}

#[tokio::test]
async fn sockets_are_counted_when_they_open_and_never_after() {
    let trial = Trial::start_with(tight(2)).await;
    trial.hub.board.put(trial::state(trial::GAME, 0, 2));
    let (mut first, _second) = (trial.connect("").await, trial.connect("").await);
    let url = format!("ws://{}/ws/analytics", trial.hub.address).into_client_request().unwrap();
    match tokio_tungstenite::connect_async(url).await {
        Err(Error::Http(refused)) => {
            assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"), "{refused:?}");
        }
        answered => panic!("{answered:?}"),
    }
    use futures_util::{SinkExt as _, StreamExt as _};
    for tick in 1..20 {
        trial.hub.board.put(trial::state(trial::GAME, tick, 2));
        first.send(tokio_tungstenite::tungstenite::Message::Ping(bytes::Bytes::new())).await.unwrap();
        first.next().await.unwrap().unwrap();
    }
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_strangers_word_on_who_asks_is_worth_nothing() {
    let trial = Trial::start_with(tight(3)).await;
    let stranger = caller(6);
    let mut told = Vec::new();
    for forged in ["198.51.100.1", "198.51.100.2", "127.0.0.1", "198.51.100.3"] {
        let said = [
            ("x-forwarded-for", forged),
            ("forwarded", &format!("for={forged};proto=https")),
            ("x-real-ip", forged),
            ("x-forwarded-proto", "https"),
        ];
        let answer = ask(&trial, &stranger, &said).await;
        assert!(!answer.headers().contains_key("strict-transport-security"));
        told.push(answer.status().as_u16());
    }
    assert_eq!(told, [200, 200, 200, 429], "it is one caller, whatever it says");
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_trusted_proxys_callers_are_counted_each_by_itself() {
    let trial = Trial::start_with(tight(2)).await;
    let proxy = caller(5);
    let through = async |chain: &str| status(&trial, &proxy, &[("x-forwarded-for", chain)]).await;
    let one = "198.51.100.1";
    assert_eq!([through(one).await, through(one).await, through(one).await], [200, 200, 429]);
    assert_eq!(through("198.51.100.2").await, 200, "another one behind the same proxy");
    assert_eq!(through("203.0.113.7, 198.51.100.1").await, 429, "what stands left of the caller he may have made up");
    // All of an IPv6 /64 is one house.
    let house = ["2001:db8:1:2::1", "[2001:db8:1:2::2]:4711", "2001:db8:1:2:ffff::3", "2001:db8:1:3::1"];
    let told = [through(house[0]).await, through(house[1]).await, through(house[2]).await, through(house[3]).await];
    assert_eq!(told, [200, 200, 429, 200]);
    let said = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-proto", "https")];
    let answer = ask(&trial, &proxy, &said).await;
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    trial.hub.stop().await;
}
