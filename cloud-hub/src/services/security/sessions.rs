//! `/api/security/auth/sessions`: the own sessions; and how sessions are shown.

use super::{Security, own::known};
use crate::{
    access::standing::Session,
    api::{Asker, Named, Problem, described::NobodyAsked},
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A session.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub session: String,
    /// `browser`, `program` or `key`.
    pub kind: String,
    /// When it began, microseconds UTC.
    pub made_us: i64,
    /// When it was used, to a minute.
    pub used_us: i64,
    /// When it ends at the latest.
    pub until_us: i64,
    /// In how many ways it was proved.
    pub factors: u32,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// Several sessions.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// Newest first.
    pub items: Vec<SessionView>,
}

/// `sessions` of one account as they are shown to whoever asks by `own`.
pub(super) fn views<'a>(sessions: impl Iterator<Item = &'a Arc<Session>>, own: Option<&str>) -> Sessions {
    let view = |session: &Arc<Session>| SessionView {
        session: session.session.clone(),
        kind: session.kind.word().to_owned(),
        made_us: session.made_us,
        used_us: session.used_us(),
        until_us: session.until_us,
        factors: session.factors,
        this: own == Some(&session.session),
    };
    let mut items: Vec<SessionView> = sessions.map(view).collect();
    items.sort_by(|one, other| (other.made_us, &other.session).cmp(&(one.made_us, &one.session)));
    Sessions { items }
}

/// The own sessions.
#[utoipa::path(get, operation_id = "list_own_sessions", path = "/api/security/auth/sessions", tag = "security", responses(
    (status = 200, description = "Those that are on", body = Sessions),
    NobodyAsked,
))]
pub async fn list_own_sessions(State(security): State<Security>, asker: Asker) -> Result<Json<Sessions>, Problem> {
    let (account, session) = known(&asker)?;
    let standing = security.access.standing();
    let own = standing.sessions.values().filter(|session| session.account == account.account);
    Ok(Json(views(own, Some(&session.session))))
}

/// Ends an own session.
#[utoipa::path(delete, operation_id = "end_own_session", path = "/api/security/auth/sessions/{session}", tag = "security",
    params(("session" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "It is over, for open sockets too"),
        (status = 404, description = "No such session is on", body = Problem, content_type = "application/problem+json"),
        NobodyAsked,
    )
)]
pub async fn end_own_session(
    State(security): State<Security>,
    asker: Asker,
    Named(session): Named<String>,
) -> Result<StatusCode, Problem> {
    let (account, _) = known(&asker)?;
    if !security.access.end_session(&session, &account.account, "ended by its owner").await? {
        return Err(Problem::not_found(format!("no session {session} of yours is on")));
    }
    asker.tell("session", format!("session/{session}"), "ended").await?;
    Ok(StatusCode::NO_CONTENT)
}
