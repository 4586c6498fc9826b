//! `/api/security/auth/…` of somebody known: what they may, proving once more who they are, their password.

use super::{Security, changed_meanwhile, nobody};
use crate::{
    access::{
        Who,
        accounts::Changed,
        action::Action,
        login::Login,
        passwords,
        roles::Membership,
        standing::{Account, Session},
    },
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

/// Whoever asks, when they are somebody.
pub(super) fn known(asker: &Asker) -> Result<(&Arc<Account>, &Arc<Session>), Problem> {
    match &asker.who {
        Who::Known(known) => Ok((&known.account, &known.session)),
        Who::Everybody | Who::Nobody => Err(nobody()),
    }
}

/// What whoever asks may.
#[utoipa::path(get, operation_id = "read_permissions", path = "/api/security/auth/permissions", tag = "security", responses(
    (status = 200, description = "Roles, and how they were proved", body = Permissions),
    NobodyAsked,
))]
pub async fn read_permissions(State(security): State<Security>, asker: Asker) -> Result<Json<Permissions>, Problem> {
    let (account, session) = known(&asker)?;
    let secrets = security.access.secrets_of(&account.account).await?;
    let standing = security.access.standing();
    let now_us = time::utc_us();
    let roles = standing.accounts.get(&account.account).map(|account| account.roles.clone()).unwrap_or_default();
    let factors = standing.sessions.get(&session.session).map_or(0, |session| session.factors);
    Ok(Json(Permissions {
        account: account.account.clone(),
        name: account.name.clone(),
        roles: roles.iter().filter(|held| held.holds(now_us)).map(Into::into).collect(),
        factors,
        authenticator: secrets.has_second(),
        paper_codes: secrets.paper.len(),
        second_factor_needed: security.access.config().asks_for_second() && factors < 2,
    }))
}

/// Proves once more who asks: with a code, this session has shown two things from then on.
#[utoipa::path(post, operation_id = "prove", path = "/api/security/auth/prove", tag = "security",
    request_body = inline(ProveBody),
    responses(
        (status = 204, description = "It is them"),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        NobodyAsked,
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
    passwords::sound(&new, &account.name, access.config().password_characters_min)?;
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
