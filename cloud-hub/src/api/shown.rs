//! What a request shows: of who sends it, by a token or the cookie, and of which site's page it comes.
//!
//! Comes in: headers. Goes out: what stands in them; the cookie's own headers. Never: a decision; nor a header that a proxy
//! sets, which the gateway has read and taken out.

use crate::access::Shown;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The cookie of a page: of this host alone, over TLS (or on this machine), not for scripts.
pub const COOKIE: &str = "__Host-rinkside";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The cookie that shows a session by `shown`: for this host alone, not for scripts, not for other sites' pages.
pub fn set_cookie(shown: &str) -> HeaderValue {
    let cookie = format!("{COOKIE}={shown}; Path=/; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&cookie).expect("ids and secrets are visible ASCII")
}

/// Takes the cookie back.
pub fn clear_cookie() -> HeaderValue {
    HeaderValue::from_str(&format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"))
        .expect("a name is visible ASCII")
}

/// What a request shows of who sends it.
pub fn shown(headers: &HeaderMap) -> Shown {
    if let Some(said) = headers.get(header::AUTHORIZATION) {
        let bearer = said.to_str().ok().and_then(|said| said.split_once(' '));
        // What is shown and is nothing is not the same as nothing: it is nobody's.
        return match bearer {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Shown::Bearer(token.trim().to_owned()),
            _ => Shown::Bearer(String::new()),
        };
    }
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map_or(Shown::Nothing, |(_, value)| Shown::Cookie(value.to_owned()))
}

/// Whether the page that sends this is the hub's own; `None` when no page says so. Browsers say whose page it is.
pub fn is_own_page(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    Some(authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host)))
}

/// Whether a page of another site has sent this.
pub fn is_of_another_site(headers: &HeaderMap) -> bool {
    match headers.get(FETCH_SITE) {
        Some(site) => site != "same-origin" && site != "none",
        None => is_own_page(headers) == Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn one_thing_is_shown() {
        let bearer = |token: &str| Shown::Bearer(token.to_owned());
        let check =
            |lines: &[(&'static str, &'static str)], expected| assert!(shown(&headers(lines)) == expected, "{lines:?}");
        check(&[], Shown::Nothing);
        check(&[("authorization", "Bearer abc")], bearer("abc"));
        check(&[("authorization", "bearer abc")], bearer("abc"));
        check(&[("authorization", "Basic YTpi")], bearer(""));
        check(&[("cookie", "a=1; __Host-rinkside=s-1.x; b=2")], Shown::Cookie("s-1.x".to_owned()));
        check(&[("cookie", "rinkside=s-1.x")], Shown::Nothing);
        // A token that is none is not made good by a cookie.
        check(&[("authorization", "Bearer abc"), ("cookie", "__Host-rinkside=s-1.x")], bearer("abc"));
    }

    #[test]
    fn pages_of_other_sites_are_told_apart() {
        let check = |lines: &[(&'static str, &'static str)], other| {
            assert_eq!(is_of_another_site(&headers(lines)), other, "{lines:?}");
        };
        check(&[("host", "hub:8000")], false);
        check(&[("host", "hub:8000"), ("origin", "http://hub:8000")], false);
        check(&[("host", "hub:8000"), ("origin", "http://evil.example")], true);
        check(&[("host", "hub:8000"), ("origin", "null")], true);
        check(&[("host", "hub:8000"), ("origin", "http://hub:8001")], true);
        check(&[("sec-fetch-site", "cross-site"), ("host", "hub"), ("origin", "http://hub")], true);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(
            &[("host", "hub:8000"), ("x-forwarded-host", "league.example"), ("origin", "https://league.example")],
            true,
        );
    }
}
