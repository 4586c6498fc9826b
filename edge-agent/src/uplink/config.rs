//! `[uplink]`: which hub, and how it is spoken to.

use super::Identity;
use firmware_protocol::network::{broker, topic};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which way records and states go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Zenoh over QUIC, straight to the hub.
    #[default]
    Zenoh,
    /// MQTT 5 through a broker.
    Mqtt,
    /// Zenoh whenever it answers, MQTT when it does not.
    Both,
}

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
    /// Zenoh, MQTT, or both.
    pub transport: Transport,
    /// The MQTT broker that the hub listens at, `mqtt://<host>:<port>`, or `mqtts://` for TLS.
    pub mqtt: String,
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
    /// Batches sent before the first is answered. More hide a long round trip, and hold the live lane up longer.
    pub window_batches: usize,
    /// Whether batches are compressed.
    pub compress: bool,
    /// Bytes a second that go to the hub, live first; 0 for no limit. Counts payloads, not the network's own bytes.
    pub bytes_per_second_max: u64,
    /// Bytes a second of records other than events while live states go, so that a backlog does not make these late; 0 for
    /// no limit. A full game makes a few thousand.
    pub backlog_bytes_per_second: u64,
    /// The link is paid by the byte: live five times a second, and only events go at once.
    pub metered: bool,
    /// Over a metered link, how often everything else goes, milliseconds.
    pub metered_every_ms: u64,
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
            transport: Transport::default(),
            mqtt: "mqtt://localhost:1883".into(),
            authority: "data/certificates/ca.pem".into(),
            identity: "data/identity".into(),
            refused: "data/refused".into(),
            batch_records_max: 512,
            batch_bytes_max: 256 << 10,
            window_batches: 4,
            compress: true,
            bytes_per_second_max: 0,
            backlog_bytes_per_second: 32 << 10,
            metered: false,
            metered_every_ms: 60_000,
            timeout_ms: 5_000,
            retry_max_ms: 5_000,
        }
    }
}

impl UplinkConfig {
    /// Whether this box has no hub and keeps everything.
    pub fn is_alone(&self) -> bool {
        self.transport != Transport::Mqtt && self.hub.is_empty()
    }

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

    /// The certificate of the authority this box trusts: its own hub's when it is enrolled.
    pub fn own_authority(&self) -> PathBuf {
        match Identity::load(&self.identity) {
            Ok(Some(identity)) => identity.authority(),
            _ => self.authority.clone(),
        }
    }

    /// Whether the hub has certified this box.
    pub fn is_enrolled(&self) -> bool {
        Identity::is_kept(&self.identity)
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
        if self.transport == Transport::Both && self.hub.is_empty() {
            faults.push("uplink.hub is empty (transport \"both\" needs it beside uplink.mqtt)".into());
        }
        if self.transport != Transport::Zenoh && broker::parse(&self.mqtt).is_none() {
            faults.push(format!("uplink.mqtt {:?} (must be {})", self.mqtt, broker::ADDRESS));
        }
        let mut check = |name: &str, value: u64, allowed: std::ops::RangeInclusive<u64>| {
            if !allowed.contains(&value) {
                faults.push(format!("uplink.{name} {value} ({} to {})", allowed.start(), allowed.end()));
            }
        };
        check("batch_records_max", self.batch_records_max as u64, 1..=65_536);
        // The hub takes 4 MiB; a record and the envelope come on top.
        check("batch_bytes_max", self.batch_bytes_max as u64, 1 << 10..=2 << 20);
        check("window_batches", self.window_batches as u64, 1..=32);
        if self.bytes_per_second_max > 0 {
            check("bytes_per_second_max", self.bytes_per_second_max, 1_000..=1_000_000_000);
        }
        check("metered_every_ms", self.metered_every_ms, 100..=3_600_000);
        check("timeout_ms", self.timeout_ms, 100..=60_000);
        check("retry_max_ms", self.retry_max_ms, 10..=60_000);
        faults
    }
}
