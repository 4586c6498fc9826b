//! The programs that ship, as staff use them: a code, `edge-agent enrol`, `run`, `edges list`, `edges revoke`.

use super::rink::PATIENCE;
use sqlx::Row as _;
use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    process::{Command, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

const HUB: &str = env!("CARGO_BIN_EXE_cloud-hub");

fn words(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_programs_that_ship() {
    let folder = tempfile::tempdir().unwrap();
    let (data, box_) = (folder.path().join("hub"), folder.path().join("box"));
    let port = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (quic, https) = (port(), port());
    let config = folder.path().join("hub.toml");
    fs::write(
        &config,
        format!(
            "data = {data:?}\n[gateway]\nlisten = \"127.0.0.1:0\"\n[ingest]\nlisten = [\"quic/127.0.0.1:{quic}\"]\n\
             certificates = {:?}\nrequire_certificates = true\n[trust]\nlisten = \"127.0.0.1:{https}\"\n",
            data.join("certificates")
        ),
    )
    .unwrap();
    let edges = |what: &[&str]| words(Command::new(HUB).arg("edges").args(what).arg("--config").arg(&config));
    // The code may be made before the hub ever ran.
    let (made, said) = edges(&["code", "--venue", "oak"]);
    assert!(made, "{said}");
    let code = said.lines().next().unwrap().to_owned();
    let mut hub = tokio::process::Command::new(HUB)
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(hub.stdout.take().unwrap()).lines();
    timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("the hub says it is ready");

    // Both crates' programs are built into one folder.
    let agent = Path::new(HUB).with_file_name("edge-agent");
    assert!(agent.is_file(), "no {}: build it with `make build`", agent.display());
    let enrol = |code: &str, folder: &Path| {
        let hub = format!("https://127.0.0.1:{https}");
        words(Command::new(&agent).args(["enrol", "--hub", &hub, "--code", code, "--data"]).arg(folder))
    };
    let (enrolled, said) = enrol(&code, &box_);
    assert!(enrolled && said.contains("oak-box-1 of venue oak"), "{said}");
    let (enrolled, said) = enrol(&code, &folder.path().join("thief"));
    assert!(!enrolled && said.contains("used before"), "{said}");

    // It needs no word about hub, venue or name: the code said them all.
    let edge = folder.path().join("edge.toml");
    let text =
        "[[sensors.lines]]\npath = \"simulated\"\n[web]\nlisten = \"127.0.0.1:0\"\n[health]\nsample_every_ms = 1000\n";
    fs::write(&edge, text).unwrap();
    let mut run = tokio::process::Command::new(&agent);
    run.arg("run").arg("--config").arg(&edge).arg("--data").arg(&box_).stdout(Stdio::null()).stderr(Stdio::null());
    let _box = run.kill_on_drop(true).spawn().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("hub.sqlite"));
    let tables = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let water = async || {
        let query = "SELECT COALESCE(SUM(next_sequence), 0) FROM high_water WHERE edge = 'oak-box-1'";
        sqlx::query(query).fetch_one(&tables).await.unwrap().get::<i64, _>(0)
    };
    let arrives = async {
        while water().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, arrives).await.expect("its records arrive");
    let (listed, said) = edges(&["list"]);
    assert!(listed && said.contains("oak-box-1") && said.contains("enrolled"), "{said}");
    let (revoked, said) = edges(&["revoke", "oak-box-1"]);
    assert!(revoked, "{said}");
    assert!(!edges(&["revoke", "oak-box-1"]).0, "twice");
    let (listed, said) = edges(&["list"]);
    assert!(listed && said.contains("shut out"), "{said}");
    let (audited, said) = edges(&["audit"]);
    for entry in ["code given", "enrolled", "enrolment refused", "revoked"] {
        assert!(audited && said.contains(entry), "{said}");
    }
}
