//! Two lanes to the hub.
//!
//! *Live:* the newest state, real-time priority, may drop. *Durable:* batches of consecutive records, compressed, a few
//! unanswered at a time, events first; a batch is forgotten here after the hub says it is committed there. A lost answer
//! means the batch is sent again, and the hub knows what it holds: delivery is exactly once in effect.
//!
//! Comes in: the [`Store`] and a watch of the newest [`LiveState`]. Goes out: messages on a [`Link`], and
//! [`UplinkState`] for whoever reports health. Never: blocks capture or the store, forgets what is not acknowledged.
//! Without a hub it tries again, at most [`UplinkConfig::retry_max_ms`] apart, for as long as the box runs.

pub mod enrolment;
pub mod identity;
pub mod memory;
pub mod zenoh;
pub mod mqtt;
pub mod both;

mod budget;
mod config;
mod durable;
mod live;
mod refused;
#[cfg(test)]
mod tests;

pub use config::{Transport, UplinkConfig};
pub use identity::Identity;

use crate::store::Store;
use crate::traces::Handed;
use firmware_protocol::network::LiveState;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The hub cannot be reached, or it does not listen there.
    #[error("hub {hub} is away: {reason}")]
    Away {
        /// Where it should be.
        hub: String,
        /// What is known.
        reason: String,
    },
    /// It was asked and did not answer.
    #[error("hub {hub}: no answer for {timeout_ms} ms")]
    Timeout {
        /// Who was asked.
        hub: String,
        /// How long it had.
        timeout_ms: u64,
    },
    /// Two ways, and no answer on either.
    #[error("{first}; {second}")]
    Neither {
        /// What the first way says.
        first: Box<LinkError>,
        /// What the second says.
        second: Box<LinkError>,
    },
}

/// A way to the hub. One file for each.
pub trait Link: Send + Sync + 'static {
    /// Puts a question at `key`, and gives the answer's bytes.
    fn ask(
        &self,
        key: &str,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, LinkError>> + Send;

    /// Says `payload` at `key`: arrives soon or never. `traceparent` says which journey it is a part of, as W3C writes it.
    fn say(
        &self,
        key: &str,
        payload: Vec<u8>,
        traceparent: Option<&str>,
    ) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Closes the link; what is under way may be lost.
    fn close(&self) -> impl Future<Output = ()> + Send;

    /// Connects anew, for a certificate that was renewed; what is under way may be lost.
    fn reopen(&self);

    /// The name of the way that carries; empty while none does.
    fn carrier(&self) -> &'static str;
}

/// A way that several use.
impl<L: Link> Link for Arc<L> {
    fn ask(
        &self,
        key: &str,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, LinkError>> + Send {
        L::ask(self, key, payload, timeout)
    }

    fn say(
        &self,
        key: &str,
        payload: Vec<u8>,
        traceparent: Option<&str>,
    ) -> impl Future<Output = Result<(), LinkError>> + Send {
        L::say(self, key, payload, traceparent)
    }

    fn close(&self) -> impl Future<Output = ()> + Send {
        L::close(self)
    }

    fn reopen(&self) {
        L::reopen(self);
    }

    fn carrier(&self) -> &'static str {
        L::carrier(self)
    }
}

/// How the uplink is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UplinkState {
    /// Whether the hub answered last time it was asked; unknown before the first time.
    pub connected: Option<bool>,
    /// The way the last answer came; empty before the first.
    pub carrier: &'static str,
    /// When a batch was last acknowledged, microseconds UTC.
    pub acknowledged_us: Option<i64>,
    /// Records acknowledged since the start.
    pub records: u64,
    /// Batches the hub refused for good since the start.
    pub refused: u64,
    /// Live states said since the start.
    pub live_states: u64,
    /// Why the last try failed; `None` when it did not.
    pub error: Option<String>,
    /// Why the box's certificate was not renewed when it should have been.
    pub not_renewed: Option<String>,
}

/// The newest state, and beside it the journey of a frame that went into it.
#[derive(Debug)]
pub struct Newest {
    /// The newest state, again and again.
    pub states: watch::Receiver<Option<LiveState>>,
    /// The journey, once in a while.
    pub journeys: Handed,
}

impl From<watch::Receiver<Option<LiveState>>> for Newest {
    /// Nobody's journey.
    fn from(states: watch::Receiver<Option<LiveState>>) -> Self {
        Self { states, journeys: Handed::default() }
    }
}

/// Runs both lanes over `link` until `stop`, and keeps the certificate of an enrolled box fresh.
pub async fn run<L: Link>(
    config: UplinkConfig,
    link: L,
    store: Arc<Store>,
    newest: impl Into<Newest>,
    state: watch::Sender<UplinkState>,
    stop: CancellationToken,
) {
    let budget = budget::Budget::new(config.bytes_per_second_max, config.backlog_bytes_per_second);
    let durable = durable::Lane::new(&config, &link, &store, &state, &budget);
    tokio::select! {
        () = stop.cancelled() => {}
        () = durable.run() => {}
        () = live::run(&config, &link, newest.into(), &state, &budget) => {}
        () = stay_certified(&config, &link, &state) => {}
    }
    link.close().await;
}

/// Never ends; without an identity, does nothing.
async fn stay_certified<L: Link>(config: &UplinkConfig, link: &L, state: &watch::Sender<UplinkState>) {
    let Ok(Some(identity)) = Identity::load(&config.identity) else { return std::future::pending().await };
    let told = |outcome: Result<&Identity, &enrolment::EnrolError>| {
        if outcome.is_ok() {
            link.reopen();
        }
        state.send_modify(|state| state.not_renewed = outcome.err().map(ToString::to_string));
    };
    enrolment::keep_renewed(identity, told).await;
}
