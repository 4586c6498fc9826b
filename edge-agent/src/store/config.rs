//! `[store]`: where the journal stands and how much it may hold.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where the journal stands and how much it may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Folder of the journal; made when it is not there.
    pub path: PathBuf,
    /// Bytes of records kept for the hub. When full, telemetry goes first, then the oldest tracks, events last.
    /// A game is about 25 MB, so the default holds a month of outage.
    pub bytes_max: u64,
    /// Free bytes of the disk below which room is made by shedding; below a quarter of it nothing is written.
    pub disk_reserve_bytes: u64,
    /// Bytes of the newest records kept in sled; beyond them the oldest are sealed into files of their own. sled takes
    /// memory and time to open by what it holds.
    pub head_bytes: u64,
    /// Memory for sled's pages, bytes.
    pub cache_bytes: u64,
    /// Records waiting for the disk; when full, whoever appends waits.
    pub queue_records_max: usize,
    /// Records in one group, written and flushed together.
    pub group_records_max: usize,
    /// Bytes of records kept in memory while the disk takes none; beyond them they are dropped by worth, and counted.
    pub pending_bytes_max: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: "data/store".into(),
            bytes_max: 1 << 30,
            disk_reserve_bytes: 256 << 20,
            head_bytes: 6 << 20,
            cache_bytes: 8 << 20,
            queue_records_max: 1_024,
            group_records_max: 256,
            pending_bytes_max: 16 << 20,
        }
    }
}

impl StoreConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |name: &str, value: u64, allowed: std::ops::RangeInclusive<u64>| {
            if !allowed.contains(&value) {
                faults.push(format!("store.{name} {value} ({} to {})", allowed.start(), allowed.end()));
            }
        };
        check("bytes_max", self.bytes_max, 1 << 20..=1 << 44);
        check("disk_reserve_bytes", self.disk_reserve_bytes, 0..=1 << 40);
        check("head_bytes", self.head_bytes, 1 << 16..=1 << 36);
        check("cache_bytes", self.cache_bytes, 1 << 20..=1 << 36);
        check("queue_records_max", self.queue_records_max as u64, 1..=1 << 20);
        check("group_records_max", self.group_records_max as u64, 1..=1 << 16);
        check("pending_bytes_max", self.pending_bytes_max, 1 << 16..=1 << 32);
        faults
    }
}
