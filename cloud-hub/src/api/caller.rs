//! From where a request comes, as far as it can be believed: what the gateway found out, for all that is further in.

use std::net::IpAddr;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its address, as far as it can be believed.
    pub address: IpAddr,
    /// Whether it came by TLS, to the hub or to a trusted proxy.
    pub secure: bool,
}
