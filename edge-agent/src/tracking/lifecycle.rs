//! How a track is born and dies.
//!
//! ```text
//!      hits, score enough            not seen            for longer
//!  Tentative ────────────► Confirmed ────────► Coasting ───────────► Lost
//!      │                     ▲  ▲                │                   │ │
//!      │ tentative_ms_max    │  └──────seen──────┘                   │ │
//!      ▼                     └─────────────────seen──────────────────┘ │ lost_ms_max
//!    Dead ◄────────────────────────────────────────────────────────────┘
//! ```
//!
//! Comes in: seen or not, and when. Goes out: where in its life the track is; `None` is dead. Time is an argument.

use super::{Life, config::Lifecycle};

/// Longest that nobody looking excuses not being seen, microseconds.
const UNWATCHED_US_MAX: i64 = 1_000_000;

/// A track's life so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Story {
    /// Where in its life it is.
    pub life: Life,
    /// Detections joined so far.
    pub hits: u32,
    /// Their scores, summed.
    pub score: f32,
    /// When it was first seen, microseconds.
    pub born_us: i64,
    /// When it was last seen, microseconds.
    pub seen_us: i64,
    /// For how long of the time since then nobody looked where it should be, microseconds.
    pub unwatched_us: i64,
}

impl Story {
    /// First sight.
    pub fn start(now_us: i64, score: f32, config: &Lifecycle) -> Self {
        let mut story =
            Self { life: Life::Tentative, hits: 0, score: 0.0, born_us: now_us, seen_us: now_us, unwatched_us: 0 };
        story.seen(now_us, score, config);
        story
    }

    /// A detection was joined.
    pub fn seen(&mut self, now_us: i64, score: f32, config: &Lifecycle) {
        self.hits = self.hits.saturating_add(1);
        self.score += score;
        (self.seen_us, self.unwatched_us) = (now_us, 0);
        if self.life != Life::Tentative || (self.hits >= config.confirm_hits && self.score >= config.confirm_score) {
            self.life = Life::Confirmed;
        }
    }

    /// No detection was joined; answers whether it lives on.
    pub fn missed(&mut self, now_us: i64, config: &Lifecycle) -> bool {
        let patience_us = match self.life {
            Life::Tentative => i64::from(config.tentative_ms_max) * 1_000,
            Life::Confirmed | Life::Coasting | Life::Lost => {
                let (unseen_us, age_us) = (self.unseen_us(now_us), (self.seen_us - self.born_us) as f64);
                let coasts = unseen_us <= i64::from(config.coast_ms_max) * 1_000
                    && unseen_us as f64 <= age_us * f64::from(config.coast_per_age);
                self.life = if coasts { Life::Coasting } else { Life::Lost };
                let earned_us = age_us * f64::from(config.lost_per_age);
                (earned_us as i64).min(i64::from(config.lost_ms_max) * 1_000)
            }
        };
        self.unseen_us(now_us) <= patience_us.max(i64::from(config.tentative_ms_max) * 1_000)
    }

    /// Nobody looked where it should be for the last `step_us`.
    pub fn unwatched(&mut self, step_us: i64) {
        self.unwatched_us = (self.unwatched_us + step_us).min(UNWATCHED_US_MAX);
    }

    /// How long it has not been seen though somebody looked, microseconds.
    pub fn unseen_us(&self, now_us: i64) -> i64 {
        (now_us - self.seen_us - self.unwatched_us).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Lifecycle = Lifecycle {
        confirm_hits: 2,
        confirm_score: 1.5,
        tentative_ms_max: 50,
        lost_ms_max: 500,
        coast_ms_max: 100,
        coast_per_age: 0.5,
        lost_per_age: 50.0,
    };

    #[test]
    fn believed_when_seen_twice() {
        let mut story = Story::start(0, 0.9, &CONFIG);
        assert_eq!(story.life, Life::Tentative);
        story.seen(33_000, 0.9, &CONFIG);
        assert_eq!(story.life, Life::Confirmed);
    }

    #[test]
    fn a_flash_dies_young() {
        let mut story = Story::start(0, 0.9, &CONFIG);
        assert!(story.missed(33_000, &CONFIG));
        assert!(!story.missed(66_000, &CONFIG));
    }

    #[test]
    fn nobody_looking_is_not_being_missed_for_a_while() {
        let mut story = Story::start(0, 0.9, &CONFIG);
        for step in 1..=20 {
            story.unwatched(40_000);
            assert!(story.missed(step * 40_000, &CONFIG), "step {step}");
        }
        assert_eq!(story.life, Life::Tentative);
        assert!(!story.missed(20 * 40_000 + 60_000, &CONFIG), "somebody looked");
        let mut story = Story::start(0, 0.9, &CONFIG);
        let dies = (1..100).find(|step| {
            story.unwatched(40_000);
            !story.missed(step * 40_000, &CONFIG)
        });
        assert_eq!(dies, Some(27), "a second, and the patience with a tentative one");
    }

    #[test]
    fn lost_is_found_again_or_dies() {
        let mut story = Story::start(0, 0.9, &CONFIG);
        story.seen(10_000, 0.9, &CONFIG);
        assert!(story.missed(500_000, &CONFIG));
        assert_eq!(story.life, Life::Lost);
        story.seen(510_000, 0.9, &CONFIG);
        assert_eq!(story.life, Life::Confirmed);
        assert!(story.missed(1_010_000, &CONFIG));
        assert!(!story.missed(1_010_001, &CONFIG));
    }
}
