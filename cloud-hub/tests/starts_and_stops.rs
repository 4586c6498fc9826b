//! Promise: `cloud-hub serve` says where it listens, is up within a second, and on SIGTERM tells every page, closes its
//! files and ends well; a configuration with faults is refused with all of them. `edge-agent run` ends well on SIGTERM
//! also while its hub is away.
//!
//! Shown with the real binaries on free ports; prints start time and memory at rest.

use cloud_hub::trust::Certificates;
use futures_util::StreamExt as _;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

const HUB: &str = env!("CARGO_BIN_EXE_cloud-hub");
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_hub_starts_tells_its_address_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut hub = Command::new(HUB)
        .args(["serve", "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("kept"))
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(hub.stdout.take().unwrap()).lines();
    let ready = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("the hub says it is ready");
    let started = began.elapsed();
    let address = ready.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");

    let (mut page, _) = connect_async(format!("ws://{address}/ws/analytics")).await.unwrap();
    assert!(matches!(page.next().await, Some(Ok(Message::Text(_)))), "hello");
    let id = hub.id().unwrap();
    let statm = std::fs::read_to_string(format!("/proc/{id}/statm")).unwrap();
    let resident_bytes = statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096;
    println!("started in {} ms, {} MB at rest", started.as_millis(), resident_bytes / 1_000_000);

    std::process::Command::new("kill").args(["-TERM", &id.to_string()]).status().unwrap();
    let farewell = timeout(PATIENCE, page.next()).await.unwrap();
    assert!(matches!(farewell, Some(Ok(Message::Close(Some(_))))), "{farewell:?}");
    let status = timeout(PATIENCE, hub.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(folder.path().join("kept/hub.sqlite").exists() && folder.path().join("kept/certificates/ca.pem").exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing outside the data folder");
}

#[tokio::test]
async fn a_box_stops_when_told_while_its_hub_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::ensure(&folder.path().join("certificates"), &[]).unwrap();
    let config = folder.path().join("edge.toml");
    let text = "[[sensors.lines]]\npath = \"simulated\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [uplink]\ntransport = \"both\"\nmqtt = \"mqtt://127.0.0.1:1\"\n";
    std::fs::write(&config, text).unwrap();
    // Nobody else has it while this lives, and it answers nobody.
    let away = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hub = format!("quic/{}", away.local_addr().unwrap());
    // Both crates' programs are built into one folder.
    let mut edge = Command::new(std::path::Path::new(HUB).with_file_name("edge-agent"))
        .arg("run")
        .arg("--config")
        .arg(&config)
        .arg("--data")
        .arg(folder.path().join("kept"))
        .args(["--hub", &hub, "--ca"])
        .arg(&certificates.authority)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(edge.stderr.take().unwrap()).lines();
    let mut said = async |words: &str| {
        let said = async { while !lines.next_line().await.unwrap().expect("the box lives").contains(words) {} };
        timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("the box never says {words:?}"));
    };
    said("uplink: trying again until the hub answers").await;
    std::process::Command::new("kill").args(["-TERM", &edge.id().unwrap().to_string()]).status().unwrap();
    said("stopping").await;
    // Read on, or a full pipe would hold it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let status = timeout(PATIENCE, edge.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_configuration_with_faults_is_refused_with_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    std::fs::write(&file, "[gateway]\nlisten = 8000\n[core]\nsockets_max = 0\ncolour = 3\n").unwrap();
    let check = Command::new(HUB).arg("check-config").arg(&file).output().await.unwrap();
    let said = String::from_utf8(check.stderr).unwrap();
    assert!(!check.status.success());
    for expected in
        ["3 faults", "hub.toml:2: ", "hub.toml:4: core.sockets_max 0 (1 to 1000000)", "hub.toml:5: ", "colour"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn roles_that_lack_something_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (roles, words) in [
        ("core", ["storage.database", "postgres://user@host/database", "storage.redis"].as_slice()),
        ("gateway", ["storage.database", "gateway.upstreams.core", "gateway.upstreams.security"].as_slice()),
        ("ml", ["ml", "gateway, ingest, core, analytics, security"].as_slice()),
    ] {
        let serve = Command::new(HUB).args(["serve", "--role", roles, "--data"]).arg(folder.path()).output();
        let refused = timeout(PATIENCE, serve).await.unwrap().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success());
        for word in words {
            assert!(said.contains(word), "{roles}: {word}: {said}");
        }
    }
}
