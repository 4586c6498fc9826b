//! Against a hub of this process: what a box believes, does once, refuses and takes back.

use super::*;
use crate::uplink::memory::{Faults, MemoryLink};
use firmware_protocol::network::{GameClock, Reported, SignedOrder, command::SIGNED, enrolment::certificate_name};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SigningKey as _};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};

/// What the hub hands over at each question, and what it was told.
#[derive(Default)]
struct Hub {
    orders: Vec<SignedOrder>,
    told: Vec<Reported>,
    /// Whether it keeps what it is told.
    is_keeping: bool,
    /// How often it was asked.
    asked: watch::Sender<u32>,
}

struct Rig {
    folder: tempfile::TempDir,
    key: KeyPair,
    hub: Arc<Mutex<Hub>>,
    health: Health,
    newest: watch::Sender<Option<LiveState>>,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let hub = Arc::new(Mutex::new(Hub { is_keeping: true, ..Hub::default() }));
        Self { folder, key, hub, health: Health::new(), newest: watch::Sender::new(None) }
    }

    fn uplink(&self) -> UplinkConfig {
        let folder = self.folder.path();
        let (authority, identity) = (folder.join("ca.pem"), folder.join("identity"));
        UplinkConfig { authority, identity, ..UplinkConfig::default() }
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.config(), &name()).unwrap()
    }

    /// What is laid over the box's settings, as it stands on disk.
    fn layer(&self) -> Layer {
        let text = std::fs::read_to_string(self.config().path).unwrap();
        serde_json::from_value(serde_json::from_str::<serde_json::Value>(&text).unwrap()["layer"].take()).unwrap()
    }

    fn config(&self) -> Config {
        Config { path: self.folder.path().join("downlink.json"), ask_every_ms: 1, trial_ms: 10 }
    }

    fn signed(&self, number: u64, command: &Command) -> SignedOrder {
        let order = Order { name: name(), number, command: network::encode(command) };
        let order = network::encode(&order);
        let signature = self.key.sign(&[SIGNED, &order].concat()).unwrap();
        SignedOrder { order, signature }
    }

    fn order(&self, number: u64, command: &Command) {
        self.hub.lock().unwrap().orders = vec![self.signed(number, command)];
    }

    /// Runs the box until it starts anew, or for so many questions; whether it starts anew.
    async fn runs(&self, questions: u32) -> bool {
        let hub = self.hub.clone();
        let link = MemoryLink::new(
            Arc::new(move |_, payload| {
                let hub = hub.clone();
                Box::pin(async move {
                    let mut hub = hub.lock().unwrap();
                    hub.asked.send_modify(|asked| *asked += 1);
                    let report: Report = network::decode(&payload).unwrap();
                    let settled =
                        if hub.is_keeping { report.outcomes.iter().map(|o| o.number).collect() } else { vec![] };
                    hub.told.extend(report.outcomes);
                    Some(network::encode(&Orders { orders: hub.orders.clone(), settled }))
                })
            }),
            Faults::default(),
            1,
        );
        let around = Surroundings {
            check: Box::new(
                |layer| if layer.settings.contains("bad") { Err("bad: no such key".into()) } else { Ok(()) },
            ),
            newest: self.newest.subscribe(),
            health: self.health.clone(),
            diagnostics: Box::new(|| "{}".to_owned()),
        };
        let downlink = Downlink::new(self.config(), self.uplink(), self.ledger(), around);
        let mut asked = self.hub.lock().unwrap().asked.subscribe();
        let last = *asked.borrow() + questions;
        tokio::select! {
            () = downlink.run(&link) => true,
            _ = asked.wait_for(|asked| *asked >= last) => false,
        }
    }

    /// What the hub was told of `number`, in words.
    fn told(&self, number: u64) -> Vec<String> {
        let hub = self.hub.lock().unwrap();
        let of = hub.told.iter().filter(|reported| reported.number == number);
        of.map(|reported| match &reported.outcome {
            Outcome::Done { answer } => format!("done {answer}"),
            Outcome::Refused { reason } => format!("refused {reason}"),
            Outcome::Failed { reason } => format!("failed {reason}"),
        })
        .collect()
    }

    fn plays(&self, game: u64, running: bool) {
        let clock = GameClock { running, ..GameClock::default() };
        let (edge, players) = ("box-1".into(), Vec::new());
        self.newest.send_replace(Some(LiveState { edge, game, tick: 0, captured_us: 0, clock, puck: None, players }));
    }
}

fn name() -> String {
    certificate_name(&UplinkConfig::default().venue, &UplinkConfig::default().edge, 0)
}

fn note() -> Command {
    Command::Note { text: "hello".into() }
}

fn settings(text: &str) -> Command {
    Command::Configure { settings: text.into() }
}

