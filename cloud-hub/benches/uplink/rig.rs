//! A whole hub, beside it ears that answer without a commit, and the brokers between; with mutual TLS, an enrolled box.

use crate::mosquitto::Mosquitto;
use cloud_hub::{
    config::HubConfig,
    ingest::{Admission, BrokerFault, IngestConfig, Listener, LiveBoard},
    pipeline::{Ears, Hub},
    storage::{Database, enrolments::GivenCode, records::Opened},
    trust::{Authority, Certificates, mosquitto, roster::Members, secret_digest},
};
use edge_agent::uplink::{Identity, Transport, UplinkConfig, enrolment};
use firmware_protocol::network::{Answer, enrolment::Code};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Batches on their way, as many as a hub takes.
const QUEUE: usize = 256;
const HOUR_US: i64 = 3_600_000_000;

pub(crate) struct Rig {
    pub(crate) certificates: Certificates,
    /// What the box shows; without one it is not enrolled.
    pub(crate) identity: Option<Identity>,
    config: HubConfig,
    hub: Arc<Hub>,
    /// Beside the whole hub, and for everything else: two hubs at one broker would send each other away.
    brokers: [Mosquitto; 2],
    deaf: CancellationToken,
    ears: JoinHandle<()>,
    folder: tempfile::TempDir,
}

