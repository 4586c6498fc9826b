//! The hub's Zenoh router: boxes reach it over QUIC.
//!
//! Comes in: queries at `RECORDS_OF_ALL` (batches) and puts at `LIVE_OF_ALL` (states). Goes out: replies, states on the
//! board. QUIC only: Zenoh's TLS link loses messages under load while `put` reports success. Scouting is off: a hub is
//! reached where its boxes are told, nowhere else. Stopping undeclares the queryable, so that a box learns at once.

use super::{Admission, IngestConfig, IngestError, LiveBoard, certificates::Certificates};
use firmware_protocol::network::topic;
use std::{path::Path, sync::Arc};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use zenoh::{
    Session, Wait as _,
    handlers::{FifoChannel, FifoChannelHandler, RingChannel, RingChannelHandler},
    pubsub::Subscriber,
    query::{Query, Queryable},
    sample::Sample,
};

/// Queries taken from the network but not yet admitted: about one for each box.
const QUERIES_MAX: usize = 256;
/// States not yet on the board. Older ones give way: a watcher wants the newest.
const STATES_MAX: usize = 1_024;
/// A link that is silent this long is gone, milliseconds. Three seconds: longer than any Wi-Fi hiccup worth keeping a
/// link for, short enough that a box is back within its five.
const LEASE_MS: u32 = 3_000;

/// The open router.
pub struct Listener {
    session: Session,
    batches: Queryable<FifoChannelHandler<Query>>,
    states: Subscriber<RingChannelHandler<Sample>>,
}

impl Listener {
    /// Opens the router.
    pub async fn open(config: &IngestConfig, certificates: &Certificates) -> Result<Self, IngestError> {
        let fault = |reason: &dyn std::fmt::Display| IngestError::Listen {
            endpoint: config.listen.join(", "),
            reason: reason.to_string(),
        };
        let router = router(config, certificates).map_err(|reason| fault(&reason))?;
        let session = zenoh::open(router).await.map_err(|error| fault(&error))?;
        let batches = session
            .declare_queryable(topic::RECORDS_OF_ALL)
            .with(FifoChannel::new(QUERIES_MAX))
            .await
            .map_err(|error| fault(&error))?;
        let states = session
            .declare_subscriber(topic::LIVE_OF_ALL)
            .with(RingChannel::new(STATES_MAX))
            .await
            .map_err(|error| fault(&error))?;
        tracing::info!(listen = ?config.listen, authority = %certificates.authority.display(), "boxes may connect");
        Ok(Self { session, batches, states })
    }

    /// Takes what comes until `stop`; then waits for what is under way and closes.
    pub async fn run(self, admission: Admission, live: LiveBoard, stop: CancellationToken) {
        let under_way = Arc::new(Semaphore::new(QUERIES_MAX));
        // States never wait for a batch to be opened.
        let shown = tokio::spawn(show(self.states, live, stop.clone()));
        loop {
            let query = tokio::select! {
                () = stop.cancelled() => break,
                query = self.batches.recv_async() => query,
            };
            let Ok(query) = query else { break };
            answer(query, &admission, &under_way).await;
        }
        let _ = self.batches.undeclare().await;
        let _ = under_way.acquire_many(QUERIES_MAX as u32).await;
        if let Err(error) = self.session.close().await {
            tracing::warn!(%error, "the router did not close cleanly");
        }
        let _ = shown.await;
    }
}

async fn show(states: Subscriber<RingChannelHandler<Sample>>, live: LiveBoard, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            sample = states.recv_async() => match sample {
                Ok(sample) => live.hear(sample.key_expr().as_str(), &sample.payload().to_bytes()),
                Err(_) => return,
            },
        }
    }
}

/// Admits one batch, in the order of arrival; its answer waits in a task of its own, so that boxes wait for their own
/// commit only.
async fn answer(query: Query, admission: &Admission, under_way: &Arc<Semaphore>) {
    let Ok(permit) = under_way.clone().acquire_owned().await else { return };
    let Some(payload) = query.payload() else { return };
    let Some(entered) = admission.enter(query.key_expr().as_str(), &payload.to_bytes()) else { return };
    tokio::spawn(async move {
        if let Some(acknowledgement) = entered.acknowledged().await {
            let reply = query.reply(query.key_expr().clone(), acknowledgement);
            if let Err(error) = reply.wait() {
                tracing::debug!(%error, "a box left before its answer");
            }
        }
        drop(permit);
    });
}

fn router(config: &IngestConfig, certificates: &Certificates) -> Result<zenoh::Config, String> {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.to_string_lossy());
    let message_bytes_max = config.batch_bytes_max + (64 << 10);
    let settings = [
        ("mode", text("router")),
        ("listen/endpoints", serde_json::Value::from(config.listen.clone()).to_string()),
        ("listen/timeout_ms", "0".into()),
        ("listen/exit_on_failure", "true".into()),
        ("connect/endpoints", "[]".into()),
        ("scouting/multicast/enabled", "false".into()),
        ("scouting/gossip/enabled", "false".into()),
        ("transport/link/tx/lease", LEASE_MS.to_string()),
        ("transport/link/rx/max_message_size", message_bytes_max.to_string()),
        ("transport/link/tls/listen_certificate", path(&certificates.server)),
        ("transport/link/tls/listen_private_key", path(&certificates.server_key)),
    ];
    let mut router = zenoh::Config::default();
    for (key, value) in settings {
        router.insert_json5(key, &value).map_err(|error| format!("{key} = {value}: {error}"))?;
    }
    Ok(router)
}
