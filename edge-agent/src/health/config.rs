//! `[health]`: how often the machine is measured, and when it is not well.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Section `[health]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Time between two measurements of the machine, milliseconds; each is a few telemetry records.
    pub sample_every_ms: u64,
    /// A folder on the disk that is watched: the one the store writes to.
    pub disk_path: PathBuf,
    /// Less free disk than this is degraded, percent. The store sheds records only when the disk is full.
    pub disk_free_min_percent: f64,
    /// Less available memory than this is degraded, percent.
    pub memory_available_min_percent: f64,
    /// A hotter sensor than this is degraded, degrees Celsius. Most processors slow themselves down at 95 to 100.
    pub temperature_max_celsius: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sample_every_ms: 10_000,
            disk_path: PathBuf::from("/var/lib/rinkside"),
            disk_free_min_percent: 5.0,
            memory_available_min_percent: 5.0,
            temperature_max_celsius: 90.0,
        }
    }
}

impl Config {
    /// Everything wrong with it, each with its key and what is allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(100..=3_600_000).contains(&self.sample_every_ms) {
            faults.push(format!("health.sample_every_ms: {} (100 to 3600000)", self.sample_every_ms));
        }
        for (key, value, max) in [
            ("disk_free_min_percent", self.disk_free_min_percent, 100.0),
            ("memory_available_min_percent", self.memory_available_min_percent, 100.0),
            ("temperature_max_celsius", self.temperature_max_celsius, 150.0),
        ] {
            if !(0.0..=max).contains(&value) {
                faults.push(format!("health.{key}: {value} (0 to {max})"));
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
        let text = "sample_every_ms = 1\ndisk_free_min_percent = 101.0\ntemperature_max_celsius = nan";
        assert_eq!(toml::from_str::<Config>(text).unwrap().faults().len(), 3);
        assert_eq!(Config::default().faults(), Vec::<String>::new());
        assert!(toml::from_str::<Config>("sample_ever_ms = 1").is_err());
    }
}
