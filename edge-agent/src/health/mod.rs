//! How the box is: measured, said as Prometheus text, told to systemd.
//!
//! Comes in: what each stage says of itself through a [`Health`] handle, and what [`measure`] finds of the machine.
//! Goes out: the same to whoever asks (the box's page, `doctor`), [`Telemetry`] for the store, Prometheus text, and
//! notes to systemd. Never: stops or restarts anything; a stage that is down says so here, and the box stays up.

pub mod config;
mod board;
mod measure;
mod prometheus;
pub mod described;
mod systemd;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::time;
use firmware_protocol::network::Telemetry;

pub use board::{Health, Overall, Stage, State};
pub use config::Config;
pub use measure::{Sample, Sampler};
pub use prometheus::Metrics;
pub use systemd::Notifier;

/// What can go wrong here: only at the start.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Another recorder of metrics is in place.
    #[error("metrics cannot be recorded: {0}")]
    Recorder(#[from] metrics_exporter_prometheus::BuildError),
    /// The machine cannot be measured.
    #[error("this machine cannot be measured: {reason}")]
    Measure {
        /// What the system answered.
        reason: String,
    },
}

/// Measures the machine, keeps systemd told, and hands on telemetry, until `stop`.
///
/// Tells systemd that the service is ready when called: call it when it is. As long as this runs, systemd's watchdog
/// is fed; `alive` is asked each time and should be false when a thread that matters has not come round, so that
/// systemd restarts a box that hangs.
pub async fn run(
    config: Config,
    health: Health,
    mut telemetry: impl FnMut(Vec<Telemetry>),
    alive: impl Fn() -> bool,
    stop: CancellationToken,
) -> Result<(), HealthError> {
    let notifier = Notifier::from_environment();
    let mut sampler = Sampler::new(&config.disk_path)?;
    let mut samples = interval(Duration::from_millis(config.sample_every_ms));
    samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = interval(notifier.beat());
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    notifier.ready();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beats.tick() => {
                if alive() {
                    notifier.beat_once();
                }
                notifier.status(&health.sentence());
            }
            _ = samples.tick() => {
                let sample = sampler.sample();
                health.report("machine", sample.state(&config));
                sample.count();
                telemetry(sample.telemetry(time::utc_us()));
            }
        }
    }
    notifier.stopping();
    Ok(())
}
