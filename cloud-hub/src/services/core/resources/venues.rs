//! `/api/core/venues`: the arenas.

use super::{super::Core, Thing, get, line_fault, list, slug_fault, writing};
use crate::api::{
    Asker, Body, Named, Page, PageChoice, Parameters, Problem,
    described::{BadBody, Held, Key, Saw, SawNothing, Unseen},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An arena.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    /// Its name in paths and topics: 1 to 63 of `a-z`, `0-9` and dashes, no dash at either end. What its boxes enrol
    /// with.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub venue: String,
    /// Its name for people, a line of 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Its city, a line of 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
}

impl Thing for Venue {
    const KIND: &'static str = "venue";

    fn id(&self) -> String {
        self.venue.clone()
    }

    fn path(&self) -> String {
        format!("/api/core/venues/{}", self.venue)
    }

    fn faults(&self) -> Vec<String> {
        [slug_fault("venue", &self.venue), line_fault("name", &self.name, 100), line_fault("city", &self.city, 100)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// All venues, by name.
#[utoipa::path(get, operation_id = "list_venues", path = "/api/core/venues", tag = "core", params(PageChoice), responses(
    (status = 200, description = "A page of venues", body = Page<Venue>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn all(State(core): State<Core>, Parameters(choice): Parameters<PageChoice>) -> Result<Response, Problem> {
    list::<Venue>(&core, &choice, None).await
}

/// A venue that is new.
#[utoipa::path(post, operation_id = "create_venue", path = "/api/core/venues", tag = "core", request_body = Venue,
    params(Key),
    responses(
        (status = 201, description = "It is there", body = Venue, headers(("etag"), ("location"))),
        (status = 400, description = "No JSON, or a faulty key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was there before", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create(
    State(core): State<Core>,
    asker: Asker,
    headers: HeaderMap,
    body: Body<Venue>,
) -> Result<Response, Problem> {
    writing::create(&core, (&asker, &headers), "/api/core/venues", body).await
}

/// One venue.
#[utoipa::path(get, operation_id = "read_venue", path = "/api/core/venues/{venue}", tag = "core",
    params(("venue" = String, Path, description = "Its name in paths"),
        Held),
    responses(
        (status = 200, description = "The venue", body = Venue, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such venue", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(State(core): State<Core>, Named(id): Named<String>, headers: HeaderMap) -> Result<Response, Problem> {
    get::<Venue>(&core, &id, &headers).await
}

/// A venue as it is to be.
#[utoipa::path(put, operation_id = "replace_venue", path = "/api/core/venues/{venue}", tag = "core", request_body = Venue,
    params(("venue" = String, Path, description = "Its name in paths"),
        Saw, SawNothing),
    responses(
        (status = 200, description = "It is so", body = Venue, headers(("etag"))),
        (status = 201, description = "It is there", body = Venue, headers(("etag"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such venue", body = Problem, content_type = "application/problem+json"),
        BadBody,
        Unseen,
    )
)]
pub async fn replace(
    State(core): State<Core>,
    asker: Asker,
    Named(id): Named<String>,
    headers: HeaderMap,
    body: Body<Venue>,
) -> Result<Response, Problem> {
    writing::replace(&core, (&asker, &headers), &id, body).await
}

/// A venue no more.
#[utoipa::path(delete, operation_id = "remove_venue", path = "/api/core/venues/{venue}", tag = "core",
    params(("venue" = String, Path, description = "Its name in paths"),
        Saw),
    responses(
        (status = 204, description = "It is gone; what was said of it stays in the event store"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such venue", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Something names it", body = Problem, content_type = "application/problem+json"),
        Unseen,
    )
)]
pub async fn remove(
    State(core): State<Core>,
    asker: Asker,
    Named(id): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    writing::remove::<Venue>(&core, (&asker, &headers), &id, &[("game", "venue")]).await
}
