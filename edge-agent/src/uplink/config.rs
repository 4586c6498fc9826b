//! `[uplink]`: which hub, and how it is spoken to.

use super::Identity;
use firmware_protocol::network::topic;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which hub, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UplinkConfig {
    /// The arena this box stands in: a slug of `a-z 0-9 -`.
    pub venue: String,
    /// This box: a slug, different from every other box of the hub.
    pub edge: String,
    /// The hub's Zenoh endpoint, `quic/<name>:<port>`; empty for a box without a hub, which keeps everything.
    pub hub: String,
    /// The hub's `ca.pem`, for a box that is not enrolled; an enrolled one has its own.
    pub authority: PathBuf,
    /// Folder of what `edge-agent enrol` got: with it the box shows its certificate, and is who that says.
    pub identity: PathBuf,
    /// Folder for batches the hub refused for good, for a person to look at.
    pub refused: PathBuf,
    /// Records in one batch.
    pub batch_records_max: usize,
    /// Bytes of records in one batch. Larger drains a backlog faster and holds the live lane up longer.
    pub batch_bytes_max: usize,
    /// How long the hub may take to keep a batch, milliseconds, before it is sent again.
    pub timeout_ms: u64,
    /// Longest wait between two tries, milliseconds.
    pub retry_max_ms: u64,
}

impl Default for UplinkConfig {
    fn default() -> Self {
        Self {
            venue: "arena".into(),
            edge: "box-1".into(),
            hub: "quic/localhost:7447".into(),
            authority: "data/certificates/ca.pem".into(),
            identity: "data/identity".into(),
            refused: "data/refused".into(),
            batch_records_max: 512,
            batch_bytes_max: 256 << 10,
            timeout_ms: 5_000,
            retry_max_ms: 5_000,
        }
    }
}

impl UplinkConfig {
    /// The same for a box that was enrolled: its name, venue and, unless another than the default was configured, its hub
    /// are what the hub certified.
    #[must_use]
    pub fn enrolled_as(mut self, identity: &Identity) -> Self {
        if self.hub == Self::default().hub {
            self.hub.clone_from(&identity.endpoint);
        }
        self.venue.clone_from(&identity.venue);
        self.edge.clone_from(&identity.edge);
        self
    }

    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, word) in [("venue", &self.venue), ("edge", &self.edge)] {
            if !topic::is_slug(word) {
                faults.push(format!("uplink.{name} {word:?} (1 to 63 of a-z 0-9 -, no dash at either end)"));
            }
        }
        if !(self.hub.is_empty() || self.hub.starts_with("quic/")) {
            faults.push(format!(
                "uplink.hub {:?} (must begin with quic/, as quic/hub.example:7447, or be empty)",
                self.hub
            ));
        }
        let mut check = |name: &str, value: u64, allowed: std::ops::RangeInclusive<u64>| {
            if !allowed.contains(&value) {
                faults.push(format!("uplink.{name} {value} ({} to {})", allowed.start(), allowed.end()));
            }
        };
        check("batch_records_max", self.batch_records_max as u64, 1..=65_536);
        // The hub takes 4 MiB; a record and the envelope come on top.
        check("batch_bytes_max", self.batch_bytes_max as u64, 1 << 10..=2 << 20);
        check("timeout_ms", self.timeout_ms, 100..=60_000);
        check("retry_max_ms", self.retry_max_ms, 10..=60_000);
        faults
    }
}
