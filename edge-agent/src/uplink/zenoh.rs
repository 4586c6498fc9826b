//! The way to the hub over Zenoh, on QUIC.
//!
//! A durable batch is a query whose reply is the acknowledgement, because Zenoh's `put` returns `Ok` while the hub is
//! away and nothing is delivered. QUIC only: the TLS link loses messages under load. `zenoh::open` waits for the hub,
//! so it runs in a task of its own; a session that twice did not answer is closed and opened anew, whatever Zenoh
//! itself believes about it. An enrolled box shows its certificate; each opening reads the files again.

use super::{Identity, Link, LinkError, UplinkConfig};
use crate::backoff::Backoff;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use zenoh::{
    Session,
    qos::{CongestionControl, Priority},
    query::{ConsolidationMode, QueryTarget},
};

/// Unanswered questions in a row before the session is opened anew.
const SILENCES_MAX: u32 = 2;
/// A link that is silent this long is gone, milliseconds: the hub's own figure.
const LEASE_MS: u32 = 3_000;

/// The link. Dropping it closes the session.
pub struct ZenohLink {
    hub: String,
    session: watch::Receiver<Option<Session>>,
    silences: AtomicU32,
    anew: Arc<Notify>,
    keeper: JoinHandle<()>,
}

impl ZenohLink {
    /// Begins to connect, and goes on until it is dropped. Needs a tokio runtime of several threads.
    pub fn open(config: &UplinkConfig) -> Self {
        let (opened, session) = watch::channel(None);
        let anew = Arc::new(Notify::new());
        let keeper = tokio::spawn(keep_open(config.clone(), opened, anew.clone()));
        Self { hub: config.hub.clone(), session, silences: AtomicU32::new(0), anew, keeper }
    }

    fn away(&self, reason: impl std::fmt::Display) -> LinkError {
        LinkError::Away { hub: self.hub.clone(), reason: reason.to_string() }
    }

    fn session(&self) -> Result<Session, LinkError> {
        self.session.borrow().clone().ok_or_else(|| {
            self.away(
                "not connected yet (is it running? was this box enrolled there, or is uplink.authority its ca.pem?)",
            )
        })
    }

    fn was_silent(&self) {
        if self.silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES_MAX {
            self.silences.store(0, Ordering::Relaxed);
            self.anew.notify_one();
        }
    }
}

impl Drop for ZenohLink {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link for ZenohLink {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        let session = self.session()?;
        let answers = session
            .get(key)
            .payload(payload)
            .target(QueryTarget::BestMatching)
            .consolidation(ConsolidationMode::None)
            .congestion_control(CongestionControl::Block)
            .priority(Priority::Data)
            .timeout(timeout)
            .await
            .map_err(|error| self.away(error))?;
        let timeout_ms = timeout.as_millis() as u64;
        // Zenoh ends the query by itself; the margin is for a session that does not even do that.
        let Ok(answer) = tokio::time::timeout(timeout + Duration::from_millis(250), answers.recv_async()).await else {
            self.was_silent();
            return Err(LinkError::Timeout { hub: self.hub.clone(), timeout_ms });
        };
        match answer.map(zenoh::query::Reply::into_result) {
            Ok(Ok(sample)) => {
                self.silences.store(0, Ordering::Relaxed);
                Ok(sample.payload().to_bytes().into_owned())
            }
            Ok(Err(error)) => {
                self.was_silent();
                Err(self.away(String::from_utf8_lossy(&error.payload().to_bytes())))
            }
            // Nobody is declared there: the link is down or the hub stops.
            Err(_) => Err(self.away("nobody takes records there")),
        }
    }

    async fn say(&self, key: &str, payload: Vec<u8>, traceparent: Option<&str>) -> Result<(), LinkError> {
        self.session()?
            .put(key, payload)
            .congestion_control(CongestionControl::Drop)
            .priority(Priority::RealTime)
            .express(true)
            .attachment(traceparent.map(str::to_owned))
            .await
            .map_err(|error| self.away(error))
    }

    async fn close(&self) {
        self.keeper.abort();
        let session = self.session.borrow().clone();
        if let Some(session) = session
            && let Err(error) = session.close().await
        {
            tracing::debug!(%error, "the session did not close cleanly");
        }
    }

    fn reopen(&self) {
        self.anew.notify_one();
    }

    fn carrier(&self) -> &'static str {
        "zenoh"
    }
}

async fn keep_open(config: UplinkConfig, opened: watch::Sender<Option<Session>>, anew: Arc<Notify>) {
    let mut backoff = Backoff::new(100, config.retry_max_ms, 0);
    loop {
        let client = match client(&config) {
            Ok(client) => client,
            Err(reason) => {
                // A damaged identity may be enrolled again while the box runs.
                tracing::error!(reason, "uplink: these settings cannot be used");
                tokio::time::sleep(Duration::from_millis(backoff.next_ms())).await;
                continue;
            }
        };
        match zenoh::open(client).await {
            Ok(session) => {
                backoff.succeeded();
                tracing::info!(hub = config.hub, "uplink: connected");
                opened.send_replace(Some(session));
                anew.notified().await;
                metrics::counter!("uplink_reopened_total").increment(1);
                if let Some(session) = opened.send_replace(None) {
                    // It may wait for a hub that is gone.
                    let _ = tokio::time::timeout(Duration::from_secs(1), session.close()).await;
                }
            }
            Err(error) => {
                tracing::debug!(%error, hub = config.hub, "uplink: not connected");
                tokio::time::sleep(Duration::from_millis(backoff.next_ms())).await;
            }
        }
    }
}

/// Zenoh's settings for `config`: mutual TLS when the box is enrolled.
pub fn client(config: &UplinkConfig) -> Result<zenoh::Config, String> {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.to_string_lossy());
    let identity = Identity::load(&config.identity).map_err(|error| error.to_string())?;
    let authority = identity.as_ref().map_or_else(|| config.authority.clone(), Identity::authority);
    let mut settings = vec![
        ("mode", text("client")),
        ("connect/endpoints", serde_json::Value::from(vec![config.hub.clone()]).to_string()),
        ("connect/timeout_ms", "-1".into()),
        ("connect/exit_on_failure", "false".into()),
        ("connect/retry", r"{ period_init_ms: 100, period_max_ms: 1000, period_increase_factor: 2 }".into()),
        ("listen/endpoints", "[]".into()),
        ("scouting/multicast/enabled", "false".into()),
        ("scouting/gossip/enabled", "false".into()),
        ("transport/link/tx/lease", LEASE_MS.to_string()),
        ("transport/link/tls/root_ca_certificate", path(&authority)),
    ];
    if let Some(identity) = identity {
        let pem = path(&identity.pem());
        settings.extend([
            ("transport/link/tls/enable_mtls", "true".into()),
            ("transport/link/tls/connect_certificate", pem.clone()),
            ("transport/link/tls/connect_private_key", pem),
        ]);
    }
    let mut client = zenoh::Config::default();
    for (key, value) in settings {
        client.insert_json5(key, &value).map_err(|error| format!("{key} = {value}: {error}"))?;
    }
    Ok(client)
}
