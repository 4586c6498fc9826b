//! `/api/core/players`: who plays.

use super::{super::Core, Thing, get, line_fault, list, slug_fault, writing};
use crate::api::{
    Asker, Body, Named, Page, PageChoice, Parameters, Problem,
    described::{BadBody, Held, Key, Saw, SawNothing, Unseen},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where somebody plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Left, right or in the centre.
    Forward,
    /// On the blue line.
    Defender,
    /// In goal.
    Goalie,
}

/// A player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Player {
    /// Their name in paths: 1 to 63 of `a-z`, `0-9` and dashes, no dash at either end.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub player: String,
    /// Their name for people, a line of 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Where they play.
    pub position: Position,
}

impl Thing for Player {
    const KIND: &'static str = "player";

    fn id(&self) -> String {
        self.player.clone()
    }

    fn path(&self) -> String {
        format!("/api/core/players/{}", self.player)
    }

    fn faults(&self) -> Vec<String> {
        [slug_fault("player", &self.player), line_fault("name", &self.name, 100)].into_iter().flatten().collect()
    }
}

/// All players, by name.
#[utoipa::path(get, operation_id = "list_players", path = "/api/core/players", tag = "core", params(PageChoice), responses(
    (status = 200, description = "A page of players", body = Page<Player>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn all(State(core): State<Core>, Parameters(choice): Parameters<PageChoice>) -> Result<Response, Problem> {
    list::<Player>(&core, &choice, None).await
}

/// A player that is new.
#[utoipa::path(post, operation_id = "create_player", path = "/api/core/players", tag = "core", request_body = Player,
    params(Key),
    responses(
        (status = 201, description = "It is there", body = Player, headers(("etag"), ("location"))),
        (status = 400, description = "No JSON, or a faulty key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was there before", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create(
    State(core): State<Core>,
    asker: Asker,
    headers: HeaderMap,
    body: Body<Player>,
) -> Result<Response, Problem> {
    writing::create(&core, (&asker, &headers), "/api/core/players", body).await
}

/// One player.
#[utoipa::path(get, operation_id = "read_player", path = "/api/core/players/{player}", tag = "core",
    params(("player" = String, Path, description = "Its name in paths"),
        Held),
    responses(
        (status = 200, description = "The player", body = Player, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(State(core): State<Core>, Named(id): Named<String>, headers: HeaderMap) -> Result<Response, Problem> {
    get::<Player>(&core, &id, &headers).await
}

/// A player as it is to be.
#[utoipa::path(put, operation_id = "replace_player", path = "/api/core/players/{player}", tag = "core", request_body = Player,
    params(("player" = String, Path, description = "Its name in paths"),
        Saw, SawNothing),
    responses(
        (status = 200, description = "It is so", body = Player, headers(("etag"))),
        (status = 201, description = "It is there", body = Player, headers(("etag"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
        BadBody,
        Unseen,
    )
)]
pub async fn replace(
    State(core): State<Core>,
    asker: Asker,
    Named(id): Named<String>,
    headers: HeaderMap,
    body: Body<Player>,
) -> Result<Response, Problem> {
    writing::replace(&core, (&asker, &headers), &id, body).await
}

/// A player no more.
#[utoipa::path(delete, operation_id = "remove_player", path = "/api/core/players/{player}", tag = "core",
    params(("player" = String, Path, description = "Its name in paths"),
        Saw),
    responses(
        (status = 204, description = "It is gone; what was said of it stays in the event store"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
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
    writing::remove::<Player>(&core, (&asker, &headers), &id, &[("game", "player"), ("roster", "player")]).await
}
