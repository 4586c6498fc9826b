//! Notes to systemd: ready, alive, how it goes, stopping. Without `NOTIFY_SOCKET` nothing happens at all.

use std::time::Duration;

use sd_notify::NotifyState;

/// Between two beats when systemd does not watch: how often the status line is renewed.
const BEAT_UNWATCHED: Duration = Duration::from_secs(5);

/// Speaks to systemd, when it listens.
#[derive(Debug, Clone, Copy)]
pub struct Notifier {
    beat: Duration,
}

impl Notifier {
    /// What `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say.
    pub fn from_environment() -> Self {
        let mut watchdog_us = 0;
        let watched = sd_notify::watchdog_enabled(false, &mut watchdog_us) && watchdog_us > 0;
        // Three beats in a watchdog's time: two may be late.
        let beat = if watched { Duration::from_micros(watchdog_us / 3) } else { BEAT_UNWATCHED };
        Self { beat: beat.max(Duration::from_millis(1)) }
    }

    /// Time between two beats.
    pub fn beat(&self) -> Duration {
        self.beat
    }

    /// The service does what it is for.
    pub fn ready(&self) {
        Self::say(&[NotifyState::Ready]);
    }

    /// The service is alive.
    pub fn beat_once(&self) {
        Self::say(&[NotifyState::Watchdog]);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, sentence: &str) {
        Self::say(&[NotifyState::Status(sentence)]);
    }

    /// The service ends because it was told to.
    pub fn stopping(&self) {
        Self::say(&[NotifyState::Stopping]);
    }

    fn say(states: &[NotifyState]) {
        if let Err(error) = sd_notify::notify(false, states) {
            tracing::debug!(%error, "systemd does not hear");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Health, State, run};
    use std::{os::unix::net::UnixDatagram, process::Command};
    use tokio_util::sync::CancellationToken;

    /// Run by the test below in a process of its own, which alone has the environment systemd gives.
    #[test]
    fn a_service_under_systemd() {
        if std::env::var_os("RINKSIDE_TEST_SERVICE").is_none() {
            return;
        }
        let health = Health::new();
        health.report("uplink", State::down("hub away", "check the network"));
        let stop = CancellationToken::new();
        // However full and hot the machine is that runs this: its state is not what is shown.
        let config = Config {
            disk_path: std::env::temp_dir(),
            disk_free_min_percent: 0.0,
            memory_available_min_percent: 0.0,
            temperature_max_celsius: f64::INFINITY,
            ..Config::default()
        };
        let mut samples = 0;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let asked = std::cell::Cell::new(0);
        let running = run(
            config,
            health,
            |telemetry| samples += telemetry.len(),
            || {
                asked.set(asked.get() + 1);
                if asked.get() == 3 {
                    stop.cancel();
                }
                asked.get() < 3
            },
            stop.clone(),
        );
        runtime.block_on(running).unwrap();
        assert!(samples >= 4, "{samples} values");
    }

    #[test]
    fn systemd_hears_that_it_is_ready_alive_and_how() {
        let folder = tempfile::tempdir().unwrap();
        let socket_path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&socket_path).unwrap();
        // systemd names the process it watches; the shell becomes that process.
        let service = Command::new("sh")
            .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" --exact health::systemd::tests::a_service_under_systemd"])
            .arg(std::env::current_exe().unwrap())
            .env("RINKSIDE_TEST_SERVICE", "1")
            .env("NOTIFY_SOCKET", &socket_path)
            .env("WATCHDOG_USEC", "30000")
            .output()
            .unwrap();
        assert!(service.status.success(), "{service:?}");
        socket.set_nonblocking(true).unwrap();
        let mut room = [0; 4_096];
        let mut heard = Vec::new();
        while let Ok(length) = socket.recv(&mut room) {
            heard.push(String::from_utf8_lossy(&room[..length]).trim().to_owned());
        }
        assert_eq!(heard.first().map(String::as_str), Some("READY=1"), "{heard:?}");
        assert_eq!(heard.last().map(String::as_str), Some("STOPPING=1"), "{heard:?}");
        assert_eq!(heard.iter().filter(|note| *note == "WATCHDOG=1").count(), 2, "the third beat was not alive");
        assert!(heard.contains(&"STATUS=uplink down: hub away".to_owned()), "{heard:?}");
    }
}
