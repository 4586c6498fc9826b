//! The bare libraries: the same bytes, the same number unanswered at a time, and somebody who answers with a few bytes.
//!
//! No journal, no batches made, nothing opened: what a program that only moves these bytes would get.

use crate::{Found, PATIENCE, Sent, histogram, rig::Rig, rig::free_port};
use edge_agent::uplink::{
    Identity, Link, Transport, UplinkConfig, mqtt::MqttLink, zenoh as box_zenoh, zenoh::ZenohLink,
};
use firmware_protocol::network::{broker, topic};
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, NetworkOptions, PublishOptions, PublishProperties, QoS};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use zenoh::{Wait as _, qos::CongestionControl, query::ConsolidationMode};

/// As long as an acknowledgement.
const ANSWER: [u8; 16] = [1; 16];
/// Messages on their way into a connection.
const MESSAGES_MAX: usize = 64;
/// Longest time of one leg.
const LEG: Duration = crate::LEG;

/// Asks `sent` by `ask`, a window at a time as the uplink does.
async fn asked(config: &UplinkConfig, sent: &[Sent], records: u64, ask: impl AsyncFn(Sent)) -> Found {
    let mut round_trips: Histogram<u64> = histogram();
    let (began, mut batches) = (Instant::now(), 0);
    for window in sent.chunks(config.window_batches) {
        let asks = window.iter().map(|sent| {
            let (asking, asked) = (ask(sent.clone()), Instant::now());
            async move {
                asking.await;
                asked.elapsed().as_micros() as u64
            }
        });
        join_all(asks).await.into_iter().for_each(|took_us| round_trips.saturating_record(took_us));
        batches += window.len();
        if began.elapsed() > LEG {
            break;
        }
    }
    let share = batches as f64 / sent.len() as f64;
    Found { records_per_s: records as f64 * share / began.elapsed().as_secs_f64(), round_trips }
}

