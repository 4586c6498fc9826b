//! The hub at an MQTT broker: what boxes publish there comes in like what comes over Zenoh.
//!
//! Comes in: batches at `RECORDS_OF_ALL_MQTT` and reports at `COMMANDS_OF_ALL_MQTT`, with an answer topic and a number,
//! states at `LIVE_OF_ALL_MQTT`. Goes
//! out: the answer with that number, after the commit, at the speaker's own answer topic and nowhere else; states on
//! the board. The connection is always attended to: batches wait in a queue beside it, and one that finds it full gets
//! no answer, so that its box sends it again. Without a broker: said in [`BrokerFault`], tried again with jitter, at
//! most five seconds apart, certificates read again. Subscribes after each `ConnAck`, because a broker that was killed
//! remembers nobody.

use super::{Admission, BrokerFault, IngestConfig, LiveBoard, retrying::wait_ms};
use crate::{downlink::Desk, traces::TRACEPARENT, trust::Certificates};
use firmware_protocol::network::{broker, topic};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, Publish, PublishOptions,
    PublishProperties, QoS, SubscribeReasonCode, Transport,
};
use std::{fs, path::Path, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Whom the broker sees. Two hubs at one broker would both answer, so the later sends the earlier away.
const NAME: &str = "hub";
/// A broker that is silent this long is asked whether it lives, seconds; silent for two, it is gone.
const KEEP_ALIVE_S: u16 = 2;
/// Batches taken from the network but not yet answered: about one for each box.
const BATCHES_MAX: usize = 256;
/// Time the last answers may take on their way out.
const CLOSE: Duration = Duration::from_secs(1);

/// The hub's place at a broker, not yet taken.
#[derive(Debug)]
pub struct Listener {
    url: String,
    message_bytes_max: usize,
    certificates: Certificates,
}

/// A batch, and where its answer goes.
struct Question {
    batch: Publish,
    client: AsyncClient,
}

impl Listener {
    /// The place at `config.mqtt`.
    pub fn new(config: &IngestConfig, certificates: &Certificates) -> Self {
        let message_bytes_max = config.batch_bytes_max + (64 << 10);
        Self { url: config.mqtt.clone(), message_bytes_max, certificates: certificates.clone() }
    }

    /// Takes what comes until `stop`; then waits for what is under way and says goodbye.
    pub async fn run(
        self,
        admission: Admission,
        live: LiveBoard,
        desk: Option<Desk>,
        fault: BrokerFault,
        stop: CancellationToken,
    ) {
        let (questions, asked) = mpsc::channel(BATCHES_MAX);
        let answering = tokio::spawn(answer_all(asked, admission.clone(), desk));
        let mut tries = 0;
        while !stop.is_cancelled() {
            let reason = match self.options() {
                Ok(options) => {
                    let (client, events) = AsyncClient::builder(options).capacity(2 * BATCHES_MAX).build();
                    let mut visit = Visit {
                        client,
                        questions: &questions,
                        admission: &admission,
                        live: &live,
                        fault: &fault,
                        tries: &mut tries,
                    };
                    match visit.attend(events, &stop).await {
                        ConnectionError::RequestsDone => break,
                        broken => broken.to_string(),
                    }
                }
                Err(reason) => reason,
            };
            if fault.borrow().is_none() {
                tracing::warn!(reason, broker = self.url, "boxes cannot reach the hub over MQTT: trying again");
            }
            metrics::counter!("ingest_broker_failures_total").increment(1);
            fault.send_replace(Some(format!(
                "broker {}: {reason} (is it running, does it take the hub's certificate? boxes reach the hub over Zenoh)",
                self.url
            )));
            let _ = tokio::time::timeout(Duration::from_millis(wait_ms(tries)), stop.cancelled()).await;
            tries += 1;
        }
        drop(questions);
        let _ = answering.await;
    }

    fn options(&self) -> Result<MqttOptions, String> {
        let broker = broker::parse(&self.url).ok_or_else(|| format!("{:?} (must be {})", self.url, broker::ADDRESS))?;
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        let mut options = MqttOptions::new(NAME, (broker.host, broker.port));
        options
            .set_keep_alive(KEEP_ALIVE_S)
            .set_clean_start(true)
            .set_max_packet_size(Some(self.message_bytes_max as u32))
            .set_network_options(network);
        if broker.is_secure {
            let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
            let Certificates { authority, server, server_key, .. } = &self.certificates;
            options.set_transport(Transport::tls(read(authority)?, Some((read(server)?, read(server_key)?)), None));
        }
        Ok(options)
    }
}

/// One connection.
struct Visit<'a> {
    client: AsyncClient,
    questions: &'a mpsc::Sender<Question>,
    admission: &'a Admission,
    live: &'a LiveBoard,
    fault: &'a BrokerFault,
    tries: &'a mut u32,
}

