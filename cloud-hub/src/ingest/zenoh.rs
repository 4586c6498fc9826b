//! The hub's Zenoh router: boxes reach it over QUIC.
//!
//! Comes in: queries at `RECORDS_OF_ALL` (batches) and `COMMANDS_OF_ALL` (reports), puts at `LIVE_OF_ALL` (states). Goes out: replies, states on the
//! board. QUIC only: Zenoh's TLS link loses messages under load while `put` reports success. Scouting is off: a hub is
//! reached where its boxes are told, nowhere else. Stopping undeclares the queryable, so that a box learns at once.
//!
//! With a roster, links are mutual TLS and Zenoh's access control holds each to what its certificate's name allows: a
//! box says and hears what is its own, a stranger nothing. Zenoh reads these rules when it opens, so a changed roster
//! opens the router anew: every link ends, a revoked box's for good, the others' for the second they need to come back.

use super::{Admission, IngestConfig, IngestError, LiveBoard};
use crate::downlink::Desk;
use crate::trust::{
    Certificates, Roster,
    roster::{Members, name_of},
};
use firmware_protocol::network::topic;
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, watch};
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

/// Tries to open the router anew, and the wait between two: the old one's port comes free within milliseconds.
const REOPENS_MAX: u32 = 200;
const REOPEN: Duration = Duration::from_millis(50);

/// The router, open again and again as the roster changes.
pub struct Listener {
    config: IngestConfig,
    certificates: Certificates,
    members: Option<watch::Receiver<Members>>,
    ear: Ear,
}

/// The open router.
struct Ear {
    session: Session,
    batches: Queryable<FifoChannelHandler<Query>>,
    reports: Queryable<FifoChannelHandler<Query>>,
    states: Subscriber<RingChannelHandler<Sample>>,
}

impl Listener {
    /// Opens the router. With a `roster` it is for those on it alone.
    pub async fn open(
        config: &IngestConfig,
        certificates: &Certificates,
        roster: Option<&Roster>,
    ) -> Result<Self, IngestError> {
        let mut members = roster.map(Roster::follow);
        let ear = Ear::open(config, certificates, members.as_mut()).await?;
        tracing::info!(
            listen = ?config.listen,
            authority = %certificates.authority.display(),
            certificates_required = members.is_some(),
            "boxes may connect"
        );
        Ok(Self { config: config.clone(), certificates: certificates.clone(), members, ear })
    }

    /// Takes what comes until `stop`; then waits for what is under way and closes.
    pub async fn run(
        mut self,
        admission: Admission,
        live: LiveBoard,
        desk: Option<Desk>,
        stop: CancellationToken,
    ) -> Result<(), IngestError> {
        let under_way = Arc::new(Semaphore::new(QUERIES_MAX));
        loop {
            // States never wait for a batch to be opened.
            let deaf = stop.child_token();
            let shown = tokio::spawn(show(self.ear.states, admission.clone(), live.clone(), deaf.clone()));
            let is_changed = {
                let questions = (&self.ear.batches, &self.ear.reports);
                answer_all(questions, &mut self.members, (&admission, desk.as_ref()), &under_way, &stop).await
            };
            deaf.cancel();
            let _ = shown.await;
            if !is_changed {
                let _ = self.ear.batches.undeclare().await;
                let _ = under_way.acquire_many(QUERIES_MAX as u32).await;
                close(&self.ear.session).await;
                return Ok(());
            }
            // Every link ends. What was asked and not answered is asked again by its box.
            close(&self.ear.session).await;
            self.ear = reopened(&self.config, &self.certificates, &mut self.members).await?;
            metrics::counter!("ingest_router_reopened_total").increment(1);
        }
    }
}

/// Answers until `stop`, or until the session breaks: `false`; `true` when the roster changed before.
async fn answer_all(
    (batches, reports): (&Queryable<FifoChannelHandler<Query>>, &Queryable<FifoChannelHandler<Query>>),
    members: &mut Option<watch::Receiver<Members>>,
    (admission, desk): (&Admission, Option<&Desk>),
    under_way: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> bool {
    loop {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = changed(members) => return true,
            query = batches.recv_async() => match query {
                Ok(query) => answer(query, admission, under_way).await,
                Err(_) => return false,
            },
            query = reports.recv_async() => match query {
                Ok(query) => command(query, desk, under_way).await,
                Err(_) => return false,
            },
        }
    }
}

async fn close(session: &Session) {
    if let Err(error) = session.close().await {
        tracing::warn!(%error, "the router did not close cleanly");
    }
}

async fn reopened(
    config: &IngestConfig,
    certificates: &Certificates,
    members: &mut Option<watch::Receiver<Members>>,
) -> Result<Ear, IngestError> {
    let mut tries = 0;
    loop {
        match Ear::open(config, certificates, members.as_mut()).await {
            Ok(ear) => return Ok(ear),
            Err(error) if tries == REOPENS_MAX => return Err(error),
            Err(error) => tracing::debug!(%error, "the router does not open yet"),
        }
        tries += 1;
        tokio::time::sleep(REOPEN).await;
    }
}

