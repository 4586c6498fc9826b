//! Promised: each systemd unit has an exposure of at most 1.5 and no fault that systemd itself finds. Shown by
//! `systemd-analyze`, without running them; skipped with a word where that is not installed.

use std::{path::PathBuf, process::Command};

fn unit(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../systemd").join(name)
}

fn check(name: &str) {
    let analyzed = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
        .arg(unit(name))
        .output();
    let Ok(analyzed) = analyzed else {
        println!("skipped: systemd-analyze is not installed (apt install systemd)");
        return;
    };
    let said = String::from_utf8_lossy(&analyzed.stdout);
    let overall = said.lines().last().unwrap_or_default();
    println!("{overall}");
    assert!(analyzed.status.success(), "exposure over 1.5: {overall}\n{said}");

    let verified = Command::new("systemd-analyze").arg("verify").arg(unit(name)).output().expect("it ran before");
    let faults: Vec<String> = String::from_utf8_lossy(&verified.stderr)
        .lines()
        .filter(|line| line.starts_with(name) || line.contains(&format!("/{name}:")))
        .filter(|line| !line.contains("is not executable"))
        .map(Into::into)
        .collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn edge() {
    check("rinkside-edge.service");
}

#[test]
fn hub() {
    check("rinkside-hub.service");
}
