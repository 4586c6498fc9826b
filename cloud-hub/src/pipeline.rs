//! Joins all parts of the hub; the only file that knows every stage.
//!
//! Comes in: a configuration. Goes out: a running [`Hub`] that says where it listens, with the parts that its roles want.
//! Every process opens the database; those of role ingest write what boxes say, and one of them at a time makes the read
//! tables and the lake. Stopping goes downstream: boxes are no longer heard, what was heard is kept, pages are told, the
//! file is closed. A part that cannot start says why and nothing is left running.

mod serving;

pub use serving::{Ears, serve};

use crate::{
    access::{Access, owners::Owners},
    config::HubConfig,
    event_store::EventStore,
    gateway::{self, Doors, Place, Services, Upstream},
    health::{self, Health, Sampled},
    ingest::{Admission, BrokerFault, Handover, LiveBoard, live_relay},
    lake::Lake,
    projections::{Freshness, Projections, follower, projector},
    roles::Role,
    services::{
        core::{self, Core, Sources},
        security::{self, Security},
    },
    storage::{Database, objects::Objects, relay::Relay},
    time,
    trust::{Certificates, Roster, mosquitto},
};
use anyhow::Context as _;
use axum::Router;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Time what is kept has to be kept when the hub stops; a supervisor's own limit is longer than both.
const STOP: Duration = Duration::from_secs(10);
/// Time whoever waits for an answer has to get it.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a process asks whether it is its turn to make the read tables.
const TURN: Duration = Duration::from_secs(1);

/// A running hub.
pub struct Hub {
    /// Where it is reached over HTTP, the ports that were bound: the gateway's; without one, of its services, core first; of
    /// a process that only hears boxes, the one of its probes.
    pub addresses: Vec<SocketAddr>,
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
    /// Who may come in, and what they may.
    pub access: Access,
    core: Option<Core>,
    database: Database,
    doors: Option<JoinHandle<()>>,
    answering: CancellationToken,
    keeping: CancellationToken,
    tasks: TaskTracker,
}

