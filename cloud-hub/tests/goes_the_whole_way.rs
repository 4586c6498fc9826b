//! Promise: what a box sees at its rink is on a page, in the tables and in the figures, whether the hub is one process or
//! one of each role over PostgreSQL, Redis and Mosquitto; and a frame can be followed all the way from its camera to the
//! page's socket, as can a request from the gateway to the service that answers it.
//!
//! Shown with the programs that ship, all as processes of their own; spans go to a collector of this test, which takes
//! OTLP as any collector does.

#[path = "trial/mosquitto.rs"]
mod mosquitto;
#[path = "trial/postgresql.rs"]
mod postgresql;
#[path = "trial/programs.rs"]
mod programs;
#[path = "trial/redis.rs"]
mod redis;

use axum::{Router, body::Bytes, routing::post};
use cloud_hub::services::core::live_picture::Picture;
use futures_util::StreamExt as _;
use mosquitto::Mosquitto;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Attribute, trace::v1::Span,
};
use programs::{HUB, PATIENCE, agent, free_port, of_box, start};
use prost::Message as _;
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{process::Child, time::timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};

const LOOK: Duration = Duration::from_millis(100);
const GAME: u64 = 2_026_020_001;

/// A span, and whose it is.
#[derive(Debug, Clone)]
struct Told {
    service: String,
    process: String,
    span: Span,
}

/// Takes spans as a collector does.
struct Collector {
    address: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Collector {
    async fn start() -> Self {
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let takes = told.clone();
        let take = async move |body: Bytes| takes.lock().unwrap().extend(spans(&body));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, told }
    }

