//! How much each caller may ask: token buckets, one kind for reads, one for writes, one for opening sockets.
//!
//! Comes in: a request and who asks. Goes out: the answer with `ratelimit-limit`, `ratelimit-remaining` and
//! `ratelimit-reset`; or 429 with `retry-after`, before any service hears of it. Never: more memory than
//! `gateway.limits.callers_max` callers take. Buckets that are full again are forgotten; while too many are not, callers
//! not met before share one, so that a flood from a million addresses costs newcomers and nobody else.

use super::{
    caller::{self, Asker},
    config::LimitsConfig,
};
use crate::{api::Problem, time};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// Forgetting looks at every bucket: no more often than this, seconds.
const FORGET_S: u64 = 1;

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Asks for something.
    Read,
    /// Changes something.
    Write,
    /// Opens a socket.
    Socket,
}

impl Class {
    /// What `request` is; `None` for probes, which nobody should lose a hub over.
    pub fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        match *request.method() {
            Method::GET | Method::HEAD if path == "/health" || path.starts_with("/health/") => None,
            _ if path.starts_with("/ws/") => Some(Self::Socket),
            Method::GET | Method::HEAD | Method::OPTIONS => Some(Self::Read),
            _ => Some(Self::Write),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Socket => "sockets opened",
        }
    }
}

/// The hub's own clock.
#[derive(Debug, Clone, Copy)]
pub struct Ticking;

impl Clock for Ticking {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(time::monotonic_us())
    }
}

/// What is left of somebody's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// So many at once.
    pub limit: u32,
    /// So many now.
    pub remaining: u32,
    /// Until all are there again, seconds.
    pub reset_s: u32,
    /// Until one is there again, seconds; 0 when there is.
    pub wait_s: u32,
}

impl Allowance {
    fn tell(self, headers: &mut HeaderMap) {
        for (name, value) in [(LIMIT, self.limit), (REMAINING, self.remaining), (RESET, self.reset_s)] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Everybody's allowances.
pub struct Limits<C: Clock = Ticking> {
    reads: Option<Buckets<C>>,
    writes: Option<Buckets<C>>,
    sockets: Option<Buckets<C>>,
}

impl Limits {
    /// As `config` says.
    pub fn new(config: &LimitsConfig) -> Self {
        Self::with_clock(config, &Ticking)
    }
}

impl<C: Clock + Clone> Limits<C> {
    /// By another clock.
    pub fn with_clock(config: &LimitsConfig, clock: &C) -> Self {
        let buckets = |per_minute, burst| Buckets::new(per_minute, burst, config.callers_max, clock.clone());
        Self {
            reads: buckets(config.reads_per_minute, config.reads_burst),
            writes: buckets(config.writes_per_minute, config.writes_burst),
            sockets: buckets(config.sockets_per_minute, config.sockets_burst),
        }
    }

    /// Takes one of `class` from the allowance of `asker`: what is left, `Err` when there was none; `None` when there is
    /// no limit.
    pub fn take(&self, class: Class, asker: &Asker) -> Option<Result<Allowance, Allowance>> {
        let buckets = match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
            Class::Socket => &self.sockets,
        };
        buckets.as_ref().map(|buckets| buckets.take(asker))
    }
}

/// The buckets of one class.
struct Buckets<C: Clock> {
    limiter: RateLimiter<Option<Asker>, Levels, C, StateInformationMiddleware>,
    began: C::Instant,
    callers_max: usize,
    forgotten_s: AtomicU64,
}

impl<C: Clock + Clone> Buckets<C> {
    fn new(per_minute: u32, burst: u32, callers_max: usize, clock: C) -> Option<Self> {
        let interval = Duration::from_mins(1).checked_div(per_minute)?;
        let quota = Quota::with_period(interval)?.allow_burst(NonZeroU32::new(burst)?);
        let levels = Levels { callers_max, levels: Mutex::default() };
        let began = clock.now();
        let limiter = RateLimiter::new(quota, levels, clock);
        Some(Self { limiter, began, callers_max, forgotten_s: AtomicU64::new(0) })
    }

    fn take(&self, asker: &Asker) -> Result<Allowance, Allowance> {
        self.forget();
        let seconds = |time: Duration| u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        match self.limiter.check_key(&Some(asker.clone())) {
            Ok(state) => {
                let (limit, remaining) = (state.quota().burst_size().get(), state.remaining_burst_capacity());
                let reset = state.quota().replenish_interval() * limit.saturating_sub(remaining);
                Ok(Allowance { limit, remaining, reset_s: seconds(reset), wait_s: 0 })
            }
            Err(refused) => {
                let (quota, wait) = (refused.quota(), refused.wait_time_from(self.limiter.clock().now()));
                let (limit, reset) = (quota.burst_size().get(), quota.burst_size_replenished_in());
                Err(Allowance { limit, remaining: 0, reset_s: seconds(reset), wait_s: seconds(wait).max(1) })
            }
        }
    }

    /// Once there are as many as may be, forgets those that are full again.
    fn forget(&self) {
        if self.limiter.len() < self.callers_max {
            return;
        }
        let now_s = self.limiter.clock().now().duration_since(self.began).as_u64() / 1_000_000_000;
        let last_s = self.forgotten_s.fetch_max(now_s, Ordering::Relaxed);
        if now_s >= last_s + FORGET_S {
            self.limiter.retain_recent();
        }
    }
}

/// How far each bucket is emptied: [`None`] is the one that is shared by all who found no room.
struct Levels {
    callers_max: usize,
    levels: Mutex<HashMap<Option<Asker>, Nanos>>,
}

impl Levels {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Asker>, Nanos>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Levels {
    type Key = Option<Asker>;