impl Visit<'_> {
    /// Attends to the connection until it breaks, or until the goodbye after `stop`.
    async fn attend(&mut self, mut events: EventLoop, stop: &CancellationToken) -> ConnectionError {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                    // A fresh connection's queue is empty.
                    let _ = self.client.try_subscribe(topic::RECORDS_OF_ALL_MQTT, QoS::AtLeastOnce);
                    let _ = self.client.try_subscribe(topic::COMMANDS_OF_ALL_MQTT, QoS::AtLeastOnce);
                    let _ = self.client.try_subscribe(topic::LIVE_OF_ALL_MQTT, QoS::AtMostOnce);
                }
                Ok(Event::Incoming(Incoming::SubAck(taken))) => {
                    if let [refused] = taken.return_codes[..]
                        && !matches!(refused, SubscribeReasonCode::Success(_))
                    {
                        let reason = format!("the broker refuses a subscription: {refused:?}");
                        return ConnectionError::Io(std::io::Error::other(reason));
                    }
                    *self.tries = 0;
                    if self.fault.send_replace(None).is_some() {
                        tracing::info!("boxes reach the hub over MQTT again");
                    }
                }
                Ok(Event::Incoming(Incoming::Publish(message))) => self.take(message),
                Ok(_) => {}
                Err(broken) => return broken,
            }
        }
        // Boxes learn at once that nobody takes batches here; answers under way go out before the goodbye.
        let _ = self.client.try_unsubscribe(topic::RECORDS_OF_ALL_MQTT);
        let goodbye = async {
            let last = async {
                let _ = self.questions.reserve_many(BATCHES_MAX).await;
                let _ = self.client.disconnect().await;
            };
            let attended = async {
                loop {
                    if let Err(ended) = events.poll().await {
                        return ended;
                    }
                }
            };
            tokio::join!(last, attended)
        };
        let _ = tokio::time::timeout(CLOSE, goodbye).await;
        ConnectionError::RequestsDone
    }

    fn take(&self, message: Publish) {
        let key = String::from_utf8_lossy(&message.topic).into_owned();
        if topic::record_stream(&key).is_none() && !topic::is_commands(&key) {
            let mut beside = message.properties.iter().flat_map(|properties| &properties.user_properties);
            let traceparent = beside.find(|(name, _)| name == TRACEPARENT.as_str());
            self.admission.show(self.live, &key, &message.payload, traceparent.map(|(_, value)| value.as_str()));
        } else if self.questions.try_send(Question { batch: message, client: self.client.clone() }).is_err() {
            metrics::counter!("ingest_busy_total").increment(1);
        }
    }
}

/// Admits batches in the order they came, each waiting for its own commit only.
async fn answer_all(mut asked: mpsc::Receiver<Question>, admission: Admission, desk: Option<Desk>) {
    let under_way = Arc::new(Semaphore::new(BATCHES_MAX));
    while let Some(Question { batch, client }) = asked.recv().await {
        let Ok(permit) = under_way.clone().acquire_owned().await else { return };
        let key = String::from_utf8_lossy(&batch.topic).into_owned();
        if topic::is_commands(&key) {
            let Some(desk) = desk.clone() else { continue };
            tokio::spawn(async move {
                if let Some(orders) = desk.answer(&key, &batch.payload).await {
                    answer(&client, &key, batch.properties.as_ref(), orders);
                }
                drop(permit);
            });
            continue;
        }
        let Some(entered) = admission.enter(&key, &batch.payload) else { continue };
        tokio::spawn(async move {
            if let Some(acknowledgement) = entered.acknowledged().await {
                answer(&client, &key, batch.properties.as_ref(), acknowledgement);
            }
            drop(permit);
        });
    }
    let _ = under_way.acquire_many(BATCHES_MAX as u32).await;
}

/// Says the answer where the box at `key` listens. Wherever else it was asked to, nothing is said.
fn answer(client: &AsyncClient, key: &str, asked: Option<&PublishProperties>, acknowledgement: Vec<u8>) {
    let place = topic::speaker(key).map(|(venue, edge)| topic::answers(venue, edge));
    let wanted = asked.and_then(|asked| asked.response_topic.clone());
    let (Some(place), true) = (&place, place == wanted) else {
        metrics::counter!("ingest_unanswerable_total").increment(1);
        tracing::warn!(key, ?wanted, ?place, "a batch names another place for its answer than its box's");
        return;
    };
    let correlation_data = asked.and_then(|asked| asked.correlation_data.clone());
    let properties = PublishProperties { correlation_data, ..PublishProperties::default() };
    let options = PublishOptions::at_least_once().properties(properties);
    if let Err(error) = client.try_publish(place.as_str(), acknowledgement, options) {
        tracing::debug!(%error, "a broker left before an answer: the box asks again");
    }
}
