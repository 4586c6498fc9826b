//! `[web]`: where the box's own page is.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Section `[web]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of the page; port 0 takes a free one. The page has no password: beyond this machine it belongs
    /// on the staff's network only.
    pub listen: SocketAddr,
    /// Whether there is a page at all.
    pub enabled: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: super::LISTEN, enabled: true }
    }
}

impl Config {
    /// Everything wrong with it: nothing that parses is.
    pub fn faults(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_port() {
        assert_eq!(toml::from_str::<Config>("listen = \"0.0.0.0:80\"").unwrap().listen.port(), 80);
        assert!(toml::from_str::<Config>("listen = \"localhost\"").is_err());
        assert!(toml::from_str::<Config>("port = 80").is_err());
    }
}