/// Ends when the roster changed; without one, never.
async fn changed(members: &mut Option<watch::Receiver<Members>>) {
    if let Some(members) = members
        && members.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl Ear {
    async fn open(
        config: &IngestConfig,
        certificates: &Certificates,
        members: Option<&mut watch::Receiver<Members>>,
    ) -> Result<Self, IngestError> {
        let fault = |reason: &dyn std::fmt::Display| IngestError::Listen {
            endpoint: config.listen.join(", "),
            reason: reason.to_string(),
        };
        let members = members.map(|members| members.borrow_and_update().clone());
        let router = router(config, certificates, members.as_ref()).map_err(|reason| fault(&reason))?;
        let session = zenoh::open(router).await.map_err(|error| fault(&error))?;
        let batches = session
            .declare_queryable(topic::RECORDS_OF_ALL)
            .with(FifoChannel::new(QUERIES_MAX))
            .await
            .map_err(|error| fault(&error))?;
        let reports = session
            .declare_queryable(topic::COMMANDS_OF_ALL)
            .with(FifoChannel::new(QUERIES_MAX))
            .await
            .map_err(|error| fault(&error))?;
        let states = session
            .declare_subscriber(topic::LIVE_OF_ALL)
            .with(RingChannel::new(STATES_MAX))
            .await
            .map_err(|error| fault(&error))?;
        Ok(Self { session, batches, reports, states })
    }
}

async fn show(
    states: Subscriber<RingChannelHandler<Sample>>,
    admission: Admission,
    live: LiveBoard,
    deaf: CancellationToken,
) {
    loop {
        tokio::select! {
            () = deaf.cancelled() => return,
            sample = states.recv_async() => match sample {
                Ok(sample) => {
                    let traceparent = sample.attachment().and_then(|bytes| bytes.try_to_string().ok());
                    let payload = sample.payload().to_bytes();
                    admission.show(&live, sample.key_expr().as_str(), &payload, traceparent.as_deref());
                }
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
            reply(&query, acknowledgement);
        }
        drop(permit);
    });
}

/// Answers one box that asks for its commands.
async fn command(query: Query, desk: Option<&Desk>, under_way: &Arc<Semaphore>) {
    let (Some(desk), Ok(permit)) = (desk.cloned(), under_way.clone().acquire_owned().await) else { return };
    tokio::spawn(async move {
        let report = query.payload().map(zenoh::bytes::ZBytes::to_bytes).unwrap_or_default();
        if let Some(orders) = desk.answer(query.key_expr().as_str(), &report).await {
            reply(&query, orders);
        }
        drop(permit);
    });
}

fn reply(query: &Query, answer: Vec<u8>) {
    if let Err(error) = query.reply(query.key_expr().clone(), answer).wait() {
        tracing::debug!(%error, "a box left before its answer");
    }
}

fn router(
    config: &IngestConfig,
    certificates: &Certificates,
    members: Option<&Members>,
) -> Result<zenoh::Config, String> {
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.to_string_lossy());
    let message_bytes_max = config.batch_bytes_max + (64 << 10);
    let mut settings = vec![
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
    if let Some(members) = members {
        settings.extend([
            ("transport/link/tls/enable_mtls", "true".into()),
            ("transport/link/tls/root_ca_certificate", path(&certificates.authority)),
            ("transport/link/tls/close_link_on_expiration", "true".into()),
            ("access_control", rules(members).to_string()),
        ]);
    }
    let mut router = zenoh::Config::default();
    for (key, value) in settings {
        router.insert_json5(key, &value).map_err(|error| format!("{key} = {value}: {error}"))?;
    }
    Ok(router)
}

/// Zenoh's access control for `members`: by the name in its certificate each says and hears what is its own, and learns
/// that the hub listens. Everything else, and everybody else, is denied.
fn rules(members: &Members) -> serde_json::Value {
    let (mut rules, mut subjects, mut policies) = (Vec::new(), Vec::new(), Vec::new());
    for (edge, member) in members.iter() {
        let name = name_of(edge, member);
        rules.push(json!({
            "id": name,
            "permission": "allow",
            "flows": ["ingress", "egress"],
            "messages": ["query", "reply", "put", "declare_subscriber"],
            "key_exprs": [topic::own(&member.venue, edge)],
        }));
        subjects.push(json!({ "id": name, "cert_common_names": [name] }));
        policies.push(json!({ "rules": [name, "hub"], "subjects": [name] }));
    }
    if !rules.is_empty() {
        rules.push(json!({
            "id": "hub",
            "permission": "allow",
            "flows": ["egress"],
            "messages": ["declare_queryable", "declare_subscriber"],
            "key_exprs": [topic::RECORDS_OF_ALL, topic::LIVE_OF_ALL, topic::COMMANDS_OF_ALL],
        }));
    }
    json!({
        "enabled": true,
        "default_permission": "deny",
        "rules": rules,
        "subjects": subjects,
        "policies": policies,
    })
}
