//! Takes what boxes send: batches to be kept, and the newest state to be shown.
//!
//! ```text
//!  Zenoh query (Batch)   ─┐                                                          ┌► Zenoh reply
//!  MQTT publish (Batch)  ─┴► admission ─► Handover ─► event_store ─► Answer, after ──┴► MQTT answer topic
//!  Zenoh put, MQTT publish (LiveState) ─► LiveBoard ─► gateway       the commit
//! ```
//!
//! Comes in: bytes from strangers. Goes out: [`Handover`]s in a bounded queue, the [`LiveBoard`], and an answer for
//! each batch. Never: an acknowledgement before the commit. When the queue is full the box is told to wait; bytes that
//! are no batch are refused with the reason. A broker that is away is said in health and tried again.

pub mod admission;
pub mod certificates;
pub mod config;
pub mod live_board;
pub mod mqtt;
pub mod zenoh;

pub use admission::{Admission, Handover};
pub use config::IngestConfig;
pub use live_board::LiveBoard;

use certificates::Certificates;
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
    /// The certificates cannot be made or written.
    #[error("certificates in {folder}: {reason}")]
    Certificates {
        /// Where they should stand.
        folder: String,
        /// What is wrong.
        reason: String,
    },
}

/// What is wrong with the broker; `None` while nothing is, or none is configured.
pub type BrokerFault = watch::Sender<Option<String>>;

/// Every way in.
pub struct Listener {
    zenoh: zenoh::Listener,
    mqtt: Option<mqtt::Listener>,
}

impl Listener {
    /// Opens every way in, making certificates where there are none. A broker that is away is no error.
    pub async fn open(config: &IngestConfig) -> Result<Self, IngestError> {
        let certificates = Certificates::ensure(&config.certificates, &config.names)?;
        let mqtt = (!config.mqtt.is_empty()).then(|| mqtt::Listener::new(config, &certificates));
        Ok(Self { zenoh: zenoh::Listener::open(config, &certificates).await?, mqtt })
    }

    /// Takes what comes until `stop`. Returns once nothing more will be handed over.
    pub async fn run(self, admission: Admission, live: LiveBoard, broker: BrokerFault, stop: CancellationToken) {
        let zenoh = self.zenoh.run(admission.clone(), live.clone(), stop.clone());
        let Some(mqtt) = self.mqtt else { return zenoh.await };
        // The router ends before its time only when something is badly wrong, and then the hub ends too.
        let router_ended = stop.child_token();
        let mqtt = mqtt.run(admission, live, broker, router_ended.clone());
        let zenoh = async {
            zenoh.await;
            router_ended.cancel();
        };
        tokio::join!(zenoh, mqtt);
    }
}

/// Listens until `stop`. Returns once nothing more will be handed over.
pub async fn run(
    config: &IngestConfig,
    admission: Admission,
    live: LiveBoard,
    stop: CancellationToken,
) -> Result<(), IngestError> {
    Listener::open(config).await?.run(admission, live, BrokerFault::default(), stop).await;
    Ok(())
}
