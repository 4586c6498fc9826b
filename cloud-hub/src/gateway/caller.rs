//! Who calls: the address behind trusted proxies, and whom limits are counted for.
//!
//! Comes in: a request, the peer at the other end of its connection, and what headers say of others before it. Goes out:
//! the request with a [`Caller`] and without those headers, so that nothing further in can believe them;
//! `strict-transport-security` where the caller came by TLS. Never: believes a header of a peer that is not in
//! `gateway.trusted_proxies`. Of a chain the right-most address that is no trusted proxy is the caller: what stands left
//! of it, it may have made up.

use crate::{
    access::{Access, Who},
    api::{Caller, guard},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What proxies, or those who play one, say of who calls.
const SAID: [HeaderName; 6] = [
    FOR,
    PROTO,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
];
/// Browsers keep to HTTPS for a year. Only of this host: its neighbours may be others'.
const KEEP_TO_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The header in which a proxy says for whom it asks. A proxy passes on what it does not set itself, so only one is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` beside it.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS with the hub.
    pub encrypted: bool,
}

/// Who proved who they are; what checks that puts it into the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(pub Arc<str>);

/// For whom a request is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Somebody known.
    Identity(Identity),
    /// Anybody at this address; of IPv6 the /64, for a house has all of it.
    Address(IpAddr),
}

/// Says for whom a request is counted. The one place where an identity is told from an address.
pub fn who_asks(request: &Request) -> Asker {
    if let Some(identity) = request.extensions().get::<Identity>() {
        return Asker::Identity(identity.clone());
    }
    let caller = request.extensions().get::<Caller>();
    Asker::Address(network(caller.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |caller| caller.address)))
}

/// The addresses that are one caller's: itself, of IPv6 its /64, told by its first.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

/// The proxies that are believed; nobody unless said.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    header: ProxyHeader,
}

impl Proxies {
    /// Those in `networks`; a text among them that is no network is the fault.
    pub fn new(networks: &[String], header: ProxyHeader) -> Result<Self, String> {
        let networks = networks.iter().map(|text| text.parse().map_err(|_| text.clone()));
        Ok(Self { networks: networks.collect::<Result<_, String>>()?, header })
    }

    /// Whether the word of `address` is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Who calls through `peer`, when `headers` came from there.
    pub fn caller(&self, peer: Peer, headers: &HeaderMap) -> Caller {
        let mut caller = Caller { address: peer.address.to_canonical(), secure: peer.encrypted };
        if !self.trust(peer.address) {
            return caller;
        }
        let hops = Hop::all(headers, self.header);
        if let Some(proto) = hops.last().and_then(|hop| hop.proto.as_deref()) {
            caller.secure = proto.eq_ignore_ascii_case("https");
        }
        for hop in hops.iter().rev() {
            // What is no address (`unknown`, a made-up name) hides who was there: the last known one answers for it.
            let Some(address) = hop.address.filter(|_| self.trust(caller.address)) else { break };
            caller.address = address;
        }
        caller
    }
}

/// What a proxy said of whoever came to it.
struct Hop {
    address: Option<IpAddr>,
    proto: Option<String>,
}

impl Hop {
    /// All of them, the newest last.
    fn all(headers: &HeaderMap, header: ProxyHeader) -> Vec<Self> {
        // A value that is no text is a hop that is no address.
        let listed = |name: &HeaderName| -> Vec<String> {
            let texts = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
            texts.flat_map(|text| text.split(',')).map(|one| one.trim().to_owned()).collect()
        };
        match header {
            ProxyHeader::XForwardedFor => {
                let mut hops: Vec<Self> =
                    listed(&FOR).iter().map(|text| Self { address: address(text), proto: None }).collect();
                let proto = listed(&PROTO).pop();
                match hops.last_mut() {
                    Some(newest) => newest.proto = proto,
                    None => hops.push(Self { address: None, proto }),
                }
                hops
            }
            ProxyHeader::Forwarded => listed(&header::FORWARDED).iter().map(|text| Self::forwarded(text)).collect(),
        }
    }

    /// `for="[2001:db8::1]:4711";proto=https;by=…`
    fn forwarded(text: &str) -> Self {
        let pairs: Vec<(&str, &str)> = text.split(';').filter_map(|pair| pair.trim().split_once('=')).collect();
        let said = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim_matches('"'))
        };
        Self { address: said("for").and_then(address), proto: said("proto").map(str::to_owned) }
    }
}

/// An address, perhaps with a port, IPv6 perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Finds out who calls, for all that is further in.
pub async fn know(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    let nowhere = Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), encrypted: false };
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(nowhere);
    let caller = proxies.caller(peer, request.headers());
    for name in &SAID {
        request.headers_mut().remove(name);
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if caller.secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, KEEP_TO_HTTPS);
    }
    response
}

/// Finds out who calls through a gateway in another process, which alone is to reach a service's port: what it says is
/// believed.
pub async fn know_through_gateway(mut request: Request, next: Next) -> Response {
    let hops = Hop::all(request.headers(), ProxyHeader::XForwardedFor);
    let newest = hops.last();
    let address = newest.and_then(|hop| hop.address).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let secure = newest.and_then(|hop| hop.proto.as_deref()).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    request.extensions_mut().insert(Caller { address, secure });
    next.run(request).await
}

/// Finds out who proves who they are, so that limits are counted for them and not for their house.
pub async fn identify(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    // When it cannot be told, whoever asks is an address; the operation's guard says that it cannot be told.
    if let Ok(Who::Known(known)) = guard::identify(&access, &mut request).await {
        let identity = Identity(known.account.account.as_str().into());
        request.extensions_mut().insert(identity);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.7";

    fn check(header: ProxyHeader, peer: &str, said: &[(&'static str, &str)], expected: &str, secure: bool) {
        let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(str::to_owned);
        let proxies = Proxies::new(&networks, header).unwrap();
        let headers: HeaderMap =
            said.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        let peer = Peer { address: peer.parse().unwrap(), encrypted: false };
        let caller = proxies.caller(peer, &headers);
        assert_eq!((caller.address.to_string().as_str(), caller.secure), (expected, secure), "{said:?}");
    }

    fn chain(peer: &str, chain: &str, expected: &str) {
        check(ProxyHeader::XForwardedFor, peer, &[("x-forwarded-for", chain)], expected, false);
    }

    #[test]
    fn strangers_are_not_believed() {
        chain("192.0.2.1", "198.51.100.9", "192.0.2.1");
        let said = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=10.0.0.1")];
        check(ProxyHeader::XForwardedFor, "192.0.2.1", &said, "192.0.2.1", false);
        check(ProxyHeader::Forwarded, "192.0.2.1", &said, "192.0.2.1", false);
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_caller() {
        chain(PROXY, "198.51.100.9", "198.51.100.9");
        chain(PROXY, "203.0.113.1, 198.51.100.9", "198.51.100.9");
        chain(PROXY, "203.0.113.1, 198.51.100.9, 10.9.9.9", "198.51.100.9");
        chain(PROXY, "10.1.1.1,10.2.2.2", "10.1.1.1");
        chain(PROXY, "198.51.100.9:4711", "198.51.100.9");
        chain(PROXY, "[2001:db8::1]:4711", "2001:db8::1");
        chain(PROXY, "2001:db8::1", "2001:db8::1");
        chain("::ffff:10.0.0.7", "::ffff:198.51.100.9", "198.51.100.9");
        chain("2001:db8:ffff::1", "198.51.100.9", "198.51.100.9");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        chain(PROXY, "", PROXY);
        chain(PROXY, "unknown", PROXY);
        chain(PROXY, "203.0.113.1, unknown, 10.3.3.3", "10.3.3.3");
        chain(PROXY, "203.0.113.1, \"><script>, 198.51.100.9", "198.51.100.9");
        chain(PROXY, "1.2.3.4.5, ,", PROXY);
    }

    #[test]
    fn several_headers_are_one_chain() {
        let said = [("x-forwarded-for", "203.0.113.1"), ("x-forwarded-for", "198.51.100.9")];
        check(ProxyHeader::XForwardedFor, PROXY, &said, "198.51.100.9", false);
    }

    #[test]
    fn only_the_header_that_was_chosen_is_read() {
        let said = [("x-forwarded-for", "198.51.100.9"), ("forwarded", "for=203.0.113.1;proto=https")];
        check(ProxyHeader::XForwardedFor, PROXY, &said, "198.51.100.9", false);
        check(ProxyHeader::Forwarded, PROXY, &said, "203.0.113.1", true);
        let said = [("forwarded", "for=203.0.113.1, For=\"[2001:db8:1::9]:80\" ;Proto=HTTPS; by=10.0.0.7")];
        check(ProxyHeader::Forwarded, PROXY, &said, "2001:db8:1::9", true);
        check(ProxyHeader::Forwarded, PROXY, &[("forwarded", "for=_hidden;proto=http")], PROXY, false);
    }

    #[test]
    fn the_nearest_proxy_says_whether_it_was_tls() {
        let said = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-proto", "http, https")];
        check(ProxyHeader::XForwardedFor, PROXY, &said, "198.51.100.9", true);
        check(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-proto", "https")], PROXY, true);
        check(ProxyHeader::XForwardedFor, PROXY, &[("x-forwarded-proto", "https, http")], PROXY, false);
    }

    #[test]
    fn an_ipv6_caller_is_its_64() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff:ffff:ffff:ffff"), "2001:db8:1:2::");
        assert_eq!((of("198.51.100.9").as_str(), of("::ffff:198.51.100.9").as_str()), ("198.51.100.9", "198.51.100.9"));
    }

    #[test]
    fn what_is_no_network_is_a_fault() {
        let fault = Proxies::new(&["10.0.0.0/8".to_owned(), "10.0.0.0/33".to_owned()], ProxyHeader::Forwarded);
        assert_eq!(fault.unwrap_err(), "10.0.0.0/33");
    }
}
