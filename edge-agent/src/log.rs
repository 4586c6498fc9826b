//! The newest lines of the log, in memory, for whoever asks from afar.
//!
//! Comes in: what is logged, beside the error stream. Goes out: the newest lines, a bounded number of bytes of them. A
//! box's disk keeps no log of its own: systemd's journal does.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Bytes kept: some thousand lines.
const BYTES_MAX: usize = 512 << 10;

static KEPT: Mutex<Kept> = Mutex::new(Kept { lines: VecDeque::new(), bytes: 0 });

struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }

    fn newest(&self, lines_max: usize) -> String {
        self.lines.range(self.lines.len().saturating_sub(lines_max)..).map(String::as_str).collect()
    }
}

/// Takes lines; each write is one.
#[derive(Debug, Clone, Copy)]
pub struct Memory;

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The newest `lines_max` lines, oldest first.
pub fn newest(lines_max: usize) -> String {
    kept().newest(lines_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_memory_is_bounded() {
        let mut kept = Kept { lines: VecDeque::new(), bytes: 0 };
        for number in 0..100_000 {
            kept.push(format!("line {number}\n"));
        }
        assert_eq!(kept.newest(2), "line 99998\nline 99999\n");
        assert!(kept.bytes <= BYTES_MAX && kept.newest(usize::MAX).len() == kept.bytes);
    }
}
