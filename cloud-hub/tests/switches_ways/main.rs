//! Promise: over MQTT as over Zenoh every record arrives once and in order; with both, one takes over when the other
//! dies, and nothing is lost or comes twice by it.
//!
//! Shown with the hub's listeners, the box's journal and uplink, and a real Mosquitto that is killed with SIGKILL. The
//! hub's tables, read with plain SQL, must hold just what the box's store said is on disk. Certificates are
//! `lets_only_enrolled_boxes_in`'s.

#[path = "../trial/mosquitto.rs"]
mod mosquitto;
#[path = "../delivers_exactly_once/relay.rs"]
mod relay;
mod rig;

use edge_agent::uplink::Transport;
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, GameClock, LiveState, Stream, topic};
use mosquitto::Mosquitto;
use rig::{BoxRig, HubRig, PATIENCE, towards, until};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, PublishOptions, PublishProperties, QoS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_arrive_once_and_in_order_over_mqtt_and_live_states_too() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(folder.path());
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let hub = HubRig::start(folder.path(), &url).await;
    let mut edge = BoxRig::start(folder.path(), towards(&hub, Transport::Mqtt, &url));
    edge.append(1_000);
    edge.carried_by("mqtt").await;
    edge.append(1_000);
    // States may drop: the newest of many arrives.
    let mut tick = 0;
    until("a state arrives", || {
        tick += 1;
        let (edge_name, clock) = ("box-1".into(), GameClock::default());
        let state =
            LiveState { edge: edge_name, game: 7, tick, captured_us: tick as i64, clock, puck: None, players: vec![] };
        edge.newest.send_replace(Some(state));
        hub.hub.board.latest(7).is_some()
    })
    .await;
    edge.drained().await;
    let (kept, held) = (edge.kept().await, hub.held().await);
    assert_eq!(kept.len(), 2_000);
    assert_eq!(held, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_one_takes_over_when_the_other_dies() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Mosquitto::start(folder.path());
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let hub = HubRig::start(folder.path(), &url).await;
    // Zenoh cannot get through at first.
    hub.relay.cut(true);
    let mut edge = BoxRig::start(folder.path(), towards(&hub, Transport::Both, &url));
    edge.append(300);
    edge.carried_by("mqtt").await;
    edge.drained().await;
    assert_eq!(edge.state.borrow().carrier, "mqtt");

    edge.append(3_000);
    broker.kill();
    hub.relay.cut(false);
    edge.carried_by("zenoh").await;
    edge.append(300);
    edge.drained().await;

    broker.revive();
    edge.append(3_000);
    hub.relay.cut(true);
    edge.carried_by("mqtt").await;
    edge.drained().await;

    // Back by itself, once it answers: asked now and then beside what MQTT carries.
    hub.relay.cut(false);
    let back = async {
        while edge.state.borrow().carrier != "zenoh" {
            edge.append(1);
            edge.drained().await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("Zenoh carries again");
    let (kept, held) = (edge.kept().await, hub.held().await);
    assert!(kept.len() > 6_600);
    assert_eq!(held, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_without_its_broker_says_so_and_serves() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Mosquitto::start(folder.path());
    broker.kill();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let hub = HubRig::start(folder.path(), &url).await;
    until("the broker is missed", || hub.hub.broker.borrow().is_some()).await;
    let (code, said) = hub.status().await;
    assert!(code == 200 && said.starts_with("degraded") && said.contains(&url), "{code} {said}");
    broker.revive();
    until("the broker is back", || hub.hub.broker.borrow().is_none()).await;
    assert_eq!(hub.status().await, (200, "ready ".to_owned()));
    broker.kill();
    until("the broker is missed again", || hub.hub.broker.borrow().is_some()).await;
    assert!(hub.held().await.is_empty());
}

/// Publishes `payload` at `key`, wanting an answer to `number`.
async fn asks(client: &AsyncClient, key: &str, payload: Vec<u8>, answers: &str, number: u8) {
    let properties = PublishProperties {
        response_topic: Some(answers.to_owned()),
        correlation_data: Some(vec![number].into()),
        ..PublishProperties::default()
    };
    client.publish(key, payload, PublishOptions::at_least_once().properties(properties)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_batch_is_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(folder.path());
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let hub = HubRig::start(folder.path(), &url).await;
    // A box that gets through shows that the hub listens.
    let mut edge = BoxRig::start(folder.path(), towards(&hub, Transport::Mqtt, &url));
    edge.append(1);
    edge.drained().await;

    let (client, mut events) =
        AsyncClient::builder(MqttOptions::new("stranger", ("127.0.0.1", broker.port))).capacity(16).build();
    client.subscribe(topic::answers("arena", "stranger"), QoS::AtLeastOnce).await.unwrap();
    client.subscribe(topic::answers("arena", "box-1"), QoS::AtLeastOnce).await.unwrap();
    let key = topic::records("arena", "stranger", Stream::Events);
    let own = topic::answers("arena", "stranger");
    let speaks_for = |edge: &str| {
        let edge = edge.to_owned();
        network::encode(&Batch { edge, epoch: 1, stream: Stream::Events, first_sequence: 0, records: vec![] })
    };
    let refused = |figures: &str| -> u64 {
        let line = figures.lines().find_map(|line| line.strip_prefix("ingest_refused_total "));
        line.map_or(0, |count| count.parse().unwrap())
    };
    let figures = cloud_hub::health::recorder().unwrap();
    let before = refused(&figures.render());
    asks(&client, &key, b"no batch at all".to_vec(), &own, 1).await;
    asks(&client, &key, Vec::new(), &own, 2).await;
    asks(&client, &key, speaks_for("box-1"), &own, 3).await;
    // Answers go to the speaker and to nobody else.
    asks(&client, &key, speaks_for("stranger"), &topic::answers("arena", "box-1"), 4).await;
    asks(&client, &key, speaks_for("stranger"), &own, 5).await;
    let mut answers = Vec::new();
    // Several are answered at once: the last is asked when the others are through.
    let heard = async {
        while answers.last().is_none_or(|(number, _)| *number != 6) {
            if let Event::Incoming(Incoming::Publish(answer)) = events.poll().await.unwrap() {
                let number = answer.properties.unwrap().correlation_data.unwrap()[0];
                let acknowledgement: Acknowledgement = network::decode(&answer.payload).unwrap();
                answers.push((number, acknowledgement.answer));
                if answers.len() == 2 {
                    asks(&client, &key, speaks_for("stranger"), &own, 6).await;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the hub still answers");
    answers.sort_by_key(|(number, _)| *number);
    let [(3, Answer::Refused { reason }), (5 | 6, Answer::Kept { .. }), (5 | 6, Answer::Kept { .. })] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert!(reason.contains("may not speak"), "{reason}");
    until("three were counted", || refused(&figures.render()) == before + 3).await;

    edge.append(99);
    edge.drained().await;
    let (kept, held) = (edge.kept().await, hub.held().await);
    assert_eq!(held, kept);
}
