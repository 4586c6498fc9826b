//! How fresh what the hub holds is: which boxes were heard lately, and how long after capture their events were kept.
//!
//! Comes in: that a box was heard, with the time of capture and of now. Goes out: counts and the lag. Kept in memory
//! only, because it is about this process and now, not about the game.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A box silent this long is no longer active, microseconds. Ten seconds: boxes say telemetry every second.
pub const ACTIVE_US: u64 = 10_000_000;
/// Boxes remembered: a league has fewer; a stranger who invents names pushes out the longest silent.
const EDGES_MAX: usize = 4_096;

/// How fresh things are. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Freshness {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    heard_us: HashMap<String, u64>,
    lag_us: Option<i64>,
}

impl Freshness {
    /// Box `edge` was heard at `monotonic_us`.
    pub fn heard(&self, edge: &str, monotonic_us: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard_us) = state.heard_us.get_mut(edge) {
            *heard_us = monotonic_us;
            return;
        }
        if state.heard_us.len() >= EDGES_MAX
            && let Some(silent) = state.heard_us.iter().min_by_key(|(_, at)| **at).map(|(edge, _)| edge.clone())
        {
            state.heard_us.remove(&silent);
        }
        state.heard_us.insert(edge.to_owned(), monotonic_us);
    }

    /// The newest event was captured at `captured_us` and read at `utc_us`.
    pub fn kept(&self, captured_us: i64, utc_us: i64) {
        let lag_us = utc_us.saturating_sub(captured_us);
        metrics::gauge!("projections_ingest_lag_seconds").set(lag_us as f64 / 1e6);
        metrics::gauge!("ingest_newest_event_timestamp_seconds").set(captured_us as f64 / 1e6);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lag_us = Some(lag_us);
    }

    /// Boxes heard within [`ACTIVE_US`] before `monotonic_us`.
    pub fn edges_active(&self, monotonic_us: u64) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard_us.values().filter(|heard_us| monotonic_us.saturating_sub(**heard_us) <= ACTIVE_US).count()
    }

    /// Since when box `edge` is silent at `monotonic_us`, microseconds; `None` when it was not heard since the start.
    pub fn silent_us(&self, edge: &str, monotonic_us: u64) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard_us.get(edge).map(|heard_us| monotonic_us.saturating_sub(*heard_us))
    }

    /// From capture to here, of the newest event, microseconds.
    pub fn lag_us(&self) -> Option<i64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lag_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_box_is_not_active() {
        let freshness = Freshness::default();
        freshness.heard("north", 0);
        freshness.heard("south", ACTIVE_US);
        assert_eq!(freshness.edges_active(ACTIVE_US), 2);
        assert_eq!(freshness.edges_active(ACTIVE_US + 1), 1);
    }
}