    /// The first trace of which `is_so`.
    async fn until(&self, what: &str, is_so: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let reached = async {
            loop {
                let told = self.told.lock().unwrap().clone();
                let mut traces: Vec<&[u8]> = told.iter().map(|one| one.span.trace_id.as_slice()).collect();
                traces.sort_unstable();
                traces.dedup();
                for trace in traces {
                    let of: Vec<Told> = told.iter().filter(|one| one.span.trace_id == trace).cloned().collect();
                    if is_so(&of) {
                        return of;
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| {
            let told = self.told.lock().unwrap();
            let names: Vec<String> = told.iter().map(|one| format!("{} {}", one.service, one.span.name)).collect();
            panic!("never: {what}; told: {names:?}")
        })
    }
}

fn spans(body: &[u8]) -> Vec<Told> {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut told = Vec::new();
    for of in request.resource_spans {
        let resource = of.resource.expect("spans say whose they are");
        let said = |name: &str| {
            let value = resource.attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value?;
            Some(match value {
                Attribute::StringValue(text) => text,
                other => format!("{other:?}"),
            })
        };
        let (service, process) = (said("service.name").unwrap(), said("service.instance.id").unwrap());
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            told.push(Told { service: service.clone(), process: process.clone(), span });
        }
    }
    told
}

/// The processes of one hub and a box; all are killed when it is dropped.
struct Rink {
    folder: tempfile::TempDir,
    page: String,
    collector: Collector,
    running: Vec<Child>,
    _broker: Option<Mosquitto>,
    _redis: Option<redis::Server>,
}

impl Rink {
    async fn start(split: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
        let quic = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut running = Vec::new();
        let (mut broker, mut redis) = (None, None);
        let mut way = format!("hub = \"quic/127.0.0.1:{quic}\"\ntransport = \"zenoh\"\n");
        let mut storage = String::new();
        if split {
            let (mosquitto, server) = (Mosquitto::start(folder.path()), redis::Server::start().await);
            way = format!("mqtt = \"mqtt://127.0.0.1:{}\"\ntransport = \"mqtt\"\n", mosquitto.port);
            let database = postgresql::database().await;
            storage = format!("[storage]\ndatabase = \"{database}\"\nredis = \"{}\"\n", server.address());
            (broker, redis) = (Some(mosquitto), Some(server));
        }
        let (core, analytics, security, data) = (free_port(), free_port(), free_port(), folder.path().join("hub"));
        let mqtt = broker.as_ref().map(|broker| format!("mqtt = \"mqtt://127.0.0.1:{}\"\n", broker.port));
        let text = format!(
            "data = \"{}\"\n{storage}[gateway]\nlisten = \"127.0.0.1:0\"\n[gateway.upstreams]\n\
             core = [\"127.0.0.1:{core}\"]\nanalytics = [\"127.0.0.1:{analytics}\"]\nsecurity = [\"127.0.0.1:{security}\"]\n\
             [core]\nlisten = \"127.0.0.1:{core}\"\n[analytics]\nlisten = \"127.0.0.1:{analytics}\"\n\
             [security]\nlisten = \"127.0.0.1:{security}\"\n\
             [ingest]\ncertificates = \"{}\"\nlisten = [\"quic/127.0.0.1:{quic}\"]\nprobes = \"127.0.0.1:0\"\n{}\
             [traces]\ncollector = \"{}\"\nrequests = 1.0\n",
            data.display(),
            data.join("certificates").display(),
            mqtt.unwrap_or_default(),
            collector.address
        );
        let config = folder.path().join("hub.toml");
        fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap().to_owned();
        let roles: &[&str] = if split { &["ingest", "core", "analytics", "security", "gateway"] } else { &[""] };
        let mut page = String::new();
        for role in roles {
            let mut arguments = vec!["serve", "--config", &config];
            if split {
                arguments.extend(["--role", role]);
            }
            let (child, ready) = start(Path::new(HUB), &arguments, "the hub is ready").await;
            running.push(child);
            ready["address"].as_str().unwrap().clone_into(&mut page);
        }
        let authority = data.join("certificates/ca.pem");
        let traces = format!("[traces]\ncollector = \"{}\"\nevery_ms = 250\n", collector.address);
        let text = of_box(GAME, &way, &authority) + &traces;
        fs::write(folder.path().join("edge.toml"), text).unwrap();
        let mut rink = Self { folder, page, collector, running, _broker: broker, _redis: redis };
        rink.start_box().await;
        rink
    }

    async fn start_box(&mut self) {
        let (config, data) = (self.folder.path().join("edge.toml"), self.folder.path().join("box"));
        let arguments = ["run", "--log-json", "--config", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
        self.running.push(start(&agent(), &arguments, "box at work").await.0);
    }

    async fn json(&self, path: &str) -> Value {
        reqwest::get(format!("http://{}{path}", self.page)).await.unwrap().json().await.unwrap()
    }
}

/// The spans' names in the order in which they began.
fn names(told: &[Told]) -> Vec<String> {
    let mut told: Vec<&Told> = told.iter().collect();
    told.sort_by_key(|one| (one.span.start_time_unix_nano, one.span.end_time_unix_nano));
    told.iter().map(|one| format!("{} {}", one.service, one.span.name)).collect()
}

async fn what_a_box_sees_is_seen(split: bool) {
    let rink = Rink::start(split).await;

    // On the page: everybody, moving, and what happens.
    let (mut socket, _) = connect_async(format!("ws://{}/ws/analytics?game={GAME}", rink.page)).await.unwrap();
    let (mut picture, mut events) = (Picture::default(), Vec::new());
    let seen = async {
        let mut states = 0;
        while states < 50 || events.is_empty() {
            match socket.next().await.expect("an open socket").unwrap() {
                Message::Binary(frame) if picture.apply(&frame).is_ok() => states += 1,
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == "event" {
                        events.push(message["event"].clone());
                    }
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, seen).await.expect("states and events in time");
    assert!(picture.state().unwrap().players.len() >= 10, "{:?}", picture.state());

    // In the tables: the same event, by its offset.
    let offset = &events[0]["offset"];
    let listed = async {
        loop {
            let page = rink.json(&format!("/api/events/live?game={GAME}&limit=500")).await;
            if page["events"].as_array().unwrap().iter().any(|event| &event["offset"] == offset) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, listed).await.expect("the event is listed");

    // A frame's way: each stage one after the other, all below the one the box began.
    let stages = ["capture", "inference", "tracking", "fusion", "uplink", "ingest", "encode", "socket"];
    let trace = rink
        .collector
        .until("a frame is followed to the socket", |trace| {
            let told = |name: &str| trace.iter().any(|one| one.span.name == name);
            told("frame") && stages.iter().all(|stage| told(stage))
        })
        .await;
    println!("{:?}", names(&trace));
    let root = trace.iter().find(|one| one.span.name == "frame").unwrap();
    let mut reached_ns = root.span.start_time_unix_nano;
    for stage in stages {
        let told = trace.iter().find(|one| one.span.name == stage).unwrap_or_else(|| panic!("{stage}: {trace:#?}"));
        assert_eq!(told.span.parent_span_id, root.span.span_id, "{stage}");
        assert!(told.span.start_time_unix_nano >= reached_ns, "{stage} begins before the stage ahead of it");
        assert!(told.span.end_time_unix_nano >= told.span.start_time_unix_nano, "{stage}");
        reached_ns = told.span.start_time_unix_nano;
    }
    let process = |stage: &str| trace.iter().find(|one| one.span.name == stage).unwrap().process.clone();
    assert_eq!(process("capture"), "oak-box-1");
    assert_eq!(process("ingest") != process("socket"), split, "who hears and who shows");

    // A request's way; what a stranger says of itself is not believed.
    let foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let asked = reqwest::Client::new().get(format!("http://{}/api/game/state?game={GAME}", rink.page));
    let answer = asked.header("traceparent", foreign).header("x-request-id", "followed-1").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let is_ours = |one: &Told| {
        one.span.name == "request"
            && one.span.attributes.iter().any(|attribute| {
                let value = attribute.value.as_ref().and_then(|value| value.value.clone());
                attribute.key == "request.id" && value == Some(Attribute::StringValue("followed-1".into()))
            })
    };
    let parts = if split { 2 } else { 1 };
    let trace = rink
        .collector
        .until("the request is followed", |trace| trace.iter().filter(|one| is_ours(one)).count() == parts)
        .await;
    let foreign = u128::from_str_radix(&foreign[3..35], 16).unwrap().to_be_bytes();
    assert_ne!(trace[0].span.trace_id, foreign, "a stranger's trace goes on");
    let first = trace.iter().find(|one| one.span.parent_span_id.is_empty()).expect("the gateway begins it");
    for other in trace.iter().filter(|one| is_ours(one) && one.span.span_id != first.span.span_id) {
        assert_eq!(other.span.parent_span_id, first.span.span_id, "the service's is below the gateway's");
        assert_ne!(other.process, first.process);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole() {
    what_a_box_sees_is_seen(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn split() {
    what_a_box_sees_is_seen(true).await;
}
