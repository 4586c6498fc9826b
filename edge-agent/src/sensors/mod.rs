//! Serial lines in: tags, puck, scoreboard.
//!
//! Comes in: bytes of serial lines ([`serial`]), of the simulation's devices ([`simulated`]), or of a recording
//! ([`recorded`]); all go through the same [`Line`]. Goes out: [`Reading`]s stamped in UTC at the moment of
//! measuring, by an estimate of each device's clock ([`clock`]). Noise is counted and skipped; a line that vanishes is
//! opened again with backoff, and [`Status`] says meanwhile what is wrong and what to do. Never: stops the box.

pub mod config;
pub mod clock;
pub mod line;
pub mod status;
pub mod recorded;
pub mod serial;
pub mod simulated;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{queue, time::Stamp};
use firmware_protocol::serial::{Message, TagId};

pub use config::Config;
pub use line::{Arrival, Line};
pub use status::{LineState, Status};

/// One sensor value with its place in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Who measured.
    pub tag: TagId,
    /// When, by the box's clock, after the device's offset.
    pub stamp: Stamp,
    /// What.
    pub message: Message,
}

/// What can go wrong with a line or a recording. `cure` of a line's fault stands in its [`LineState`].
#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    /// The line cannot be opened.
    #[error("{path}: {source}")]
    Open {
        /// As configured.
        path: String,
        /// Why.
        source: tokio_serial::Error,
    },
    /// The line was open and is no more.
    #[error("{path}: line gone ({reason})")]
    Gone {
        /// As configured.
        path: String,
        /// What reading it answered.
        reason: String,
    },
    /// A simulated line, and nothing to simulate.
    #[error("line {path} is simulated, but no game is simulated: start one or give a device path")]
    NoGame {
        /// As configured.
        path: String,
    },
    /// The recording cannot be read or written.
    #[error("{path}: {source}")]
    Recording {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{path}: not a recording of sensors")]
    NotARecording {
        /// Which file.
        path: PathBuf,
    },
    /// The recording ends inside a chunk, or a chunk is changed.
    #[error("{path}: broken at byte {at} (all before is whole)")]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where the broken chunk begins.
        at: u64,
    },
}

/// Reads all lines of `config` until `stop`, or until nobody receives.
///
/// `play` is the game that lines called `simulated` observe. `readings` should drop its oldest: a reading that waits
/// is worth less than the next. Answers early only when a line can never work, or the recording cannot be made.
pub async fn run(
    config: Config,
    play: Option<simulated::Play>,
    readings: queue::Sender<Reading>,
    status: Status,
    stop: CancellationToken,
) -> Result<(), SensorError> {
    let mut tasks = JoinSet::new();
    let (recorder, recording) = match &config.record_to {
        Some(path) => {
            let (sender, task) = recorded::start(path)?;
            (Some(sender), Some(task))
        }
        None => (None, None),
    };
    for (index, line) in config.lines.iter().enumerate() {
        let path = if line.is_simulated() {
            let play = play.as_ref().ok_or_else(|| SensorError::NoGame { path: line.path.clone() })?;
            let (path, devices) = simulated::start(play, stop.clone())?;
            tasks.spawn(devices);
            path
        } else {
            line.path.clone()
        };
        let reader = serial::Reader::new(index, path, line.baud, &config, readings.clone(), status.clone());
        tasks.spawn(reader.recorded_by(recorder.clone()).run(stop.clone()));
    }
    drop((readings, recorder));
    stop.cancelled().await;
    while tasks.join_next().await.is_some() {}
    match recording {
        Some(task) => task.await.expect("the recorder does not panic"),
        None => Ok(()),
    }
}
