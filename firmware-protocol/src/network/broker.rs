//! The MQTT broker between box and hub: how its address is written, the same on both sides.

/// Where a broker listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broker<'a> {
    /// Name or address; an IPv6 address stands in brackets.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// Whether it is spoken to over TLS.
    pub is_secure: bool,
}

/// What an address must look like, for messages about one that does not.
pub const ADDRESS: &str = "mqtt://<host>:<port>, or mqtts://<host>:<port> for TLS";

/// The broker at `url`: `mqtt://host:port`, or `mqtts://` for TLS. Without a port, 1883 or 8883.
pub fn parse(url: &str) -> Option<Broker<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let is_secure = match scheme {
        "mqtt" => false,
        "mqtts" => true,
        _ => return None,
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (rest, if is_secure { 8883 } else { 1883 }),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_host)).then_some(Broker { host, port, is_secure })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let plain = |host, port| Some(Broker { host, port, is_secure: false });
        assert_eq!(parse("mqtt://hub.example:1999"), plain("hub.example", 1999));
        assert_eq!(parse("mqtt://10.0.0.7"), plain("10.0.0.7", 1883));
        assert_eq!(parse("mqtt://[::1]:7"), plain("[::1]", 7));
        assert_eq!(parse("mqtt://[::1]"), plain("[::1]", 1883));
        assert_eq!(parse("mqtts://hub"), Some(Broker { host: "hub", port: 8883, is_secure: true }));
        for url in [
            "",
            "hub",
            "quic/hub:1",
            "tcp://hub:1",
            "mqtt://",
            "mqtt://:1",
            "mqtt://hub:x",
            "mqtt://a/b",
            "mqtt://h:70000",
        ] {
            assert_eq!(parse(url), None, "{url}");
        }
    }
}