#[tokio::test]
async fn an_order_is_carried_out_once_and_told_until_the_hub_has_it() {
    let rig = Rig::new();
    rig.hub.lock().unwrap().is_keeping = false;
    rig.order(3, &note());
    assert!(!rig.runs(5).await);
    assert!(rig.told(3).len() >= 3 && rig.told(3).iter().all(|told| told == "done noted"), "{:?}", rig.told(3));
    assert_eq!(rig.told(0), Vec::<String>::new());
    rig.hub.lock().unwrap().is_keeping = true;
    // It has it now, and still hands the order over, as who records and repeats would.
    assert!(!rig.runs(5).await);
    assert!(!rig.told(0).is_empty());
    assert!(rig.told(0).iter().all(|told| told == "refused order 3 was carried out before: it is repeated"));
    // Also after a start.
    rig.order(2, &note());
    assert!(!rig.runs(2).await);
    assert!(rig.told(2).is_empty(), "an older one");
}

#[tokio::test]
async fn what_its_hub_did_not_sign_is_refused_and_told() {
    let rig = Rig::new();
    let mut tampered = rig.signed(1, &Command::GameStart { game: 7 });
    *tampered.order.last_mut().unwrap() ^= 1;
    let other = Rig::new().signed(2, &Command::GameStart { game: 8 });
    rig.hub.lock().unwrap().orders = vec![tampered, other];
    assert!(!rig.runs(3).await);
    assert_eq!(rig.layer(), Layer::default());
    assert!(rig.told(0).iter().all(|told| told.contains("did not sign")) && !rig.told(0).is_empty());
    let unknown = Order { name: name(), number: 9, command: vec![1, 200, 1] };
    let order = network::encode(&unknown);
    let signature = rig.key.sign(&[SIGNED, &order].concat()).unwrap();
    rig.hub.lock().unwrap().orders = vec![SignedOrder { order, signature }];
    assert!(!rig.runs(3).await);
    assert!(rig.told(9)[0].contains("update the box"), "{:?}", rig.told(9));
}

#[tokio::test]
async fn a_game_is_started_and_stopped_but_play_is_not_interrupted() {
    let rig = Rig::new();
    rig.plays(1, true);
    rig.order(1, &Command::GameStart { game: 7 });
    assert!(!rig.runs(3).await);
    assert!(rig.told(1)[0].contains("the clock of game 1 runs"), "{:?}", rig.told(1));
    rig.order(2, &Command::GameStop { game: 5 });
    assert!(!rig.runs(3).await);
    assert!(rig.told(2)[0].contains("records game 1, not 5"), "{:?}", rig.told(2));
    rig.order(3, &Command::GameStop { game: 1 });
    assert!(rig.runs(3).await, "the end of a game may interrupt");
    rig.newest.send_replace(None);
    assert_eq!(rig.layer().game, Some(0));
    assert!(!rig.runs(3).await);
    assert_eq!(rig.told(3), ["done in force"]);
    rig.order(4, &Command::GameStart { game: 7 });
    assert!(rig.runs(3).await);
    assert_eq!(rig.layer().game, Some(7));
    // With the clock stopped, who wears which tag may change.
    assert!(!rig.runs(3).await);
    rig.plays(7, false);
    rig.order(5, &Command::Roster { people: Vec::new() });
    assert!(rig.runs(3).await);
    assert_eq!(rig.layer().roster, Some(Vec::new()));
}

#[tokio::test]
async fn settings_are_checked_tried_and_taken_back_when_a_stage_turns_unwell() {
    let rig = Rig::new();
    rig.health.report("uplink", State::Ok);
    rig.health.report("capture 0", State::down("unplugged", ""));
    rig.order(1, &settings("bad = 1"));
    assert!(!rig.runs(3).await);
    assert_eq!(rig.told(1), ["refused bad: no such key"]);
    rig.order(2, &settings("[web]"));
    assert!(rig.runs(3).await);
    // Not well from the beginning on: nothing to do with the settings.
    assert!(!rig.runs(25).await);
    assert_eq!(rig.told(2), ["done in force"]);
    rig.order(3, &settings("[uplink]"));
    assert!(rig.runs(3).await);
    rig.health.report("uplink", State::degraded("the hub is away", ""));
    assert!(rig.runs(25).await, "it starts anew, with what was before");
    assert_eq!(rig.layer().settings, "[web]");
    rig.health.report("uplink", State::Ok);
    assert!(!rig.runs(3).await);
    assert!(rig.told(3)[0].starts_with("failed taken back: uplink was well before"), "{:?}", rig.told(3));
}

#[tokio::test]
async fn without_a_place_to_write_nothing_is_carried_out() {
    let rig = Rig::new();
    let ledger = rig.ledger();
    std::fs::create_dir(rig.folder.path().join("downlink.new")).unwrap();
    rig.order(1, &Command::GameStart { game: 7 });
    assert!(!rig.runs(3).await);
    assert!(rig.health.sentence().contains("downlink down"), "{}", rig.health.sentence());
    assert!(Path::new(&rig.config().path).metadata().is_err());
    drop(ledger);
}
