//! Promise: nobody holds the hub's doors by being slow, by coming often, or by not leaving; who comes over HTTPS sees the
//! hub's certificate; other sites' pages read the API only when they are named; and stopping, everybody who waits gets
//! his answer.
//!
//! Shown on loopback, with plain sockets where a well-behaved client would not do.

mod trial;

use cloud_hub::{gateway::config::HttpsConfig, trust::Certificates};
use futures_util::StreamExt as _;
use reqwest::{Client, Method};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
use trial::{GAME, PATIENCE, Trial, state};

const ASK: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: hub\r\n\r\n";

/// A connection from 127.0.0.`last`.
async fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Says `words`, and what comes back at once; empty when the hub only closes.
async fn say(stream: &mut TcpStream, words: &[u8]) -> String {
    let _ = stream.write_all(words).await;
    let mut answer = vec![0; 4_096];
    let count = timeout(PATIENCE, stream.read(&mut answer)).await.expect("an answer or an end").unwrap_or(0);
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

/// All that comes until the hub closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the hub closes");
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn who_does_not_say_what_he_wants_is_shown_out() {
    let trial = Trial::start_with(|config| config.gateway.head_timeout_ms = 200).await;
    let mut silent = from(2, trial.hub.address).await;
    let mut slow = from(2, trial.hub.address).await;
    slow.write_all(b"GET /api/core/teams HTTP/1.1\r\nhost: hu").await.unwrap();
    let mut idle = from(2, trial.hub.address).await;
    assert!(say(&mut idle, ASK).await.starts_with("HTTP/1.1 200"));
    for stream in [&mut silent, &mut slow, &mut idle] {
        let said = rest(stream).await;
        assert!(!said.contains(" 200 "), "{said}");
    }
    assert_eq!(trial.get("/health/live").await.status(), 200);
    trial.hub.stop().await;
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_gets_them_back() {
    let trial = Trial::start_with(|config| config.gateway.connections_per_address_max = 2).await;
    let address = trial.hub.address;
    let (mut first, mut second) = (from(9, address).await, from(9, address).await);
    assert!(say(&mut first, ASK).await.contains(" 200 ") && say(&mut second, ASK).await.contains(" 200 "));
    assert_eq!(say(&mut from(9, address).await, ASK).await, "", "the third is closed unheard");
    assert!(say(&mut from(8, address).await, ASK).await.contains(" 200 "), "another address is not");
    drop(first);
    let again = async { while !say(&mut from(9, address).await, ASK).await.contains(" 200 ") {} };
    timeout(PATIENCE, again).await.expect("the place is free again");
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_socket_holds_its_place_as_long_as_it_is_open() {
    let trial = Trial::start_with(|config| config.gateway.connections_per_address_max = 1).await;
    let page = trial.connect("").await;
    let address = trial.hub.address;
    assert_eq!(say(&mut from(1, address).await, ASK).await, "");
    drop(page);
    let again = async { while !say(&mut from(1, address).await, ASK).await.contains(" 200 ") {} };
    timeout(PATIENCE, again).await.expect("the place is free again");
    trial.hub.stop().await;
}

#[tokio::test]
async fn who_does_not_take_his_answer_is_shown_out() {
    let trial = Trial::start_with(|config| {
        config.gateway.stall_timeout_ms = 200;
        config.gateway.connections_per_address_max = 1;
    })
    .await;
    // More than the system keeps for one who does not read.
    let mut greedy = from(9, trial.hub.address).await;
    for _ in 0..500 {
        greedy.write_all(b"GET /api/openapi.json HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    }
    let address = trial.hub.address;
    let free = async { while !say(&mut from(9, address).await, ASK).await.contains(" 200 ") {} };
    timeout(PATIENCE, free).await.expect("its place is free again");
    drop(greedy);
    trial.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_who_waits_is_answered_and_sockets_are_told() {
    let trial = Trial::start().await;
    let address = trial.hub.address;
    let mut page = trial.connect("").await;
    assert!(matches!(page.next().await, Some(Ok(Message::Text(_)))), "hello");
    // It reads nothing and never closes: it must not hold the hub.
    let _deaf = trial.connect("").await;
    let mut idle = from(2, address).await;
    assert!(say(&mut idle, ASK).await.contains(" 200 "));
    let body = r#"{"team":"oaks","name":"Oaks","abbreviation":"OAK"}"#;
    let mut waiting = from(3, address).await;
    let head = format!(
        "POST /api/core/teams HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    // The hub asks for the body: the request is being answered.
    assert!(say(&mut waiting, head.as_bytes()).await.starts_with("HTTP/1.1 100"));

    let stopping = tokio::spawn(trial.hub.stop());
    assert_eq!(rest(&mut idle).await, "", "an idle connection is closed");
    let farewell = timeout(PATIENCE, page.next()).await.unwrap();
    assert!(
        matches!(&farewell, Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Away),
        "{farewell:?}"
    );
    waiting.write_all(body.as_bytes()).await.unwrap();
    let answer = rest(&mut waiting).await;
    assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("connection: close"), "{answer}");
    timeout(PATIENCE, stopping).await.expect("it stops").unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody comes in any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_takes_nothing_does_not_hold_a_stop() {
    // Nothing else shows it out meanwhile.
    let trial = Trial::start_with(|config| {
        config.core.send_timeout_ms = 600_000;
        config.gateway.stall_timeout_ms = 600_000;
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stuck = socket.connect(trial.hub.address).await.unwrap();
    trial.hub.board.put(state(GAME, 0, 200));
    let upgrade = b"GET /ws/analytics HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert!(say(&mut stuck, upgrade).await.starts_with("HTTP/1.1 101"));
    let mut page = trial.connect("").await;
    let sent = async || {
        let figures = trial.get("/metrics").await.text().await.unwrap();
        let frames = figures.lines().find_map(|line| line.strip_prefix("core_frames_sent_total "));
        frames.map_or(0, |frames| frames.parse::<u64>().unwrap())
    };
    // Until of a hundred frames all went to the page that reads: the hub waits in the middle of one for the other.
    const TICKS: u64 = 100;
    let full = async {
        let (mut tick, mut before) = (0, 0);
        loop {
            for _ in 0..TICKS {
                tick += 1;
                let mut said = state(GAME, tick, 200);
                // Everybody jumps, so that frames are long.
                said.players.iter_mut().for_each(|player| player.x_cm += 150 * (tick % 2) as i16);
                trial.hub.board.put(said);
                while !page.next().await.unwrap().unwrap().is_binary() {}
            }
            let now = sent().await;
            if now <= before + TICKS {
                break;
            }
            before = now;
        }
    };
    timeout(PATIENCE, full).await.expect("nobody takes without end");
    timeout(PATIENCE, trial.hub.stop()).await.expect("it stops all the same");
    drop(stuck);
}

#[tokio::test]
async fn over_https_the_hub_shows_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::ensure(&folder.path().join("certificates"), &[]).unwrap();
    let trial = Trial::start_with(|config| {
        config.gateway.https = HttpsConfig { on: true, ..HttpsConfig::default() };
        config.ingest.certificates = folder.path().join("certificates");
        config.gateway.head_timeout_ms = 500;
    })
    .await;
    let port = trial.hub.address.port();
    let authority = std::fs::read(&certificates.authority).unwrap();
    let trusting = Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let answer = trusting.get(format!("https://localhost:{port}/api/core/teams")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    assert!(trusting.get(format!("http://127.0.0.1:{port}/health/live")).send().await.is_err(), "no plain HTTP");
    let stranger = Client::builder().tls_certs_only([]).timeout(PATIENCE).build().unwrap();
    assert!(
        stranger.get(format!("https://localhost:{port}/health/live")).send().await.is_err(),
        "by its authority only"
    );

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let settings = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = from(2, trial.hub.address).await;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(settings));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let (mut page, _) =
        tokio_tungstenite::client_async(format!("wss://localhost:{port}/ws/analytics"), stream).await.unwrap();
    assert!(matches!(page.next().await, Some(Ok(Message::Text(_)))), "hello");

    let mut mute = from(2, trial.hub.address).await;
    assert_eq!(rest(&mut mute).await, "", "who does not shake hands is shown out");
    trial.hub.stop().await;
}

async fn origin_of(trial: &Trial, method: Method, origin: &str) -> (u16, Option<String>) {
    let request = trial.http.request(method, format!("http://{}/api/core/teams", trial.hub.address));
    let request = request.header("origin", origin).header("access-control-request-method", "POST");
    let answer = request.header("access-control-request-headers", "if-match").send().await.unwrap();
    let allowed = answer.headers().get("access-control-allow-origin");
    let allowed = allowed.map(|allowed| allowed.to_str().unwrap().to_owned());
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    (answer.status().as_u16(), allowed)
}

#[tokio::test]
async fn other_sites_pages_read_only_when_they_are_named() {
    let league = "https://league.example";
    let trial = Trial::start_with(|config| config.gateway.origins = vec![league.to_owned()]).await;
    for method in [Method::GET, Method::OPTIONS] {
        assert_eq!(origin_of(&trial, method.clone(), league).await, (200, Some(league.to_owned())), "{method}");
        for foreign in ["https://evil.example", "http://league.example", "https://league.example.evil.example", "null"]
        {
            assert_eq!(origin_of(&trial, method.clone(), foreign).await, (200, None), "{method} {foreign}");
        }
    }
    trial.hub.stop().await;
    let trial = Trial::start().await;
    assert_eq!(origin_of(&trial, Method::GET, league).await, (200, None), "nobody, unless said");
    assert_eq!(origin_of(&trial, Method::OPTIONS, league).await, (405, None));
    trial.hub.stop().await;
}
