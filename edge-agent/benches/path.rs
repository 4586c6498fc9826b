//! The camera path, from a 1080p film to places on the ice and events, as whole programs, beside plain Python.
//!
//! Both read the same film with the same weights, one after the other on the same machine: our `edge-agent run
//! --replay`, and `peers/path.py` (OpenCV, ONNX Runtime, `ByteTrack`). Ours is timed from its start to its end, loading
//! included; Python's from the opened film to its last frame, imports and loading left out.
//!
//! ```text
//! cargo bench --workspace --bench path        RINKSIDE_REAL names the folder with video/college-rink
//! ```
//!
//! Without that folder the film is a simulated game, rendered first. Without Python's packages (from the registry, once,
//! into `target/setup/peers`) our rows stand without a ratio.

mod rows;

use edge_agent::{capture::config::read_calibration, geometry::Camera};
use rows::{Row, report};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// Times the clip of 50 frames is repeated: long enough that starting does not decide.
const REPEATS: u32 = 12;
/// Runs of each; the best counts, the machine has other work.
const RUNS: usize = 3;

fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (film, what) = film(folder.path());
    let calibration = at_root("config/cameras/stand-left.toml");
    let best = |rates: &[f64]| rates.iter().copied().fold(f64::NAN, f64::max);
    for model in ["rink-detector", "rink-detector-int8"] {
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..RUNS {
            ours.push(replay(folder.path(), &film, &calibration, &format!("model = \"{model}\"\n")));
            theirs.extend(python(&film, &calibration, model));
        }
        let conditions = format!("{what}, model {model} at its own size, every frame looked at, best of {RUNS}");
        let name = format!("1080p film → detect → track → ice → events, {model}");
        let mut row = Row::new(name, best(&ours), "frames/s", conditions);
        if !theirs.is_empty() {
            row.peer = Some(("OpenCV + ONNX Runtime + ByteTrack in Python", best(&theirs)));
        }
        report(&[row]);
    }
    panorama(folder.path());
}

/// A whole rink in one large picture, players some 30 pixels tall: looking where it matters beside looking everywhere.
fn panorama(folder: &Path) {
    let camera = Camera::looking_at(3876, 1660, 110.0, [0.0, -75.0, 24.0], [0.0, 0.0, 0.0]);
    let calibration = folder.join("panorama.toml");
    std::fs::write(&calibration, toml::to_string(&camera).expect("a camera is TOML")).expect("a writable folder");
    let mut simulate = Command::new(binary("edge-agent"));
    simulate.args(["simulate", "--video", "--seconds", "8", "--fps", "25", "--camera"]).arg(&calibration);
    simulate.arg("--out").arg(folder.join("panorama"));
    run(simulate);
    let film = film_in(&folder.join("panorama"));
    let rate = |looks: u32| {
        let inference = format!("model = \"rink-detector-int8\"\nwhole = false\ntiles = [7, 5]\nlooks = {looks}\n");
        replay(folder, &film, &calibration, &inference)
    };
    let conditions = "simulated 3876×1660 panorama, H.264, players about 30 pixels, whole program; beside all 35 tiles";
    let mut row = Row::new("panorama → detect → track → ice, 4 looks a frame", rate(4), "frames/s", conditions);
    row.peer = Some(("the same program, all tiles in every frame", rate(0)));
    report(&[row]);
}

/// The film of a recording.
fn film_in(folder: &Path) -> PathBuf {
    let made = std::fs::read_dir(folder).expect("the recording is there").filter_map(Result::ok);
    let film = made.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "mp4"));
    film.expect("a recording with --video has a film")
}

