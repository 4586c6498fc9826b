//! `[gateway]`: where browsers and programs reach the hub.

use super::upstream::UpstreamsConfig;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Where browsers and programs reach the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Address and port of pages, API and WebSocket; port 0 takes a free one and prints it.
    pub listen: SocketAddr,
    /// An answer that takes longer is given up, milliseconds.
    pub request_timeout_ms: u64,
    /// Largest request body taken, bytes.
    pub body_bytes_max: usize,
    /// Where services are that this process does not have.
    pub upstreams: UpstreamsConfig,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8000)),
            request_timeout_ms: 10_000,
            body_bytes_max: 1 << 20,
            upstreams: UpstreamsConfig::default(),
        }
    }
}

impl GatewayConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(100..=600_000).contains(&self.request_timeout_ms) {
            faults.push(format!("gateway.request_timeout_ms {} (100 to 600000)", self.request_timeout_ms));
        }
        if !(1_024..=1 << 30).contains(&self.body_bytes_max) {
            faults.push(format!("gateway.body_bytes_max {} (1024 to 1073741824)", self.body_bytes_max));
        }
        faults.extend(self.upstreams.faults());
        faults
    }
}
