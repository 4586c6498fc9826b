//! The truth as a file: one JSON object a line, one line an instant.
//!
//! Goes out: [`Truth`] as it is, at a chosen rate; events between written instants are kept for the next line, with
//! their own times. Comes in: the same lines. A line that does not parse is an error that names it.

use super::{STEP_US, Truth};
use firmware_protocol::network::Event;
use std::io::{BufRead, Write};

/// Why a truth file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TruthFileError {
    /// The file system refused.
    #[error("truth file: {0}")]
    Io(#[from] std::io::Error),
    /// A line is not a truth.
    #[error("truth file line {line}: {fault}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        fault: serde_json::Error,
    },
}

/// Writes truths to `to`, `rate_hz` lines a second of simulated time.
#[derive(Debug)]
pub struct TruthWriter<W: Write> {
    to: W,
    every_us: i64,
    waiting: Vec<Event>,
    line: Truth,
}

impl<W: Write> TruthWriter<W> {
    /// At most 100 Hz, at least one line every ten seconds.
    pub fn new(to: W, rate_hz: f64) -> Self {
        let every_us = ((1e6 / rate_hz.clamp(0.1, 100.0)) as i64 / STEP_US).max(1) * STEP_US;
        Self { to, every_us, waiting: Vec::new(), line: Truth::default() }
    }

    /// Call with every truth, in order.
    pub fn write(&mut self, truth: &Truth) -> Result<(), TruthFileError> {
        self.waiting.extend_from_slice(&truth.events);
        if truth.time_us % self.every_us == 0 {
            self.line.clone_from(truth);
            std::mem::swap(&mut self.line.events, &mut self.waiting);
            self.waiting.clear();
            let line = serde_json::to_vec(&self.line).map_err(std::io::Error::from)?;
            self.to.write_all(&line)?;
            self.to.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Flushes and gives the writer back.
    pub fn finish(mut self) -> Result<W, TruthFileError> {
        self.to.flush()?;
        Ok(self.to)
    }
}

/// The truths of a file, one by one.
pub fn read(from: impl BufRead) -> impl Iterator<Item = Result<Truth, TruthFileError>> {
    from.lines().enumerate().map(|(number, line)| {
        serde_json::from_str(&line?).map_err(|fault| TruthFileError::Malformed { line: number + 1, fault })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rink::Rink,
        simulation::{Game, Setup},
    };

    #[test]
    fn what_is_written_is_read_and_no_event_is_lost() {
        let mut game = Game::new(Setup { seed: 5, rink: Rink::NHL, game: 9 });
        let mut writer = TruthWriter::new(Vec::new(), 10.0);
        let mut events = Vec::new();
        game.step_to(60_000_000, |truth| {
            events.extend_from_slice(&truth.events);
            writer.write(truth).unwrap();
        });
        let bytes = writer.finish().unwrap();
        let read: Vec<Truth> = read(bytes.as_slice()).collect::<Result<_, _>>().unwrap();
        assert_eq!(read.len(), 600);
        // JSON keeps all but the last bit or two of a number.
        for (read, truth) in read.last().unwrap().people.iter().zip(&game.truth().people) {
            assert_eq!((read.id, read.role, read.number), (truth.id, truth.role, truth.number));
            assert!((read.position_m[0] - truth.position_m[0]).abs() < 1e-9, "{read:?} {truth:?}");
        }
        assert_eq!(read.iter().flat_map(|truth| truth.events.clone()).collect::<Vec<_>>(), events);
    }

    #[test]
    fn a_broken_line_is_named() {
        let fault = read(&b"{\"time_us\":"[..]).next().unwrap().unwrap_err().to_string();
        assert!(fault.starts_with("truth file line 1:"), "{fault}");
    }
}
