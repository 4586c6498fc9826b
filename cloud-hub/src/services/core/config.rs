//! `[core]`: how live pages are served.

use super::rink::Rink;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// How live pages are served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoreConfig {
    /// Where gateways in other processes reach it; used where the process has role core and no gateway.
    pub listen: SocketAddr,
    /// Sockets open at once; the next is told to come back later.
    pub sockets_max: usize,
    /// Exports under way at once, each on a thread of its own; the next is told to come back later.
    pub exports_max: usize,
    /// Missed events replayed to a page that comes back; more, and it is told to fetch them by REST.
    pub replay_events_max: usize,
    /// An idle socket is pinged this often, milliseconds; silent for two of these, it is closed.
    pub ping_interval_ms: u64,
    /// A page that takes nothing for this long is closed, milliseconds.
    pub send_timeout_ms: u64,
    /// Origins whose pages may open sockets beside the hub's own, as `https://league.example`.
    pub origins: Vec<String>,
    /// The ice that pages draw.
    pub rink: Rink,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8001)),
            sockets_max: 20_000,
            exports_max: 4,
            replay_events_max: 1_000,
            ping_interval_ms: 15_000,
            send_timeout_ms: 10_000,
            origins: Vec::new(),
            rink: Rink::default(),
        }
    }
}

/// `[analytics]`: where live pages are served when they are served apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalyticsConfig {
    /// Where gateways in other processes reach it; used where the process has role analytics and no gateway.
    pub listen: SocketAddr,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 8011)) }
    }
}

impl CoreConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, value, lowest, highest) in [
            ("sockets_max", self.sockets_max as u64, 1, 1_000_000),
            ("exports_max", self.exports_max as u64, 1, 100),
            ("replay_events_max", self.replay_events_max as u64, 1, 100_000),
            ("ping_interval_ms", self.ping_interval_ms, 100, 600_000),
            ("send_timeout_ms", self.send_timeout_ms, 100, 600_000),
        ] {
            if !(lowest..=highest).contains(&value) {
                faults.push(format!("core.{key} {value} ({lowest} to {highest})"));
            }
        }
        for origin in &self.origins {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if authority.is_none_or(|authority| authority.is_empty() || authority.contains('/')) {
                faults.push(format!("core.origins {origin:?} (as https://league.example, no path)"));
            }
        }
        faults.extend(self.rink.faults());
        faults
    }
}
