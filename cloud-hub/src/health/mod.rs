//! Whether the hub is well: `/health`, `/health/live`, `/health/ready`, and `/metrics` for Prometheus.
//!
//! Comes in: the database, where the projections stand, and how broker, Redis and other processes are. Goes out: 200 or
//! 503 with the reason; figures as text. Live means the process answers; ready means its database does and its projections
//! are not far behind; without its broker, Redis or another process the hub serves, and is degraded. Never: a check that
//! can hang, which the gateway's time limit sees to.

pub mod described;
pub mod sampled;

pub use sampled::Sampled;

use crate::{
    event_store::EventStore,
    projections::{ProjectionError, Projections},
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use std::{sync::OnceLock, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events the projections may be behind and the hub still be ready: a second of a hundred games.
const BEHIND_EVENTS_MAX: u64 = 1_000;
/// Edges of the histograms, seconds: around the promises of 5, 10 and 100 ms.
const BUCKETS_S: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Edges of the histogram of batches committed together.
const BUCKETS_BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often histograms are folded, so that they stay small when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Health {
    /// The truth.
    pub store: EventStore,
    /// The read tables.
    pub projections: Projections,
    /// What is wrong with what this process needs and can do without: the broker, Redis, other processes.
    pub faults: Vec<watch::Receiver<Option<String>>>,
}

/// The answer of `/health` and `/health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// `ready`, `degraded` (200 still), `behind` or `failing`.
    pub status: String,
    /// Version of the hub.
    pub version: String,
    /// Newest event kept.
    pub events_offset: u64,
    /// Newest event in the read tables.
    pub projections_offset: u64,
    /// What is wrong and what to do; empty when ready.
    pub reason: String,
}

/// The paths of this module.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/health", get(ready))
        .route("/health/ready", get(ready))
        .route("/health/live", get(async || "live\n"))
        .route("/metrics", get(figures))
        .with_state(health)
}

/// Where figures are collected, from the first call on; `None` when another recorder was there before.
pub fn recorder() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || -> Result<PrometheusHandle, BuildError> {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_S)?
            .set_buckets_for_metric(Matcher::Suffix("_batches".to_owned()), &BUCKETS_BATCHES)?
            .install_recorder()
            .inspect(|_| described::describe())
    };
    HANDLE
        .get_or_init(|| {
            install().inspect_err(|error| tracing::warn!(%error, "figures are not collected: /metrics is empty")).ok()
        })
        .as_ref()
}

/// Folds histograms until `stop`.
pub async fn keep_small(stop: CancellationToken) {
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = upkeep.tick() => if let Some(handle) = recorder() { handle.run_upkeep() },
        }
    }
}

async fn figures() -> impl IntoResponse {
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let events_offset = health.store.follow().borrow().0;
    // The database's word, not the memory's: an unreadable disk must show.
    let projected: Result<_, ProjectionError> = health.projections.offset().await;
    let faults: Vec<String> = health.faults.iter().filter_map(|fault| fault.borrow().clone()).collect();
    let (status, projections_offset, reason) = match projected {
        Ok(offset) if events_offset.saturating_sub(offset.0) <= BEHIND_EVENTS_MAX => {
            let status = if faults.is_empty() { "ready" } else { "degraded" };
            (status, offset.0, faults.join("; "))
        }
        Ok(offset) => {
            ("behind", offset.0, format!("the read tables are more than {BEHIND_EVENTS_MAX} events behind; wait"))
        }
        Err(error) => ("failing", 0, format!("{error}; is the disk of the data folder well?")),
    };
    let code = if matches!(status, "ready" | "degraded") { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    (code, Json(Report { status: status.to_owned(), version, events_offset, projections_offset, reason }))
}
