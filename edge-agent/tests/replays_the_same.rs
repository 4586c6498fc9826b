//! Promised: the same recording twice gives the same events, byte for byte.
//!
//! Shown on a simulated game with a rendered film and the bytes of its devices, both through the code a box uses: the
//! film is decoded, people are detected and tracked, readings and tracks are fused, events recognised; twice.

use edge_agent::{
    capture::config::{CameraConfig, Origin},
    config::{Config, RosterEntry},
    pipeline::{Keep, Replayed, run_replay},
    simulation::{self, Game},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SEED: u64 = 7;
const SECONDS: u32 = 20;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn record(folder: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
        .args([
            "simulate",
            "--seed",
            &SEED.to_string(),
            "--sensors",
            "--video",
            "--fps",
            "5",
            "--seconds",
            &SECONDS.to_string(),
        ])
        .arg("--camera")
        .arg(repository().join("config/cameras/stand-left.toml"))
        .arg("--out")
        .arg(folder)
        .status()
        .unwrap();
    assert!(made.success());
}

fn replay(folder: &Path, events: &Path) -> Replayed {
    let mut config = Config::default();
    let mut camera = CameraConfig::new("film", Origin::File(folder.join("camera-1.mp4")));
    camera.calibration = Some(folder.join("calibration-1.toml"));
    config.capture.cameras.push(camera);
    config.inference.registry = repository().join("models/registry.toml");
    let game = Game::new(simulation::Config { seed: SEED, ..simulation::Config::default() }.setup());
    config.roster.extend(game.roster().iter().map(|person| RosterEntry {
        tag: person.id,
        role: person.role,
        side: person.side,
        number: person.side.map(|_| person.number),
        name: person.name.clone(),
    }));
    let keep = Keep { events: Some(events.to_owned()), annotate: None };
    run_replay(&config, Some(&folder.join("sensors.bin")), &keep).unwrap()
}

#[test]
fn the_same_recording_twice_gives_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let [first, second] = ["first.jsonl", "second.jsonl"].map(|name| folder.path().join(name));
    let replayed = replay(folder.path(), &first);
    assert_eq!(replay(folder.path(), &second), replayed);
    println!("{} states, {} events", replayed.states, replayed.events);
    assert!(replayed.events >= 3, "a face-off, passes, entries: {replayed:?}");
    assert!(replayed.states > u64::from(SECONDS - 2) * 50, "{replayed:?}");
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
}
