//! `/api/security/auth/…` of somebody known: what they may, their password, authenticator and sessions.
//!
//! What changes how one logs in wants the password once more: a page left open must not be enough.

use super::{Security, changed_meanwhile, nobody};
use crate::{
    access::{
        Who,
        action::Action,
        keeping::Changed,
        login::Login,
        passwords,
        roles::Membership,
        second_factor,
        standing::{Account, Session},
    },
    api::{Asker, Body, Named, Problem, described::BadBody},
    time,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Somebody proved that it is them within this time, microseconds: then their ways to log in may be changed.
const PROVED_US: i64 = 10 * 60 * 1_000_000;

/// What somebody may.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Permissions {
    /// The account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// The roles held now.
    pub roles: Vec<RoleHeld>,
    /// In how many ways this session was proved: 2 with a code.
    pub factors: u32,
    /// Whether an authenticator is in use.
    pub authenticator: bool,
    /// Codes on paper that were not used.
    pub paper_codes: usize,
    /// Whether administering asks for a second factor that this session has not shown.
    pub second_factor_needed: bool,
}

/// A role somebody holds.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleHeld {
    /// `league_admin`, `team_admin`, `coach`, `analyst`, `scout`, `arena_staff`, `viewer`, `player` or `service`.
    #[schema(pattern = "^(league_admin|team_admin|coach|analyst|scout|arena_staff|viewer|player|service)$")]
    pub role: String,
    /// Of what: `league`, `team/…`, `venue/…` or `player/…`.
    #[schema(max_length = 72, pattern = "^(league|(team|venue|player)/[a-z0-9]([a-z0-9-]*[a-z0-9])?)$")]
    pub scope: String,
    /// Until when, microseconds UTC; `null` until it is taken away.
    #[serde(default)]
    pub until_us: Option<i64>,
    /// With role service: the actions, as `cloud-hub/src/access/policies/schema.cedarschema` names them.
    #[serde(default)]
    #[schema(max_items = 14)]
    pub may: Vec<String>,
}

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

/// Proves once more.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveBody {
    /// The password.
    #[schema(max_length = 256)]
    password: String,
    /// A code, where there is an authenticator.
    #[serde(default)]
    #[schema(max_length = 64)]
    code: Option<String>,
}

/// Another password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The one that is.
    #[schema(max_length = 256)]
    old: String,
    /// The one that is to be.
    #[schema(max_length = 256)]
    new: String,
}

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

impl From<&Membership> for RoleHeld {
    fn from(held: &Membership) -> Self {
        let role = serde_json::to_value(held.role).ok().and_then(|role| role.as_str().map(str::to_owned));
        Self {
            role: role.unwrap_or_default(),
            scope: held.scope.to_string(),
            until_us: held.until_us,
            may: held.may.iter().map(|action| action.name().to_owned()).collect(),
        }
    }
}

impl RoleHeld {
    /// As it is kept, or what is wrong with it.
    pub(super) fn membership(&self) -> Result<Membership, String> {
        let role = serde_json::from_value(self.role.clone().into()).map_err(|_| format!("role {:?}", self.role))?;
        let action = |word: &String| {
            Action::ALL.into_iter().find(|action| action.name() == word).ok_or_else(|| format!("may {word:?}"))
        };
        let may = self.may.iter().map(action).collect::<Result<_, _>>()?;
        Ok(Membership { role, scope: self.scope.parse()?, until_us: self.until_us, may })
    }
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

fn known(asker: &Asker) -> Result<(&Arc<Account>, &Arc<Session>), Problem> {
    match &asker.who {
        Who::Known(known) => Ok((&known.account, &known.session)),
        Who::Everybody | Who::Nobody => Err(nobody()),
    }
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

/// What whoever asks may.
#[utoipa::path(get, operation_id = "read_permissions", path = "/api/security/auth/permissions", tag = "security", responses(
    (status = 200, description = "Roles, and how they were proved", body = Permissions),
    (status = 409, description = "Nobody is asked who they are here", body = Problem, content_type = "application/problem+json"),
))]
pub async fn read_permissions(State(security): State<Security>, asker: Asker) -> Result<Json<Permissions>, Problem> {
    let (account, session) = known(&asker)?;
    let secrets = security.access.secrets_of(&account.account).await?;
    let standing = security.access.standing();
    let now_us = time::utc_us();
    let roles = standing.accounts.get(&account.account).map(|account| account.roles.clone()).unwrap_or_default();
    let factors = standing.sessions.get(&session.session).map_or(0, |session| session.factors);
    let asked = security.access.config().second_factor != crate::access::SecondFactor::Nobody;
    Ok(Json(Permissions {
        account: account.account.clone(),
        name: account.name.clone(),
        roles: roles.iter().filter(|held| held.holds(now_us)).map(Into::into).collect(),
        factors,
        authenticator: secrets.has_second(),
        paper_codes: secrets.paper.len(),
        second_factor_needed: asked && factors < 2,
    }))
}

/// Proves once more who asks: with a code, this session has shown two things from then on.
#[utoipa::path(post, operation_id = "prove", path = "/api/security/auth/prove", tag = "security",
    request_body = inline(ProveBody),
    responses(
        (status = 204, description = "It is them"),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Nobody is asked who they are here", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn prove(
    State(security): State<Security>,
    asker: Asker,
    body: Body<ProveBody>,
) -> Result<StatusCode, Problem> {
    known(&asker)?;
    let ProveBody { password, code } = body.value;
    security.access.prove_again(&asker.who, Login { name: String::new(), password, code }, asker.from).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the own password; other sessions end.
#[utoipa::path(put, operation_id = "change_password", path = "/api/security/auth/password", tag = "security",
    request_body = inline(PasswordBody),
    responses(
        (status = 204, description = "It is changed"),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Nobody is asked who they are here, or it was changed meanwhile", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn change_password(
    State(security): State<Security>,
    asker: Asker,
    body: Body<PasswordBody>,
) -> Result<StatusCode, Problem> {
    let (account, _) = known(&asker)?;
    let PasswordBody { old, new } = body.value;
    let access = &security.access;
    passwords::sound(&new, &account.name, access.config().password_characters_min)
        .map_err(|fault| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, fault.to_string()))?;
    access.try_once(&account.name, asker.from).await?;
    let changed = access.change_password(&asker.who, old, new).await?;
    let outcome = if changed == Changed::Done { "changed" } else { "wrong" };
    asker.tell("password", format!("account/{}", account.account), outcome).await?;
    match changed {
        Changed::Done => {
            access.came_down(&account.name, asker.from).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Changed::Conflict => Err(changed_meanwhile()),
        Changed::Wrong => Err(Problem::new(StatusCode::FORBIDDEN, "the password is another")),
    }
}

/// The own sessions.
#[utoipa::path(get, operation_id = "list_own_sessions", path = "/api/security/auth/sessions", tag = "security", responses(
    (status = 200, description = "Those that are on", body = Sessions),
    (status = 409, description = "Nobody is asked who they are here", body = Problem, content_type = "application/problem+json"),
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
        (status = 409, description = "Nobody is asked who they are here", body = Problem, content_type = "application/problem+json"),
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
        (status = 409, description = "Nobody is asked who they are here", body = Problem, content_type = "application/problem+json"),
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
