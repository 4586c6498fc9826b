//! `GET /api/core/edges`: the boxes, and how they say they are.
//!
//! Comes in: enrolments, the newest readings of each box about itself, and when it was heard. Goes out: one entry a box.
//! Never: a reading of what people wear (heart, load): those are not the box's.

use super::Core;
use crate::{
    access::{Action, Object},
    api::{Asker, Named, Page, PageChoice, Parameters, Problem, page, tags},
    projections::freshness::ACTIVE_US,
    storage::enrolments::Enrolment,
    time,
};
use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Edge {
    /// Its name.
    pub edge: String,
    /// The arena it stands in; `null` while neither its enrolment nor its readings told.
    pub venue: Option<String>,
    /// Since when its newest enrolment is in force, microseconds UTC; `null` where boxes need none.
    pub enrolled_us: Option<i64>,
    /// End of its certificate, microseconds UTC; the same.
    pub certificate_until_us: Option<i64>,
    /// Whether it was heard within ten seconds.
    pub active: bool,
    /// How long it has been silent, milliseconds; `null` when it was not heard since the hub started.
    pub silent_ms: Option<u64>,
    /// Capture time of its newest readings, microseconds UTC; `null` before one.
    pub read_us: Option<i64>,
    /// Its newest readings about itself, as its metrics are named.
    pub readings: BTreeMap<String, f64>,
}

async fn describe(core: &Core, edge: &str, enrolment: Option<&Enrolment>) -> Result<Edge, Problem> {
    let shared = &core.shared;
    let readings = shared.projections.readings(edge).await.map_err(|error| Problem::internal(&error))?;
    let silent_us = shared.freshness.silent_us(edge, time::monotonic_us());
    let mut newest = BTreeMap::new();
    for (_, reading) in &readings {
        newest.entry(reading.name.clone()).or_insert(reading.value);
    }
    Ok(Edge {
        edge: edge.to_owned(),
        venue: enrolment.map(|one| one.venue.clone()).or_else(|| readings.first().map(|(venue, _)| venue.clone())),
        enrolled_us: enrolment.map(|one| one.enrolled_us),
        certificate_until_us: enrolment.map(|one| one.until_us),
        active: silent_us.is_some_and(|silent_us| silent_us <= ACTIVE_US),
        silent_ms: silent_us.map(|silent_us| silent_us / 1_000),
        read_us: readings.iter().map(|(_, reading)| reading.captured_us).max(),
        readings: newest,
    })
}

/// All boxes that are enrolled or have sent anything, by name.
#[utoipa::path(get, operation_id = "list_edges", path = "/api/core/edges", tag = "core", params(PageChoice), responses(
    (status = 200, description = "A page of boxes", body = Page<Edge>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn all(
    State(core): State<Core>,
    asker: Asker,
    Parameters(choice): Parameters<PageChoice>,
) -> Result<Response, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let (heard, enrolments) = core.shared.projections.boxes().await.map_err(|error| Problem::internal(&error))?;
    let names: BTreeSet<String> = heard.into_iter().chain(enrolments.iter().map(|one| one.edge.clone())).collect();
    let mut edges = Vec::new();
    for name in names.iter().filter(|name| name.as_str() > cursor) {
        if edges.len() > limit {
            break;
        }
        let enrolment = enrolments.iter().find(|one| one.edge == **name);
        let edge = describe(&core, name, enrolment).await?;
        let of = edge.venue.clone().map_or(Object::League, Object::Venue);
        if asker.sees(Action::ViewEdges, &of) {
            edges.push(edge);
        }
    }
    Ok(Json(Page::new(edges, limit, |edge| edge.edge.clone())).into_response())
}

/// One box.
#[utoipa::path(get, operation_id = "read_edge", path = "/api/core/edges/{edge}", tag = "core",
    params(("edge" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The box", body = Edge, headers(("etag"))),
        (status = 304, description = "It is as the ETag says"),
        (status = 400, description = "The path is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such box", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(
    State(core): State<Core>,
    Named(edge): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (heard, enrolments) = core.shared.projections.boxes().await.map_err(|error| Problem::internal(&error))?;
    let enrolment = enrolments.iter().find(|one| one.edge == edge);
    if enrolment.is_none() && !heard.contains(&edge) {
        return Err(Problem::not_found(format!("no box {edge} is enrolled or has sent anything")));
    }
    Ok(tags::answer_computed(&headers, &describe(&core, &edge, enrolment).await?))
}
