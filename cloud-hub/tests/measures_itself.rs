//! Promise: `/metrics` says of every route how often, how well and how fast it was answered, what was heard and how far
//! behind the hub is; each figure says what it means; strangers cannot make figures without end. Prometheus as shipped
//! takes the figures of a hub and a box, its alerts are sound and fire when they should, and every panel of the shipped
//! dashboards asks for what there is.
//!
//! Shown with a real Prometheus and promtool, and the programs that ship. Grafana itself is not in Debian: its dashboards
//! are checked by what they ask.

#[path = "trial/programs.rs"]
mod programs;
mod trial;

use cloud_hub::{
    event_store::EventStore,
    health,
    projections::{Freshness, projector},
    storage::{
        Database,
        records::{Delivery, Opened},
    },
};
use firmware_protocol::network::{EventKind, Side, Stream};
use programs::{HUB, PATIENCE, agent, free_port, of_box};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use trial::{GAME, Trial, event, state};

const LOOK: Duration = Duration::from_millis(100);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The value of the first line of `text` that begins with `series`.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// Words of figures in `text`: `name!("figure"`.
fn counted(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            counted(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for word in ["counter!(", "gauge!(", "histogram!("] {
                let named = own.split(word).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
                found.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
            }
        }
    }
}

#[test]
fn every_figure_says_what_it_means() {
    let hub: BTreeSet<String> = health::described::FIGURES.iter().map(|figure| figure.0.to_owned()).collect();
    let agent: BTreeSet<String> =
        edge_agent::health::described::FIGURES.iter().map(|figure| figure.0.to_owned()).collect();
    for (program, described) in [("cloud-hub", &hub), ("edge-agent", &agent)] {
        let mut found = BTreeSet::new();
        counted(&root().join(program).join("src"), &mut found);
        // These are named by a table of the machine's.
        found.extend(described.iter().filter(|name| name.starts_with("health_")).cloned());
        assert_eq!(&found, described, "{program}: health/described.rs and what is counted");
    }
    for (name, kind, ..) in health::described::FIGURES {
        assert_eq!(kind == health::described::Kind::Counter, name.ends_with("_total"), "{name}");
    }
}

/// One after the other: a process counts once.
#[tokio::test]
async fn figures_move_with_what_happens() {
    requests_events_and_sockets_are_counted().await;
    a_backlog_is_told_while_it_is_worked_off().await;
}

