//! The newest live states on their way between processes, through Redis.
//!
//! Comes in: what one process says of a game. Goes out: the same bytes to every process that hears, and to one that
//! begins to hear later, as long as they are not older than [`KEPT_S`]. Never: waits longer than [`PATIENCE`]; a state
//! that Redis lost is not said again, the next is 20 ms away. A broken connection is told, and its holder opens another.
//! Names begin with the event store's own, so that several hubs may share one Redis.

use super::{StorageError, config::StorageConfig};
use futures_util::StreamExt as _;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisError,
    aio::{MultiplexedConnection, PubSubSink, PubSubStream},
};
use std::{future::Future, io, time::Duration};

/// How long a state is shown to who comes late, seconds: a box that is silent for longer shows no game.
pub const KEPT_S: u64 = 60;
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// After so long a silence is asked whether anybody is there.
const SILENCE: Duration = Duration::from_secs(5);
/// Environment variable with the password of Redis.
const PASSWORD: &str = "RINKSIDE_REDIS_PASSWORD";

/// A Redis and the names in it; no connection yet. Clones are alike.
#[derive(Clone)]
pub struct Relay {
    client: Client,
    address: String,
    name: String,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A connection on which states are said.
pub struct Saying {
    connection: MultiplexedConnection,
    relay: Relay,
}

/// A connection on which they are heard.
pub struct Hearing {
    sink: PubSubSink,
    stream: PubSubStream,
    relay: Relay,
}

impl Relay {
    /// The Redis that `config` names; `None` when it names none. `hub` tells hubs apart.
    pub fn new(config: &StorageConfig, hub: &str) -> Result<Option<Self>, StorageError> {
        if config.redis.is_empty() {
            return Ok(None);
        }
        let address = config.redis.to_string();
        let client = || -> Result<Client, RedisError> {
            let mut information = config.redis.secret().into_connection_info()?;
            if let Ok(password) = std::env::var(PASSWORD) {
                let settings = information.redis_settings().clone().set_password(password);
                information = information.set_redis_settings(settings);
            }
            Client::open(information)
        };
        let client = client().map_err(|source| StorageError::Relay { address: address.clone(), source })?;
        Ok(Some(Self { client, address, name: format!("rinkside:{hub}:live") }))
    }

    /// Opens a connection on which to say.
    pub async fn say(&self) -> Result<Saying, StorageError> {
        let connection = self.in_time(self.connect()).await?;
        Ok(Saying { connection, relay: self.clone() })
    }

    /// Opens a connection on which to hear, and what was said last of each game.
    pub async fn hear(&self) -> Result<(Hearing, Vec<Vec<u8>>), StorageError> {
        let opened = async {
            let (mut sink, stream) = self.client.get_async_pubsub().await?.split();
            // Before what was said is read, so that nothing falls between.
            sink.subscribe(&self.name).await?;
            let mut connection = self.connect().await?;
            let games: Vec<u64> = redis::cmd("SMEMBERS").arg(self.games()).query_async(&mut connection).await?;
            let mut newest: Vec<Option<Vec<u8>>> = Vec::new();
            if !games.is_empty() {
                let keys: Vec<String> = games.iter().map(|game| self.key(*game)).collect();
                newest = redis::cmd("MGET").arg(keys).query_async(&mut connection).await?;
            }
            Ok((sink, stream, newest))
        };
        let (sink, stream, newest) = self.in_time(opened).await?;
        Ok((Hearing { sink, stream, relay: self.clone() }, newest.into_iter().flatten().collect()))
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let patience = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(None);
        self.client.get_multiplexed_async_connection_with_config(&patience).await
    }

    fn key(&self, game: u64) -> String {
        format!("{}:{game}", self.name)
    }

    fn games(&self) -> String {
        format!("{}:games", self.name)
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, StorageError> {
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let answered = asked.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        answered.map_err(|source| StorageError::Relay { address: self.address.clone(), source })
    }
}

impl Saying {
    /// Says the newest `states`, each with its game.
    pub async fn say(&mut self, states: &[(u64, Vec<u8>)]) -> Result<(), StorageError> {
        let mut pipeline = redis::pipe();
        for (game, bytes) in states {
            pipeline.cmd("PUBLISH").arg(&self.relay.name).arg(bytes).ignore();
            pipeline.cmd("SET").arg(self.relay.key(*game)).arg(bytes).arg("EX").arg(KEPT_S).ignore();
            pipeline.cmd("SADD").arg(self.relay.games()).arg(game).ignore();
        }
        pipeline.cmd("EXPIRE").arg(self.relay.games()).arg(KEPT_S).ignore();
        self.relay.in_time(pipeline.query_async::<()>(&mut self.connection)).await
    }
}

impl Hearing {
    /// The next state that is said.
    pub async fn next(&mut self) -> Result<Vec<u8>, StorageError> {
        loop {
            match tokio::time::timeout(SILENCE, self.stream.next()).await {
                Ok(Some(message)) => return Ok(message.get_payload_bytes().to_vec()),
                Ok(None) => {
                    let closed = async { Err(io::Error::from(io::ErrorKind::ConnectionReset).into()) };
                    return self.relay.in_time(closed).await;
                }
                // A server that went without a word keeps the connection open.
                Err(_) => self.relay.in_time(self.sink.ping::<redis::Value>()).await.map(|_| ())?,
            }
        }
    }
}
