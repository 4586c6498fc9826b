//! Headers of a request and its answer that are passed on between a caller and a service.
//!
//! Comes in: headers as they came. Goes out: those that are for the other end; what is about the connection stays here.
//! `x-forwarded-for`, `-host` and `-proto` are this gateway's word: what a caller says of itself is dropped.

use crate::api::Caller;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const ABOUT_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether a caller asks for a WebSocket.
pub fn asks_for_socket(headers: &HeaderMap) -> bool {
    let names = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    names(header::UPGRADE, "websocket") && names(header::CONNECTION, "upgrade")
}

/// Takes out what is about the connection; of one that becomes a `socket`, all but that it does.
pub fn between_ends(headers: &mut HeaderMap, socket: bool) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in ABOUT_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
    if socket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Says for whom this is passed on: `caller`, by the name under which it asked.
pub fn say_for_whom(headers: &mut HeaderMap, caller: Option<Caller>) {
    for name in [FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, header::FORWARDED] {
        headers.remove(name);
    }
    if let Some(value) = caller.and_then(|caller| HeaderValue::from_str(&caller.address.to_string()).ok()) {
        headers.insert(FORWARDED_FOR, value);
    }
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.insert(FORWARDED_HOST, host);
    }
    let secure = caller.is_some_and(|caller| caller.secure);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(if secure { "https" } else { "http" }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        let mut shown: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        shown.sort();
        shown
    }

    #[test]
    fn what_is_about_the_connection_stays_here() {
        let mut asked = headers(&[
            ("host", "hub"),
            ("connection", "close, X-Secret"),
            ("x-secret", "7"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "a-1"),
        ]);
        assert!(!asks_for_socket(&asked));
        between_ends(&mut asked, false);
        assert_eq!(shown(&asked), ["host: hub", "x-request-id: a-1"]);
    }

    #[test]
    fn a_socket_is_asked_for_on() {
        let mut asked =
            headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket"), ("sec-websocket-key", "k")]);
        assert!(asks_for_socket(&asked));
        between_ends(&mut asked, true);
        assert_eq!(shown(&asked), ["connection: upgrade", "sec-websocket-key: k", "upgrade: websocket"]);
    }

    #[test]
    fn a_caller_does_not_say_who_it_is() {
        let mut asked = headers(&[
            ("host", "hub"),
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-proto", "https"),
        ]);
        say_for_whom(&mut asked, Some(Caller { address: "10.0.0.7".parse().unwrap(), secure: false }));
        assert_eq!(
            shown(&asked),
            ["host: hub", "x-forwarded-for: 10.0.0.7", "x-forwarded-host: hub", "x-forwarded-proto: http"]
        );
    }
}
