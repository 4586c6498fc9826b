//! One serial line, for as long as the box runs.
//!
//! Opens the device, feeds what comes to a [`Line`], sends its readings on. When the device is missing, busy, silent or
//! vanishes, [`Status`] says so with the cure, and it is tried again with backoff. The log hears of each change once,
//! not of each try. Ends when told to stop, or when nobody receives.

use std::{io::ErrorKind, time::Duration};

use tokio::{io::AsyncReadExt, time::timeout};
use tokio_serial::{SerialPortBuilderExt, SerialStream};
use tokio_util::sync::CancellationToken;

use super::{Arrival, Config, Line, LineState, Reading, SensorError, Status, recorded};
use crate::{backoff::Backoff, queue};

/// Most bytes read at once. At 921,600 baud that is 44 ms of a full line, more than a late thread leaves lying.
const PIECE_BYTES_MAX: usize = 4_096;

/// Time between two tellings of counts: nobody looks more often.
const COUNT_EVERY: Duration = Duration::from_millis(200);

/// Share of stretches that may be no packets before the line is said to be noisy: a plug, a ground, a wrong speed.
const FAULTS_MAX: f64 = 0.1;

/// Reads one line.
pub struct Reader {
    index: usize,
    path: String,
    baud: u32,
    silent_after: Duration,
    backoff: Backoff,
    line: Line,
    readings: queue::Sender<Reading>,
    status: Status,
    recorder: Option<queue::Sender<recorded::Piece>>,
    opened: u64,
    counted_us: u64,
    /// Packets and faults when they were last weighed against each other.
    weighed: (u64, u64),
}

/// Why reading an open line ended.
enum End {
    Stopped,
    Gone(String),
}

impl Reader {
    /// A reader of line `index` of `config`, at `path`.
    pub fn new(
        index: usize,
        path: String,
        baud: u32,
        config: &Config,
        readings: queue::Sender<Reading>,
        status: Status,
    ) -> Self {
        status.say(index, &path, LineState::Opening);
        Self {
            index,
            path,
            baud,
            silent_after: Duration::from_millis(config.silent_after_ms),
            backoff: Backoff::new(config.reopen_first_ms, config.reopen_max_ms, index as u64),
            line: Line::new(),
            readings,
            status,
            recorder: None,
            opened: 0,
            counted_us: 0,
            weighed: (0, 0),
        }
    }

    /// The same, with every byte also given to `recorder`.
    #[must_use]
    pub fn recorded_by(mut self, recorder: Option<queue::Sender<recorded::Piece>>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Reads until `stop`, or until nobody receives.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let opened = tokio_serial::new(&self.path, self.baud).open_native_async();
            match opened {
                Ok(stream) => {
                    self.opened += 1;
                    self.line.restart();
                    let end = self.read(stream, &stop).await;
                    self.status.count(self.index, &self.line, self.opened);
                    match end {
                        End::Stopped => return,
                        End::Gone(reason) => self.say_down(&SensorError::Gone { path: self.path.clone(), reason }),
                    }
                }
                Err(source) => self.say_down(&SensorError::Open { path: self.path.clone(), source }),
            }
            let wait = Duration::from_millis(self.backoff.next_ms());
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    async fn read(&mut self, mut stream: SerialStream, stop: &CancellationToken) -> End {
        let mut piece = [0; PIECE_BYTES_MAX];
        let mut quiet = Duration::ZERO;
        loop {
            let read = timeout(COUNT_EVERY, stream.read(&mut piece));
            let Some(answer) = stop.run_until_cancelled(read).await else { return End::Stopped };
            match answer {
                Err(_) => {
                    quiet += COUNT_EVERY;
                    self.status.count(self.index, &self.line, self.opened);
                    if quiet >= self.silent_after {
                        self.say_silent();
                    }
                }
                Ok(Ok(0)) => return End::Gone("end of the line".into()),
                Ok(Err(error)) => return End::Gone(error.to_string()),
                Ok(Ok(length)) => {
                    quiet = Duration::ZERO;
                    self.backoff.succeeded();
                    if !self.take(&piece[..length]) {
                        return End::Stopped;
                    }
                }
            }
        }
    }

    /// Takes a piece; whether anybody still receives.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let arrival = Arrival::now();
        if let Some(recorder) = &self.recorder {
            // A recorder that ended has said why; the readings go on without it.
            let _ = recorder.send(recorded::Piece { line: self.index as u8, arrival, bytes: bytes.into() });
        }
        let Self { line, readings, .. } = self;
        let mut wanted = true;
        line.feed(bytes, arrival, |reading| wanted &= readings.send(reading).is_ok());
        if arrival.monotonic_us.saturating_sub(self.counted_us) >= COUNT_EVERY.as_micros() as u64 {
            self.counted_us = arrival.monotonic_us;
            self.weigh();
            self.status.count(self.index, &self.line, self.opened);
        }
        wanted
    }

