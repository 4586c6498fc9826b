//! `edge-agent run`: the appliance at work, or a recording replayed.

use crate::{
    capture::config::{CameraConfig, Origin},
    config::{Config, Fault, Faults},
    downlink::{Check, Layer, Ledger},
    pipeline::{self, Ended, Keep},
    uplink::Identity,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use firmware_protocol::network::enrolment::certificate_name;
use std::{fs, os::unix::process::CommandExt as _, path::PathBuf, process::Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Be the appliance, or replay a recording.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// The configuration; without one, every default.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything the box keeps, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The hub, such as quic/hub.example:7447, instead of the configuration's; empty for none.
    #[arg(long, value_name = "ENDPOINT")]
    pub hub: Option<String>,
    /// The hub's ca.pem, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// See this film instead of the configuration's cameras and lines.
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,
    /// The camera file of --video.
    #[arg(long, value_name = "FILE", requires = "video")]
    pub calibration: Option<PathBuf>,
    /// Write a copy of the first camera's film with boxes and tracks.
    #[arg(long, value_name = "FILE.mp4")]
    pub annotate: Option<PathBuf>,
    /// As fast as it goes, nothing dropped, without store and hub: the same in, the same out.
    #[arg(long)]
    pub replay: bool,
    /// Recorded serial bytes for --replay.
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub sensors: Option<PathBuf>,
    /// Where --replay writes events, one JSON object a line.
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub events: Option<PathBuf>,
}

/// Runs until stopped, or until the recording ends.
pub fn run(args: &Run) -> Result<()> {
    let (config, ledger) = args.ordered()?;
    if args.replay {
        let keep = Keep { events: args.events.clone(), annotate: args.annotate.clone() };
        let replayed = pipeline::run_replay(&config, args.sensors.as_deref(), &keep)?;
        println!("replayed: {} states, {} events", replayed.states, replayed.events);
        return Ok(());
    }
    if config.capture.cameras.is_empty() && config.sensors.lines.is_empty() {
        bail!("nothing to see: name a camera or a line in the configuration (config/edge.toml shows how), or --video");
    }
    let runtime = tokio::runtime::Runtime::new().context("tokio does not start")?;
    let stop = CancellationToken::new();
    runtime.spawn(stop_on_signal(stop.clone()));
    let annotate = args.annotate.clone();
    // In a task of its own: a Zenoh session that is dropped blocks its thread, and under `block_on` that thread then
    // forgets who woke it meanwhile.
    let (orders, check) = (ledger.clone(), args.check());
    let running = runtime
        .spawn(async move { Box::pin(pipeline::run_live(config, annotate.as_deref(), (orders, check), stop)).await });
    let done = runtime.block_on(running)?;
    // Zenoh looks for a hub that is away without end, on a thread of the runtime: waiting for it would never end.
    runtime.shutdown_background();
    match done {
        Ok(Ended::Stopped) => Ok(()),
        Ok(Ended::Anew) => Err(start_anew()),
        Err(fault) if ledger.is_on_trial() => {
            ledger.roll_back(&format!("the box did not start: {fault:#}"))?;
            Err(start_anew())
        }
        Err(fault) => Err(fault),
    }
}

/// This process, from its beginning: under the same number, so that whoever watches over it sees it alive. Comes back only
/// when that is not possible.
fn start_anew() -> anyhow::Error {
    tracing::info!("starting anew");
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    let error = Command::new(&program).args(std::env::args_os().skip(1)).exec();
    anyhow::Error::new(error).context(format!("{} does not start anew", program.display()))
}

impl Run {
    /// The configuration with what the hub has said laid over it, and the ledger of that. What the hub has said and does
    /// not fit is left out.
    fn ordered(&self) -> Result<(Config, Ledger)> {
        let own = self.config(&Layer::default())?;
        let uplink = &own.uplink;
        let enrolment = Identity::load(&uplink.identity)?.map_or(0, |identity| identity.enrolment);
        let name = certificate_name(&uplink.venue, &uplink.edge, enrolment);
        let ledger = Ledger::open(&own.downlink, &name)
            .with_context(|| format!("what the hub has said, {}", own.downlink.path.display()))?;
        if self.replay {
            return Ok((own, ledger));
        }
        loop {
            match self.config(&ledger.layer()) {
                Ok(config) => return Ok((config, ledger)),
                Err(fault) if ledger.is_on_trial() => ledger.roll_back(&fault.to_string())?,
                Err(fault) => {
                    tracing::error!(%fault, "what the hub said does not fit this box's own settings: it runs by these");
                    return Ok((own, ledger));
                }
            }
        }
    }

    /// Whether this box could run with a layer over its settings.
    fn check(&self) -> Check {
        let args = self.clone();
        Box::new(move |layer| args.config(layer).map(drop).map_err(|fault| fault.to_string()))
    }

    /// The configuration with `layer` and what was typed laid over it.
    pub fn config(&self, layer: &Layer) -> Result<Config> {
        let mut config = match &self.config {
            // Its own faults first, with their lines.
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        if *layer != Layer::default() {
            let own = self.config.as_ref().map(fs::read_to_string).transpose()?.unwrap_or_default();
            let list = match Config::parse(&layer.over(&own)?) {
                Ok(laid) => {
                    config = laid;
                    Vec::new()
                }
                Err(list) => list.into_iter().map(|fault| Fault { line: 0, ..fault }).collect(),
            };
            if !list.is_empty() {
                return Err(Faults { file: "with what the hub has said".to_owned(), list }.into());
            }
        }
        if let Some(data) = &self.data {
            config.store.path = data.join("store");
            config.uplink.refused = data.join("refused");
            config.uplink.identity = data.join("identity");
            config.downlink.path = data.join("downlink.json");
            config.health.disk_path.clone_from(data);
            std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
        }
        if let Some(identity) = Identity::load(&config.uplink.identity)? {
            config.uplink = config.uplink.enrolled_as(&identity);
        }
        if let Some(hub) = &self.hub {
            config.uplink.hub.clone_from(hub);
        }
        if let Some(ca) = &self.ca {
            config.uplink.authority.clone_from(ca);
        }
        if let Some(video) = &self.video {
            let mut camera = CameraConfig::new("film", Origin::File(video.clone()));
            camera.calibration.clone_from(&self.calibration);
            camera.repeat = !self.replay;
            config.capture.cameras = vec![camera];
            config.sensors.lines.clear();
        }
        Ok(config)
    }
}

/// SIGTERM from systemd, SIGINT from a person: both end the box in order.
async fn stop_on_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard: end the box with kill -9, nothing is lost by it");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
}
