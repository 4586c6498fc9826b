//! The only place that asks what time it is.
//!
//! Everything else takes time as an argument, so a recording replayed gives the same events. Times are microseconds:
//! [`Stamp::utc_us`] since 1970 UTC, as well as the box knows it.

use serde::{Deserialize, Serialize};
use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Who said when something was captured, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// IEEE 1588 on the camera network.
    Ptp,
    /// A clock set by NTP.
    Ntp,
    /// The source's own time stamps: a camera's, a file's, a tag's after its offset is estimated.
    Source,
    /// When it reached this box.
    HostArrival,
}

/// When something was captured, who says so, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Microseconds since 1970 UTC.
    pub utc_us: i64,
    /// Who says so.
    pub source: TimeSource,
    /// How far it may be off, microseconds.
    pub uncertainty_us: u32,
}

/// Now, microseconds UTC. Steps with the wall clock: for stamps, never for durations.
pub fn utc_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i64,
        Err(before) => -(before.duration().as_micros() as i64),
    }
}

/// Microseconds since the process first asked. Never steps: for durations and deadlines.
pub fn monotonic_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}
