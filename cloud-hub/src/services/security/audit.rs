//! `/api/security/audit`: what was done by whom, and the signed heads that prove it.

use super::Security;
use crate::{
    access::{
        AccessError,
        journal::{self, Export},
    },
    api::{Page, PageChoice, Parameters, Problem, page},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An entry.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, from 0: its place in the tree.
    pub number: u64,
    /// Its text as it was hashed: JSON with `at_us`, `account`, `session`, `from` (sealed), `what`, `operation`, `on`,
    /// `outcome`.
    pub entry: String,
}

/// Signed heads.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AuditHeads {
    /// By size.
    pub items: Vec<AuditHead>,
}

/// A signed head of the tree.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// How many entries are in it.
    pub size: u64,
    /// Its root, hex.
    pub root: String,
    /// When it was signed, microseconds UTC.
    pub at_us: i64,
    /// The key's name.
    pub kid: String,
    /// The key's public half, base64.
    pub public_key: String,
    /// Ed25519 over `rinkside audit head 1`, size, root and time, each on a line; base64.
    pub signature: String,
}

/// The audit, oldest first.
#[utoipa::path(get, operation_id = "list_audit", path = "/api/security/audit", tag = "security", params(PageChoice), responses(
    (status = 200, description = "A page of entries", body = Page<AuditEntry>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list_audit(
    State(security): State<Security>,
    Parameters(choice): Parameters<PageChoice>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let after =
        if cursor.is_empty() { Some(0) } else { cursor.parse::<u64>().ok().map(|number| number.saturating_add(1)) };
    let from = after.ok_or_else(|| Problem::bad_request("cursor is not a next_cursor of this list"))?;
    let entries = security.access.database().audit_entries(from, u64::MAX, limit + 1).await?;
    let entries = entries.into_iter().map(|(number, entry)| AuditEntry { number, entry }).collect();
    Ok(Json(Page::new(entries, limit, |entry: &AuditEntry| entry.number.to_string())))
}

/// The whole audit as lines for `cloud-hub audit verify`.
#[utoipa::path(get, operation_id = "export_audit", path = "/api/security/audit/export", tag = "security", responses(
    (status = 200, description = "One JSON object a line: entries and heads", body = String, content_type = "application/x-ndjson"),
))]
pub async fn export_audit(State(security): State<Security>) -> Result<Response, Problem> {
    sign(&security).await?;
    let export = Export::open(security.access.database().clone()).await?;
    let stream = futures_util::stream::try_unfold(export, async |mut export| {
        Ok::<_, AccessError>(export.lines().await?.map(|lines| (lines, export)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.ndjson\""),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// The signed heads.
#[utoipa::path(get, operation_id = "list_audit_heads", path = "/api/security/audit/heads", tag = "security", responses(
    (status = 200, description = "All of them: keep some elsewhere, and nobody shortens the audit unseen", body = AuditHeads),
))]
pub async fn list_audit_heads(State(security): State<Security>) -> Result<Json<AuditHeads>, Problem> {
    let heads = security.access.database().checkpoints(0).await?;
    let items: Result<Vec<AuditHead>, _> = heads.iter().map(|(_, signed)| serde_json::from_str(signed)).collect();
    Ok(Json(AuditHeads { items: items.map_err(|error| Problem::internal(&error))? }))
}

/// Signs the head as it is now.
#[utoipa::path(post, operation_id = "sign_audit_head", path = "/api/security/audit/heads", tag = "security", responses(
    (status = 200, description = "It; the older one of the same size stays", body = AuditHead),
    (status = 404, description = "There are no entries", body = Problem, content_type = "application/problem+json"),
))]
pub async fn sign_audit_head(State(security): State<Security>) -> Result<Json<AuditHead>, Problem> {
    Ok(Json(sign(&security).await?.ok_or_else(|| Problem::not_found("there are no entries"))?))
}

async fn sign(security: &Security) -> Result<Option<AuditHead>, Problem> {
    let access = &security.access;
    let head = journal::sign_head(access.database(), &access.standing()).await?;
    Ok(head.map(|head| AuditHead {
        size: head.size,
        root: head.root,
        at_us: head.at_us,
        kid: head.kid,
        public_key: head.public_key,
        signature: head.signature,
    }))
}