async fn requests_events_and_sockets_are_counted() {
    let trial = Trial::start().await;
    let text = async || trial.get("/metrics").await.text().await.unwrap();
    let before = text().await;
    let described = before.lines().filter(|line| line.starts_with("# HELP ")).count();
    assert!(described >= 40, "{described} figures from the start");
    assert_eq!(value(&before, "ingest_refused_total"), Some(0.0), "counters stand at zero before they count");

    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal), event(2, Side::Away, 4, EventKind::Goal)]).await;
    trial.projected().await;
    for _ in 0..5 {
        assert_eq!(trial.get("/api/game/state").await.status(), 200);
    }
    assert_eq!(trial.get("/api/game/state?game=-1").await.status(), 400);
    for number in 0..500 {
        trial.get(&format!("/api/none/{number}")).await;
        trial.get(&format!("/api/core/players/p-{number}")).await;
    }
    let socket = trial.connect("").await;
    trial.hub.board.put(state(GAME, 1, 3));
    let during = text().await;
    let route = "gateway_requests_total{route=\"/api/game/state\",method=\"GET\",";
    assert_eq!(value(&during, &format!("{route}status=\"200\"}}")), Some(5.0), "{during}");
    assert_eq!(value(&during, &format!("{route}status=\"400\"}}")), Some(1.0));
    let seconds = "gateway_request_seconds_count{route=\"/api/game/state\",method=\"GET\"}";
    assert_eq!(value(&during, seconds), Some(6.0));
    let unknown = "gateway_requests_total{route=\"/api/core/players/{player}\",method=\"GET\",status=\"404\"}";
    assert_eq!(value(&during, unknown), Some(500.0));
    let series = during.lines().filter(|line| line.starts_with("gateway_requests_total{")).count();
    assert!(series < 30, "{series} series of requests: strangers' paths are no labels");
    assert_eq!(value(&during, "events_total{kind=\"goal\"}"), Some(2.0));
    assert_eq!(
        (value(&during, "projections_behind_events"), value(&during, "projections_turn")),
        (Some(0.0), Some(1.0))
    );
    assert_eq!(value(&during, "core_sockets"), Some(1.0));
    assert!(value(&during, "event_store_group_batches_bucket{le=\"1\"}").is_some_and(|count| count >= 1.0));
    for line in during.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(during.contains(&format!("# HELP {name} ")) && during.contains(&format!("# TYPE {name} ")), "{name}");
    }
    drop(socket);
    let closed = async {
        while value(&text().await, "core_sockets") != Some(0.0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("a gauge comes back to zero");
    trial.hub.stop().await;
}

async fn a_backlog_is_told_while_it_is_worked_off() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let handle = health::recorder().expect("nobody else counts in this process");
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
    let told = |index: i64| {
        let event = event(index, Side::Home, 9, EventKind::ShiftStart);
        Opened::Event { json: serde_json::to_string(&event).unwrap(), event: Box::new(event) }
    };
    let (venue, edge, records) = ("oak".into(), "oak-box-1".into(), (0..1_200).map(told).collect());
    let delivery = Delivery { venue, edge, epoch: 1, stream: Stream::Events, first_sequence: 0, records };
    database.keep(&[delivery]).await.unwrap();
    let store = EventStore::new(database.clone()).await.unwrap();
    let mut behind = Vec::new();
    let mut progress = |_| behind.extend(value(&handle.render(), "projections_behind_events"));
    projector::catch_up_telling(&store, &database, &Freshness::default(), &mut progress).await.unwrap();
    behind.extend(value(&handle.render(), "projections_behind_events"));
    // A step is told when it is done, the figure moves with it.
    assert!(behind.windows(2).all(|pair| pair[1] <= pair[0]) && behind.last() == Some(&0.0), "{behind:?}");
    assert!(behind.iter().any(|behind| (1.0..1_200.0).contains(behind)), "{behind:?}");
    assert_eq!(value(&handle.render(), "events_total{kind=\"shift_start\"}"), Some(1_200.0));
    database.close().await;
}

#[test]
fn alerts_are_sound_and_fire_when_they_should() {
    let folder = root().join("deploy/prometheus");
    for arguments in
        [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"], ["test", "rules", "alerts-test.yml"]]
    {
        let checked = Command::new("promtool").args(arguments).current_dir(&folder).output();
        let checked = checked.expect("promtool is installed: `make setup` does it");
        let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        assert!(checked.status.success(), "{arguments:?}: {said}");
    }
    let alerts = fs::read_to_string(folder.join("alerts.yml")).unwrap();
    let count = |word: &str| alerts.matches(word).count();
    assert!(count("- alert:") >= 15);
    assert!([count("summary:"), count("action:"), count("severity:")].iter().all(|all| *all == count("- alert:")));
}

/// Every expression of the shipped dashboards, with where it stands; the dashboards' own shape is checked on the way.
fn asked() -> Vec<(String, String)> {
    let mut asked = Vec::new();
    let source = fs::read_to_string(root().join("deploy/grafana/provisioning/datasources/rinkside.yml")).unwrap();
    let source = source.split("uid: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    for entry in fs::read_dir(root().join("deploy/grafana/dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let board: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
        for panel in board["panels"].as_array().unwrap() {
            let title = format!("{}: {}", board["title"], panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
            assert_eq!(panel["datasource"]["uid"], source.as_str(), "{title}");
            assert!(!panel["description"].as_str().unwrap().is_empty(), "{title}");
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(x < 24 && places.insert((x, y)), "{title}: it lies over another");
                }
            }
            for target in panel["targets"].as_array().unwrap() {
                asked.push((title.clone(), target["expr"].as_str().unwrap().replace("$instance", ".*")));
            }
        }
    }
    asked
}

