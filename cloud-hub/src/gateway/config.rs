//! `[gateway]`: where browsers and programs reach the hub, and how much of it each may take.

use super::caller::{Proxies, ProxyHeader};
use super::upstream::UpstreamsConfig;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// Where browsers and programs reach the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Address and port of pages, API and WebSocket; port 0 takes a free one and prints it.
    pub listen: SocketAddr,
    /// An answer that takes longer is given up, milliseconds; the time its request's body takes is counted.
    pub request_timeout_ms: u64,
    /// Largest request body taken, bytes.
    pub body_bytes_max: usize,
    /// A connection on which no request's head is complete for so long is closed, milliseconds; also an idle one.
    pub head_timeout_ms: u64,
    /// A connection that takes nothing of its answer for so long is closed, milliseconds.
    pub stall_timeout_ms: u64,
    /// Connections open at once; the next is closed unheard.
    pub connections_max: usize,
    /// Connections of one address (of IPv6 its /64) open at once; trusted proxies may have more.
    pub connections_per_address_max: usize,
    /// Networks of the proxies whose word on who calls is believed, as `10.0.0.0/8`; nobody else's is.
    pub trusted_proxies: Vec<String>,
    /// The header in which they say it; the other one is never read.
    pub proxy_header: ProxyHeader,
    /// Origins whose pages may read the API beside the hub's own, as `https://league.example`.
    pub origins: Vec<String>,
    /// Whether it speaks TLS.
    pub https: HttpsConfig,
    /// How much of it each may take.
    pub limits: LimitsConfig,
    /// Where services are that this process does not have.
    pub upstreams: UpstreamsConfig,
}

/// TLS of the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpsConfig {
    /// HTTPS instead of HTTP, with the files named here, else with the hub's own certificate.
    pub on: bool,
    /// The certificate and its chain, PEM; read again when it changes.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

/// How much one caller may ask: an identity, else an address, of IPv6 its /64. So many a minute; 0: no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Reads a minute, a page's files among them; health probes are not counted.
    pub reads_per_minute: u32,
    /// Reads at once.
    pub reads_burst: u32,
    /// Writes a minute.
    pub writes_per_minute: u32,
    /// Writes at once.
    pub writes_burst: u32,
    /// Sockets opened a minute; what is said on them is not counted.
    pub sockets_per_minute: u32,
    /// Sockets opened at once.
    pub sockets_burst: u32,
    /// Callers told apart; further ones share one allowance.
    pub callers_max: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8000)),
            request_timeout_ms: 10_000,
            body_bytes_max: 1 << 20,
            head_timeout_ms: 20_000,
            stall_timeout_ms: 30_000,
            connections_max: 25_000,
            connections_per_address_max: 1_000,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::XForwardedFor,
            origins: Vec::new(),
            https: HttpsConfig::default(),
            limits: LimitsConfig::default(),
            upstreams: UpstreamsConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            reads_per_minute: 12_000,
            reads_burst: 2_000,
            writes_per_minute: 600,
            writes_burst: 100,
            sockets_per_minute: 600,
            sockets_burst: 200,
            callers_max: 100_000,
        }
    }
}

impl GatewayConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let limits = &self.limits;
        for (key, value, lowest, highest) in [
            ("request_timeout_ms", self.request_timeout_ms, 100, 600_000),
            ("body_bytes_max", self.body_bytes_max as u64, 1_024, 1 << 30),
            ("head_timeout_ms", self.head_timeout_ms, 100, 600_000),
            ("stall_timeout_ms", self.stall_timeout_ms, 100, 600_000),
            ("connections_max", self.connections_max as u64, 1, 1_000_000),
            ("connections_per_address_max", self.connections_per_address_max as u64, 1, 1_000_000),
            ("limits.reads_burst", limits.reads_burst.into(), 1, 1_000_000),
            ("limits.writes_burst", limits.writes_burst.into(), 1, 1_000_000),
            ("limits.sockets_burst", limits.sockets_burst.into(), 1, 1_000_000),
            ("limits.callers_max", limits.callers_max as u64, 1, 10_000_000),
            ("limits.reads_per_minute", limits.reads_per_minute.into(), 0, 60_000_000),
            ("limits.writes_per_minute", limits.writes_per_minute.into(), 0, 60_000_000),
            ("limits.sockets_per_minute", limits.sockets_per_minute.into(), 0, 60_000_000),
        ] {
            if !(lowest..=highest).contains(&value) {
                faults.push(format!("gateway.{key} {value} ({lowest} to {highest})"));
            }
        }
        if let Err(network) = Proxies::new(&self.trusted_proxies, self.proxy_header) {
            faults.push(format!("gateway.trusted_proxies {network:?} (networks as 10.0.0.0/8, 127.0.0.1/32, ::1/128)"));
        }
        for origin in &self.origins {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
            if authority.is_none_or(|authority| authority.is_empty() || !authority.bytes().all(is_plain)) {
                faults.push(format!("gateway.origins {origin:?} (as https://league.example, no path)"));
            }
        }
        if self.https.certificate.is_some() != self.https.key.is_some() {
            faults.push("gateway.https.certificate without its key, or the key without it (name both, or none)".into());
        }
        faults.extend(self.upstreams.faults());
        faults
    }

    /// How its address begins.
    pub fn scheme(&self) -> &'static str {
        if self.https.on { "https" } else { "http" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_said_with_what_can() {
        assert_eq!(GatewayConfig::default().faults(), Vec::<String>::new());
        let mut config = GatewayConfig {
            head_timeout_ms: 1,
            trusted_proxies: vec!["10.0.0.0/8".into(), "the proxy".into()],
            origins: vec!["https://league.example".into(), "*".into(), "https://league.example/pages".into()],
            ..GatewayConfig::default()
        };
        config.limits.reads_burst = 0;
        config.https.key = Some("key.pem".into());
        let faults = config.faults();
        let expected = [
            "gateway.head_timeout_ms 1 (100 to 600000)",
            "gateway.limits.reads_burst 0 (1 to 1000000)",
            "gateway.trusted_proxies \"the proxy\" (networks as",
            "gateway.origins \"*\" (as https://league.example",
            "gateway.origins \"https://league.example/pages\"",
            "gateway.https.certificate without its key",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.starts_with(expected), "{fault}");
        }
    }
}