/// The film and what it is.
fn film(folder: &Path) -> (PathBuf, String) {
    let real = std::env::var_os("RINKSIDE_REAL").map_or_else(|| at_root("../shared/real"), PathBuf::from);
    let clip = real.join("video/college-rink/hockey-3.mp4");
    let film = folder.join("film.mp4");
    if clip.is_file() {
        let repeats = (REPEATS - 1).to_string();
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-stream_loop", &repeats, "-i"]).arg(&clip).args(["-an", "-c", "copy"]).arg(&film);
        run(ffmpeg);
        return (film, format!("the college clip {REPEATS} times (1920×1088, H.264)"));
    }
    let mut simulate = Command::new(binary("edge-agent"));
    simulate.args(["simulate", "--video", "--seconds", "20", "--out"]).arg(folder.join("game"));
    run(simulate);
    (film_in(&folder.join("game")), "a simulated game (1920×1080, H.264)".to_owned())
}

/// Frames per second of our whole program.
fn replay(folder: &Path, film: &Path, calibration: &Path, inference: &str) -> f64 {
    let frames = frames(film);
    let config = folder.join("edge.toml");
    let registry = at_root("models/registry.toml");
    let text = format!("[inference]\nregistry = \"{}\"\n{inference}", registry.display());
    std::fs::write(&config, text).expect("a writable folder");
    let mut program = Command::new(binary("edge-agent"));
    program.args(["run", "--replay", "--config"]).arg(&config).arg("--video").arg(film);
    program.arg("--calibration").arg(calibration).arg("--events").arg(folder.join("events.jsonl"));
    program.env("RUST_LOG", "warn");
    let began = Instant::now();
    run(program);
    f64::from(frames) / began.elapsed().as_secs_f64()
}

/// Frames per second of the Python pipeline; `None`, said, when it is not to be had.
fn python(film: &Path, calibration: &Path, model: &str) -> Option<f64> {
    let python = peers()?;
    let camera: Camera = read_calibration(calibration).expect("a shipped calibration reads");
    // Four points of the ice in the picture's lower half say the homography.
    let pixels = [[0.2, 0.6], [0.8, 0.6], [0.9, 0.9], [0.1, 0.9]]
        .map(|[x, y]| [x * f64::from(camera.width), y * f64::from(camera.height)]);
    let places = pixels.map(|pixel| camera.to_ice(pixel).expect("the lower half of a stand's picture is ice"));
    let pairs = serde_json::json!({ "pixels": pixels, "metres": places }).to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/path.py");
    let answer = Command::new(python)
        .arg(script)
        .arg(at_root("models/registry.toml"))
        .arg(model)
        .arg(film)
        .arg(pairs)
        .stderr(Stdio::inherit())
        .output()
        .expect("the peer starts");
    assert!(answer.status.success(), "the Python pipeline failed: {}", answer.status);
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("one line of JSON");
    Some(answer["frames"].as_f64()? / answer["seconds"].as_f64()?)
}

/// The interpreter with the peer's packages; installs them once.
fn peers() -> Option<PathBuf> {
    let folder = at_root("target/setup/peers");
    let (python, wanted) = (folder.join("bin/python"), folder.join("path.txt"));
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/path.txt");
    if std::fs::read(&wanted).ok() != std::fs::read(&list).ok() {
        println!("installing the Python pipeline's packages into {}", folder.display());
        let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status().is_ok_and(|done| done.success());
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list);
        if !(made && install.status().is_ok_and(|done| done.success())) {
            println!("no Python pipeline to compare with: its packages do not install here");
            return None;
        }
        std::fs::copy(&list, &wanted).expect("the environment was just made");
    }
    Some(python)
}

fn frames(film: &Path) -> u32 {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args([
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
    ]);
    let said = ffprobe.args(["-of", "csv=p=0"]).arg(film).output().expect("ffprobe comes with ffmpeg");
    String::from_utf8_lossy(&said.stdout).trim().parse().expect("ffprobe counts packets")
}

fn run(mut command: Command) {
    let status = command.stdout(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}

/// Benches stand in `<profile>/deps`, binaries one folder up.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    own.parent().and_then(Path::parent).expect("it stands in <profile>/deps").join(name)
}

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