/// Killed when it is dropped.
struct Prometheus(std::process::Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_takes_them_and_every_panel_asks_for_what_there_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    let ingest = format!("127.0.0.1:{}", free_port());
    let arguments = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--ingest", &ingest];
    let (_hub, ready) = programs::start(Path::new(HUB), &arguments, "the hub is ready").await;
    let config = folder.path().join("edge.toml");
    let way = format!("hub = \"quic/{ingest}\"\ntransport = \"zenoh\"\n");
    fs::write(&config, of_box(GAME, &way, &data.join("certificates/ca.pem"))).unwrap();
    let own = folder.path().join("box");
    let arguments = ["run", "--log-json", "--config", config.to_str().unwrap(), "--data", own.to_str().unwrap()];
    let (_box, at_work) = programs::start(&agent(), &arguments, "box at work").await;

    // As shipped, but for where everybody is and how often is looked.
    let shipped = fs::read_to_string(root().join("deploy/prometheus/prometheus.yml")).unwrap();
    let text = shipped
        .replace("127.0.0.1:8000", ready["address"].as_str().unwrap())
        .replace("127.0.0.1:8080", at_work["page"].as_str().unwrap())
        .replace("15s", "1s");
    fs::write(folder.path().join("prometheus.yml"), text).unwrap();
    fs::copy(root().join("deploy/prometheus/alerts.yml"), folder.path().join("alerts.yml")).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut prometheus = Command::new("prometheus");
    prometheus.arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()));
    prometheus.arg(format!("--storage.tsdb.path={}", folder.path().join("series").display()));
    prometheus.arg(format!("--web.listen-address={address}")).stdout(Stdio::null()).stderr(Stdio::null());
    let _prometheus = Prometheus(prometheus.spawn().expect("prometheus is installed: `make setup` does it"));

    let http = reqwest::Client::new();
    let query = async |expression: &str| -> Option<Value> {
        let url = format!("http://{address}/api/v1/query");
        let url = reqwest::Url::parse_with_params(&url, [("query", expression)]).unwrap();
        http.get(url).send().await.ok()?.json().await.ok()
    };
    let found = async |expression: &str| {
        query(expression)
            .await
            .is_some_and(|answer| answer["data"]["result"].as_array().is_some_and(|all| !all.is_empty()))
    };
    // What a game of half a minute moves has been looked at twice.
    for expression in [
        "up{job=\"rinkside-hub\"} == 1",
        "up{job=\"rinkside-box\"} == 1",
        "rate(capture_frames_total[1m]) > 0",
        "rate(uplink_records_total[1m]) > 0",
        "sum(events_total) > 0",
        "games_live == 1",
        "boxes_active == 1",
        "certificate_expires_timestamp_seconds{certificate=\"server\"} > time()",
        "data_disk_free_bytes > 0",
        "process_resident_memory_bytes > 10e6",
        "rate(vision_latency_seconds_bucket[1m]) > 0",
    ] {
        let seen = async {
            while !found(expression).await {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never: {expression}"));
    }

    let names: BTreeSet<&str> = health::described::FIGURES
        .iter()
        .map(|figure| figure.0)
        .chain(edge_agent::health::described::FIGURES.iter().map(|figure| figure.0))
        .chain(["up"])
        .collect();
    let rules = http.get(format!("http://{address}/api/v1/rules")).send().await.unwrap();
    let rules: Value = rules.json().await.unwrap();
    let mut expressions = asked();
    assert!(expressions.len() > 40);
    for group in rules["data"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule}");
            assert_ne!(rule["state"], "firing", "a healthy hub and box wake nobody: {rule}");
            expressions.push((rule["name"].to_string(), rule["query"].as_str().unwrap().to_owned()));
        }
    }
    for (place, expression) in expressions {
        let answer = query(&expression).await.expect("prometheus answers");
        assert_eq!(answer["status"], "success", "{place}: {expression}: {answer}");
        // A figure nobody has is no fault to Prometheus, and a panel for ever empty to whoever looks.
        let words = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| word.contains('_') && !word.starts_with("histogram_")) {
            let name = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(names.contains(name), "{place}: {expression}: {word} is no figure");
        }
    }
}
