//! The same at the MQTT broker, with the configuration that ships (`deploy/mosquitto.conf`) and the rules the hub writes.

use super::{
    ROUNDS,
    mosquitto::Mosquitto,
    rink::{HOUR_US, PATIENCE, Rink, deliver, now_us, say},
    state,
};
use cloud_hub::trust::{Certificates, mosquitto, roster::Members};
use edge_agent::uplink::{Identity, Link as _, Transport, UplinkConfig, mqtt::MqttLink};
use firmware_protocol::network::{self, topic};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A hub, and a broker between it and boxes.
struct Beside {
    rink: Rink,
    broker: Mosquitto,
    rules: PathBuf,
}

impl Beside {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = folder.path().join("certificates");
        let rules = certificates.join("mosquitto.acl");
        Certificates::ensure(&certificates, &[]).unwrap();
        fs::write(&rules, mosquitto::rules(&Members::default())).unwrap();
        let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/mosquitto.conf");
        let shipped = fs::read_to_string(deployed).unwrap();
        let broker = Mosquitto::start_with(folder.path(), |port| {
            let certificates = format!("{}/", certificates.display());
            shipped
                .replace("/etc/rinkside/", &certificates)
                .replace("listener 8883", &format!("listener {port} 127.0.0.1"))
        });
        let rink = Box::pin(Rink::start_in(folder, |config| {
            config.ingest.mqtt = format!("mqtts://127.0.0.1:{}", broker.port);
            config.trust.mosquitto_acl = Some(rules.clone());
        }))
        .await;
        Self { rink, broker, rules }
    }

    /// A box of `venue`, enrolled, once the broker knows it: a file's change is what tells staff's machine to reload it.
    async fn enrolled(&self, venue: &str, edge: Option<&str>, name: &str) -> Identity {
        let before = self.written();
        let identity = self.rink.enrolled(venue, edge, name).await;
        self.rewritten(&before).await;
        identity
    }

    fn written(&self) -> String {
        fs::read_to_string(&self.rules).unwrap()
    }

    async fn rewritten(&self, before: &str) {
        let written = async {
            while self.written() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.expect("the hub writes the rules anew");
        self.broker.reload();
    }

    fn link(&self, identity: &Path) -> MqttLink {
        let mqtt = format!("mqtts://127.0.0.1:{}", self.broker.port);
        let uplink = UplinkConfig { transport: Transport::Mqtt, mqtt, ..self.rink.uplink(identity) };
        MqttLink::open(&match Identity::load(identity).unwrap() {
            Some(identity) => uplink.enrolled_as(&identity),
            None => uplink,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_broker_a_box_speaks_for_itself_and_a_stranger_gets_nowhere() {
    let beside = Beside::start().await;
    let rink = &beside.rink;
    let oak = beside.enrolled("oak", None, "oak").await;
    let elm = beside.enrolled("elm", None, "elm").await;
    let (oaks, elms) = (beside.link(oak.folder()), beside.link(elm.folder()));
    let expired = rink.forged(&rink.authority, "oak.oak-box-1.1", now_us() - HOUR_US);
    let invented = rink.forged(&rink.authority, "oak.oak-box-1.77", now_us() + HOUR_US / 2);
    let strangers = [rink.folder("nobody"), expired.folder().into(), invented.folder().into()];
    let strangers = strangers.map(|folder| beside.link(&folder));
    for round in 0..ROUNDS {
        deliver(&oaks, &oak, round).await;
        deliver(&elms, &elm, round).await;
        let refused = say(&elms, "oak", "oak-box-1", round + 1).await.unwrap_err().to_string();
        assert!(refused.contains("NotAuthorized"), "{refused}");
        for stranger in &strangers {
            assert!(say(stranger, "oak", "oak-box-1", round + 1).await.is_err());
            let _ = stranger.say(&topic::live("oak", "oak-box-1"), network::encode(&state("oak-box-1")), None).await;
        }
        let _ = elms.say(&topic::live("oak", "oak-box-1"), network::encode(&state("oak-box-1")), None).await;
    }
    assert_eq!((rink.held("oak-box-1").await, rink.held("elm-box-1").await), (ROUNDS, ROUNDS));
    assert!(rink.hub.board.latest(9).is_none(), "another's live state is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_broker_a_revoked_box_is_cut_off_within_five_seconds() {
    let beside = Beside::start().await;
    let lost = beside.enrolled("oak", Some("lost"), "lost").await;
    let link = beside.link(lost.folder());
    deliver(&link, &lost, 0).await;
    let before = beside.written();
    assert!(beside.rink.tables.revoke("lost", now_us()).await.unwrap());
    // Before the broker was told: the hub itself no longer hears it.
    let mut sequence = 1;
    let cut = async {
        while say(&link, "oak", "lost", sequence).await.is_ok() {
            sequence += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), cut).await.expect("a revocation bites within five seconds");
    beside.rewritten(&before).await;
    // Its name enrolled again is heard; its old certificate means nobody.
    let again = beside.enrolled("oak", Some("lost"), "again").await;
    let anew = beside.link(again.folder());
    for round in 0..ROUNDS {
        deliver(&anew, &again, sequence + round).await;
        assert!(say(&link, "oak", "lost", sequence + round + 1).await.is_err(), "the old certificate is heard");
    }
}
