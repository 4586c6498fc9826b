//! Strong `ETag`s: what a reader holds, and what a writer saw.
//!
//! Comes in: `If-None-Match`, `If-Match`. Goes out: 304 for who holds it already; 412 for who saw another state; 428 for
//! who writes without saying what they saw. A thing's tag is the sequence of its stream, a computed answer's the digest
//! of its bytes.

use super::Problem;
use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::Serialize;

/// What a writer says they saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing there yet: `If-None-Match: *`.
    Nothing,
    /// The state of this sequence: `If-Match: "3"`.
    Sequence(u64),
    /// Something, whatever it is: `If-Match: *`.
    Anything,
}

/// The tag of a sequence.
pub fn of_sequence(sequence: u64) -> String {
    format!("\"{sequence}\"")
}

/// The tag of `bytes`.
pub fn of_bytes(bytes: &[u8]) -> String {
    format!("\"{}\"", digest_of(&[bytes]))
}

/// 32 hexadecimal digits of the digest of `parts`.
pub fn digest_of(parts: &[&[u8]]) -> String {
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part);
    }
    HEXLOWER.encode(&digest(&SHA256, &all).as_ref()[..16])
}

/// `value` as JSON with the tag of `sequence`, or 304.
pub fn answer_sequence<T: Serialize>(headers: &HeaderMap, sequence: u64, value: &T) -> Response {
    answer(headers, &of_sequence(sequence), json(value))
}

/// `value` as JSON with the tag of its bytes, or 304.
pub fn answer_computed<T: Serialize>(headers: &HeaderMap, value: &T) -> Response {
    let bytes = json(value);
    let tag = of_bytes(&bytes);
    answer(headers, &tag, bytes)
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers and words are JSON")
}

fn answer(headers: &HeaderMap, tag: &str, bytes: Vec<u8>) -> Response {
    let caching = [(header::ETAG, tag.to_owned()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if tags(headers, &header::IF_NONE_MATCH).any(|held| held == "*" || held.trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// What the writer of these headers saw.
pub fn seen(headers: &HeaderMap) -> Result<Seen, Problem> {
    if tags(headers, &header::IF_NONE_MATCH).any(|held| held == "*") {
        return Ok(Seen::Nothing);
    }
    let held: Vec<&str> = tags(headers, &header::IF_MATCH).collect();
    match held.as_slice() {
        [] => Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "say what you saw: If-Match with the ETag of the GET, or If-None-Match: * to make it new",
        )),
        ["*"] => Ok(Seen::Anything),
        [one] => {
            let sequence = one.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|s| s.parse().ok());
            sequence.map(Seen::Sequence).ok_or_else(|| changed("If-Match is not an ETag of this thing"))
        }
        _ => Err(Problem::bad_request("If-Match: one ETag")),
    }
}

/// The problem of a writer who saw another state.
pub fn changed(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: HeaderName, value: &'static str, expected: Result<Seen, u16>) {
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert_eq!(seen(&headers).map_err(|problem| problem.status), expected, "{value}");
    }

    #[test]
    fn a_writer_says_what_they_saw() {
        check(header::IF_NONE_MATCH, "*", Ok(Seen::Nothing));
        check(header::IF_MATCH, "\"3\"", Ok(Seen::Sequence(3)));
        check(header::IF_MATCH, "*", Ok(Seen::Anything));
        check(header::IF_MATCH, "3", Err(412));
        check(header::IF_MATCH, "W/\"3\"", Err(412));
        check(header::IF_MATCH, "\"3\", \"4\"", Err(400));
        check(header::ACCEPT, "*", Err(428));
    }

    #[test]
    fn who_holds_it_gets_it_not_again() {
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, "\"1\", \"2\"".parse().unwrap())]);
        assert_eq!(answer_sequence(&headers, 2, &7).status(), 304);
        assert_eq!(answer_sequence(&headers, 3, &7).status(), 200);
        assert_ne!(digest_of(&[b"ab", b"c"]), digest_of(&[b"a", b"bc"]));
    }
}
