//! A hub as a process: where boxes reach it, and that it stops when it is told.
//!
//! Comes in: a configuration, SIGTERM, SIGINT. Goes out: a line that says where the hub is, once all of it can be reached.
//! When boxes can no longer reach it, it ends, so that a supervisor starts it anew.

use super::{Hub, STOP};
use crate::{
    config::HubConfig,
    downlink::Desk,
    ingest::Listener,
    roles::Role,
    time,
    trust::{Certificates, enrolment},
};
use tokio::signal::unix;
use tokio_util::sync::CancellationToken;

/// What boxes reach: the router and, where certificates are required, the port where they get them.
pub struct Ears {
    /// Over Zenoh and MQTT.
    pub listener: Listener,
    /// Over HTTPS.
    pub enrolment: Option<enrolment::Service>,
}

impl Ears {
    /// Opens them for `hub`.
    pub async fn open(config: &HubConfig, hub: &Hub) -> anyhow::Result<Self> {
        let certificates = Certificates::ensure(&config.ingest.certificates, &config.ingest.names)?;
        if !config.ingest.require_certificates {
            tracing::warn!("certificates are not required: whoever reaches ingest.listen may speak for any box");
            let desk = Desk::open(hub.database.clone(), &certificates, None)?;
            let listener = Listener::open(&config.ingest, &certificates, None, Some(desk)).await?;
            return Ok(Self { listener, enrolment: None });
        }
        let port = config.ingest.listen.iter().find_map(|endpoint| endpoint.rsplit(':').next()?.parse().ok());
        let (database, roster) = (hub.database.clone(), hub.roster.clone());
        let enrolment =
            enrolment::Service::open(&config.trust, &certificates, database, roster, port.unwrap_or(0)).await?;
        let desk = Desk::open(hub.database.clone(), &certificates, Some(hub.roster.clone()))?;
        let listener = Listener::open(&config.ingest, &certificates, Some(&hub.roster), Some(desk)).await?;
        Ok(Self { listener, enrolment: Some(enrolment) })
    }

    /// Hears boxes until `stop`.
    pub async fn run(self, hub: &Hub, stop: CancellationToken) -> anyhow::Result<()> {
        let enrolling = async {
            match self.enrolment {
                Some(enrolment) => enrolment.run(stop.clone()).await,
                None => stop.cancelled().await,
            }
        };
        let listening = async {
            let (admission, board, broker) = (hub.admission.clone(), hub.board.clone(), hub.broker.clone());
            let listened = Box::pin(self.listener.run(admission, board, broker, stop.clone())).await;
            // By itself it ends only when it broke; then the other has no purpose either.
            stop.cancel();
            listened
        };
        let (listened, ()) = tokio::join!(listening, enrolling);
        Ok(listened?)
    }
}

/// Runs the hub until SIGTERM or SIGINT.
pub async fn serve(config: &HubConfig) -> anyhow::Result<()> {
    let began_us = time::monotonic_us();
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let hub = Hub::start(config).await?;
    let deaf = CancellationToken::new();
    // Open before the hub calls itself ready, so that a box told to come finds it.
    let opened = if config.does(Role::Ingest) { Ears::open(config, &hub).await.map(Some) } else { Ok(None) };
    let ears = match opened {
        Ok(ears) => ears,
        Err(error) => {
            hub.stop().await;
            return Err(error);
        }
    };
    let enrolment = ears.as_ref().and_then(|ears| ears.enrolment.as_ref()).map(|enrolment| enrolment.address);
    tracing::info!(
        address = hub.addresses.first().map(tracing::field::display),
        addresses = ?hub.addresses,
        roles = ?config.roles,
        ingest = ?ears.as_ref().map(|_| &config.ingest.listen),
        mqtt = config.ingest.mqtt,
        enrolment = ?enrolment,
        data = %config.data.display(),
        started_ms = time::monotonic_us().saturating_sub(began_us) / 1_000,
        "the hub is ready"
    );
    println!("{}", ready(config, &hub));
    let broke = {
        let hearing = async {
            if let Some(ears) = ears {
                return ears.run(&hub, deaf.clone()).await;
            }
            deaf.cancelled().await;
            Ok(())
        };
        tokio::pin!(hearing);
        let broke = tokio::select! {
            heard = &mut hearing => Some(heard),
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
        };
        tracing::info!("stopping");
        deaf.cancel();
        if broke.is_none() {
            let _ = tokio::time::timeout(STOP, hearing).await;
        }
        broke
    };
    hub.stop().await;
    tracing::info!("stopped");
    match broke {
        None => Ok(()),
        Some(heard) => {
            heard?;
            anyhow::bail!("boxes can no longer reach the hub: its router ended; the log says why")
        }
    }
}

fn ready(config: &HubConfig, hub: &Hub) -> String {
    let scheme = if config.does(Role::Gateway) { config.gateway.scheme() } else { "http" };
    let addresses: Vec<String> = hub.addresses.iter().map(|address| format!("{scheme}://{address}")).collect();
    let addresses = addresses.join(" ");
    if !Role::ALL.into_iter().all(|role| config.does(role)) {
        let roles: Vec<String> = config.roles.iter().map(ToString::to_string).collect();
        return format!("hub ready: {addresses} ({})", roles.join(", "));
    }
    let boxes = config.ingest.listen.join(", ");
    format!("hub ready: {addresses} (boxes: {boxes}; data: {})", config.data.display())
}
