//! The only place that knows all stages: joins them with queues and threads.
//!
//! ```text
//!  camera threads ─frames─► inference threads ─► vision thread ─observations─┐                    ┌─► watch ─► live lane
//!                 (drop oldest: 2 a camera)                                  ├─► truth thread ────┤
//!  sensor tasks ──readings───────────────────────────────────────────────────┘   50 times a second└─► store ─► durable lane
//! ```
//!
//! [`live`] is a box at work, [`replay`] a recording as fast as it goes; both use the same [`seeing`] and
//! [`understanding`]. What computes has threads of its own; the async runtime only waits for wires.

mod board;
mod live;
mod looking;
mod readings;
mod replay;
mod seeing;
mod shipping;
mod standing;
mod understanding;
mod wire;

pub use replay::REPLAY_START_US;
pub use shipping::Ended;
pub use understanding::Said;

use crate::{
    capture::{
        Scene,
        annotate::Annotator,
        config::{CameraConfig, Origin},
    },
    config::{Config, RosterEntry},
    events::Recogniser,
    fusion::{Binding, Fusion},
    geometry::Camera,
    ids::{CameraId, TagId},
    inference::{Detector, InferenceError, NumberReader},
    queue::Overflow,
    simulation,
};
use anyhow::{Context, Result};
use firmware_protocol::network::{Event, Role};
use seeing::{Reading, Seeing};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};
use understanding::Understanding;

pub use live::run as run_live;
pub(crate) use readings::{observation, telemetry};

/// Where what is said goes.
pub trait Outlet {
    /// Takes one thing.
    fn say(&mut self, said: Said);
}

/// What a replay is to leave behind.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// Events as JSON lines.
    pub events: Option<PathBuf>,
    /// An annotated film of the first camera.
    pub annotate: Option<PathBuf>,
}

/// How a replay went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// States said.
    pub states: u64,
    /// Events said.
    pub events: u64,
}

/// Plays the recording `config` names, with the sensor pieces in `sensors`.
pub fn run_replay(config: &Config, sensors: Option<&Path>, keep: &Keep) -> Result<Replayed> {
    // A replay without its model would quietly say that nobody played.
    let detectors = detectors(config)?;
    let reader = reader(config)?;
    let seeing = seeing(config, reader, keep.annotate.as_deref(), Overflow::Wait)?;
    let mut lines = JsonLines::create(keep.events.as_deref())?;
    replay::run(config, sensors, detectors, seeing, understanding(config), &mut lines)?;
    lines.finish()
}

/// A detector for every worker; none without cameras.
fn detectors(config: &Config) -> Result<Vec<Detector>, InferenceError> {
    let workers = if config.capture.cameras.is_empty() { 0 } else { config.inference.workers() };
    let mut detectors = (0..workers).map(|_| Detector::open(&config.inference)).collect::<Result<Vec<_>, _>>()?;
    for (index, camera) in config.capture.cameras.iter().enumerate() {
        // A calibration that does not read is a fault where eyes are made.
        let Ok(Some(calibration)) = calibration(config, camera) else { continue };
        let ice = |detector: &mut Detector| detector.set_ice(CameraId(index as u8), &calibration, &config.rink());
        detectors.iter_mut().for_each(ice);
    }
    Ok(detectors)
}

/// Who reads numbers, when that is wanted and there are cameras.
fn reader(config: &Config) -> Result<Option<NumberReader>, InferenceError> {
    if config.capture.cameras.is_empty() { Ok(None) } else { NumberReader::open(&config.inference) }
}

/// Where a camera stands and looks, where that is known.
fn calibration(config: &Config, camera: &CameraConfig) -> Result<Option<Camera>> {
    Ok(match camera.read_calibration()? {
        None if camera.source == Origin::Synthetic => {
            Some(Scene::hang(&config.simulation.setup(), 0, 1, camera.size_px))
        }
        calibration => calibration,
    })
}

/// Eyes for every camera of `config`.
fn seeing(
    config: &Config,
    reader: Option<NumberReader>,
    annotate: Option<&Path>,
    overflow: Overflow,
) -> Result<Seeing> {
    let numbers = bindings(config).into_iter().filter_map(|binding| binding.number).filter(|number| *number < 100);
    let roster = numbers.fold(None, |known: Option<u128>, number| Some(known.unwrap_or(0) | 1 << number));
    let reading = Reading { reader, roster };
    let mut seeing = Seeing::new(config.rink(), config.fusion.projection.clone(), config.game.worn(), reading);
    for (index, camera) in config.capture.cameras.iter().enumerate() {
        let annotator = annotate
            .filter(|_| index == 0)
            .map(|path| Annotator::open(path, camera.fps, config.rink(), overflow))
            .transpose()?;
        seeing.add_camera(&config.tracking, calibration(config, camera)?, annotator);
    }
    Ok(seeing)
}

fn understanding(config: &Config) -> Understanding {
    let rink = config.rink();
    let fusion = Fusion::new(config.fusion.clone(), rink, &bindings(config));
    Understanding::new(fusion, Recogniser::new(config.events, rink, config.game.id), config.game.id)
}

/// Who wears which tag: the configuration's roster, or that of the simulated game.
fn bindings(config: &Config) -> Vec<Binding> {
    let mut bindings: Vec<Binding> = config.roster.iter().map(RosterEntry::binding).collect();
    if config.is_simulated() && bindings.is_empty() {
        let game = simulation::Game::new(config.simulation.setup());
        bindings.extend(game.roster().iter().map(|person| Binding {
            tag: TagId(person.id),
            role: person.role,
            side: person.side,
            number: (person.role != Role::Official).then_some(person.number),
        }));
    }
    bindings
}

/// Events as JSON lines, and counts.
struct JsonLines {
    out: Option<BufWriter<File>>,
    fault: Option<std::io::Error>,
    said: Replayed,
}

impl JsonLines {
    fn create(path: Option<&Path>) -> Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        let out = path.map(create).transpose()?.map(BufWriter::new);
        Ok(Self { out, fault: None, said: Replayed::default() })
    }

    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        serde_json::to_writer(&mut *out, event)?;
        out.write_all(b"\n")
    }

    fn finish(mut self) -> Result<Replayed> {
        if let Some(out) = &mut self.out {
            out.flush()?;
        }
        match self.fault {
            Some(fault) => Err(fault).context("cannot write events"),
            None => Ok(self.said),
        }
    }
}

impl Outlet for JsonLines {
    fn say(&mut self, said: Said) {
        match said {
            Said::State(..) => self.said.states += 1,
            Said::Event(event) => {
                self.said.events += 1;
                if let Err(fault) = self.write(event) {
                    self.fault.get_or_insert(fault);
                }
            }
            Said::Newest(..) | Said::Chunk(_) => {}
        }
    }
}
