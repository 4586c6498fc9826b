//! How many bytes a second go to the hub. Live counts and never waits for records; records wait until live leaves room.

use std::sync::{Mutex, PoisonError};

/// How far live may run ahead of the budget before states are dropped too, microseconds.
const AHEAD_US: u64 = 1_000_000;

/// What both lanes spend. Takes the time, never sleeps.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_per_second: u64,
    /// When everything spent so far is paid for.
    paid_at_us: Mutex<u64>,
}

impl Budget {
    /// At most `bytes_per_second`; 0 for no limit.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, paid_at_us: Mutex::new(0) }
    }

    /// How long records have to wait before the next batch may go, microseconds.
    pub(super) fn wait_us(&self, now_us: u64) -> u64 {
        self.paid_at_us.lock().unwrap_or_else(PoisonError::into_inner).saturating_sub(now_us)
    }

    /// Takes note of a batch of `bytes` that goes now.
    pub(super) fn spend(&self, bytes: usize, now_us: u64) {
        if let Some(takes_us) = (bytes as u64).saturating_mul(1_000_000).checked_div(self.bytes_per_second) {
            let mut paid_at_us = self.paid_at_us.lock().unwrap_or_else(PoisonError::into_inner);
            *paid_at_us = (*paid_at_us).max(now_us) + takes_us;
        }
    }

    /// Whether a state of `bytes` may go now; takes note of it when it may.
    pub(super) fn say(&self, bytes: usize, now_us: u64) -> bool {
        let may = self.wait_us(now_us) <= AHEAD_US;
        if may {
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
        let budget = Budget::new(1_000);
        assert_eq!(budget.wait_us(0), 0);
        budget.spend(500, 0);
        assert_eq!(budget.wait_us(0), 500_000);
        assert!(budget.say(100, 0), "live goes first");
        assert_eq!(budget.wait_us(200_000), 400_000);
        assert_eq!(budget.wait_us(600_000), 0);
        // An idle hour is not saved up.
        budget.spend(1_000, 3_600_000_000);
        assert_eq!(budget.wait_us(3_600_000_000), 1_000_000);
    }

    #[test]
    fn states_alone_keep_to_the_limit_too() {
        let budget = Budget::new(1_000);
        let said = (0..500_u64).filter(|tick| budget.say(100, tick * 20_000)).count();
        assert!((100..=112).contains(&said), "{said} states of 100 bytes in 10 s");
    }

    #[test]
    fn no_limit_is_none() {
        let budget = Budget::new(0);
        budget.spend(usize::MAX, 0);
        assert!(budget.wait_us(0) == 0 && budget.say(usize::MAX, 0));
    }
}