/// Ears that answer without a commit.
pub(crate) struct Memory {
    /// Where they are reached.
    pub(crate) place: String,
    deaf: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Memory {
    pub(crate) async fn stop(&self) {
        self.deaf.cancel();
        while !self.tasks.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Rig {
    pub(crate) async fn start(is_secure: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let localhost = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = HubConfig { data: folder.path().to_owned(), ..HubConfig::default() };
        config.gateway.listen = localhost;
        config.trust.listen = localhost;
        config.ingest.listen = vec![format!("quic/127.0.0.1:{}", free_port())];
        config.ingest.certificates = folder.path().join("certificates");
        config.ingest.require_certificates = is_secure;
        let certificates = Certificates::ensure(&config.ingest.certificates, &[]).unwrap();
        let brokers = ["whole", "beside"].map(|name| broker(&folder.path().join(name), &config, is_secure));
        config.ingest.mqtt = url(&brokers[0], is_secure);
        let hub = Arc::new(Hub::start(&config).await.unwrap());
        let ears = Ears::open(&config, &hub).await.unwrap();
        let https = ears.enrolment.as_ref().map(|enrolment| format!("https://{}", enrolment.address));
        let (heard, deaf) = (hub.clone(), CancellationToken::new());
        let stop = deaf.clone();
        let ears = tokio::spawn(async move { ears.run(&heard, stop).await.unwrap() });
        let identity = match https {
            Some(https) => Some(enrolled(&https, folder.path(), &certificates).await),
            None => None,
        };
        if identity.is_some() {
            hub.roster.look().await.unwrap();
            fs::write(rules(&config), mosquitto::rules(&hub.roster.follow().borrow())).unwrap();
            brokers.iter().for_each(Mosquitto::reload);
        }
        Self { certificates, identity, config, hub, brokers, deaf, ears, folder }
    }

    pub(crate) fn security(&self) -> &'static str {
        if self.identity.is_some() { "mutual TLS" } else { "plain" }
    }

    /// Where the whole hub is reached.
    pub(crate) fn hub_place(&self, transport: Transport) -> String {
        match transport {
            Transport::Mqtt => self.config.ingest.mqtt.clone(),
            _ => self.config.ingest.listen[0].clone(),
        }
    }

    /// Opens ears that answer without a commit.
    pub(crate) async fn memory(&mut self, transport: Transport) -> Memory {
        let zenoh = format!("quic/127.0.0.1:{}", free_port());
        let mqtt = match transport {
            Transport::Mqtt => url(&self.brokers[1], self.identity.is_some()),
            _ => String::new(),
        };
        let place = if transport == Transport::Mqtt { mqtt.clone() } else { zenoh.clone() };
        let ingest = IngestConfig { listen: vec![zenoh], mqtt, ..self.config.ingest.clone() };
        let roster = self.identity.is_some().then_some(&self.hub.roster);
        let (mut admission, mut handovers) = Admission::new(QUEUE, ingest.batch_bytes_max);
        if let Some(roster) = roster {
            admission = admission.guarded(roster.clone());
        }
        let listener = Listener::open(&ingest, &self.certificates, roster, None).await.unwrap();
        let deaf = CancellationToken::new();
        let stop = deaf.clone();
        let tasks = [
            tokio::spawn(async move {
                let (board, fault) = (LiveBoard::default(), BrokerFault::default());
                Box::pin(listener.run(admission, board, fault, stop)).await.unwrap();
            }),
            tokio::spawn(async move {
                while let Some(handover) = handovers.recv().await {
                    let delivery = &handover.delivery;
                    assert!(!delivery.records.iter().any(|record| matches!(record, Opened::Lost { .. })));
                    let next_sequence = delivery.first_sequence + delivery.records.len() as u64;
                    let _ = handover.answer.send(Answer::Kept { next_sequence });
                }
            }),
        ];
        Memory { place, deaf, tasks }
    }

    /// A box's settings, as they ship, for the hub at `place`.
    pub(crate) fn towards(&self, transport: Transport, place: &str) -> UplinkConfig {
        let nobody = self.folder.path().join("nobody");
        let mut uplink = UplinkConfig {
            transport,
            authority: self.certificates.authority.clone(),
            identity: self.identity.as_ref().map_or(nobody, |identity| identity.folder().to_owned()),
            refused: self.folder.path().join("refused"),
            ..UplinkConfig::default()
        };
        match transport {
            Transport::Mqtt => place.clone_into(&mut uplink.mqtt),
            _ => place.clone_into(&mut uplink.hub),
        }
        match &self.identity {
            Some(identity) => uplink.enrolled_as(identity),
            None => uplink,
        }
    }

    pub(crate) async fn stop(self) {
        self.deaf.cancel();
        self.ears.await.unwrap();
        if let Some(hub) = Arc::into_inner(self.hub) {
            hub.stop().await;
        }
    }
}

fn rules(config: &HubConfig) -> PathBuf {
    config.ingest.certificates.join("mosquitto.acl")
}

fn url(broker: &Mosquitto, is_secure: bool) -> String {
    format!("{}://127.0.0.1:{}", if is_secure { "mqtts" } else { "mqtt" }, broker.port)
}

/// A broker: with the configuration that ships, or one that takes everybody.
fn broker(folder: &Path, config: &HubConfig, is_secure: bool) -> Mosquitto {
    fs::create_dir_all(folder).unwrap();
    if !is_secure {
        let open = "allow_anonymous true\nset_tcp_nodelay true\n";
        return Mosquitto::start_with(folder, |port| format!("listener {port} 127.0.0.1\n{open}"));
    }
    fs::write(rules(config), mosquitto::rules(&Members::default())).unwrap();
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/mosquitto.conf");
    let shipped = fs::read_to_string(deployed).unwrap();
    let certificates = format!("{}/", config.ingest.certificates.display());
    Mosquitto::start_with(folder, |port| {
        let listener = format!("listener {port} 127.0.0.1");
        shipped.replace("/etc/rinkside/", &certificates).replace("listener 8883", &listener)
    })
}

async fn enrolled(https: &str, folder: &Path, certificates: &Certificates) -> Identity {
    let tables = Database::open(&folder.join("hub.sqlite")).await.unwrap();
    let now_us = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64;
    let code = Code::new([7; 8], Authority::open(certificates).unwrap().digest());
    let given = GivenCode {
        digest: secret_digest(&code.secret),
        venue: "bench".into(),
        edge: Some("bench".into()),
        made_us: now_us,
        expires_us: now_us + HOUR_US,
    };
    tables.give_code(&given).await.unwrap();
    tables.close().await;
    enrolment::enrol(https, &code, &folder.join("box").join("identity")).await.unwrap()
}
