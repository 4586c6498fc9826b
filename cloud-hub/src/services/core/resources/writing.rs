//! One write: checked, appended as a fact with the sequence its writer saw, answered.
//!
//! Comes in: what is to be so, what the writer saw, and the key they may send again. Goes out: 201 or 200 with the thing
//! and its `ETag`, 204 for a removal. The same key with the same request gets the same answer and changes nothing; with
//! another request it is refused. Never: two writers who both believe to have been first.

use super::{Core, Thing, find, unknown};
use crate::{
    api::{
        Asker, Body, Problem, body,
        tags::{self, Seen},
    },
    event_store::Fact,
    projections::resources,
    storage::hub_events::{Appended, Appending, KeptAnswer},
    time,
};
use axum::{
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_BYTES_MAX: usize = 64;

/// What was answered, as it is answered again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::services::core) struct Answered {
    pub(in crate::services::core) status: u16,
    pub(in crate::services::core) location: Option<String>,
    pub(in crate::services::core) sequence: u64,
    pub(in crate::services::core) body: Value,
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = match &self.body {
            Value::Null => status.into_response(),
            body => (status, axum::Json(body)).into_response(),
        };
        let headers = response.headers_mut();
        let mut put = |name, value: &str| value.parse().map(|value| headers.insert(name, value)).is_ok();
        put(header::ETAG, &tags::of_sequence(self.sequence));
        if let Some(location) = &self.location {
            put(header::LOCATION, location);
        }
        response
    }
}

/// One write under way.
pub(in crate::services::core) struct Writing<'a> {
    core: &'a Core,
    asker: &'a Asker,
    key: Option<(String, String)>,
}

impl<'a> Writing<'a> {
    /// A write that may come again with the same key.
    pub(in crate::services::core) fn new(
        core: &'a Core,
        (asker, headers): (&'a Asker, &HeaderMap),
        (method, path): (&Method, &str),
        bytes: &[u8],
    ) -> Result<Self, Problem> {
        let Some(key) = headers.get(KEY) else { return Ok(Self { core, asker, key: None }) };
        let sound = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic);
        let key = key.to_str().ok().filter(|_| sound).ok_or_else(|| {
            Problem::bad_request(format!("Idempotency-Key (1 to {KEY_BYTES_MAX} visible ASCII characters)"))
        })?;
        // A key is its account's: another's request with the same one is another request.
        let author = asker.author();
        let request = tags::digest_of(&[author.as_bytes(), method.as_str().as_bytes(), path.as_bytes(), bytes]);
        Ok(Self { core, asker, key: Some((key.to_owned(), request)) })
    }

    /// What was answered to this request before.
    pub(in crate::services::core) async fn before(&self) -> Result<Option<Answered>, Problem> {
        let Some((name, _)) = &self.key else { return Ok(None) };
        let kept = self.core.shared.store.answer_kept(name).await.map_err(|error| Problem::internal(&error))?;
        kept.map(|kept| self.again(&kept)).transpose()
    }

