//! The port: who may come in, how long they may take, and how they are shown out.
//!
//! ```text
//!  accept ─► a place for this address? ─► TLS, when on ─► head in time? ─► app ─► answer taken in time?
//! ```
//!
//! Comes in: connections. Goes out: requests with the [`Peer`] at their other end. Never: more connections than
//! configured, in all or of one address; those beyond are closed unheard, which costs a flood as much as it costs the hub.
//! Stopping: nobody else comes in, idle connections are closed, whoever waits for an answer gets it; sockets are told by
//! the service that serves them.

use super::{
    caller::{self, Peer, Proxies},
    config::GatewayConfig,
    connection::{Connection, Places},
    https::Https,
};
use crate::trust::Certificates;
use axum::{Router, extract::Request};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, pin::pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How often the certificate's files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Largest head of a request: browsers send one or two thousand bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why the gateway does not open.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {reason} (is the port taken? try --listen with another)")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
    /// There is no certificate to show.
    #[error("gateway.https: {0}")]
    Certificate(String),
    /// A trusted proxy's network is none.
    #[error("gateway.trusted_proxies: {0} is no network (as 10.0.0.0/8)")]
    Proxies(String),
}

/// The open port.
pub struct Doors {
    /// Where it listens: the port that was bound.
    pub address: SocketAddr,
    listener: TcpListener,
    https: Option<Https>,
    proxies: Proxies,
    places: Places,
    manners: Manners,
}

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
struct Manners {
    head: Duration,
    stall: Duration,
}

impl Doors {
    /// Opens the port. `own` are the hub's certificates, where HTTPS is on.
    pub async fn open(config: &GatewayConfig, own: Option<&Certificates>) -> Result<Self, DoorError> {
        let https = own.map(|own| Https::open(&config.https, own)).transpose().map_err(DoorError::Certificate)?;
        let proxies = Proxies::new(&config.trusted_proxies, config.proxy_header).map_err(DoorError::Proxies)?;
        let fault = |reason| DoorError::Listen { address: config.listen, reason };
        let listener = TcpListener::bind(config.listen).await.map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let places = Places::new(config.connections_max, config.connections_per_address_max);
        let manners = Manners {
            head: Duration::from_millis(config.head_timeout_ms),
            stall: Duration::from_millis(config.stall_timeout_ms),
        };
        Ok(Self { address, listener, https, proxies, places, manners })
    }

    /// Lets in until `stop`; ends when the last one who waits has his answer.
    pub async fn run(mut self, app: Router, stop: CancellationToken) {
        let served = TaskTracker::new();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // axum's way of accepting waits out what passes by itself, such as too many open files.
            let (stream, from) = tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => {
                    if let Some(https) = &mut self.https {
                        https.look();
                    }
                    continue;
                }
                come = axum::serve::Listener::accept(&mut self.listener) => come,
            };
            // A proxy speaks for many.
            let counted = (!self.proxies.trust(from.ip())).then(|| caller::network(from.ip()));
            let Some(place) = self.places.take(counted) else {
                metrics::counter!("gateway_connections_refused_total").increment(1);
                continue;
            };
            // Live frames are small, and none should wait for the one before it to be acknowledged.
            let _ = stream.set_nodelay(true);
            let (manners, app, stop) = (self.manners, app.clone(), stop.clone());
            let connection = Connection::new(stream, manners.stall, place);
            let peer = Peer { address: from.ip(), encrypted: self.https.is_some() };
            match self.https.as_ref().map(|https| https.acceptor.clone()) {
                Some(acceptor) => served.spawn(greet(connection, acceptor, peer, app, manners, stop)),
                None => served.spawn(serve(connection, peer, app, manners, stop)),
            };
        }
        drop(self.listener);
        served.close();
        served.wait().await;
    }
}

/// Shakes hands, then serves.
async fn greet(
    connection: Connection<TcpStream>,
    acceptor: TlsAcceptor,
    peer: Peer,
    app: Router,
    manners: Manners,
    stop: CancellationToken,
) {
    let shaking = stop.run_until_cancelled(timeout(manners.head, acceptor.accept(connection)));
    match shaking.await {
        Some(Ok(Ok(encrypted))) => serve(encrypted, peer, app, manners, stop).await,
        Some(Ok(Err(error))) => tracing::debug!(%error, "no TLS handshake"),
        Some(Err(_)) => tracing::debug!("a TLS handshake did not end"),
        None => {}
    }
}

/// Answers what comes on one connection.
async fn serve<S>(stream: S, peer: Peer, app: Router, manners: Manners, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        app.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(manners.head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Who leaves in the middle, or is shown out, is no fault of ours.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
