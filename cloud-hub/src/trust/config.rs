//! `[trust]`: how boxes get their certificates.

use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// How boxes get their certificates. In force when `ingest.require_certificates` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustConfig {
    /// Address and port where boxes enrol and renew, over HTTPS.
    pub listen: SocketAddr,
    /// Life of a box's certificate, hours. Boxes renew at two thirds; one that is away for longer enrols again.
    pub certificate_hours: u32,
    /// Mosquitto's `acl_file`, written whenever the roster changes; the broker must be told to read it again.
    pub mosquitto_acl: Option<PathBuf>,
}

impl Default for TrustConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 7448)), certificate_hours: 720, mosquitto_acl: None }
    }
}

impl TrustConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=8_760).contains(&self.certificate_hours) {
            faults.push(format!("trust.certificate_hours {} (1 to 8760)", self.certificate_hours));
        }
        faults
    }
}