impl Hub {
    /// Starts everything but the ear for boxes, which [`serve`] opens; tests come in by `admission` and `board`.
    pub async fn start(config: &HubConfig) -> anyhow::Result<Self> {
        let faults = config.faults_of_roles();
        anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
        let _ = health::recorder();
        let database = Database::connect(&config.storage, &config.data).await?;
        let store = EventStore::new(database.clone()).await?;
        let roster = Roster::open(database.clone()).await?;
        let (mut admission, handovers) = Admission::new(config.ingest.queue_batches_max, config.ingest.batch_bytes_max);
        if config.ingest.require_certificates {
            admission = admission.guarded(roster.clone());
        }
        let relay = Relay::new(&config.storage, &database.epoch().await?)?;
        let (answering, keeping, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        // Told of until all requests are answered: stopped with what keeps.
        let (access, following) = Access::open(database.clone(), config.access.clone(), keeping.clone()).await?;
        tasks.spawn(following);
        let mut hub = Self {
            addresses: Vec::new(),
            admission,
            board: LiveBoard::default(),
            broker: BrokerFault::default(),
            store,
            roster,
            access,
            core: None,
            database,
            doors: None,
            answering,
            keeping,
            tasks,
        };
        match hub.open(config, relay, handovers).await {
            Ok(()) => Ok(hub),
            Err(error) => {
                hub.stop().await;
                Err(error)
            }
        }
    }

    async fn open(
        &mut self,
        config: &HubConfig,
        relay: Option<Relay>,
        handovers: mpsc::Receiver<Handover>,
    ) -> anyhow::Result<()> {
        let (freshness, mut faults) = (Freshness::default(), vec![self.broker.subscribe()]);
        let heard = freshness.clone();
        if config.does(Role::Core) || config.does(Role::Analytics) {
            self.core = Some(self.show(config, freshness.clone()).await?);
        }
        let upstreams = self.upstreams(config);
        faults.extend(upstreams.iter().flatten().map(Upstream::fault));
        faults.extend(relay.map(|relay| self.relay(config, &relay)).unwrap_or_default());
        let projections = Projections::new(self.database.clone());
        let probes = health::router(Health { store: self.store.clone(), projections, faults });
        if config.does(Role::Gateway) {
            self.receive(config, self.gateway(config, upstreams, probes)).await?;
        } else {
            for (listen, app) in self.services(config, &probes) {
                self.answer(listen, app).await?;
            }
        }
        if config.does(Role::Ingest) {
            self.keep(config, handovers, freshness)?;
        }
        self.tasks.spawn({
            let (store, keeping) = (self.store.clone(), self.keeping.clone());
            async move { store.hear(keeping).await }
        });
        self.tasks.spawn(health::keep_small(self.keeping.clone()));
        if self.core.is_some() {
            let database = self.database.clone();
            self.tasks.spawn(async move {
                if let Err(error) = database.open_side_by_side().await {
                    tracing::warn!(%error, "connections are opened when they are needed");
                }
            });
        }
        let https = &config.gateway.https;
        let certificates = vec![
            ("authority", config.ingest.certificates.join("ca.pem")),
            ("server", config.ingest.certificates.join("server.pem")),
            ("gateway", https.certificate.clone().unwrap_or_default()),
        ];
        let sampled = Sampled {
            admission: self.admission.clone(),
            board: self.board.clone(),
            freshness: heard,
            roster: self.roster.clone(),
            data: config.data.clone(),
            certificates,
        };
        self.tasks.spawn(health::sampled::run(sampled, self.keeping.clone()));
        Ok(())
    }

    /// What pages are shown from.
    async fn show(&self, config: &HubConfig, freshness: Freshness) -> anyhow::Result<Core> {
        let sources = Sources {
            epoch: self.database.epoch().await?,
            store: self.store.clone(),
            projections: Projections::new(self.database.clone()),
            freshness,
            board: self.board.clone(),
        };
        Ok(Core::start(config.core.clone(), sources))
    }

    /// Core, analytics and security, as far as other processes answer for them.
    fn upstreams(&self, config: &HubConfig) -> [Option<Upstream>; 3] {
        let upstreams = &config.gateway.upstreams;
        // The gateway's own time limit comes after: so it is the service that is found to be slow.
        let patience = Duration::from_millis(config.gateway.request_timeout_ms * 9 / 10);
        [
            (Role::Core, "core", &upstreams.core),
            (Role::Analytics, "analytics", &upstreams.analytics),
            (Role::Security, "security", &upstreams.security),
        ]
        .map(|(role, service, addresses)| {
            (config.does(Role::Gateway) && !config.does(role)).then(|| {
                let (tasks, stop) = (self.tasks.clone(), self.answering.clone());
                Upstream::new(service, addresses, upstreams, patience, tasks, stop)
            })
        })
    }

    /// Carries the board to and from other processes; answers with what may be wrong with that.
    fn relay(&self, config: &HubConfig, relay: &Relay) -> Vec<watch::Receiver<Option<String>>> {
        let mut faults = Vec::new();
        let mut fault = || {
            let fault = live_relay::RelayFault::default();
            faults.push(fault.subscribe());
            (self.board.clone(), relay.clone(), fault, self.keeping.clone())
        };
        if config.does(Role::Ingest) {
            let (board, relay, fault, keeping) = fault();
            self.tasks.spawn(live_relay::say(board, relay, fault, keeping));
        }
        if self.core.is_some() {
            let (board, relay, fault, keeping) = fault();
            self.tasks.spawn(live_relay::hear(board, relay, fault, keeping));
        }
        faults
    }

    /// What everybody is answered.
    fn gateway(&self, config: &HubConfig, upstreams: [Option<Upstream>; 3], probes: Router) -> Router {
        let shown = |upstream: Option<Upstream>| match (upstream, &self.core) {
            (Some(upstream), _) => Place::Elsewhere(upstream),
            (None, core) => Place::Here(core.clone().expect("a service that is not elsewhere is here")),
        };
        let [core, analytics, security] = upstreams;
        let security = security.map_or_else(|| Place::Here(Security::new(self.access.clone())), Place::Elsewhere);
        let (access, owners) = (self.access.clone(), self.owners());
        let services = Services { core: shown(core), analytics: shown(analytics), security, access, owners };
        gateway::app(&config.gateway, services, probes)
    }

    /// What gateways of other processes are answered, and where.
    fn services(&self, config: &HubConfig, probes: &Router) -> Vec<(SocketAddr, Router)> {
        let service = |paths: Router| gateway::service(&config.gateway, paths, probes.clone());
        let (owners, mut doors) = (self.owners(), Vec::new());
        let rights = (&self.access, &owners);
        for (role, listen, paths) in [
            (Role::Core, config.core.listen, core::rest_routes()),
            (Role::Analytics, config.analytics.listen, core::analytics_routes()),
        ] {
            if let Some(core) = self.core.clone().filter(|_| config.does(role)) {
                doors.push((listen, service(gateway::guarded(paths, core, rights))));
            }
        }
        if config.does(Role::Security) {
            let paths = gateway::guarded(security::routes(), Security::new(self.access.clone()), rights);
            doors.push((config.security.listen, service(paths)));
        }
        if doors.is_empty() {
            doors.push((config.ingest.probes, service(Router::new())));
        }
        doors
    }

    fn owners(&self) -> Owners {
        Owners::new(self.database.clone(), self.store.clone())
    }

    /// Lets everybody in at the gateway's port until the hub stops.
    async fn receive(&mut self, config: &HubConfig, app: Router) -> anyhow::Result<()> {
        let own = || Certificates::ensure(&config.ingest.certificates, &config.ingest.names);
        let own = config.gateway.https.on.then(own).transpose()?;
        let doors = Doors::open(&config.gateway, own.as_ref()).await?;
        self.addresses.push(doors.address);
        self.doors = Some(tokio::spawn(doors.run(app, self.answering.clone())));
        Ok(())
    }

    /// Answers gateways at `listen` until the hub stops.
    async fn answer(&mut self, listen: SocketAddr, app: Router) -> anyhow::Result<()> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen} (is the port taken? try --listen with another)"))?;
        self.addresses.push(listener.local_addr()?);
        let stop = self.answering.clone();
        self.tasks.spawn(async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = server.await {
                tracing::error!(%error, "nobody is answered any more");
            }
        });
        Ok(())
    }

    /// Keeps what boxes say, and makes of it the read tables and the lake.
    fn keep(
        &self,
        config: &HubConfig,
        handovers: mpsc::Receiver<Handover>,
        freshness: Freshness,
    ) -> anyhow::Result<()> {
        self.tasks.spawn({
            let (store, keeping) = (self.store.clone(), self.keeping.clone());
            async move { store.run(handovers, keeping).await }
        });
        let objects = Objects::open(&config.storage, &config.data)?;
        let lake = Lake::new(self.store.clone(), self.database.clone(), objects, config.lake.clone());
        self.tasks.spawn(project(self.store.clone(), self.database.clone(), lake, freshness, self.keeping.clone()));
        if config.ingest.require_certificates {
            if let Some(path) = config.trust.mosquitto_acl.clone() {
                let (members, keeping) = (self.roster.follow(), self.keeping.clone());
                let written = async move { mosquitto::keep_written(&path, members).await };
                self.tasks.spawn(async move { keeping.run_until_cancelled(written).await });
            }
            let (roster, keeping) = (self.roster.clone(), self.keeping.clone());
            self.tasks.spawn(async move { roster.run(keeping).await });
        }
        Ok(())
    }

    /// Stops everything: pages are told, what was heard is kept, the file is closed.
    pub async fn stop(self) {
        self.answering.cancel();
        let farewell = async {
            if let Some(core) = &self.core {
                core.stop().await;
            }
        };
        let answered = async {
            match self.doors {
                Some(doors) => tokio::time::timeout(ANSWER, doors).await.is_ok(),
                None => true,
            }
        };
        if let (false, ()) = tokio::join!(answered, farewell) {
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

/// Makes the read tables and the lake whenever it is this process's turn, until `stop`. Two at once would be right too, as
/// each step is taken only from where the tables stand, but do everything twice.
async fn project(store: EventStore, database: Database, lake: Lake, freshness: Freshness, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match database.turn().await {
            Ok(Some(mut turn)) => {
                metrics::gauge!("projections_turn").set(1.0);
                let own = stop.child_token();
                let making = async {
                    tokio::join!(
                        projector::run(store.clone(), database.clone(), freshness.clone(), own.clone()),
                        follower::run(store.clone(), database.clone(), own.clone()),
                        lake.run(time::utc_us, own.clone()),
                    )
                };
                let losing = async {
                    let lost = own.run_until_cancelled(turn.lost()).await;
                    if let Some(error) = lost {
                        tracing::warn!(%error, "another process may make the read tables now");
                        own.cancel();
                    }
                };
                tokio::join!(making, losing);
                metrics::gauge!("projections_turn").set(0.0);
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "whose turn it is to make the read tables is not known: asking again"),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(TURN)).await;
    }
}