    fn again(&self, kept: &KeptAnswer) -> Result<Answered, Problem> {
        if self.key.as_ref().is_none_or(|(_, request)| *request != kept.request) {
            let detail = "this Idempotency-Key came with another request before: take a new one";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        serde_json::from_str(&kept.answer).map_err(|error| Problem::internal(&error))
    }

    /// Appends `fact` when its stream stands at `expected`; `Ok(None)` when another was first.
    pub(in crate::services::core) async fn append(
        &self,
        fact: &Fact,
        expected: u64,
        answer: Answered,
    ) -> Result<Option<Answered>, Problem> {
        let at_us = time::utc_us();
        let kept = serde_json::to_string(&answer).expect("an answer is made of words and numbers");
        let appending = Appending {
            stream: fact.stream(),
            expected,
            at_us,
            author: self.asker.author(),
            payload: fact.payload(),
            row: resources::change(fact, expected + 1, at_us),
            key: self.key.clone().map(|(name, request)| KeptAnswer { name, request, answer: kept }),
        };
        match self.core.shared.store.append(&appending).await.map_err(|error| Problem::internal(&error))? {
            Appended::At(_) => Ok(Some(answer)),
            Appended::Conflict(_) => Ok(None),
            Appended::Before(kept) => self.again(&kept).map(Some),
        }
    }
}

fn stale<T: Thing>(id: &str) -> Problem {
    tags::changed(format!("{} {id} is not what you saw any more: GET it again", T::KIND))
}

async fn check<T: Thing>(core: &Core, thing: &T) -> Result<(), Problem> {
    if let Some(problem) = body::faulty(&thing.faults()) {
        return Err(problem);
    }
    let mut faults = Vec::new();
    for (kind, id) in thing.names() {
        let named = core.shared.projections.resource(kind, &id).await.map_err(|error| Problem::internal(&error))?;
        if named.is_none() {
            faults.push(format!("no {kind} {id}: make it first"));
        }
    }
    body::faulty(&faults).map_or(Ok(()), Err)
}

fn set<T: Thing>(thing: &T) -> (Fact, Value) {
    let state = serde_json::to_value(thing).expect("a thing is made of words and numbers");
    (Fact::Set { kind: T::KIND.to_owned(), id: thing.id(), state: state.clone() }, state)
}

/// POST: a thing that is new.
pub(super) async fn create<T: Thing>(
    core: &Core,
    (asker, headers): (&Asker, &HeaderMap),
    path: &str,
    body: Body<T>,
) -> Result<Response, Problem> {
    let writing = Writing::new(core, (asker, headers), (&Method::POST, path), &body.bytes)?;
    if let Some(before) = writing.before().await? {
        return Ok(before.into_response());
    }
    let thing = body.value;
    check(core, &thing).await?;
    let id = thing.id();
    let there = || Problem::new(StatusCode::CONFLICT, format!("{} {id} is there already: PUT changes it", T::KIND));
    let (fact, state) = set(&thing);
    // A thing that was removed leaves its stream: the new one goes on from there.
    let stands = core.shared.store.stands(&fact.stream()).await.map_err(|error| Problem::internal(&error))?;
    if find::<T>(core, &id).await?.is_some() {
        // Perhaps by this very request, sent twice at once.
        return writing.before().await?.map(Answered::into_response).ok_or_else(there);
    }
    let location = Some(thing.path());
    let answer = Answered { status: 201, location, sequence: stands + 1, body: state };
    Ok(writing.append(&fact, stands, answer).await?.ok_or_else(there)?.into_response())
}

/// PUT: a thing as it is to be.
pub(super) async fn replace<T: Thing>(
    core: &Core,
    (asker, headers): (&Asker, &HeaderMap),
    id: &str,
    body: Body<T>,
) -> Result<Response, Problem> {
    let thing = body.value;
    if thing.id() != id {
        let detail = format!("the body names another {} than the path", T::KIND);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let seen = tags::seen(headers)?;
    check(core, &thing).await?;
    let (fact, state) = set(&thing);
    let held = find::<T>(core, id).await?.map(|(sequence, _)| sequence);
    let expected = match (seen, held) {
        (Seen::Nothing, None) => core.shared.store.stands(&fact.stream()).await.map_err(|e| Problem::internal(&e))?,
        (Seen::Sequence(seen), Some(held)) if seen == held => held,
        (Seen::Anything, Some(held)) => held,
        (Seen::Nothing, Some(_)) => return Err(tags::changed(format!("{} {id} is there already", T::KIND))),
        (_, None) => return Err(unknown::<T>(id)),
        (Seen::Sequence(_), Some(_)) => return Err(stale::<T>(id)),
    };
    let status = if held.is_some() { 200 } else { 201 };
    let answer = Answered { status, location: None, sequence: expected + 1, body: state };
    let writing = Writing { core, asker, key: None };
    Ok(writing.append(&fact, expected, answer).await?.ok_or_else(|| stale::<T>(id))?.into_response())
}

/// DELETE: a thing that is no more, unless one of `users` (kind and link) names it.
pub(super) async fn remove<T: Thing>(
    core: &Core,
    (asker, headers): (&Asker, &HeaderMap),
    id: &str,
    users: &[(&str, &str)],
) -> Result<Response, Problem> {
    let seen = tags::seen(headers)?;
    let (held, _) = find::<T>(core, id).await?.ok_or_else(|| unknown::<T>(id))?;
    if seen != Seen::Anything && seen != Seen::Sequence(held) {
        return Err(stale::<T>(id));
    }
    for (kind, link) in users {
        let found = core.shared.projections.resources(kind, Some((link, id)), "", 1).await;
        if let Some(user) = found.map_err(|error| Problem::internal(&error))?.first() {
            let detail = format!("{} {id} is named by {kind} {}: change that first", T::KIND, user.id);
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
    }
    let fact = Fact::Removed { kind: T::KIND.to_owned(), id: id.to_owned() };
    let answer = Answered { status: 204, location: None, sequence: held + 1, body: Value::Null };
    let writing = Writing { core, asker, key: None };
    Ok(writing.append(&fact, held, answer).await?.ok_or_else(|| stale::<T>(id))?.into_response())
}
