//! What a person types.

pub mod calibrate;
pub mod check_config;
pub mod detect;
pub mod doctor;
pub mod enrol;
pub mod evaluate;
pub mod run;
pub mod simulate;
pub mod store;
pub mod track;

use crate::log::Memory;
use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt::writer::MakeWriterExt as _};

/// The appliance at the rink: cameras and tags in, hockey out.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Log as JSON lines, for a collector.
    #[arg(long, global = true)]
    log_json: bool,
}

const EXAMPLES: &str = "\
Examples:
  edge-agent check-config config/edge.toml
  edge-agent doctor --config config/edge.toml
  edge-agent enrol --hub https://hub.example:7448 --code RINK-…
  edge-agent run --config config/edge.toml
  edge-agent run --replay --video game.mp4 --calibration camera.toml --annotate out.mp4 --events events.jsonl
  edge-agent simulate --seed 7 --seconds 60 --out recording --video --truth
  edge-agent detect picture.png --json

RUST_LOG=debug (or edge_agent::uplink=debug) says more.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the appliance, or replay a recording.
    Run(run::Run),
    /// Tell every fault of a configuration at once.
    CheckConfig(check_config::CheckConfig),
    /// Tell what is wrong with this box, and what to do.
    Doctor(doctor::Doctor),
    /// Make this box known to its hub, with a code from there.
    Enrol(enrol::Enrol),
    /// Find where a camera stands from landmarks of the rink.
    Calibrate(calibrate::Calibrate),
    /// Find people and the puck in pictures and films.
    Detect(detect::Detect),
    /// Join detections to tracks, MOT text in and out.
    Track(track::Args),
    /// Measure detections or tracks against the truth.
    Evaluate(evaluate::Args),
    /// Make a recording, or pictures, of a simulated game.
    Simulate(simulate::Simulate),
    /// Look into the journal.
    Store(store::StoreArguments),
}

/// Does what was typed.
pub fn main() -> Result<()> {
    let Arguments { command, log_json } = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,zenoh=warn"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr.and(|| Memory));
    if log_json {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    match command {
        Command::Run(args) => run::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Enrol(args) => enrol::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Track(args) => track::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Store(args) => store::run(&args),
    }
}
