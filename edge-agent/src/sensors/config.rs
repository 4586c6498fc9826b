//! `[sensors]`: which lines there are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The path that means the simulation's devices.
pub const SIMULATED: &str = "simulated";

/// Section `[sensors]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Serial lines; none is a box with cameras only.
    pub lines: Vec<LineConfig>,
    /// A line open but without a byte for this long is said to be silent, milliseconds. Tags speak ten times a second.
    pub silent_after_ms: u64,
    /// First wait before a vanished line is tried again, milliseconds.
    pub reopen_first_ms: u64,
    /// Longest wait before a vanished line is tried again, milliseconds.
    pub reopen_max_ms: u64,
    /// Where every byte is also written, with its time of arrival, to be replayed; nowhere when absent.
    pub record_to: Option<PathBuf>,
}

/// One serial line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineConfig {
    /// Device, such as `/dev/ttyUSB0` or better `/dev/serial/by-id/…`; or `simulated`.
    pub path: String,
    /// Speed, bits per second.
    #[serde(default = "baud_default")]
    pub baud: u32,
}

fn baud_default() -> u32 {
    921_600
}

impl LineConfig {
    /// Whether the simulation speaks here.
    pub fn is_simulated(&self) -> bool {
        self.path == SIMULATED
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { lines: Vec::new(), silent_after_ms: 5_000, reopen_first_ms: 100, reopen_max_ms: 2_000, record_to: None }
    }
}

impl Config {
    /// Everything wrong with it, each with its key and what is allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.lines.len() > 16 {
            faults.push(format!("sensors.lines: {} lines (at most 16)", self.lines.len()));
        }
        for (index, line) in self.lines.iter().enumerate() {
            if line.path.is_empty() {
                faults.push(format!("sensors.lines[{index}].path: empty (a device, or \"{SIMULATED}\")"));
            }
            if !(1_200..=4_000_000).contains(&line.baud) {
                faults.push(format!("sensors.lines[{index}].baud: {} (1200 to 4000000)", line.baud));
            }
            if self.lines[..index].iter().any(|other| other.path == line.path) {
                faults.push(format!("sensors.lines[{index}].path: {} stands twice", line.path));
            }
        }
        for (key, value, allowed) in [
            ("silent_after_ms", self.silent_after_ms, 100..=3_600_000),
            ("reopen_first_ms", self.reopen_first_ms, 1..=60_000),
            ("reopen_max_ms", self.reopen_max_ms, self.reopen_first_ms..=60_000),
        ] {
            if !allowed.contains(&value) {
                faults.push(format!("sensors.{key}: {value} ({} to {})", allowed.start(), allowed.end()));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_named_at_once() {
        let text = "silent_after_ms = 5\nlines = [{ path = \"\", baud = 9 }, { path = \"a\" }, { path = \"a\" }]";
        let faults = toml::from_str::<Config>(text).unwrap().faults();
        assert_eq!(faults.len(), 4, "{faults:#?}");
        assert!(faults[3].contains("silent_after_ms: 5 (100 to 3600000)"), "{faults:#?}");
        assert_eq!(Config::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn unknown_keys_are_faults() {
        assert!(toml::from_str::<Config>("lines = [{ path = \"a\", speed = 9600 }]").is_err());
        assert!(toml::from_str::<Config>("linse = []").is_err());
    }
}
