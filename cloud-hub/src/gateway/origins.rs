//! Whose pages may read the API: CORS for the origins in `gateway.origins`, and nothing said to any other.
//!
//! Never: a wildcard, or credentials; a page of another origin shows who it is by a header it sets itself.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::CorsLayer;

/// How long a browser need not ask again whether it may.
const KNOWN: Duration = Duration::from_hours(1);
/// What answers say in headers, and pages may read.
const TOLD: [HeaderName; 8] = [
    header::ETAG,
    header::LOCATION,
    header::LINK,
    header::RETRY_AFTER,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];
/// What requests may say in headers.
const ASKED: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-request-id"),
];

/// The headers for `origins`; `None` when there are none.
pub fn welcome(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(ASKED)
            .expose_headers(TOLD)
            .max_age(KNOWN)
    })
}
