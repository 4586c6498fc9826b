//! The one door: routes, limits, headers, logs and figures of every request, and the dashboard.
//!
//! ```text
//!  doors ─► who calls ─► id ─► log ─► figures ─► headers ─► origins ─► who it is ─► limits ─► compression
//!                                           error shape ─► time and size ─┬─► guard ─► service
//!                                      upstream: slot ─► breaker ─► another process ◄──────┘
//! ```
//!
//! Comes in: HTTP. Goes out: what the services answer; `/api/openapi.json`; the dashboard for every other path, so that
//! its pages can be linked to. Never: an answer without a request id, an error under `/api` that is no problem document,
//! a query string in a log, or a caller's word on who they are from anybody but a trusted proxy. The only file that knows
//! every service.

pub mod caller;
pub mod config;
pub mod limits;
pub mod origins;
pub mod connection;
pub mod https;
pub mod doors;
pub mod breaker;
pub mod forwarding;
pub mod sockets;
pub mod upstream;
pub mod services;
pub mod dashboard;
pub mod figures;
pub mod openapi;

pub use config::GatewayConfig;
pub use doors::Doors;
pub use openapi::document;
pub use services::{Place, Services, guarded};
pub use upstream::Upstream;

use crate::{
    api::{Problem, problem},
    traces::{self, TRACEPARENT},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use caller::Proxies;
use limits::Limits;
use std::{sync::Arc, time::Duration};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::Level;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every answer. The policy allows what the dashboard carries itself: its scripts and workers, styles set by
/// components, pictures drawn on the page, and its own socket (`'self'` covers ws and wss of the same origin).
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), xr-spatial-tracking=(self)",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Everything the hub answers. `probes` are the paths of [`health`](crate::health), which stands below.
pub fn app(config: &GatewayConfig, services: Services, probes: Router) -> Router {
    // What is no network is refused with the configuration.
    let proxies = Proxies::new(&config.trusted_proxies, config.proxy_header).unwrap_or_default();
    let document = openapi::document();
    let json = [(header::CONTENT_TYPE, "application/json")];
    let access = services.access.clone();
    let app = services.router().route("/api/openapi.json", get(async move || (json, document)));
    let app = inner(config, app.merge(probes).fallback(elsewhere))
        .layer(middleware::from_fn_with_state(Arc::new(Limits::new(&config.limits)), limits::hold))
        .layer(middleware::from_fn_with_state(access, caller::identify));
    let app = match origins::welcome(&config.origins) {
        Some(welcome) => app.layer(welcome),
        None => app,
    };
    outer(app)
        .layer(middleware::map_request(forget_foreign_trace))
        .layer(middleware::from_fn_with_state(proxies, caller::know))
}

/// What a process without a gateway answers to those of others: the paths of its service and the probes.
pub fn service(config: &GatewayConfig, paths: Router, probes: Router) -> Router {
    outer(inner(config, paths.merge(probes).fallback(unknown))).layer(middleware::from_fn(caller::know_through_gateway))
}

/// Arrow and Parquet: they are packed already, or cost more to pack than to send.
const PACKED: NotForContentType = NotForContentType::const_new("application/vnd.apache.");

fn inner(config: &GatewayConfig, app: Router) -> Router {
    app.layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(config.body_bytes_max))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_millis(config.request_timeout_ms),
        ))
        .layer(middleware::map_response(problem::shape_errors))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(PACKED)))
}

fn outer(mut app: Router) -> Router {
    for (name, value) in HEADERS {
        app = app.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
    }
    app.layer(middleware::from_fn(traces::follow))
        .layer(middleware::from_fn(figures::count))
        .layer(
            TraceLayer::new_for_http().make_span_with(span).on_response(DefaultOnResponse::new().level(Level::DEBUG)),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(middleware::map_request(forget_foreign_id))
}

/// A path that is no service's: a problem for programs, the dashboard for people.
async fn elsewhere(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path.starts_with("/ws/") {
        return unknown(request).await;
    }
    dashboard::page(request.method(), path, request.headers())
}

async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    Problem::not_found(format!("{path} is not a path of this hub; see /api/openapi.json")).into_response()
}

/// A caller's own request id is kept when it is short and plain, so that it cannot forge or flood the log.
async fn forget_foreign_id(mut request: Request) -> Request {
    let plain = |id: &HeaderValue| {
        id.len() <= 64 && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    if request.headers().get(REQUEST_ID).is_some_and(|id| !plain(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// What is followed is not for callers to say.
async fn forget_foreign_trace(mut request: Request) -> Request {
    request.headers_mut().remove(TRACEPARENT);
    request
}

fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), request_id = id)
}