/// The same through the link that ships, to the same somebody.
async fn linked(link: impl Link, config: &UplinkConfig, sent: &[Sent], records: u64) -> Found {
    let connected = async {
        while link.ask(&sent[0].0, sent[0].1.clone(), PATIENCE).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
    let ask = async |(key, payload): Sent| drop(link.ask(&key, payload, PATIENCE).await.unwrap());
    let found = asked(config, sent, records, ask).await;
    link.close().await;
    found
}

/// The bare library, and the link that ships.
pub(crate) async fn zenoh(rig: &Rig, sent: &[Sent], records: u64) -> (Found, Found) {
    let place = format!("quic/127.0.0.1:{}", free_port());
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.to_string_lossy());
    let certificates = &rig.certificates;
    let mut router = zenoh::Config::default();
    for (key, value) in [
        ("mode", text("router")),
        ("listen/endpoints", serde_json::Value::from(vec![place.clone()]).to_string()),
        ("scouting/multicast/enabled", "false".into()),
        ("scouting/gossip/enabled", "false".into()),
        ("transport/link/tls/listen_certificate", path(&certificates.server)),
        ("transport/link/tls/listen_private_key", path(&certificates.server_key)),
        ("transport/link/tls/enable_mtls", rig.identity.is_some().to_string()),
        ("transport/link/tls/root_ca_certificate", path(&certificates.authority)),
    ] {
        router.insert_json5(key, &value).unwrap();
    }
    let router = zenoh::open(router).await.unwrap();
    let answered = router
        .declare_queryable(topic::RECORDS_OF_ALL)
        .callback(|query| query.reply(query.key_expr().clone(), ANSWER).wait().unwrap())
        .await
        .unwrap();
    let config = rig.towards(Transport::Zenoh, &place);
    let client = zenoh::open(box_zenoh::client(&config).unwrap()).await.unwrap();
    let ask = |(key, payload): Sent| {
        let client = client.clone();
        async move {
            let get = client.get(key).payload(payload).consolidation(ConsolidationMode::None);
            let answers = get.congestion_control(CongestionControl::Block).timeout(PATIENCE).await.unwrap();
            answers.recv_async().await.unwrap().into_result().unwrap();
        }
    };
    // The first waits until the router's queryable is known.
    let known = async {
        while client.get(&sent[0].0).timeout(PATIENCE).await.unwrap().recv_async().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.unwrap();
    let found = asked(&config, sent, records, ask).await;
    client.close().await.unwrap();
    let link = linked(ZenohLink::open(&config), &config, sent, records).await;
    answered.undeclare().await.unwrap();
    router.close().await.unwrap();
    (found, link)
}

/// The bare library, and the link that ships.
pub(crate) async fn mqtt(rig: &Rig, place: &str, sent: &[Sent], records: u64) -> (Found, Found) {
    let config = rig.towards(Transport::Mqtt, place);
    let certificates = &rig.certificates;
    let hub = (certificates.server.clone(), certificates.server_key.clone());
    let pem = rig.identity.as_ref().map_or_else(Default::default, Identity::pem);
    let answers = topic::answers(&config.venue, &config.edge);

    let (responder, mut events) =
        AsyncClient::builder(options(rig, place, "responder", &hub.0, &hub.1)).capacity(MESSAGES_MAX).build();
    let (ready, is_ready) = oneshot::channel();
    let answering = tokio::spawn({
        async move {
            let mut ready = Some(ready);
            loop {
                match events.poll().await.unwrap() {
                    Event::Incoming(Incoming::ConnAck(_)) => {
                        responder.try_subscribe(topic::RECORDS_OF_ALL_MQTT, QoS::AtLeastOnce).unwrap();
                    }
                    Event::Incoming(Incoming::SubAck(_)) => drop(ready.take().map(|ready| ready.send(()))),
                    Event::Incoming(Incoming::Publish(asked)) => {
                        let asked = asked.properties.unwrap();
                        let correlation_data = asked.correlation_data;
                        let properties = PublishProperties { correlation_data, ..PublishProperties::default() };
                        let options = PublishOptions::at_least_once().properties(properties);
                        responder.try_publish(asked.response_topic.unwrap(), ANSWER.to_vec(), options).unwrap();
                    }
                    _ => {}
                }
            }
        }
    });
    tokio::time::timeout(PATIENCE, is_ready).await.unwrap().unwrap();

    let waiting: Arc<Mutex<HashMap<Vec<u8>, oneshot::Sender<()>>>> = Arc::default();
    let (asker, mut events) =
        AsyncClient::builder(options(rig, place, "asker", &pem, &pem)).capacity(MESSAGES_MAX).build();
    let (ready, is_ready) = oneshot::channel();
    let listening = tokio::spawn({
        let (asker, waiting, answers) = (asker.clone(), waiting.clone(), answers.clone());
        async move {
            let mut ready = Some(ready);
            loop {
                match events.poll().await.unwrap() {
                    Event::Incoming(Incoming::ConnAck(_)) => {
                        asker.try_subscribe(answers.as_str(), QoS::AtLeastOnce).unwrap();
                    }
                    Event::Incoming(Incoming::SubAck(_)) => drop(ready.take().map(|ready| ready.send(()))),
                    Event::Incoming(Incoming::Publish(answer)) => {
                        let number = answer.properties.unwrap().correlation_data.unwrap();
                        if let Some(tell) = waiting.lock().unwrap().remove(&number.to_vec()) {
                            let _ = tell.send(());
                        }
                    }
                    _ => {}
                }
            }
        }
    });
    tokio::time::timeout(PATIENCE, is_ready).await.unwrap().unwrap();
    let next = std::sync::atomic::AtomicU64::new(0);
    let ask = |(key, payload): Sent| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes().to_vec();
        let (tell, told) = oneshot::channel();
        waiting.lock().unwrap().insert(number.clone(), tell);
        let (response_topic, correlation_data) = (Some(answers.clone()), Some(number.into()));
        let properties = PublishProperties { response_topic, correlation_data, ..PublishProperties::default() };
        let options = PublishOptions::at_least_once().properties(properties);
        let asker = asker.clone();
        async move {
            asker.try_publish(key, payload, options).unwrap();
            tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
        }
    };
    let found = asked(&config, sent, records, ask).await;
    listening.abort();
    let link = linked(MqttLink::open(&config), &config, sent, records).await;
    answering.abort();
    (found, link)
}

fn options(rig: &Rig, place: &str, name: &str, certificate: &Path, key: &Path) -> MqttOptions {
    let broker = broker::parse(place).unwrap();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new(name, (broker.host, broker.port));
    options.set_clean_start(true).set_max_packet_size(Some(4 << 20)).set_network_options(network);
    if broker.is_secure {
        let read = |path: &Path| fs::read(path).unwrap();
        let own = Some((read(certificate), read(key)));
        options.set_transport(rumqttc::Transport::tls(read(&rig.certificates.authority), own, None));
    }
    options
}
