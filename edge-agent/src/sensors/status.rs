//! What the lines and their tags are up to, for health and for the box's page.
//!
//! A cheap handle: lines write a few times a second, anybody reads. Metrics of the stage are told here too.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::Line;
use firmware_protocol::serial::FaultKind;

/// How a line is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LineState {
    /// Not tried yet.
    Opening,
    /// Packets come.
    Reading,
    /// Open, but something is wrong.
    Degraded {
        /// What.
        reason: String,
        /// What to do.
        cure: String,
    },
    /// Not open; tried again with backoff.
    Down {
        /// What.
        reason: String,
        /// What to do.
        cure: String,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineStatus {
    /// Its device.
    pub path: String,
    /// How it is.
    #[serde(flatten)]
    pub state: LineState,
    /// Bytes since the start.
    pub bytes: u64,
    /// Whole packets since the start.
    pub packets: u64,
    /// Stretches that were no packet.
    pub faults: u64,
    /// Times it was opened.
    pub opened: u64,
}

/// One tag, puck, anchor or adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagStatus {
    /// Number printed on it.
    pub tag: u32,
    /// Line it was last heard on.
    pub line: usize,
    /// Packets heard.
    pub packets: u64,
    /// Packets missing between those heard.
    pub lost: u64,
    /// When it was last heard, microseconds UTC.
    pub seen_us: i64,
    /// Charge it last told, percent.
    pub battery_percent: Option<u8>,
    /// Fault it last told.
    pub fault: Option<FaultKind>,
    /// How much slower its clock runs than the box's, parts per million.
    pub drift_ppm: f64,
    /// Times its clock began anew.
    pub restarts: u32,
}

#[derive(Debug, Default)]
struct Board {
    lines: BTreeMap<usize, LineStatus>,
    tags: BTreeMap<u32, TagStatus>,
}

/// The board all lines write on.
#[derive(Debug, Clone, Default)]
pub struct Status(Arc<Mutex<Board>>);

impl Status {
    /// A board without lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// All lines, in order of the configuration.
    pub fn lines(&self) -> Vec<LineStatus> {
        self.lock().lines.values().cloned().collect()
    }

    /// All tags ever heard, in order of number.
    pub fn tags(&self) -> Vec<TagStatus> {
        self.lock().tags.values().cloned().collect()
    }

    /// Says how line `index` is; whether that is new.
    pub(super) fn say(&self, index: usize, path: &str, state: LineState) -> bool {
        let mut board = self.lock();
        let line = board.lines.entry(index).or_insert_with(|| LineStatus {
            path: path.into(),
            state: LineState::Opening,
            bytes: 0,
            packets: 0,
            faults: 0,
            opened: 0,
        });
        let new = line.state != state;
        line.state = state;
        new
    }

    /// Takes over the counts of line `index` and its devices.
    pub(super) fn count(&self, index: usize, line: &Line, opened: u64) {
        let counts = line.counts();
        let mut board = self.lock();
        if let Some(status) = board.lines.get_mut(&index) {
            (status.bytes, status.packets) = (counts.bytes, counts.packets);
            (status.faults, status.opened) = (counts.faults(), opened);
        }
        let label = index.to_string();
        metrics::counter!("sensors_bytes_total", "line" => label.clone()).absolute(counts.bytes);
        metrics::counter!("sensors_packets_total", "line" => label.clone()).absolute(counts.packets);
        metrics::counter!("sensors_opened_total", "line" => label.clone()).absolute(opened);
        metrics::counter!("sensors_turned_away_total", "line" => label.clone()).absolute(line.turned_away());
        for (kind, count) in [
            ("too_long", counts.too_long),
            ("too_short", counts.too_short),
            ("stuffing", counts.stuffing),
            ("checksum", counts.checksum),
            ("version", counts.version),
            ("malformed", counts.malformed),
        ] {
            metrics::counter!("sensors_faults_total", "line" => label.clone(), "kind" => kind).absolute(count);
        }
        for (tag, device) in line.devices() {
            let (packets, lost, seen_us) = (device.packets, device.lost, device.seen_us);
            let status = TagStatus {
                tag: tag.0,
                line: index,
                packets,
                lost,
                seen_us,
                battery_percent: device.battery_percent,
                fault: device.fault,
                drift_ppm: device.clock.drift_ppm(),
                restarts: device.clock.restarts(),
            };
            // A tag heard over two gateways belongs to the one that heard it last.
            if board.tags.get(&tag.0).is_some_and(|known| known.line != index && known.seen_us > seen_us) {
                continue;
            }
            let changed = board.tags.insert(tag.0, status).is_none_or(|known| known.seen_us != seen_us);
            if changed {
                let label = tag.0.to_string();
                metrics::gauge!("sensors_tag_seen_seconds", "tag" => label.clone()).set(seen_us as f64 / 1e6);
                metrics::counter!("sensors_tag_lost_total", "tag" => label).absolute(lost);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        // Every change leaves the board whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
