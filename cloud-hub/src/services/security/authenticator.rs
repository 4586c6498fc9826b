//! `/api/security/auth/authenticator` and codes on paper: the second factor of somebody known.
//!
//! What changes how one logs in wants the password of late: a page left open must not be enough.

use super::{Security, changed_meanwhile, own::known};
use crate::{
    access::{accounts::Changed, second_factor, standing::Account},
    api::{
        Asker, Body, Problem,
        described::{BadBody, NobodyAsked},
    },
    time,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Somebody proved that it is them within this time, microseconds: then their ways to log in may be changed.
const PROVED_US: i64 = 10 * 60 * 1_000_000;

/// A code.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
}

/// An authenticator that is offered: it counts once a code of it was shown.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Offered {
    /// To be typed into it, base32.
    pub secret: String,
    /// The same as a link, for a picture.
    pub link: String,
}

/// Codes on paper, shown this once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PaperCodes {
    /// Each works once.
    pub codes: Vec<String>,
}

/// Somebody known who proved of late that it is them.
fn proved(security: &Security, asker: &Asker) -> Result<Arc<Account>, Problem> {
    let (account, session) = known(asker)?;
    let standing = security.access.standing();
    let proved_us = standing.sessions.get(&session.session).map_or(0, |session| session.proved_us);
    if time::utc_us() - proved_us > PROVED_US {
        let detail = "prove that it is you: POST /api/security/auth/prove";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(account.clone())
}

/// Offers an authenticator (TOTP).
#[utoipa::path(post, operation_id = "offer_authenticator", path = "/api/security/auth/authenticator", tag = "security", responses(
    (status = 200, description = "What it reads; it counts once confirmed", body = Offered),
    (status = 409, description = "Nobody is asked who they are here, or it was changed meanwhile", body = Problem, content_type = "application/problem+json"),
))]
pub async fn offer_authenticator(State(security): State<Security>, asker: Asker) -> Result<Json<Offered>, Problem> {
    let account = proved(&security, &asker)?;
    let secret = security.access.offer_authenticator(&account).await?.ok_or_else(changed_meanwhile)?;
    asker.tell("authenticator", format!("account/{}", account.account), "offered").await?;
    let link = second_factor::link(&secret, &account.name);
    Ok(Json(Offered { secret, link }))
}

/// Takes the offered authenticator into use.
#[utoipa::path(post, operation_id = "confirm_authenticator", path = "/api/security/auth/authenticator/confirm", tag = "security",
    request_body = inline(CodeBody),
    responses(
        (status = 200, description = "It counts, and these are for when it is lost", body = PaperCodes),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        NobodyAsked,
        BadBody,
    )
)]
pub async fn confirm_authenticator(
    State(security): State<Security>,
    asker: Asker,
    body: Body<CodeBody>,
) -> Result<Json<PaperCodes>, Problem> {
    let account = proved(&security, &asker)?;
    let codes = security.access.confirm_authenticator(&account, &body.value.code).await?;
    let outcome = if codes.is_some() { "confirmed" } else { "wrong code" };
    asker.tell("authenticator", format!("account/{}", account.account), outcome).await?;
    let wrong =
        || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "code (no code of the authenticator that is offered)");
    Ok(Json(PaperCodes { codes: codes.ok_or_else(wrong)? }))
}

/// Takes the authenticator away.
#[utoipa::path(delete, operation_id = "remove_authenticator", path = "/api/security/auth/authenticator", tag = "security", responses(
    (status = 204, description = "It counts no more, nor the codes on paper"),
    (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Nobody is asked who they are here, or it was changed meanwhile", body = Problem, content_type = "application/problem+json"),
))]
pub async fn remove_authenticator(State(security): State<Security>, asker: Asker) -> Result<StatusCode, Problem> {
    let account = proved(&security, &asker)?;
    match security.access.remove_authenticator(&account).await? {
        Changed::Done => {
            asker.tell("authenticator", format!("account/{}", account.account), "removed").await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Changed::Conflict => Err(changed_meanwhile()),
        Changed::Wrong => Err(Problem::not_found("there is no authenticator")),
    }
}

/// Makes new codes on paper; those before work no more.
#[utoipa::path(post, operation_id = "make_paper_codes", path = "/api/security/auth/paper-codes", tag = "security", responses(
    (status = 200, description = "Shown this once", body = PaperCodes),
    (status = 409, description = "Nobody is asked who they are here, or there is no authenticator", body = Problem, content_type = "application/problem+json"),
))]
pub async fn make_paper_codes(State(security): State<Security>, asker: Asker) -> Result<Json<PaperCodes>, Problem> {
    let account = proved(&security, &asker)?;
    let codes = security.access.make_paper_codes(&account).await?;
    let none =
        || Problem::new(StatusCode::CONFLICT, "codes on paper are for when an authenticator is lost: there is none");
    let codes = codes.ok_or_else(none)?;
    asker.tell("paper codes", format!("account/{}", account.account), "made").await?;
    Ok(Json(PaperCodes { codes }))
}
