//! What people keep at the hub: teams, players, venues, rosters, and which games are to be played.
//!
//! ```text
//!  GET ─► one row, or a page of rows          POST, PUT, DELETE ─► one fact, and with it the row it makes
//! ```
//!
//! Comes in: requests. Goes out: the thing as JSON with a strong `ETag`, which is the sequence of its stream. A writer says
//! what they saw (`If-Match`, or `If-None-Match: *` for a thing that is new) and is refused when another was first; a
//! POST with an `Idempotency-Key` may be sent again. Never: a thing that [`Thing::faults`] finds fault with, or one
//! that names another that is not there.

pub mod games;
pub mod players;
pub mod rosters;
pub mod teams;
pub mod venues;
mod writing;

pub(super) use writing::{Answered, Writing};

use super::Core;
use crate::api::{Page, PageChoice, Problem, page, tags};
use axum::{
    Json,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use firmware_protocol::network::topic::is_slug;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The paths of all kinds.
pub(super) fn routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new()
        .routes(routes!(teams::all, teams::create))
        .routes(routes!(teams::one, teams::replace, teams::remove))
        .routes(routes!(rosters::one, rosters::replace, rosters::remove))
        .routes(routes!(players::all, players::create))
        .routes(routes!(players::one, players::replace, players::remove))
        .routes(routes!(venues::all, venues::create))
        .routes(routes!(venues::one, venues::replace, venues::remove))
        .routes(routes!(games::all, games::create))
        .routes(routes!(games::one))
        .routes(routes!(games::schedule, games::reschedule, games::unschedule))
}

/// A kind of thing.
pub(super) trait Thing: Serialize + DeserializeOwned + ToSchema + Clone + Send + Sync + 'static {
    /// The word for it in streams and tables.
    const KIND: &'static str;

    /// Its name among its kind.
    fn id(&self) -> String;

    /// Where it is read.
    fn path(&self) -> String;

    /// What is wrong with it, each with what is allowed.
    fn faults(&self) -> Vec<String>;

    /// The things it names: kind and id.
    fn names(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A fault of `word`, when it may not be a name in paths and topics.
fn slug_fault(what: &str, word: &str) -> Option<String> {
    (!is_slug(word)).then(|| format!("{what} (1 to 63 of a-z, 0-9 and dashes, no dash at either end)"))
}

/// A fault of `text`, when it is no line of so many characters.
fn line_fault(what: &str, text: &str, characters_max: usize) -> Option<String> {
    let characters = text.chars().count();
    let sound =
        (1..=characters_max).contains(&characters) && text.trim() == text && !text.chars().any(char::is_control);
    (!sound).then(|| format!("{what} (a line of 1 to {characters_max} characters, no blank at either end)"))
}

/// The thing `id`, with its sequence.
pub(super) async fn find<T: Thing>(core: &Core, id: &str) -> Result<Option<(u64, T)>, Problem> {
    let row = core.shared.projections.resource(T::KIND, id).await.map_err(|error| Problem::internal(&error))?;
    row.map(|row| Ok((row.sequence, read(&row.payload)?))).transpose()
}

fn read<T: Thing>(payload: &str) -> Result<T, Problem> {
    serde_json::from_str(payload).map_err(|error| Problem::internal(&format!("a row of {}: {error}", T::KIND)))
}

async fn get<T: Thing>(core: &Core, id: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let (sequence, thing) = find::<T>(core, id).await?.ok_or_else(|| unknown::<T>(id))?;
    Ok(tags::answer_sequence(headers, sequence, &thing))
}

/// At most `things_max` things after `id`.
pub(super) async fn after<T: Thing>(core: &Core, id: &str, things_max: usize) -> Result<Vec<T>, Problem> {
    let rows = core.shared.projections.resources(T::KIND, None, id, things_max).await;
    rows.map_err(|error| Problem::internal(&error))?.iter().map(|row| read(&row.payload)).collect()
}

/// At most `things_max` things that `link` finds, in `between` by id; not for pages.
pub(super) async fn between<T: Thing>(
    core: &Core,
    link: (&str, &str),
    between: (&str, &str),
    things_max: usize,
) -> Result<Vec<T>, Problem> {
    let rows = core.shared.projections.resources_between(T::KIND, link, between, things_max).await;
    rows.map_err(|error| Problem::internal(&error))?.iter().map(|row| read(&row.payload)).collect()
}

/// One page of things; with `link`, of those it finds.
pub(super) async fn page<T: Thing>(
    core: &Core,
    choice: &PageChoice,
    link: Option<(&str, &str)>,
) -> Result<Page<T>, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let rows = core.shared.projections.resources(T::KIND, link, cursor, limit + 1).await;
    let rows = rows.map_err(|error| Problem::internal(&error))?;
    let things: Result<Vec<T>, Problem> = rows.iter().map(|row| read(&row.payload)).collect();
    Ok(Page::new(things?, limit, T::id))
}

async fn list<T: Thing>(core: &Core, choice: &PageChoice, link: Option<(&str, &str)>) -> Result<Response, Problem> {
    Ok(Json(page::<T>(core, choice, link).await?).into_response())
}

fn unknown<T: Thing>(id: &str) -> Problem {
    Problem::not_found(format!("no {} {id}", T::KIND))
}
