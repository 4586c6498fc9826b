//! A hub that requires certificates, and boxes that speak to it over real QUIC and HTTPS on free ports.

use cloud_hub::{
    config::HubConfig,
    pipeline::{Ears, Hub},
    storage::{Database, enrolments::GivenCode},
    trust::{Authority, Certificates, requests::BoxKey, secret_digest},
};
use edge_agent::uplink::{Identity, Link, LinkError, UplinkConfig, enrolment, zenoh, zenoh::ZenohLink};
use firmware_protocol::network::{
    self, Acknowledgement, Answer, Batch, Record, Stream, Telemetry,
    enrolment::{Certified, Code},
    topic,
};
use rcgen::{CertificateParams, KeyPair};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes: a promise that hangs must fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const HOUR_US: i64 = 3_600_000_000;

pub(crate) fn now_us() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64
}

pub(crate) struct Rink {
    pub(crate) hub: Arc<Hub>,
    /// The hub's tables, opened a second time as another process would.
    pub(crate) tables: Database,
    pub(crate) authority: Authority,
    /// Where boxes enrol.
    pub(crate) https: String,
    endpoint: String,
    folder: tempfile::TempDir,
    random: std::cell::Cell<u8>,
}

impl Rink {
    pub(crate) async fn start() -> Self {
        Box::pin(Self::start_in(tempfile::tempdir().unwrap(), |_| {})).await
    }

    /// With its data in `folder` and what `change` makes of its configuration.
    pub(crate) async fn start_in(folder: tempfile::TempDir, change: impl FnOnce(&mut HubConfig)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let localhost = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let port = UdpSocket::bind(localhost).unwrap().local_addr().unwrap().port();
        let endpoint = format!("quic/127.0.0.1:{port}");
        let mut config = HubConfig { data: folder.path().to_owned(), ..HubConfig::default() };
        config.gateway.listen = localhost;
        config.trust.listen = localhost;
        config.ingest.listen = vec![endpoint.clone()];
        config.ingest.certificates = folder.path().join("certificates");
        config.ingest.require_certificates = true;
        change(&mut config);
        let hub = Arc::new(Hub::start(&config).await.unwrap());
        let ears = Ears::open(&config, &hub).await.unwrap();
        let https = format!("https://{}", ears.enrolment.as_ref().unwrap().address);
        let heard = hub.clone();
        tokio::spawn(async move { ears.run(&heard, CancellationToken::new()).await });
        let tables = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
        let certificates = Certificates::ensure(&config.ingest.certificates, &[]).unwrap();
        let authority = Authority::open(&certificates).unwrap();
        Self { hub, tables, authority, https, endpoint, folder, random: std::cell::Cell::new(0) }
    }

    /// A code for a box of `venue`, good until `expires_us`.
    pub(crate) async fn code(&self, venue: &str, edge: Option<&str>, expires_us: i64) -> Code {
        self.random.set(self.random.get() + 1);
        let code = Code::new([self.random.get(); 8], self.authority.digest());
        let (digest, venue, edge) = (secret_digest(&code.secret), venue.to_owned(), edge.map(str::to_owned));
        self.tables.give_code(&GivenCode { digest, venue, edge, made_us: now_us(), expires_us }).await.unwrap();
        code
    }

    /// A folder for a box.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join("identity")
    }

    /// A box of `venue`, enrolled with a new code.
    pub(crate) async fn enrolled(&self, venue: &str, edge: Option<&str>, name: &str) -> Identity {
        let code = self.code(venue, edge, now_us() + HOUR_US).await;
        enrolment::enrol(&self.https, &code, &self.folder(name)).await.unwrap()
    }

    /// An identity that was never enrolled, certified by `authority` as `name` until `until_us`.
    pub(crate) fn forged(&self, authority: &Authority, name: &str, until_us: i64) -> Identity {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let from_us = until_us - HOUR_US;
        let certificate = authority.certify(&BoxKey::of_request(&request).unwrap(), name, from_us, until_us).unwrap();
        let (venue, edge, enrolment) = network::enrolment::named(name).unwrap();
        // It knows this hub: only what it shows is wrong.
        let (venue, edge, authority) = (venue.into(), edge.into(), self.authority.pem().into());
        let certified = Certified { venue, edge, enrolment, certificate, authority, port: 0, from_us, until_us };
        let folder = self.folder(&format!("forged-{until_us}"));
        Identity::keep(&folder, &key.serialize_pem(), &certified, &self.https, &self.endpoint).unwrap()
    }

    pub(crate) fn uplink(&self, identity: &Path) -> UplinkConfig {
        UplinkConfig {
            hub: self.endpoint.clone(),
            authority: self.folder.path().join("certificates/ca.pem"),
            identity: identity.to_owned(),
            retry_max_ms: 100,
            ..UplinkConfig::default()
        }
    }

    /// A way to the hub, with what stands in `identity`.
    pub(crate) fn link(&self, identity: &Path) -> ZenohLink {
        ZenohLink::open(&self.uplink(identity))
    }

    /// Whether Zenoh comes through to the hub with what stands in `identity`, within two seconds.
    pub(crate) async fn connects(&self, identity: &Path) -> bool {
        let mut client = zenoh::client(&self.uplink(identity)).unwrap();
        client.insert_json5("connect/timeout_ms", "2000").unwrap();
        client.insert_json5("connect/exit_on_failure", "true").unwrap();
        ::zenoh::open(client).await.is_ok()
    }

    /// The first telemetry the hub does not hold of `edge`.
    pub(crate) async fn held(&self, edge: &str) -> u64 {
        self.tables.next_sequence(edge, 1, Stream::Telemetry).await.unwrap()
    }

    /// What the audit says was done or tried, newest first.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let entries = self.tables.audited(100).await.unwrap();
        entries.into_iter().map(|entry| format!("{}: {} {}", entry.what, entry.subject, entry.detail)).collect()
    }
}

/// Says one record as `edge` of `venue`, number `sequence`.
pub(crate) async fn say(link: &impl Link, venue: &str, edge: &str, sequence: u64) -> Result<Answer, LinkError> {
    let (name, subject) = ("test".into(), String::new());
    let record = Record::Telemetry(Telemetry { captured_us: 1, name, subject, value: 1.0 });
    let (stream, records) = (Stream::Telemetry, vec![network::encode(&record)]);
    let batch = Batch { edge: edge.into(), epoch: 1, stream, first_sequence: sequence, records };
    let key = topic::records(venue, edge, Stream::Telemetry);
    let answer = link.ask(&key, network::encode(&batch), Duration::from_secs(2)).await?;
    Ok(network::decode::<Acknowledgement>(&answer).unwrap().answer)
}

/// Says it until the hub has it.
pub(crate) async fn deliver(link: &impl Link, of: &Identity, sequence: u64) {
    let delivered = async {
        loop {
            match say(link, &of.venue, &of.edge, sequence).await {
                Ok(answer) => return assert_eq!(answer, Answer::Kept { next_sequence: sequence + 1 }),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.expect("an enrolled box is heard");
}
