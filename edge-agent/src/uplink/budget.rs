//! How many bytes a second go to the hub. Live counts and never waits for records; records wait until live leaves room.
//!
//! A backlog that went as fast as it can would fill wires and keep the hub busy, and states would be late: while states
//! go, records go in small batches at a steady pace, events apart, which never wait for that. Between games all of it goes
//! at once.

use firmware_protocol::network::Stream;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Bytes of records in one batch while states go: small, because a state that meets one waits for it.
pub(super) const PACED_BATCH_BYTES: usize = 8 << 10;
/// For how long after a state records are paced, microseconds.
const PACED_US: u64 = 1_000_000;

/// How far live may run ahead of the budget before states are dropped too, microseconds.
const AHEAD_US: u64 = 1_000_000;

/// What both lanes spend. Takes the time, never sleeps.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_per_second: u64,
    backlog_bytes_per_second: u64,
    /// When the last state was said; 0 before the first.
    said_us: AtomicU64,
    /// When the next paced batch may go.
    paced_at_us: AtomicU64,
    /// When everything spent so far is paid for.
    paid_at_us: Mutex<u64>,
}

impl Budget {
    /// At most `bytes_per_second` together, and `backlog_bytes_per_second` of records while states go; 0 for no limit.
    pub(super) fn new(bytes_per_second: u64, backlog_bytes_per_second: u64) -> Self {
        let (said_us, paced_at_us) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bytes_per_second, backlog_bytes_per_second, said_us, paced_at_us, paid_at_us: Mutex::new(0) }
    }

    /// Whether records of `stream` leave room for states now.
    pub(super) fn is_paced(&self, stream: Stream, now_us: u64) -> bool {
        let said_us = self.said_us.load(Ordering::Relaxed);
        let is_live = said_us > 0 && now_us.saturating_sub(said_us) < PACED_US;
        is_live && self.backlog_bytes_per_second > 0 && stream != Stream::Events
    }

    /// How long records of `stream` have to wait before the next batch may go, microseconds.
    pub(super) fn wait_us(&self, stream: Stream, now_us: u64) -> u64 {
        let paced_us = if self.is_paced(stream, now_us) { self.paced_at_us.load(Ordering::Relaxed) } else { 0 };
        self.paid_wait_us(now_us).max(paced_us.saturating_sub(now_us))
    }

    /// Takes note of a batch of `stream` of `bytes` that goes now.
    pub(super) fn ship(&self, stream: Stream, bytes: usize, now_us: u64) {
        self.spend(bytes, now_us);
        if self.is_paced(stream, now_us) {
            let takes_us = (bytes as u64).saturating_mul(1_000_000) / self.backlog_bytes_per_second;
            self.paced_at_us.store(now_us + takes_us, Ordering::Relaxed);
        }
    }

    fn paid_wait_us(&self, now_us: u64) -> u64 {
        self.paid_at_us.lock().unwrap_or_else(PoisonError::into_inner).saturating_sub(now_us)
    }

    fn spend(&self, bytes: usize, now_us: u64) {
        if let Some(takes_us) = (bytes as u64).saturating_mul(1_000_000).checked_div(self.bytes_per_second) {
            let mut paid_at_us = self.paid_at_us.lock().unwrap_or_else(PoisonError::into_inner);
            *paid_at_us = (*paid_at_us).max(now_us) + takes_us;
        }
    }

    /// Whether a state of `bytes` may go now; takes note of it when it may.
    pub(super) fn say(&self, bytes: usize, now_us: u64) -> bool {
        let may = self.paid_wait_us(now_us) <= AHEAD_US;
        if may {
            self.said_us.store(now_us.max(1), Ordering::Relaxed);
            self.spend(bytes, now_us);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_wait_for_what_was_spent_and_states_do_not() {
        let budget = Budget::new(1_000, 0);
        let wait_us = |now_us| budget.wait_us(Stream::Tracks, now_us);
        assert_eq!(wait_us(0), 0);
        budget.ship(Stream::Tracks, 500, 0);
        assert_eq!(wait_us(0), 500_000);
        assert!(budget.say(100, 0), "live goes first");
        assert_eq!(wait_us(200_000), 400_000);
        assert_eq!(wait_us(600_000), 0);
        // An idle hour is not saved up.
        budget.ship(Stream::Tracks, 1_000, 3_600_000_000);
        assert_eq!(wait_us(3_600_000_000), 1_000_000);
    }

    #[test]
    fn states_alone_keep_to_the_limit_too() {
        let budget = Budget::new(1_000, 0);
        let said = (0..500_u64).filter(|tick| budget.say(100, tick * 20_000)).count();
        assert!((100..=112).contains(&said), "{said} states of 100 bytes in 10 s");
    }

    #[test]
    fn no_limit_is_none() {
        let budget = Budget::new(0, 0);
        budget.ship(Stream::Tracks, usize::MAX, 0);
        assert!(budget.wait_us(Stream::Tracks, 0) == 0 && budget.say(usize::MAX, 0));
    }

    #[test]
    fn records_are_paced_while_states_go_and_events_never() {
        let budget = Budget::new(0, 1_000);
        budget.ship(Stream::Tracks, 500, 10);
        assert_eq!(budget.wait_us(Stream::Tracks, 10), 0, "no game, no pace");
        assert!(budget.say(100, 20));
        budget.ship(Stream::Tracks, 500, 20);
        assert_eq!(budget.wait_us(Stream::Telemetry, 20), 500_000);
        assert_eq!(budget.wait_us(Stream::Events, 20), 0);
        assert_eq!(budget.wait_us(Stream::Tracks, 500_020), 0);
        budget.ship(Stream::Tracks, 5_000, 500_020);
        assert_eq!(budget.wait_us(Stream::Tracks, 1_000_020), 0, "the game is over");
    }
}