    fn measure_and_replace<T, F, E>(&self, key: &Self::Key, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut levels = self.lock();
        let full = levels.len() >= self.callers_max && !levels.contains_key(key);
        let key = if full { None } else { key.clone() };
        let (outcome, level) = measure(levels.get(&key).copied())?;
        levels.insert(key, level);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<Option<Asker>> for Levels {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut levels = self.lock();
        levels.retain(|_, level| *level > drop_below);
        levels.shrink_to(self.callers_max / 8);
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// Answers only who has something left.
pub async fn hold(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    let Some(class) = Class::of(&request) else { return next.run(request).await };
    match limits.take(class, &caller::who_asks(&request)) {
        None => next.run(request).await,
        Some(Ok(left)) => {
            let mut response = next.run(request).await;
            left.tell(response.headers_mut());
            response
        }
        Some(Err(none)) => {
            metrics::counter!("gateway_limited_total", "class" => class.words()).increment(1);
            let detail = format!(
                "more than {} {} at once; wait {} s, and ask less often (see the ratelimit headers)",
                none.limit,
                class.words(),
                none.wait_s
            );
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
            let mut response = Problem { retry_after_s: Some(none.wait_s), ..problem }.into_response();
            none.tell(response.headers_mut());
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use governor::clock::FakeRelativeClock;
    use std::net::{IpAddr, Ipv4Addr};

    fn limits(callers_max: usize) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let config = LimitsConfig {
            reads_per_minute: 60,
            reads_burst: 3,
            writes_per_minute: 6,
            writes_burst: 1,
            sockets_per_minute: 0,
            callers_max,
            ..LimitsConfig::default()
        };
        (Limits::with_clock(&config, &clock), clock)
    }

    fn from(bits: u32) -> Asker {
        Asker::Address(IpAddr::V4(Ipv4Addr::from_bits(bits)))
    }

    #[test]
    fn each_has_a_burst_and_then_what_time_brings() {
        let (limits, clock) = limits(100);
        let read = |asker| limits.take(Class::Read, &asker).unwrap();
        let left = |remaining, reset_s| Ok(Allowance { limit: 3, remaining, reset_s, wait_s: 0 });
        let none = Err(Allowance { limit: 3, remaining: 0, reset_s: 3, wait_s: 1 });
        assert_eq!([read(from(1)), read(from(1)), read(from(1))], [left(2, 1), left(1, 2), left(0, 3)]);
        assert_eq!([read(from(1)), read(from(2))], [none, left(2, 1)], "the next one has his own");
        clock.advance(Duration::from_millis(999));
        assert_eq!(read(from(1)), none);
        clock.advance(Duration::from_millis(1));
        assert_eq!([read(from(1)), read(from(1))], [left(0, 3), none]);
        clock.advance(Duration::from_mins(1));
        assert_eq!(read(from(1)), left(2, 1), "no more than a burst is saved up");
    }

    #[test]
    fn classes_are_counted_apart_and_identities_from_addresses() {
        let (limits, _) = limits(100);
        assert!(limits.take(Class::Write, &from(1)).unwrap().is_ok());
        let none = limits.take(Class::Write, &from(1)).unwrap().unwrap_err();
        assert_eq!((none.limit, none.wait_s), (1, 10));
        assert!(limits.take(Class::Read, &from(1)).unwrap().is_ok());
        let ann = Asker::Identity(caller::Identity("ann".into()));
        assert!(limits.take(Class::Write, &ann).unwrap().is_ok());
        assert_eq!(limits.take(Class::Socket, &from(1)), None, "0 a minute: no limit");
    }

    #[test]
    fn a_million_callers_take_no_more_memory_than_is_allowed() {
        let (limits, clock) = limits(1_000);
        let reads = limits.reads.as_ref().unwrap();
        assert!(limits.take(Class::Read, &from(0)).unwrap().is_ok());
        let mut refused = 0;
        for bits in 1..1_000_000 {
            refused += usize::from(limits.take(Class::Read, &from(bits)).unwrap().is_err());
        }
        assert!(reads.limiter.len() <= 1_001, "{}", reads.limiter.len());
        assert_eq!(refused, 1_000_000 - 1_000 - 3, "who found no room shares one allowance");
        assert!(limits.take(Class::Read, &from(0)).unwrap().is_ok(), "who was there keeps his own");
        clock.advance(Duration::from_secs(10));
        assert!(limits.take(Class::Read, &from(7_000_000)).unwrap().is_ok());
        assert_eq!(reads.limiter.len(), 1, "full buckets are forgotten");
    }

    fn check(method: &str, path: &str, expected: Option<Class>) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(Class::of(&request), expected, "{method} {path}");
    }

    #[test]
    fn probes_are_not_counted() {
        check("GET", "/health", None);
        check("HEAD", "/health/ready", None);
        check("POST", "/health", Some(Class::Write));
        check("GET", "/healthy", Some(Class::Read));
        check("GET", "/metrics", Some(Class::Read));
        check("GET", "/", Some(Class::Read));
        check("GET", "/ws/analytics?game=1", Some(Class::Socket));
        check("POST", "/ws/analytics", Some(Class::Socket));
        check("DELETE", "/api/core/teams/oaks", Some(Class::Write));
    }
}
