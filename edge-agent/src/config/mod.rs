//! The whole configuration: composed of each stage's own section, read from one TOML file.
//!
//! Comes in: a file. Goes out: a [`Config`], or every fault in it at once with line and cure. Unknown keys are faults:
//! a misspelt key that is ignored is a box that does not do what its file says.

mod faults;
mod roster;

pub use faults::{Fault, Faults};
pub use roster::RosterEntry;

use crate::{
    capture, downlink, events, fusion, health,
    inference::{self, jersey},
    rink::Rink,
    sensors, simulation, store, traces,
    tracking::{self, teams::Worn},
    uplink, web,
};
use serde::Deserialize;
use std::path::Path;

/// Everything a box is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which game it sees.
    pub game: Game,
    /// Who wears which tag; with a simulated game its players are added by themselves.
    pub roster: Vec<RosterEntry>,
    /// The simulated game, for synthetic cameras and simulated lines.
    pub simulation: simulation::Config,
    /// Cameras.
    pub capture: capture::Config,
    /// Serial lines.
    pub sensors: sensors::Config,
    /// The network that finds people.
    pub inference: inference::Config,
    /// How detections become tracks.
    pub tracking: tracking::Config,
    /// How everything becomes one truth.
    pub fusion: fusion::Config,
    /// How the truth becomes events.
    pub events: events::Config,
    /// The journal.
    pub store: store::StoreConfig,
    /// The way to the hub.
    pub uplink: uplink::UplinkConfig,
    /// How the hub's commands are carried out.
    pub downlink: downlink::Config,
    /// How the box measures itself.
    pub health: health::Config,
    /// The box's own page.
    pub web: web::Config,
    /// Which frames are followed to the hub.
    pub traces: traces::Config,
}

/// Which game it sees.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Game {
    /// The game, as the league numbers it; 0 between games: then nothing but telemetry is kept.
    pub id: u64,
    /// The ice: `nhl` or `iihf`.
    pub rink: simulation::RinkName,
    /// What the home team wears, `#rrggbb`; empty when that is not known beforehand: then tags tell, or the darker
    /// jersey is taken for home's.
    pub home_jersey: String,
    /// What the guests wear, the same.
    pub away_jersey: String,
}

impl Default for Game {
    fn default() -> Self {
        Self { id: 1, rink: simulation::RinkName::Nhl, home_jersey: String::new(), away_jersey: String::new() }
    }
}

impl Game {
    /// What the teams wear, where it is said.
    pub fn worn(&self) -> Worn {
        let lab = |text: &str| Some(jersey::lab(bgr(text)?));
        Worn { home: lab(&self.home_jersey), away: lab(&self.away_jersey) }
    }

    fn faults(&self) -> Vec<String> {
        [("home_jersey", &self.home_jersey), ("away_jersey", &self.away_jersey)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty() && bgr(text).is_none())
            .map(|(key, text)| format!("game.{key}: {text} (a colour such as \"#a01e28\", or empty)"))
            .collect()
    }
}

/// The colour `#rrggbb`, as blue, green, red.
fn bgr(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some([value as u8, (value >> 8) as u8, (value >> 16) as u8])
}

impl Config {
    /// Reads `path`; every fault in it is told.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let faults = |list| Faults { file: path.display().to_string(), list };
        let text = std::fs::read_to_string(path).map_err(|fault| {
            faults(vec![Fault { line: 0, message: format!("cannot be read: {fault}; see config/edge.toml for one") }])
        })?;
        Self::parse(&text).map_err(faults)
    }

    /// The configuration in `text`; every fault in it is told.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (config, mut list) = faults::parse::<Self>(text);
        let Some(mut config) = config else { return Err(list) };
        // The simulated game is the one this box sees.
        config.simulation.rink = config.game.rink;
        config.simulation.game = config.game.id;
        list.extend(config.faults().into_iter().map(|message| faults::at_key(text, message)));
        list.sort_by_key(|fault| fault.line);
        if list.is_empty() { Ok(config) } else { Err(list) }
    }

    /// The ice it stands at.
    pub fn rink(&self) -> Rink {
        self.game.rink.rink()
    }

    /// Whether any camera or line is simulated.
    pub fn is_simulated(&self) -> bool {
        self.capture.cameras.iter().any(|camera| camera.source == capture::config::Origin::Synthetic)
            || self.sensors.lines.iter().any(sensors::config::LineConfig::is_simulated)
    }

    fn faults(&self) -> Vec<String> {
        let mut list = Vec::new();
        list.extend(self.game.faults());
        list.extend(roster::faults(&self.roster));
        list.extend(self.simulation.faults());
        list.extend(self.capture.faults());
        list.extend(self.sensors.faults());
        list.extend(self.inference.faults());
        list.extend(self.tracking.faults());
        list.extend(self.fusion.faults());
        list.extend(self.events.faults());
        list.extend(self.store.faults());
        list.extend(self.uplink.faults());
        list.extend(self.downlink.faults());
        list.extend(self.health.faults());
        list.extend(self.web.faults());
        list.extend(self.traces.faults());
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_a_box_with_defaults() {
        assert!(Config::parse("").is_ok(), "{:?}", Config::parse(""));
    }

    #[test]
    fn shipped_files_have_no_faults() {
        for text in [include_str!("../../../config/edge.toml"), include_str!("../../../config/demo.toml")] {
            let read = Config::parse(text);
            assert!(read.is_ok(), "{read:?}");
        }
    }

    #[test]
    fn a_file_with_three_faults_is_told_all_three() {
        let text = "[uplink]\nvenue = 7\n\n[inference]\nthreeds = 2\n\n[store]\nbytes_max = \"much\"\n";
        let faults = Config::parse(text).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 5, 8], "{faults:?}");
    }

    #[test]
    fn values_out_of_range_are_told_beside_keys_that_are_none() {
        let faults = Config::parse("[inference]\nthreeds = 2\nthreads = 0\n").unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3], "{faults:?}");
    }

    #[test]
    fn jerseys_are_colours_or_faults() {
        let game = Config::parse("[game]\nhome_jersey = \"#ff0000\"").unwrap().game;
        assert_eq!((game.worn().home, game.worn().away), (Some(jersey::lab([0, 0, 255])), None));
        let faults = Config::parse("[game]\nhome_jersey = \"red\"\naway_jersey = \"#ff00\"").unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3], "{faults:?}");
    }

    #[test]
    fn values_out_of_range_are_told_with_their_lines() {
        let text = "[uplink]\nedge = \"Box/1\"\n\n[inference]\nthreads = 0\n";
        let faults = Config::parse(text).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 5], "{faults:?}");
    }
}
