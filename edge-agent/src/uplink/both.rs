//! Two ways to the hub, one of which carries.
//!
//! Nobody carries at first, nor when whoever did gave no answer in time: the next question is put on both ways, and the
//! first that answers carries from then on. The hub knows what it holds, so a batch that comes twice, or late over the
//! way given up, changes nothing. While the second carries, the first is asked now and then, beside, and carries again
//! once it answers. The live lane goes where the durable lane goes, on both while nobody carries.

use super::{Link, LinkError};
use crate::time;
use futures_util::future::{Either, select};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often the first way is asked again while the second carries, microseconds: as seldom as any retry.
const TRY_FIRST_US: u64 = 5_000_000;

const NOBODY: u8 = 0;
const FIRST: u8 = 1;
const SECOND: u8 = 2;

/// The two ways; the first is the better one.
pub struct Both<A, B> {
    first: Arc<A>,
    second: B,
    carrier: Arc<AtomicU8>,
    /// When the first way was last asked.
    tried_first_us: AtomicU64,
    try_first_us: u64,
}

impl<A: Link, B: Link> Both<A, B> {
    /// Both ways; `retry_max_ms` bounds how long the first may be left alone.
    pub fn new(first: A, second: B, retry_max_ms: u64) -> Self {
        Self {
            first: Arc::new(first),
            second,
            carrier: Arc::new(AtomicU8::new(NOBODY)),
            tried_first_us: AtomicU64::new(0),
            try_first_us: TRY_FIRST_US.min(retry_max_ms.saturating_mul(1_000)),
        }
    }

    async fn ask_carrier(&self, key: &str, payload: &[u8], timeout: Duration) -> Option<Vec<u8>> {
        let answer = match self.carrier.load(Ordering::Relaxed) {
            FIRST => self.first.ask(key, payload.to_vec(), timeout).await,
            SECOND => {
                self.try_first(key, payload, timeout);
                self.second.ask(key, payload.to_vec(), timeout).await
            }
            _ => return None,
        };
        answer.inspect_err(|error| tracing::warn!(%error, "uplink: asking both ways")).ok()
    }

    /// Puts the question on the first way too, when it was not for a while; nobody waits for it.
    fn try_first(&self, key: &str, payload: &[u8], timeout: Duration) {
        let now_us = time::monotonic_us();
        if now_us.saturating_sub(self.tried_first_us.load(Ordering::Relaxed)) < self.try_first_us {
            return;
        }
        self.tried_first_us.store(now_us, Ordering::Relaxed);
        let (first, carrier) = (self.first.clone(), self.carrier.clone());
        let (key, payload) = (key.to_owned(), payload.to_owned());
        tokio::spawn(async move {
            if first.ask(&key, payload, timeout).await.is_ok() {
                settle(&carrier, FIRST, first.carrier());
            }
        });
    }

    /// Puts the question on both ways: the first answer, and who carries from now on.
    async fn race(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        self.carrier.store(NOBODY, Ordering::Relaxed);
        self.tried_first_us.store(time::monotonic_us(), Ordering::Relaxed);
        let first = pin!(self.first.ask(key, payload.clone(), timeout));
        let second = pin!(self.second.ask(key, payload, timeout));
        let (way, answer) = match select(first, second).await {
            Either::Left((Ok(answer), _)) => (FIRST, Ok(answer)),
            Either::Right((Ok(answer), _)) => (SECOND, Ok(answer)),
            Either::Left((Err(error), second)) => (SECOND, second.await.map_err(|other| neither(&error, &other))),
            Either::Right((Err(error), first)) => (FIRST, first.await.map_err(|other| neither(&other, &error))),
        };
        if answer.is_ok() {
            settle(&self.carrier, way, if way == FIRST { self.first.carrier() } else { self.second.carrier() });
        }
        answer
    }
}

fn settle(carrier: &AtomicU8, way: u8, name: &'static str) {
    if carrier.swap(way, Ordering::Relaxed) != way {
        tracing::info!(way = name, "uplink: carries");
        metrics::counter!("uplink_switched_total", "to" => name).increment(1);
    }
}

fn neither(first: &LinkError, second: &LinkError) -> LinkError {
    LinkError::Neither { first: Box::new(first.clone()), second: Box::new(second.clone()) }
}

impl<A: Link, B: Link> Link for Both<A, B> {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        match self.ask_carrier(key, &payload, timeout).await {
            Some(answer) => Ok(answer),
            None => self.race(key, payload, timeout).await,
        }
    }

    async fn say(&self, key: &str, payload: Vec<u8>, traceparent: Option<&str>) -> Result<(), LinkError> {
        match self.carrier.load(Ordering::Relaxed) {
            FIRST if self.first.say(key, payload.clone(), traceparent).await.is_ok() => Ok(()),
            FIRST | SECOND => self.second.say(key, payload, traceparent).await,
            _ => {
                let first = self.first.say(key, payload.clone(), traceparent).await;
                self.second.say(key, payload, traceparent).await.or(first)
            }
        }
    }

    async fn close(&self) {
        self.first.close().await;
        self.second.close().await;
    }

    fn reopen(&self) {
        self.first.reopen();
        self.second.reopen();
    }

    fn carrier(&self) -> &'static str {
        match self.carrier.load(Ordering::Relaxed) {
            FIRST => self.first.carrier(),
            SECOND => self.second.carrier(),
            _ => "",
        }
    }
}
