//! What the machine is doing: processor, memory, disk, temperature, and this process.
//!
//! A value that this machine cannot tell (no temperature sensor in a virtual one) is left out, not guessed.

use std::path::{Path, PathBuf};

use sysinfo::{Components, Disks, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{Config, HealthError, State};
use firmware_protocol::network::Telemetry;

/// Measures, again and again.
pub struct Sampler {
    system: System,
    disks: Disks,
    components: Option<Components>,
    process: Pid,
    disk_path: PathBuf,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Use of all cores together since the last sample, percent.
    pub cpu_percent: f64,
    /// Memory of the machine, bytes.
    pub memory_total_bytes: u64,
    /// Memory that programs could still get, bytes.
    pub memory_available_bytes: u64,
    /// Memory of this process, bytes.
    pub process_bytes: u64,
    /// Size of the watched disk, bytes; `None` when no disk holds the path.
    pub disk_total_bytes: Option<u64>,
    /// Free on the watched disk, bytes.
    pub disk_free_bytes: Option<u64>,
    /// The hottest sensor, degrees Celsius.
    pub temperature_celsius: Option<f64>,
}

impl Sampler {
    /// Watches the disk that holds `disk_path`.
    pub fn new(disk_path: &Path) -> Result<Self, HealthError> {
        let unmeasured = |error: sysinfo::Error| HealthError::Measure { reason: format!("{error:?}") };
        Ok(Self {
            system: System::new().map_err(unmeasured)?,
            disks: Disks::new_with_refreshed_list().map_err(unmeasured)?,
            components: Components::new_with_refreshed_list().ok(),
            process: Pid::from_u32(std::process::id()),
            disk_path: disk_path.canonicalize().unwrap_or_else(|_| disk_path.into()),
        })
    }

    /// Measures now. The first answer's processor use is since boot.
    pub fn sample(&mut self) -> Sample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let memory_only = ProcessRefreshKind::nothing().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.process]), true, memory_only);
        self.disks.refresh(true);
        let path = &self.disk_path;
        let disk = self
            .disks
            .iter()
            .filter(|disk| path.starts_with(disk.mount_point()))
            .max_by_key(|disk| disk.mount_point().as_os_str().len());
        let temperature_celsius = self.components.as_mut().and_then(|components| {
            components.refresh(false);
            let temperatures = components.iter().filter_map(sysinfo::Component::temperature);
            temperatures.map(f64::from).filter(|celsius| celsius.is_finite()).reduce(f64::max)
        });
        Sample {
            cpu_percent: f64::from(self.system.global_cpu_usage()),
            memory_total_bytes: self.system.total_memory(),
            memory_available_bytes: self.system.available_memory(),
            process_bytes: self.system.process(self.process).map_or(0, sysinfo::Process::memory),
            disk_total_bytes: disk.map(sysinfo::Disk::total_space),
            disk_free_bytes: disk.map(sysinfo::Disk::available_space),
            temperature_celsius,
        }
    }
}

impl Sample {
    /// Whether the machine is well, by the limits of `config`.
    pub fn state(&self, config: &Config) -> State {
        if let (Some(free), Some(total)) = (self.disk_free_bytes, self.disk_total_bytes) {
            let percent = share(free, total);
            if percent < config.disk_free_min_percent {
                return State::degraded(
                    format!("disk {percent:.1} % free (at least {} %)", config.disk_free_min_percent),
                    "free space on the disk of health.disk_path; the oldest telemetry and tracks go first when it is full",
                );
            }
        }
        let percent = share(self.memory_available_bytes, self.memory_total_bytes);
        if percent < config.memory_available_min_percent {
            return State::degraded(
                format!("memory {percent:.1} % available (at least {} %)", config.memory_available_min_percent),
                "stop other programs on this box, or use fewer cameras",
            );
        }
        match self.temperature_celsius {
            Some(celsius) if celsius > config.temperature_max_celsius => State::degraded(
                format!("{celsius:.0} °C (at most {} °C)", config.temperature_max_celsius),
                "clear the vents and the fan, or move the box to a cooler place",
            ),
            _ => State::Ok,
        }
    }

    /// Every value as a record for the store.
    pub fn telemetry(&self, captured_us: i64) -> Vec<Telemetry> {
        let record =
            |(name, value): (&str, f64)| Telemetry { captured_us, name: name.into(), subject: String::new(), value };
        self.values().map(record).collect()
    }

    /// Says every value as a metric.
    pub fn count(&self) {
        for (name, value) in self.values() {
            metrics::gauge!(name).set(value);
        }
    }

    fn values(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            ("health_cpu_percent", Some(self.cpu_percent)),
            ("health_memory_available_bytes", Some(self.memory_available_bytes as f64)),
            ("health_memory_total_bytes", Some(self.memory_total_bytes as f64)),
            ("health_process_memory_bytes", Some(self.process_bytes as f64)),
            ("health_disk_free_bytes", self.disk_free_bytes.map(|bytes| bytes as f64)),
            ("health_disk_total_bytes", self.disk_total_bytes.map(|bytes| bytes as f64)),
            ("health_temperature_celsius", self.temperature_celsius),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

fn share(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_measured() {
        let sample = Sampler::new(&std::env::temp_dir()).unwrap().sample();
        assert!(sample.memory_total_bytes > sample.memory_available_bytes, "{sample:?}");
        assert!(sample.process_bytes > 100_000, "{sample:?}");
        assert!(sample.telemetry(5).iter().all(|record| record.captured_us == 5 && record.value.is_finite()));
    }

    #[test]
    fn what_is_short_is_said_with_its_cure() {
        let well = Sample {
            cpu_percent: 99.0,
            memory_total_bytes: 1_000,
            memory_available_bytes: 500,
            process_bytes: 1,
            disk_total_bytes: Some(1_000),
            disk_free_bytes: Some(51),
            temperature_celsius: None,
        };
        let config = Config::default();
        assert_eq!(well.state(&config), State::Ok);
        let check = |sample: Sample, expected: &str| match sample.state(&config) {
            State::Degraded { reason, .. } => assert_eq!(reason, expected),
            state => panic!("{state:?}"),
        };
        check(Sample { disk_free_bytes: Some(49), ..well.clone() }, "disk 4.9 % free (at least 5 %)");
        check(Sample { memory_available_bytes: 9, ..well.clone() }, "memory 0.9 % available (at least 5 %)");
        check(Sample { temperature_celsius: Some(93.0), ..well }, "93 °C (at most 90 °C)");
    }
}
