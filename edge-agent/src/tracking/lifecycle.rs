//! How a track is born and dies.
//!
//! ```text
//!            hits >= confirm_hits            not seen
//!  Tentative ────────────────────► Confirmed ────────► Lost
//!      │                               ▲                │
//!      │ unseen > tentative_ms_max     └─────seen───────┤
//!      ▼                                                │ unseen > lost_ms_max
//!    Dead ◄─────────────────────────────────────────────┘
//! ```
//!
//! Comes in: seen or not, and when. Goes out: where in its life the track is; `None` is dead. Time is an argument.

use super::{Life, config::Lifecycle};

/// A track's life so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Story {
    /// Where in its life it is.
    pub life: Life,
    /// Detections joined so far.
    pub hits: u32,
    /// When it was first seen, microseconds.
    pub born_us: i64,
    /// When it was last seen, microseconds.
    pub seen_us: i64,
}

impl Story {
    /// First sight.
    pub fn start(now_us: i64, config: &Lifecycle) -> Self {
        let life = if config.confirm_hits <= 1 { Life::Confirmed } else { Life::Tentative };
        Self { life, hits: 1, born_us: now_us, seen_us: now_us }
    }

    /// A detection was joined.
    pub fn seen(&mut self, now_us: i64, config: &Lifecycle) {
        self.hits = self.hits.saturating_add(1);
        self.seen_us = now_us;
        if self.life != Life::Tentative || self.hits >= config.confirm_hits {
            self.life = Life::Confirmed;
        }
    }

    /// No detection was joined; answers whether it lives on.
    pub fn missed(&mut self, now_us: i64, config: &Lifecycle) -> bool {
        let patience_us = match self.life {
            Life::Tentative => i64::from(config.tentative_ms_max) * 1_000,
            Life::Confirmed | Life::Lost => {
                self.life = Life::Lost;
                let earned_us = (self.seen_us - self.born_us) as f64 * f64::from(config.lost_per_age);
                (earned_us as i64).min(i64::from(config.lost_ms_max) * 1_000)
            }
        };
        self.unseen_us(now_us) <= patience_us.max(i64::from(config.tentative_ms_max) * 1_000)
    }

    /// How long it has not been seen, microseconds.
    pub fn unseen_us(&self, now_us: i64) -> i64 {
        now_us - self.seen_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Lifecycle = Lifecycle { confirm_hits: 2, tentative_ms_max: 50, lost_ms_max: 500, lost_per_age: 50.0 };

    #[test]
    fn believed_when_seen_twice() {
        let mut story = Story::start(0, &CONFIG);
        assert_eq!(story.life, Life::Tentative);
        story.seen(33_000, &CONFIG);
        assert_eq!(story.life, Life::Confirmed);
    }

    #[test]
    fn a_flash_dies_young() {
        let mut story = Story::start(0, &CONFIG);
        assert!(story.missed(33_000, &CONFIG));
        assert!(!story.missed(66_000, &CONFIG));
    }

    #[test]
    fn lost_is_found_again_or_dies() {
        let mut story = Story::start(0, &CONFIG);
        story.seen(10_000, &CONFIG);
        assert!(story.missed(500_000, &CONFIG));
        assert_eq!(story.life, Life::Lost);
        story.seen(510_000, &CONFIG);
        assert_eq!(story.life, Life::Confirmed);
        assert!(story.missed(1_010_000, &CONFIG));
        assert!(!story.missed(1_010_001, &CONFIG));
    }
}
