//! The way to the hub over MQTT 5, through a broker.
//!
//! A durable batch is published with quality of service 1, an answer topic and a number; the hub answers there, with
//! that number, after its commit. The broker's own acknowledgement only says that the broker has it; it counts for
//! nothing, but for telling that the hub is not subscribed. The live lane has a connection of its own, quality of
//! service 0, with a short queue: what does not fit is dropped, and no batch ever stands before a state. A connection
//! that breaks is opened anew with nothing kept of the old one, certificates read again; unanswered batches are the
//! durable lane's to send again.

use super::{Identity, Link, LinkError, UplinkConfig};
use crate::{backoff::Backoff, time};
use firmware_protocol::network::{broker, topic};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, PubAckReason,
    PublishOptions, PublishProperties, PublishResult, QoS, SubscribeReasonCode, Transport,
};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};

/// A broker that is silent this long is asked whether it lives, seconds; silent for two, it is gone.
const KEEP_ALIVE_S: u16 = 2;
/// Messages on their way into the durable connection: the windows that `window_batches` allows.
const BATCHES_MAX: usize = 64;
/// States on their way into the live connection: one being sent, one fresh.
const STATES_MAX: usize = 2;
/// Bytes of states the system may hold before the network: a quarter of a second of a full game.
const LIVE_BUFFER_BYTES: u32 = 8 << 10;
/// Largest answer taken, bytes: a refusal's reason is a sentence.
const ANSWER_BYTES_MAX: u32 = 64 << 10;
/// Time a goodbye may take.
const CLOSE: Duration = Duration::from_secs(1);

/// Who waits for which answer.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>>;

/// The link. Dropping it closes both connections.
pub struct MqttLink {
    broker: String,
    /// Where the hub answers.
    answers: String,
    records: Connection,
    live: Connection,
    waiting: Waiting,
    /// Numbers no earlier run of this box has used, so that a late answer is nobody's.
    next_question: AtomicU64,
}

impl MqttLink {
    /// Begins to connect, and goes on until it is dropped.
    pub fn open(config: &UplinkConfig) -> Self {
        let answers = topic::answers(&config.venue, &config.edge);
        let waiting = Waiting::default();
        Self {
            broker: config.mqtt.clone(),
            records: Connection::open(config, Lane::Records { answers: answers.clone(), waiting: waiting.clone() }),
            live: Connection::open(config, Lane::Live),
            answers,
            waiting,
            next_question: AtomicU64::new(time::utc_us() as u64),
        }
    }

    fn away(&self, reason: impl std::fmt::Display) -> LinkError {
        LinkError::Away { hub: self.broker.clone(), reason: reason.to_string() }
    }

    fn client(&self, connection: &Connection) -> Result<AsyncClient, LinkError> {
        match &*connection.state.borrow() {
            State::Open(client) => Ok(client.clone()),
            State::Closed(reason) => Err(self.away(reason)),
        }
    }

    async fn put(&self, key: &str, payload: Vec<u8>, question: &Question<'_>) -> Result<(), LinkError> {
        let properties = PublishProperties {
            response_topic: Some(self.answers.clone()),
            correlation_data: Some(question.number.to_be_bytes().to_vec().into()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().properties(properties);
        let client = self.client(&self.records)?;
        let taken = client.publish_tracked(key, payload, options).await.map_err(|error| self.away(error))?;
        match taken.wait_async().await.map_err(|error| self.away(error))? {
            PublishResult::Qos1(taken) if taken.reason == PubAckReason::NoMatchingSubscribers => {
                Err(self.away("the broker is there, the hub is not subscribed"))
            }
            PublishResult::Qos1(taken) if taken.reason != PubAckReason::Success => {
                Err(self.away(format!("the broker refuses the batch: {:?}", taken.reason)))
            }
            _ => Ok(()),
        }
    }
}

/// An answer is waited for as long as this lives.
struct Question<'a> {
    number: u64,
    waiting: &'a Waiting,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        locked(self.waiting).remove(&self.number);
    }
}

fn locked(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Vec<u8>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link for MqttLink {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        let question = Question { number: self.next_question.fetch_add(1, Ordering::Relaxed), waiting: &self.waiting };
        let (tell, told) = oneshot::channel();
        locked(&self.waiting).insert(question.number, tell);
        let asked = async {
            self.put(key, payload, &question).await?;
            told.await.map_err(|_| self.away("the connection broke before the answer"))
        };
        let silent = || LinkError::Timeout { hub: self.broker.clone(), timeout_ms: timeout.as_millis() as u64 };
        tokio::time::timeout(timeout, asked).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn say(&self, key: &str, payload: Vec<u8>, traceparent: Option<&str>) -> Result<(), LinkError> {
        let client = self.client(&self.live)?;
        let mut options = PublishOptions::at_most_once();
        if let Some(traceparent) = traceparent {
            // W3C Trace Context over MQTT: a user property of that name.
            let user_properties = vec![("traceparent".to_owned(), traceparent.to_owned())];
            options = options.properties(PublishProperties { user_properties, ..PublishProperties::default() });
        }
        client.try_publish(key, payload, options).map_err(|error| self.away(error))
    }

    async fn close(&self) {
        self.records.close().await;
        self.live.close().await;
    }

    fn reopen(&self) {
        self.records.anew.notify_one();
        self.live.anew.notify_one();
    }

    fn carrier(&self) -> &'static str {
        "mqtt"
    }
}

/// What a connection is for.
enum Lane {
    Records { answers: String, waiting: Waiting },
    Live,
}

