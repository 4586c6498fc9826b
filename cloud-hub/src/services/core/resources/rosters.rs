//! `/api/core/teams/{team}/roster`: who wears which number.

use super::{super::Core, Thing, get, slug_fault, writing};
use crate::api::{
    Asker, Body, Named, Problem,
    described::{BadBody, Held, Saw, SawNothing, Unseen},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::ToSchema;

/// Places in a roster.
pub(super) const PLACES_MAX: usize = 60;

/// Who wears a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Jersey number, 0 to 99.
    #[schema(minimum = 0, maximum = 99)]
    pub number: u8,
    /// Who.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub player: String,
    /// Whether they keep goal.
    #[serde(default)]
    pub goalie: bool,
}

/// A team's roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// The team.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub team: String,
    /// At most 60 places, each number and each player once.
    #[schema(max_items = 60)]
    pub players: Vec<Place>,
}

/// What is wrong with `places`.
pub(super) fn faults(what: &str, places: &[Place]) -> Vec<String> {
    let mut faults = Vec::new();
    if places.len() > PLACES_MAX {
        faults.push(format!("{what} of {} (at most {PLACES_MAX})", places.len()));
        return faults;
    }
    let (mut numbers, mut players) = (HashSet::new(), HashSet::new());
    for place in places {
        if place.number > 99 {
            faults.push(format!("{what}: number {} (0 to 99)", place.number));
        }
        if !numbers.insert(place.number) {
            faults.push(format!("{what}: number {} twice", place.number));
        }
        faults.extend(slug_fault("player", &place.player));
        if !players.insert(place.player.as_str()) {
            faults.push(format!("{what}: one player twice"));
        }
    }
    faults
}

impl Thing for Roster {
    const KIND: &'static str = "roster";

    fn id(&self) -> String {
        self.team.clone()
    }

    fn path(&self) -> String {
        format!("/api/core/teams/{}/roster", self.team)
    }

    fn faults(&self) -> Vec<String> {
        slug_fault("team", &self.team).into_iter().chain(faults("players", &self.players)).collect()
    }

    fn names(&self) -> Vec<(&'static str, String)> {
        let players = self.players.iter().map(|place| ("player", place.player.clone()));
        std::iter::once(("team", self.team.clone())).chain(players).collect()
    }
}

/// A team's roster.
#[utoipa::path(get, operation_id = "read_roster", path = "/api/core/teams/{team}/roster", tag = "core",
    params(("team" = String, Path, description = "The team's name in paths"),
        Held),
    responses(
        (status = 200, description = "The roster", body = Roster, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No roster yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(
    State(core): State<Core>,
    Named(team): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    get::<Roster>(&core, &team, &headers).await
}

/// A team's roster as it is to be. Games keep the roster they were scheduled with.
#[utoipa::path(put, operation_id = "replace_roster", path = "/api/core/teams/{team}/roster", tag = "core", request_body = Roster,
    params(("team" = String, Path, description = "The team's name in paths"),
        Saw, SawNothing),
    responses(
        (status = 200, description = "It is so", body = Roster, headers(("etag"))),
        (status = 201, description = "It is there", body = Roster, headers(("etag"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No roster yet", body = Problem, content_type = "application/problem+json"),
        BadBody,
        Unseen,
    )
)]
pub async fn replace(
    State(core): State<Core>,
    asker: Asker,
    Named(team): Named<String>,
    headers: HeaderMap,
    body: Body<Roster>,
) -> Result<Response, Problem> {
    writing::replace(&core, (&asker, &headers), &team, body).await
}

/// A roster no more.
#[utoipa::path(delete, operation_id = "remove_roster", path = "/api/core/teams/{team}/roster", tag = "core",
    params(("team" = String, Path, description = "The team's name in paths"),
        Saw),
    responses(
        (status = 204, description = "It is gone; what was said of it stays in the event store"),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No roster", body = Problem, content_type = "application/problem+json"),
        Unseen,
    )
)]
pub async fn remove(
    State(core): State<Core>,
    asker: Asker,
    Named(team): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    writing::remove::<Roster>(&core, (&asker, &headers), &team, &[]).await
}
