//! Takes what boxes send: batches to be kept, and the newest state to be shown.
//!
//! ```text
//!  Zenoh query (Batch)   ─┐                                                          ┌► Zenoh reply
//!  MQTT publish (Batch)  ─┴► admission ─► Handover ─► event_store ─► Answer, after ──┴► MQTT answer topic
//!  Zenoh put, MQTT publish (LiveState) ─► LiveBoard ─► services      the commit
//!                                        LiveBoard ◄═ live_relay, Redis ═► other processes' LiveBoard
//!  Zenoh query, MQTT publish (Report) ─► downlink::Desk ─► Zenoh reply, MQTT answer topic
//! ```
//!
//! Comes in: bytes from strangers. Goes out: [`Handover`]s in a bounded queue, the [`LiveBoard`], and an answer for
//! each batch. Never: an acknowledgement before the commit, or, where certificates are required, anything from who is
//! not on the roster. When the queue is full the box is told to wait; bytes that are no batch are refused with the
//! reason. A broker that is away is said in health and tried again.

pub mod admission;
pub mod config;
pub mod live_board;
mod retrying;
pub mod live_relay;
pub mod mqtt;
pub mod zenoh;

pub use admission::{Admission, Handover};
pub use config::IngestConfig;
pub use live_board::{LiveBoard, Shown};

use crate::downlink::Desk;
use crate::trust::{Certificates, Roster, TrustError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What ingest cannot do.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The listener cannot be opened.
    #[error("ingest cannot listen on {endpoint}: {reason} (is the port taken, the address of this machine?)")]
    Listen {
        /// Where it should.
        endpoint: String,
        /// What Zenoh says.
        reason: String,
    },
    /// The hub's certificates cannot be had.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// What is wrong with the broker; `None` while nothing is, or none is configured.
pub type BrokerFault = watch::Sender<Option<String>>;

/// Every way in.
pub struct Listener {
    zenoh: zenoh::Listener,
    mqtt: Option<mqtt::Listener>,
    desk: Option<Desk>,
}

impl Listener {
    /// Opens every way in; with a `roster`, for those on it alone, with a `desk` for whoever asks for commands too. A
    /// broker that is away is no error.
    pub async fn open(
        config: &IngestConfig,
        certificates: &Certificates,
        roster: Option<&Roster>,
        desk: Option<Desk>,
    ) -> Result<Self, IngestError> {
        let mqtt = (!config.mqtt.is_empty()).then(|| mqtt::Listener::new(config, certificates));
        Ok(Self { zenoh: Box::pin(zenoh::Listener::open(config, certificates, roster)).await?, mqtt, desk })
    }

    /// Takes what comes until `stop`. Returns once nothing more will be handed over.
    pub async fn run(
        self,
        admission: Admission,
        live: LiveBoard,
        broker: BrokerFault,
        stop: CancellationToken,
    ) -> Result<(), IngestError> {
        let zenoh = self.zenoh.run(admission.clone(), live.clone(), self.desk.clone(), stop.clone());
        let Some(mqtt) = self.mqtt else { return zenoh.await };
        // The router ends before its time only when something is badly wrong, and then the hub ends too.
        let router_ended = stop.child_token();
        let mqtt = mqtt.run(admission, live, self.desk, broker, router_ended.clone());
        let zenoh = async {
            let ended = zenoh.await;
            router_ended.cancel();
            ended
        };
        tokio::join!(zenoh, mqtt).0
    }
}

/// Listens to whoever comes until `stop`, without a roster. Returns once nothing more will be handed over.
pub async fn run(
    config: &IngestConfig,
    admission: Admission,
    live: LiveBoard,
    stop: CancellationToken,
) -> Result<(), IngestError> {
    let certificates = Certificates::ensure(&config.certificates, &config.names)?;
    let listener = Listener::open(config, &certificates, None, None).await?;
    Box::pin(listener.run(admission, live, BrokerFault::default(), stop)).await
}
