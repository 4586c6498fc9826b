//! `/api/core/teams`: the teams of the league.

use super::{super::Core, Thing, get, line_fault, list, slug_fault, writing};
use crate::api::{
    Asker, Body, Named, Page, PageChoice, Parameters, Problem,
    described::{BadBody, Held, Key, Saw, SawNothing, Unseen},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its name in paths: 1 to 63 of `a-z`, `0-9` and dashes, no dash at either end.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub team: String,
    /// Its name for people, a line of 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Two to four capital letters for the scoreboard.
    #[schema(min_length = 2, max_length = 4, pattern = "^[A-Z]{2,4}$")]
    pub abbreviation: String,
}

impl Thing for Team {
    const KIND: &'static str = "team";

    fn id(&self) -> String {
        self.team.clone()
    }

    fn path(&self) -> String {
        format!("/api/core/teams/{}", self.team)
    }

    fn faults(&self) -> Vec<String> {
        let letters = &self.abbreviation;
        let short = (2..=4).contains(&letters.len()) && letters.bytes().all(|letter| letter.is_ascii_uppercase());
        let abbreviation = (!short).then(|| "abbreviation (2 to 4 of A-Z)".to_owned());
        [slug_fault("team", &self.team), line_fault("name", &self.name, 100), abbreviation]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// All teams, by name.
#[utoipa::path(get, operation_id = "list_teams", path = "/api/core/teams", tag = "core", params(PageChoice), responses(
    (status = 200, description = "A page of teams", body = Page<Team>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn all(State(core): State<Core>, Parameters(choice): Parameters<PageChoice>) -> Result<Response, Problem> {
    list::<Team>(&core, &choice, None).await
}

/// A team that is new.
#[utoipa::path(post, operation_id = "create_team", path = "/api/core/teams", tag = "core", request_body = Team,
    params(Key),
    responses(
        (status = 201, description = "It is there", body = Team, headers(("etag"), ("location"))),
        (status = 400, description = "No JSON, or a faulty key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was there before", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create(
    State(core): State<Core>,
    asker: Asker,
    headers: HeaderMap,
    body: Body<Team>,
) -> Result<Response, Problem> {
    writing::create(&core, (&asker, &headers), "/api/core/teams", body).await
}

/// One team.
#[utoipa::path(get, operation_id = "read_team", path = "/api/core/teams/{team}", tag = "core",
    params(("team" = String, Path, description = "Its name in paths"),
        Held),
    responses(
        (status = 200, description = "The team", body = Team, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such team", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(State(core): State<Core>, Named(id): Named<String>, headers: HeaderMap) -> Result<Response, Problem> {
    get::<Team>(&core, &id, &headers).await
}

/// A team as it is to be.
#[utoipa::path(put, operation_id = "replace_team", path = "/api/core/teams/{team}", tag = "core", request_body = Team,
    params(("team" = String, Path, description = "Its name in paths"),
        Saw, SawNothing),
    responses(
        (status = 200, description = "It is so", body = Team, headers(("etag"))),
        (status = 201, description = "It is there", body = Team, headers(("etag"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such team", body = Problem, content_type = "application/problem+json"),
        BadBody,
        Unseen,
    )
)]
pub async fn replace(
    State(core): State<Core>,
    asker: Asker,
    Named(id): Named<String>,
    headers: HeaderMap,
    body: Body<Team>,
) -> Result<Response, Problem> {
    writing::replace(&core, (&asker, &headers), &id, body).await
}

/// A team no more.
#[utoipa::path(delete, operation_id = "remove_team", path = "/api/core/teams/{team}", tag = "core",
    params(("team" = String, Path, description = "Its name in paths"),
        Saw),
    responses(
        (status = 204, description = "It is gone; what was said of it stays in the event store"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such team", body = Problem, content_type = "application/problem+json"),
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
    writing::remove::<Team>(&core, (&asker, &headers), &id, &[("game", "team"), ("roster", "team")]).await
}