    /// Says whether what comes is packets or noise.
    fn weigh(&mut self) {
        let counts = self.line.counts();
        let (packets, faults) = (counts.packets - self.weighed.0, counts.faults() - self.weighed.1);
        self.weighed = (counts.packets, counts.faults());
        if counts.packets > 0 && faults as f64 <= FAULTS_MAX * (packets + faults) as f64 {
            self.say(LineState::Reading);
            return;
        }
        let reason = if counts.version > 0 && packets == 0 {
            "devices speak another version".into()
        } else {
            format!("noise: {faults} of {} stretches were no packet", packets + faults)
        };
        let cure = format!("check that both sides speak {} baud, the cable, and its ground", self.baud);
        self.say(LineState::Degraded { reason, cure });
    }

    fn say_silent(&self) {
        let reason = format!("no byte for {} ms", self.silent_after.as_millis());
        let cure = "check that the gateway has power and its tags are awake".into();
        self.say(LineState::Degraded { reason, cure });
    }

    fn say_down(&self, error: &SensorError) {
        self.say(LineState::Down { reason: error.to_string(), cure: cure(error) });
    }

    fn say(&self, state: LineState) {
        // Figures in a reason change all the time; the log hears of kinds.
        let before = self.status.lines().get(self.index).map(|line| std::mem::discriminant(&line.state));
        let changed = before != Some(std::mem::discriminant(&state));
        match (&state, changed) {
            (LineState::Degraded { reason, cure } | LineState::Down { reason, cure }, true) => {
                tracing::warn!(line = self.index, path = self.path, reason, cure, "line is not well");
            }
            (_, true) => tracing::info!(line = self.index, path = self.path, "line is read"),
            (_, false) => {}
        }
        self.status.say(self.index, &self.path, state);
    }
}

/// What to do about a line that is down.
fn cure(error: &SensorError) -> String {
    let SensorError::Open { source, .. } = error else {
        return "plug the gateway in again; the line is opened by itself".into();
    };
    match source.kind() {
        tokio_serial::ErrorKind::NoDevice | tokio_serial::ErrorKind::Io(ErrorKind::NotFound) => {
            let present = present();
            format!(
                "plug the gateway in, or correct sensors.lines in the configuration; serial devices here: {present}"
            )
        }
        tokio_serial::ErrorKind::Io(ErrorKind::PermissionDenied) => {
            "let the service's user read it: usermod --append --groups dialout, or the unit's DeviceAllow".into()
        }
        tokio_serial::ErrorKind::Io(ErrorKind::ResourceBusy) => {
            "another program has it open: stop that (fuser names it)".into()
        }
        _ => "check that it is a serial device and that it knows this speed".into(),
    }
}

/// Serial devices of this machine, for a person to choose from.
fn present() -> String {
    let mut names: Vec<String> = std::fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("ttyUSB") || name.starts_with("ttyACM"))
        .map(|name| format!("/dev/{name}"))
        .collect();
    names.sort();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
