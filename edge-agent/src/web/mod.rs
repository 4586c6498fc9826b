//! The box's own page: `/metrics`, `/health`, and what staff at the rink need to see.
//!
//! Comes in: the [`Health`] board, the metrics, and a [`Picture`] of the moment that the pipeline draws when asked.
//! Goes out: one page that renews itself every two seconds, the same as JSON, and Prometheus text. Never: changes
//! anything on the box, or asks the hub; the page works when everything else does not.

pub mod config;
mod page;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, Metrics, Overall, Stage},
    sensors::status::TagStatus,
    time,
};

pub use config::Config;

/// What can go wrong: only at the start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address cannot be used.
    #[error("{listen}: {source} (give another web.listen, or stop the program that has this one)")]
    Listen {
        /// As configured.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// What staff want to see beside health, at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Picture {
    /// The box, as the hub calls it.
    pub edge: String,
    /// The game records belong to now.
    pub game: Option<u64>,
    /// All cameras, in order of the configuration.
    pub cameras: Vec<Camera>,
    /// All tags heard.
    pub tags: Vec<TagStatus>,
    /// The way to the hub that carries; empty while none does.
    pub carrier: &'static str,
    /// Streams on their way to the hub.
    pub queue: Vec<Waiting>,
}

/// One camera.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Camera {
    /// Where its pictures come from, without passwords.
    pub source: String,
    /// Pictures a second, lately.
    pub frames_per_second: f64,
    /// People tracked in its last picture.
    pub tracks: usize,
}

/// Records of one stream that the hub does not have yet.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Waiting {
    /// The stream.
    pub stream: String,
    /// Records kept here and not yet acknowledged.
    pub records: u64,
}

/// What the page shows, and where it gets it.
#[derive(Clone)]
pub struct Page {
    /// The board.
    pub health: Health,
    /// The metrics.
    pub metrics: Metrics,
    /// Draws the moment; called for each look at the page, so it must not wait for anything.
    pub picture: Arc<dyn Fn() -> Picture + Send + Sync>,
}

/// `/health`: how the box is.
#[derive(Debug, Serialize)]
struct Answer {
    overall: Overall,
    stages: Vec<Stage>,
    #[serde(flatten)]
    picture: Picture,
}

/// Opens the page at `config.listen` and serves it until `stop`: the address bound (port 0 is a free one), and what
/// must be spawned to serve.
pub async fn start(
    config: &Config,
    page: Page,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static + use<>), WebError> {
    let failed = |source| WebError::Listen { listen: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let served = axum::serve(listener, router(page)).with_graceful_shutdown(stop.cancelled_owned());
    let serve = async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the box's page ended");
        }
    };
    Ok((bound, serve))
}

fn router(page: Page) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here; try / or /health or /metrics\n") })
        .layer(axum::middleware::map_response(guard))
        .with_state(page)
}

/// No script, no frame, no foreign source: the page needs none, so none can be smuggled in.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Page {
    fn answer(&self) -> Answer {
        let (overall, stages) = (self.health.overall(), self.health.stages());
        Answer { overall, stages, picture: (self.picture)() }
    }
}

async fn index(State(page): State<Page>) -> Html<String> {
    Html(page::render(&page.answer(), time::utc_us()))
}

/// 200 while the box does its work, 503 when a stage is down: what a load balancer or a check by hand wants to know.
async fn health(State(page): State<Page>) -> impl IntoResponse {
    let answer = page.answer();
    let code = if answer.overall == Overall::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(answer))
}

async fn metrics(State(page): State<Page>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.metrics.text())
}

/// Where the page is when nothing else is said: this machine only. Staff reach it through the installer's choice.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health;

    async fn fetch(bound: SocketAddr, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("http://{bound}{path}")).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    #[tokio::test]
    async fn the_page_says_what_is_wrong_and_what_to_do() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let health = Health::new();
        health.report("capture 0", health::State::degraded("<b>dark</b>", "take the lens cap off & look again"));
        let tag = TagStatus {
            tag: 1042,
            line: 0,
            packets: 7,
            lost: 1,
            seen_us: 5,
            battery_percent: Some(9),
            fault: None,
            drift_ppm: 0.0,
            restarts: 0,
        };
        let picture = Picture {
            edge: "box-1".into(),
            cameras: vec![Camera { source: "rtsp://camera".into(), frames_per_second: 29.97, tracks: 12 }],
            tags: vec![tag],
            queue: vec![Waiting { stream: "events".into(), records: 3 }],
            ..Picture::default()
        };
        let page = Page {
            health: health.clone(),
            metrics: Metrics::detached().unwrap(),
            picture: Arc::new(move || picture.clone()),
        };
        let stop = CancellationToken::new();
        let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        let (bound, serve) = start(&config, page, stop.clone()).await.unwrap();
        let serving = tokio::spawn(serve);

        let (code, html) = fetch(bound, "/").await;
        assert_eq!(code, 200);
        for part in
            ["box-1", "&lt;b&gt;dark&lt;/b&gt;", "take the lens cap off &amp; look again", "1042", "30.0", "events"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("<b>dark"), "{html}");

        let (code, json) = fetch(bound, "/health").await;
        assert_eq!(code, 200);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["overall"], "degraded");
        assert_eq!(json["stages"][0]["cure"], "take the lens cap off & look again");
        assert_eq!(json["tags"][0]["tag"], 1042);

        health.report("uplink", health::State::down("hub away", "check the network"));
        assert_eq!(fetch(bound, "/health").await.0, 503);
        assert_eq!(fetch(bound, "/metrics").await.0, 200);
        assert_eq!(fetch(bound, "/secret").await.0, 404);

        let same = Config { listen: bound, ..config };
        let taken = start(
            &same,
            Page { health, metrics: Metrics::detached().unwrap(), picture: Arc::new(Picture::default) },
            stop.clone(),
        );
        let Err(refused) = taken.await.map(|_| ()) else { panic!("two pages at {bound}") };
        assert!(refused.to_string().contains("web.listen"), "{refused}");

        stop.cancel();
        serving.await.unwrap();
    }
}
