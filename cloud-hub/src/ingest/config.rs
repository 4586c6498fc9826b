//! `[ingest]`: where boxes reach the hub.

use firmware_protocol::network::broker;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// Where boxes reach the hub, and how much they may send at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Where `/health` and `/metrics` are asked of a process that only hears boxes.
    pub probes: SocketAddr,
    /// Zenoh endpoints to listen on, `quic/<address>:<port>`.
    pub listen: Vec<String>,
    /// The MQTT broker at which boxes also reach the hub, `mqtt://<host>:<port>`, or `mqtts://` for TLS; empty for none.
    pub mqtt: String,
    /// Folder of `ca.pem`, `server.pem`, `server-key.pem`; made on first start when empty.
    pub certificates: PathBuf,
    /// Whether boxes must be enrolled and show their certificate; then `[trust]` is in force. Without it anyone who
    /// reaches the port may speak for any box: for a demo on one machine only.
    pub require_certificates: bool,
    /// Names and addresses by which boxes know this hub, written into the certificate beside localhost.
    pub names: Vec<String>,
    /// Batches waiting to be kept; when full, boxes are told to wait.
    pub queue_batches_max: usize,
    /// Largest batch taken, bytes.
    pub batch_bytes_max: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            probes: SocketAddr::from(([0, 0, 0, 0], 8002)),
            listen: vec!["quic/[::]:7447".into()],
            mqtt: String::new(),
            certificates: "data/certificates".into(),
            require_certificates: false,
            names: Vec::new(),
            queue_batches_max: 256,
            batch_bytes_max: 4 << 20,
        }
    }
}

impl IngestConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.listen.is_empty() {
            faults.push("ingest.listen is empty (give at least one endpoint, as quic/0.0.0.0:7447)".into());
        }
        for endpoint in &self.listen {
            if !endpoint.starts_with("quic/") {
                faults.push(format!("ingest.listen {endpoint:?} (must begin with quic/, as quic/0.0.0.0:7447)"));
            }
        }
        if !(self.mqtt.is_empty() || broker::parse(&self.mqtt).is_some()) {
            faults.push(format!("ingest.mqtt {:?} (must be {}, or empty)", self.mqtt, broker::ADDRESS));
        }
        if !(1..=65_536).contains(&self.queue_batches_max) {
            faults.push(format!("ingest.queue_batches_max {} (1 to 65536)", self.queue_batches_max));
        }
        if !(64 << 10..=64 << 20).contains(&self.batch_bytes_max) {
            faults.push(format!("ingest.batch_bytes_max {} (65536 to 67108864)", self.batch_bytes_max));
        }
        faults
    }
}
