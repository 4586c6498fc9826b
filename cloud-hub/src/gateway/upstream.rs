//! A service that answers in another process: its addresses, how much it is asked at once, what becomes of it when it
//! does not answer.
//!
//! ```text
//!  request ─► body read whole ─► slot (bulkhead) ─► an address whose breaker is closed ─► answer, passed on as it comes
//!                                  none: 503           none: 503                          socket: copied both ways
//! ```
//!
//! Comes in: requests. Goes out: the service's own answers; 503 with `retry-after` when it has too much to do or nobody
//! answers, 504 when it takes too long. Never: a slow caller in one of its slots, for a body is read whole first; a
//! request sent twice that may change something, but for one that reached nobody. Sockets have slots of their own.

use super::{breaker::Breaker, forwarding, sockets};
use crate::api::Caller;
use crate::{api::Problem, time, traces};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest as _, Request, State},
    http::{Method, StatusCode, Uri, Version, request::Parts, uri::Authority},
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// `[gateway.upstreams]`: where services are that this process does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamsConfig {
    /// Where core answers, `host:port` each.
    pub core: Vec<String>,
    /// Where analytics answers.
    pub analytics: Vec<String>,
    /// Where security answers.
    pub security: Vec<String>,
    /// Requests one service has under way; the next is told to come back.
    pub requests_max: usize,
    /// Sockets one service has open through this gateway.
    pub sockets_max: usize,
    /// After so many failures in a row an address is left alone.
    pub failures_max: u32,
    /// For so long, milliseconds; then one request tries it.
    pub pause_ms: u64,
    /// Time a connection may take to open, milliseconds.
    pub connect_ms: u64,
}

impl Default for UpstreamsConfig {
    fn default() -> Self {
        Self {
            core: Vec::new(),
            analytics: Vec::new(),
            security: Vec::new(),
            requests_max: 512,
            sockets_max: 20_000,
            failures_max: 5,
            pause_ms: 1_000,
            connect_ms: 1_000,
        }
    }
}

impl UpstreamsConfig {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, value, lowest, highest) in [
            ("requests_max", self.requests_max as u64, 1, 100_000),
            ("sockets_max", self.sockets_max as u64, 1, 1_000_000),
            ("failures_max", u64::from(self.failures_max), 1, 1_000),
            ("pause_ms", self.pause_ms, 10, 600_000),
            ("connect_ms", self.connect_ms, 10, 60_000),
        ] {
            if !(lowest..=highest).contains(&value) {
                faults.push(format!("gateway.upstreams.{key} {value} ({lowest} to {highest})"));
            }
        }
        for (key, addresses) in [("core", &self.core), ("analytics", &self.analytics), ("security", &self.security)] {
            for address in addresses {
                if !address.parse::<Authority>().is_ok_and(|authority| authority.port().is_some()) {
                    faults.push(format!("gateway.upstreams.{key} {address:?} (host:port, as core.example:8001)"));
                }
            }
        }
        faults
    }
}

struct Address {
    authority: Authority,
    breaker: Mutex<Breaker>,
}

