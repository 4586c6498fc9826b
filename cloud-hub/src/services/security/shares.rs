//! `/api/security/teams/{team}/shares`: what a team lets another see.

use super::Security;
use crate::{
    api::{Asker, Body, Named, Problem, body, described::BadBody},
    time,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use firmware_protocol::network::topic::is_slug;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest share, microseconds.
const SHARE_US_MAX: i64 = 366 * 86_400_000_000;

/// What a team lets another see.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ShareView {
    /// Its id.
    pub share: String,
    /// Whose it is.
    pub team: String,
    /// Who sees it.
    pub with_team: String,
    /// `tracking` or `biometrics`.
    pub what: String,
    /// Until when, microseconds UTC.
    pub until_us: i64,
}

/// All that a team shares.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Shares {
    /// By id.
    pub items: Vec<ShareView>,
}

/// A new share.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// Who shall see it.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    with_team: String,
    /// `tracking`: positions of this team's games; `biometrics`: hearts and loads of its players.
    #[schema(pattern = "^(tracking|biometrics)$")]
    what: String,
    /// Until when, microseconds UTC; at most 366 days on.
    until_us: i64,
}

/// What a team shares.
#[utoipa::path(get, operation_id = "list_shares", path = "/api/security/teams/{team}/shares", tag = "security",
    params(("team" = String, Path, description = "The team's name in paths")),
    responses((status = 200, description = "Those in force", body = Shares)),
)]
pub async fn list_shares(State(security): State<Security>, Named(team): Named<String>) -> Json<Shares> {
    let (standing, now_us) = (security.access.standing(), time::utc_us());
    let own = standing.shares.iter().filter(|share| share.team == team && now_us < share.until_us);
    let view = |share: &crate::access::standing::Share| ShareView {
        share: share.share.clone(),
        team: share.team.clone(),
        with_team: share.with_team.clone(),
        what: if share.biometrics { "biometrics" } else { "tracking" }.to_owned(),
        until_us: share.until_us,
    };
    let mut items: Vec<ShareView> = own.map(view).collect();
    items.sort_by(|one, other| one.share.cmp(&other.share));
    Json(Shares { items })
}

/// Lets another team see something of this one.
#[utoipa::path(post, operation_id = "create_share", path = "/api/security/teams/{team}/shares", tag = "security",
    params(("team" = String, Path, description = "The team's name in paths")),
    request_body = inline(NewShare),
    responses(
        (status = 201, description = "It is shared from now on", body = ShareView),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create_share(
    State(security): State<Security>,
    asker: Asker,
    Named(team): Named<String>,
    body: Body<NewShare>,
) -> Result<Response, Problem> {
    let NewShare { with_team, what, until_us } = body.value;
    let now_us = time::utc_us();
    let mut faults = Vec::new();
    if !is_slug(&with_team) || with_team == team {
        faults.push("with_team (another team's name in paths)".to_owned());
    }
    if !["tracking", "biometrics"].contains(&what.as_str()) {
        faults.push("what (tracking or biometrics)".to_owned());
    }
    if !(now_us..=now_us + SHARE_US_MAX).contains(&until_us) {
        faults.push("until_us (from now on, at most 366 days)".to_owned());
    }
    if let Some(problem) = body::faulty(&faults) {
        return Err(problem);
    }
    let share = security.access.add_share((&team, &with_team), &what, until_us).await?;
    asker.tell("share", format!("share/{share}"), "made").await?;
    let view = ShareView { share, team, with_team, what, until_us };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Ends a share; it is not seen any more, on open sockets too.
#[utoipa::path(delete, operation_id = "end_share", path = "/api/security/teams/{team}/shares/{share}", tag = "security",
    params(("team" = String, Path, description = "The team's name in paths"), ("share" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "It is over"),
        (status = 404, description = "This team has no such share", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end_share(
    State(security): State<Security>,
    Named((team, share)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    if !security.access.end_share(&team, &share).await? {
        return Err(Problem::not_found(format!("{team} has no share {share}")));
    }
    Ok(StatusCode::NO_CONTENT)
}
