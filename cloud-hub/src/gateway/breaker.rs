//! A circuit breaker: who fails again and again is left alone for a while, then asked once.
//!
//! ```text
//!  closed ── failures_max failures in a row ──► open ── after pause_us ──► one request is let through
//!    ▲                                           ▲                            │           │
//!    └────────────────── answered ───────────────┼────────────────────────────┘           │
//!                                                └────────────────── failed ──────────────┘
//! ```
//!
//! Comes in: what became of requests, and the time. Goes out: whether the next may be sent. Touches no clock.

/// The breaker of one address.
#[derive(Debug, Clone)]
pub struct Breaker {
    failures_max: u32,
    pause_us: u64,
    failures: u32,
    opened_us: u64,
    asking: bool,
}

impl Breaker {
    /// Closed; opens after `failures_max` failures in a row, for `pause_us`.
    pub fn new(failures_max: u32, pause_us: u64) -> Self {
        Self { failures_max, pause_us, failures: 0, opened_us: 0, asking: false }
    }

    /// Whether a request may be sent at `now_us`; each that may is followed by one of the three below.
    pub fn admits(&mut self, now_us: u64) -> bool {
        if !self.is_open() {
            return true;
        }
        let admits = !self.asking && self.wait_us(now_us) == 0;
        self.asking |= admits;
        admits
    }

    /// A request was answered.
    pub fn answered(&mut self) {
        self.failures = 0;
        self.asking = false;
    }

    /// A request found nobody who answers.
    pub fn failed(&mut self, now_us: u64) {
        self.failures = self.failures.saturating_add(1);
        self.opened_us = now_us;
        self.asking = false;
    }

    /// A request ended without saying anything about who was asked.
    pub fn abandoned(&mut self) {
        self.asking = false;
    }

    /// Whether requests are held back.
    pub fn is_open(&self) -> bool {
        self.failures >= self.failures_max
    }

    /// How long none may be sent at `now_us`, microseconds.
    pub fn wait_us(&self, now_us: u64) -> u64 {
        if self.is_open() { (self.opened_us + self.pause_us).saturating_sub(now_us) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(3, 100);
        for now_us in 0..3 {
            assert!(breaker.admits(now_us));
            breaker.failed(now_us);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let mut breaker = Breaker::new(3, 100);
        for now_us in 0..100 {
            assert!(breaker.admits(now_us));
            if now_us % 3 == 2 { breaker.answered() } else { breaker.failed(now_us) }
        }
        assert!(!breaker.is_open());
        assert!(opened().is_open());
    }

    #[test]
    fn after_the_pause_one_is_let_through_and_decides() {
        let mut breaker = opened();
        assert_eq!((breaker.admits(101), breaker.wait_us(101)), (false, 1));
        assert!(breaker.admits(102) && !breaker.admits(102), "one only");
        breaker.failed(110);
        assert!(!breaker.admits(209) && breaker.admits(210));
        breaker.answered();
        assert!(breaker.admits(211) && breaker.admits(211));
    }

    #[test]
    fn who_was_let_through_and_went_away_does_not_keep_it_shut() {
        let mut breaker = opened();
        assert!(breaker.admits(200));
        breaker.abandoned();
        assert!(breaker.admits(200));
    }
}
