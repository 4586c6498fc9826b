//! Rate, errors and duration of every route, for Prometheus.
//!
//! The label is the route's pattern, never the path as asked: strangers invent paths without end.

use crate::time;
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use metrics::{counter, histogram};

/// Counts one request and measures its answer.
pub async fn count(request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    };
    let began_us = time::monotonic_us();
    let response = next.run(request).await;
    let seconds = time::monotonic_us().saturating_sub(began_us) as f64 / 1e6;
    let status = response.status().as_str().to_owned();
    histogram!("gateway_request_seconds", "route" => route.clone(), "method" => method).record(seconds);
    counter!("gateway_requests_total", "route" => route, "method" => method, "status" => status).increment(1);
    response
}