impl Address {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One service in other processes. Clones share everything.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

struct Shared {
    service: &'static str,
    addresses: Vec<Address>,
    next: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
    requests: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
    patience: Duration,
    fault: watch::Sender<Option<String>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Answers `request` by asking the service.
pub async fn pass(State(upstream): State<Upstream>, request: Request) -> Response {
    upstream.answer(request).await.unwrap_or_else(|problem| {
        metrics::counter!("gateway_upstream_refusals_total", "service" => upstream.shared.service,
            "status" => problem.status.to_string())
        .increment(1);
        problem.into_response()
    })
}

impl Upstream {
    /// `service` at `addresses`, which are as [`UpstreamsConfig::faults`] wants them. An answer may take `patience`. Sockets
    /// end with `stop`, counted by `tracker`.
    pub fn new(
        service: &'static str,
        addresses: &[String],
        config: &UpstreamsConfig,
        patience: Duration,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_millis(config.connect_ms)));
        connector.set_nodelay(true);
        let breaker = Breaker::new(config.failures_max, config.pause_ms * 1_000);
        let addresses = addresses.iter().filter_map(|address| {
            Some(Address { authority: address.parse().ok()?, breaker: Mutex::new(breaker.clone()) })
        });
        let shared = Shared {
            service,
            addresses: addresses.collect(),
            next: AtomicUsize::new(0),
            client: Client::builder(TokioExecutor::new()).build(connector),
            requests: Arc::new(Semaphore::new(config.requests_max)),
            sockets: Arc::new(Semaphore::new(config.sockets_max)),
            patience,
            fault: watch::Sender::new(None),
            tracker,
            stop,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What is wrong with the service; `None` while nothing is.
    pub fn fault(&self) -> watch::Receiver<Option<String>> {
        self.shared.fault.subscribe()
    }

    async fn answer(&self, mut request: Request) -> Result<Response, Problem> {
        let shared = &self.shared;
        let socket = forwarding::asks_for_socket(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let caller = request.extensions().get::<Caller>().copied();
        let (mut head, body) = request.into_parts();
        let body = Bytes::from_request(Request::new(body), &())
            .await
            .map_err(|rejection| Problem::new(rejection.status(), format!("body: {}", rejection.body_text())))?;
        let slots = if socket.is_some() { &shared.sockets } else { &shared.requests };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            return Err(Problem::unavailable(format!("{} has too much to do; try again", shared.service), 1));
        };
        forwarding::between_ends(&mut head.headers, socket.is_some());
        forwarding::say_for_whom(&mut head.headers, caller);
        traces::say_where(&mut head);

        let harmless = matches!(head.method, Method::GET | Method::HEAD);
        for _ in 0..2 {
            let Some(asking) = self.choose() else { break };
            let asked = shared.client.request(copy(&head, body.clone(), &asking.address.authority)?);
            match tokio::time::timeout(shared.patience, asked).await {
                Ok(Ok(response)) => {
                    asking.end(true);
                    return Ok(self.pass_on(response, socket, slot));
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, service = shared.service, "a service did not answer");
                    asking.end(false);
                    if !(harmless || error.is_connect()) {
                        break;
                    }
                }
                Err(_) => {
                    asking.end(false);
                    let detail = format!("{} took longer than this hub allows; try again", shared.service);
                    return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, detail));
                }
            }
        }
        Err(Problem::unavailable(format!("{} does not answer; try again", shared.service), self.wait_s()))
    }

    /// The next address in turn that may be asked.
    fn choose(&self) -> Option<Asking<'_>> {
        let addresses = &self.shared.addresses;
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let now_us = time::monotonic_us();
        let address = (0..addresses.len())
            .map(|step| &addresses[(first.wrapping_add(step)) % addresses.len()])
            .find(|address| address.breaker().admits(now_us))?;
        Some(Asking { upstream: self, address, ended: false })
    }

    /// When one may be asked again, seconds.
    fn wait_s(&self) -> u32 {
        let now_us = time::monotonic_us();
        let waits_us = self.shared.addresses.iter().map(|address| address.breaker().wait_us(now_us));
        u32::try_from(waits_us.min().unwrap_or_default().div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
    }

    fn pass_on(
        &self,
        mut response: Response<Incoming>,
        socket: Option<OnUpgrade>,
        slot: OwnedSemaphorePermit,
    ) -> Response {
        let opens = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        forwarding::between_ends(response.headers_mut(), opens);
        match (opens, socket) {
            (false, _) => response.map(|body| {
                // The slot is free once the whole answer was passed on.
                Body::new(body.map_frame(move |frame| {
                    let _ = &slot;
                    frame
                }))
            }),
            (true, Some(page)) => {
                let service = hyper::upgrade::on(&mut response);
                let stop = self.shared.stop.clone();
                self.shared.tracker.spawn(async move {
                    sockets::join(page, service, stop).await;
                    drop(slot);
                });
                response.map(|_| Body::empty())
            }
            (true, None) => Problem::new(
                StatusCode::BAD_GATEWAY,
                format!("{} opened a socket nobody asked for", self.shared.service),
            )
            .into_response(),
        }
    }

    /// Says in health which addresses are left alone.
    fn tell(&self) {
        let shared = &self.shared;
        let open: Vec<&str> = shared
            .addresses
            .iter()
            .filter(|address| address.breaker().is_open())
            .map(|address| address.authority.as_str())
            .collect();
        metrics::gauge!("gateway_upstreams_away", "service" => shared.service).set(open.len() as f64);
        let fault = (!open.is_empty()).then(|| {
            format!(
                "{} at {} does not answer (does it run? is gateway.upstreams right?)",
                shared.service,
                open.join(", ")
            )
        });
        shared.fault.send_if_modified(|held| {
            let changed = *held != fault;
            if changed {
                if let Some(fault) = &fault {
                    tracing::warn!(fault, "a service is left alone for a while");
                } else {
                    tracing::info!(service = shared.service, "a service answers again");
                }
                *held = fault;
            }
            changed
        });
    }
}

fn copy(head: &Parts, body: Bytes, authority: &Authority) -> Result<hyper::Request<Full<Bytes>>, Problem> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(authority.clone()).path_and_query(path).build();
    let uri = uri.map_err(|_| Problem::bad_request("the path cannot be passed on"))?;
    let mut request = hyper::Request::new(Full::new(body));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = head.headers.clone();
    Ok(request)
}

/// A request that an address's breaker let through. Dropped before its end, it says nothing about the address.
struct Asking<'a> {
    upstream: &'a Upstream,
    address: &'a Address,
    ended: bool,
}

impl Asking<'_> {
    fn end(mut self, answered: bool) {
        self.ended = true;
        let mut breaker = self.address.breaker();
        let was_open = breaker.is_open();
        if answered {
            breaker.answered();
        } else {
            breaker.failed(time::monotonic_us());
        }
        let changed = breaker.is_open() != was_open;
        drop(breaker);
        if changed {
            self.upstream.tell();
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.address.breaker().abandoned();
        }
    }
}
