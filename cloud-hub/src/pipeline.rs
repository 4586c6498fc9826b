//! Joins all parts of the hub; the only file that knows every stage.
//!
//! Comes in: a configuration. Goes out: a running [`Hub`] that says where it listens. Stopping goes downstream: boxes
//! are no longer heard, what was heard is kept, pages are told, the file is closed. A part that cannot start says why
//! and nothing is left running.

use crate::{
    config::HubConfig,
    downlink::Desk,
    event_store::EventStore,
    gateway::{self, Doors},
    health::{self, Health},
    ingest::{Admission, BrokerFault, Listener, LiveBoard},
    lake::Lake,
    projections::{Freshness, Projections, follower, projector},
    services::core::{Core, Sources},
    storage::{Database, objects::Objects},
    time,
    trust::{Certificates, Roster, enrolment, mosquitto},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{signal::unix, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Time what is kept has to be kept when the hub stops; a supervisor's own limit is longer than both.
const STOP: Duration = Duration::from_secs(10);
/// Time whoever waits for an answer has to get it.
const ANSWER: Duration = Duration::from_secs(5);

/// A running hub.
pub struct Hub {
    /// Where browsers and programs reach it: the port that was bound.
    pub address: SocketAddr,
    /// The door for batches.
    pub admission: Admission,
    /// The newest states.
    pub board: LiveBoard,
    /// What is wrong with the broker.
    pub broker: BrokerFault,
    /// The truth.
    pub store: EventStore,
    /// The enrolments in force.
    pub roster: Roster,
    core: Core,
    database: Database,
    doors: JoinHandle<()>,
    answering: CancellationToken,
    keeping: CancellationToken,
    tasks: TaskTracker,
}

impl Hub {
    /// Starts everything but the ear for boxes, which [`serve`] opens; tests come in by `admission` and `board`.
    pub async fn start(config: &HubConfig) -> anyhow::Result<Self> {
        let _ = health::recorder();
        let database = Database::connect(&config.storage, &config.data).await?;
        let store = EventStore::new(database.clone()).await?;
        let projections = Projections::new(database.clone());
        let (freshness, board) = (Freshness::default(), LiveBoard::default());
        let roster = Roster::open(database.clone()).await?;
        let (mut admission, handovers) = Admission::new(config.ingest.queue_batches_max, config.ingest.batch_bytes_max);
        if config.ingest.require_certificates {
            admission = admission.guarded(roster.clone());
        }
        let own = || Certificates::ensure(&config.ingest.certificates, &config.ingest.names);
        let own = config.gateway.https.on.then(own).transpose()?;
        let doors = Doors::open(&config.gateway, own.as_ref()).await?;
        let address = doors.address;

        let (answering, keeping, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let core = Core::start(
            config.core.clone(),
            Sources {
                epoch: database.epoch().await?,
                store: store.clone(),
                projections: projections.clone(),
                freshness: freshness.clone(),
                board: board.clone(),
            },
        );
        let broker = BrokerFault::default();
        let probes = health::router(Health { store: store.clone(), projections, broker: broker.subscribe() });
        let app = gateway::app(&config.gateway, &core, probes);
        tasks.spawn({
            let (store, keeping) = (store.clone(), keeping.clone());
            async move { store.run(handovers, keeping).await }
        });
        tasks.spawn({
            let (store, keeping) = (store.clone(), keeping.clone());
            async move { store.hear(keeping).await }
        });
        let objects = Objects::open(&config.storage, &config.data)?;
        let lake = Lake::new(store.clone(), database.clone(), objects, config.lake.clone());
        tasks.spawn({
            let keeping = keeping.clone();
            async move { lake.run(time::utc_us, keeping).await }
        });
        tasks.spawn(projector::run(store.clone(), database.clone(), freshness, keeping.clone()));
        tasks.spawn(follower::run(store.clone(), database.clone(), keeping.clone()));
        tasks.spawn(health::keep_small(keeping.clone()));
        if config.ingest.require_certificates {
            if let Some(path) = config.trust.mosquitto_acl.clone() {
                let (members, keeping) = (roster.follow(), keeping.clone());
                let written = async move { mosquitto::keep_written(&path, members).await };
                tasks.spawn(async move { keeping.run_until_cancelled(written).await });
            }
            let (roster, keeping) = (roster.clone(), keeping.clone());
            tasks.spawn(async move { roster.run(keeping).await });
        }
        let doors = tokio::spawn(doors.run(app, answering.clone()));
        Ok(Self { address, admission, board, broker, store, roster, core, database, doors, answering, keeping, tasks })
    }

    /// Stops everything: pages are told, what was heard is kept, the file is closed.
    pub async fn stop(self) {
        self.answering.cancel();
        let (answered, ()) = tokio::join!(tokio::time::timeout(ANSWER, self.doors), self.core.stop());
        if answered.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        self.keeping.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some parts did not end in time");
        }
        self.database.close().await;
    }
}

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
    let ears = match Ears::open(config, &hub).await {
        Ok(ears) => ears,
        Err(error) => {
            hub.stop().await;
            return Err(error);
        }
    };
    let enrolment = ears.enrolment.as_ref().map(|enrolment| enrolment.address);
    tracing::info!(
        address = %hub.address,
        ingest = ?config.ingest.listen,
        mqtt = config.ingest.mqtt,
        enrolment = ?enrolment,
        data = %config.data.display(),
        started_ms = time::monotonic_us().saturating_sub(began_us) / 1_000,
        "the hub is ready"
    );
    println!(
        "hub ready: {}://{} (boxes: {}; data: {})",
        config.gateway.scheme(),
        hub.address,
        config.ingest.listen.join(", "),
        config.data.display()
    );
    let broke = {
        let hearing = ears.run(&hub, deaf.clone());
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