impl Lane {
    fn name(&self) -> &'static str {
        match self {
            Self::Records { .. } => "records",
            Self::Live => "live",
        }
    }
}

enum State {
    Open(AsyncClient),
    Closed(String),
}

/// One connection to the broker, opened again for as long as this lives.
struct Connection {
    state: watch::Receiver<State>,
    /// Told to open the connection anew.
    anew: Arc<Notify>,
    keeper: JoinHandle<()>,
}

impl Connection {
    fn open(config: &UplinkConfig, lane: Lane) -> Self {
        let (told, state) = watch::channel(State::Closed("not connected yet".into()));
        let anew = Arc::new(Notify::new());
        let keeper = tokio::spawn(keep_open(config.clone(), lane, told, anew.clone()));
        Self { state, anew, keeper }
    }

    async fn close(&self) {
        let client = match &*self.state.borrow() {
            State::Open(client) => Some(client.clone()),
            State::Closed(_) => None,
        };
        if let Some(client) = client
            && client.try_disconnect().is_ok()
        {
            let mut state = self.state.clone();
            let gone = async { while state.changed().await.is_ok() {} };
            let _ = tokio::time::timeout(CLOSE, gone).await;
        }
        self.keeper.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn keep_open(config: UplinkConfig, lane: Lane, told: watch::Sender<State>, anew: Arc<Notify>) {
    let mut backoff = Backoff::new(100, config.retry_max_ms, time::utc_us() as u64);
    loop {
        let reason = match options(&config, &lane) {
            Ok((options, requests_max)) => {
                let (client, events) = AsyncClient::builder(options).capacity(requests_max).build();
                tokio::select! {
                    broken = attend(&lane, client, events, &told, &mut backoff) => match broken {
                        ConnectionError::RequestsDone => return,
                        broken => broken.to_string(),
                    },
                    () = anew.notified() => "connecting anew, with a renewed certificate".to_owned(),
                }
            }
            Err(reason) => reason,
        };
        if let Lane::Records { waiting, .. } = &lane {
            // Nobody answers any more: who waits shall know at once.
            locked(waiting).clear();
        }
        tracing::debug!(reason, broker = config.mqtt, lane = lane.name(), "uplink: not connected");
        told.send_replace(State::Closed(reason));
        tokio::time::sleep(Duration::from_millis(backoff.next_ms())).await;
    }
}

/// Attends to one connection until it breaks.
async fn attend(
    lane: &Lane,
    client: AsyncClient,
    mut events: EventLoop,
    told: &watch::Sender<State>,
    backoff: &mut Backoff,
) -> ConnectionError {
    let ready = |backoff: &mut Backoff| {
        backoff.succeeded();
        told.send_replace(State::Open(client.clone()));
    };
    loop {
        match (events.poll().await, lane) {
            (Ok(Event::Incoming(Incoming::ConnAck(_))), Lane::Records { answers, .. }) => {
                // Without it no answer would ever come; a full queue is not possible on a fresh connection.
                let _ = client.try_subscribe(answers.as_str(), QoS::AtLeastOnce);
            }
            (Ok(Event::Incoming(Incoming::ConnAck(_))), Lane::Live) => ready(backoff),
            (Ok(Event::Incoming(Incoming::SubAck(taken))), Lane::Records { answers, .. }) => {
                if matches!(taken.return_codes[..], [SubscribeReasonCode::Success(_)]) {
                    ready(backoff);
                } else {
                    let reason = format!("the broker refuses answers at {answers}: {:?}", taken.return_codes);
                    return ConnectionError::Io(std::io::Error::other(reason));
                }
            }
            (Ok(Event::Incoming(Incoming::Publish(answer))), Lane::Records { waiting, .. }) => {
                let number = answer.properties.as_ref().and_then(|properties| properties.correlation_data.as_deref());
                let number = number.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
                if let Some(tell) = number.and_then(|number| locked(waiting).remove(&number)) {
                    let _ = tell.send(answer.payload.to_vec());
                }
            }
            (Ok(_), _) => {}
            (Err(broken), _) => return broken,
        }
    }
}

/// How to connect, and how many messages may wait.
fn options(config: &UplinkConfig, lane: &Lane) -> Result<(MqttOptions, usize), String> {
    let broker = broker::parse(&config.mqtt)
        .ok_or_else(|| format!("uplink.mqtt {:?} (must be {})", config.mqtt, broker::ADDRESS))?;
    let (name, mut network) = (format!("{}/{}/{}", config.venue, config.edge, lane.name()), NetworkOptions::new());
    network.set_tcp_nodelay(true);
    let requests_max = match lane {
        Lane::Records { .. } => BATCHES_MAX,
        Lane::Live => {
            network.set_tcp_send_buffer_size(LIVE_BUFFER_BYTES);
            STATES_MAX
        }
    };
    let mut options = MqttOptions::new(name, (broker.host, broker.port));
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_start(true)
        .set_max_packet_size(Some(ANSWER_BYTES_MAX))
        .set_network_options(network);
    if broker.is_secure {
        let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let identity = Identity::load(&config.identity).map_err(|error| error.to_string())?;
        let authority = identity.as_ref().map_or_else(|| config.authority.clone(), Identity::authority);
        let own = identity.map(|identity| read(&identity.pem())).transpose()?.map(|pem| (pem.clone(), pem));
        options.set_transport(Transport::tls(read(&authority)?, own, None));
    }
    Ok((options, requests_max))
}
