//! `/api/security/accounts`: who may come in, and with which roles.
//!
//! A league admin keeps all of them; a team admin those whose roles are all of that team. Nobody gives a role of what is not
//! theirs: each role is asked for. An account begins with a code that sets its password, shown once.

use super::{
    Security, changed_meanwhile, done,
    own::RoleHeld,
    sessions::{Sessions, views},
};
use crate::{
    access::{
        Action, Object,
        accounts::{self, Changed, Personal},
        roles::{Membership, Role, Scope},
        standing::Account,
    },
    api::{
        Asker, Body, Named, Page, PageChoice, Parameters, Problem, body,
        described::{BadBody, NotYours},
        page,
    },
    time,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest life of a key, days.
const KEY_DAYS_MAX: u32 = 366;

/// An account.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Its id.
    pub account: String,
    /// What is typed at the login.
    pub name: String,
    /// Its roles.
    pub roles: Vec<RoleHeld>,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
    /// Since when it is shut out; `null`: it is not.
    pub ended_us: Option<i64>,
}

/// A new account.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What is typed at the login: 1 to 63 of `a-z`, `0-9`, dots and dashes.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
    name: String,
    /// Its name for people; lies sealed.
    #[serde(default)]
    #[schema(max_length = 100)]
    display_name: String,
    /// Its roles, at most 32.
    #[schema(max_items = 32)]
    roles: Vec<RoleHeld>,
}

/// Roles instead of those that are.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    /// All of them, at most 32.
    #[schema(max_items = 32)]
    roles: Vec<RoleHeld>,
}

/// A code that sets a password.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ResetCode {
    /// The account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Works once, for a day; shown this once.
    pub code: String,
}

/// For how long a key is to work.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// Days, 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// A program's key.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct NewKey {
    /// The session it is; end that to end the key.
    pub session: String,
    /// To be shown as `Authorization: Bearer …`; shown this once.
    pub key: String,
    /// Until when, microseconds UTC.
    pub until_us: i64,
}

fn view(account: &Account) -> AccountView {
    AccountView {
        account: account.account.clone(),
        name: account.name.clone(),
        roles: account.roles.iter().map(Into::into).collect(),
        made_us: account.made_us,
        ended_us: account.ended_us,
    }
}

fn find(security: &Security, account: &str) -> Result<Arc<Account>, Problem> {
    let found = security.access.standing().accounts.get(account).cloned();
    found.ok_or_else(|| Problem::not_found(format!("no account {account} that is yours to see")))
}

fn memberships(roles: &[RoleHeld]) -> Result<Vec<Membership>, Problem> {
    let (mut memberships, mut faults) = (Vec::new(), Vec::new());
    for role in roles {
        match role.membership() {
            Ok(membership) => memberships.push(membership),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(accounts::faults(&memberships));
    body::faulty(&faults).map_or(Ok(memberships), Err)
}

/// Whether each of `roles` is whoever asks to give.
async fn ask_for_each(asker: &Asker, roles: &[Membership]) -> Result<(), Problem> {
    for held in roles {
        let of = match &held.scope {
            // Players are the league's to name.
            Scope::League | Scope::Player(_) => Object::League,
            Scope::Team(team) => Object::Team(team.clone()),
            Scope::Venue(venue) => Object::Venue(venue.clone()),
        };
        asker.ask(Action::ManageAccounts, &of).await?;
    }
    Ok(())
}

/// The accounts whoever asks may see, by name.
#[utoipa::path(get, operation_id = "list_accounts", path = "/api/security/accounts", tag = "security", params(PageChoice), responses(
    (status = 200, description = "A page of accounts", body = Page<AccountView>),
    (status = 400, description = "The query is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list_accounts(
    State(security): State<Security>,
    asker: Asker,
    Parameters(choice): Parameters<PageChoice>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let standing = security.access.standing();
    let seen =
        |account: &&Arc<Account>| asker.sees(Action::ViewAccounts, &accounts::object(&account.account, &account.roles));
    let mut accounts: Vec<&Arc<Account>> = standing.accounts.values().filter(seen).collect();
    if accounts.is_empty() {
        asker.ask(Action::ViewAccounts, &Object::League).await?;
    }
    asker.tell("viewAccounts", "accounts".to_owned(), "permitted").await?;
    accounts.sort_by(|one, other| one.account.cmp(&other.account));
    let after = accounts.into_iter().filter(|account| account.account.as_str() > cursor).take(limit + 1);
    Ok(Json(Page::new(after.map(|account| view(account)).collect(), limit, |view| view.account.clone())))
}

/// An account that is new, with the code that sets its password.
#[utoipa::path(post, operation_id = "create_account", path = "/api/security/accounts", tag = "security",
    request_body = inline(NewAccount),
    responses(
        (status = 201, description = "It is there", body = ResetCode, headers(("location"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create_account(
    State(security): State<Security>,
    asker: Asker,
    body: Body<NewAccount>,
) -> Result<Response, Problem> {
    let NewAccount { name, display_name, roles } = body.value;
    let mut faults = Vec::new();
    if !accounts::is_name(&name) {
        faults.push(format!("name ({})", accounts::NAME));
    }
    if display_name.chars().count() > 100 || display_name.chars().any(char::is_control) {
        faults.push("display_name (a line of at most 100 characters)".to_owned());
    }
    if let Some(problem) = body::faulty(&faults) {
        return Err(problem);
    }
    let roles = memberships(&roles)?;
    if roles.is_empty() {
        asker.ask(Action::ManageAccounts, &Object::League).await?;
    }
    ask_for_each(&asker, &roles).await?;
    let made = security.access.add_account(&name, &roles, &Personal { display_name }, false).await?;
    let taken = || Problem::new(StatusCode::CONFLICT, format!("the name {name} is taken"));
    let (account, code) = made.ok_or_else(taken)?;
    asker.tell("manageAccounts", format!("account/{}", account.account), "made").await?;
    let location = format!("/api/security/accounts/{}", account.account);
    let answer = ResetCode { account: account.account.clone(), name: account.name.clone(), code };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// One account.
#[utoipa::path(get, operation_id = "read_account", path = "/api/security/accounts/{account}", tag = "security",
    params(("account" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The account", body = AccountView),
        NotYours,
    )
)]
pub async fn read_account(
    State(security): State<Security>,
    Named(account): Named<String>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(view(&*find(&security, &account)?)))
}

/// Gives an account other roles; they count at once.
#[utoipa::path(put, operation_id = "replace_roles", path = "/api/security/accounts/{account}/roles", tag = "security",
    params(("account" = String, Path, description = "Its id")),
    request_body = inline(RolesBody),
    responses(
        (status = 200, description = "It is so", body = AccountView),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        NotYours,
        (status = 409, description = "It was changed meanwhile", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn replace_roles(
    State(security): State<Security>,
    asker: Asker,
    Named(account): Named<String>,
    body: Body<RolesBody>,
) -> Result<Json<AccountView>, Problem> {
    let roles = memberships(&body.value.roles)?;
    let held = find(&security, &account)?;
    // A program stays one, and a person a person: keys and passwords are not each other's.
    let is_program = |roles: &[Membership]| roles.iter().any(|held| held.role == Role::Service);
    if !held.roles.is_empty() && !roles.is_empty() && is_program(&held.roles) != is_program(&roles) {
        let detail = "a person does not become a program, nor a program a person: make another account";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    ask_for_each(&asker, &roles).await?;
    match security.access.replace_roles(&held, &roles).await? {
        Changed::Done => Ok(Json(view(&*find(&security, &account)?))),
        _ => Err(changed_meanwhile()),
    }
}

/// Shuts an account out for good; its sessions end.
#[utoipa::path(delete, operation_id = "end_account", path = "/api/security/accounts/{account}", tag = "security",
    params(("account" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "It is shut out, from open sockets too"),
        NotYours,
        (status = 409, description = "It was changed meanwhile", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end_account(
    State(security): State<Security>,
    Named(account): Named<String>,
) -> Result<StatusCode, Problem> {
    let held = find(&security, &account)?;
    done(security.access.end_account(&held).await?)
}

/// What a reset code does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetChoice {
    /// Whether the second factor is forgotten with the password.
    #[serde(default)]
    authenticator: bool,
}

/// A code that sets the account's password anew and forgets its authenticator.
#[utoipa::path(post, operation_id = "make_reset_code", path = "/api/security/accounts/{account}/reset", tag = "security",
    params(
        ("account" = String, Path, description = "Its id"),
        ("authenticator" = Option<bool>, Query, description = "`true`: forget the authenticator and the codes on paper too"),
    ),
    responses(
        (status = 200, description = "Shown this once", body = ResetCode),
        (status = 400, description = "No such choice", body = Problem, content_type = "application/problem+json"),
        NotYours,
        (status = 409, description = "It was changed meanwhile, or is shut out", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn make_reset_code(
    State(security): State<Security>,
    Named(account): Named<String>,
    Parameters(choice): Parameters<ResetChoice>,
) -> Result<Json<ResetCode>, Problem> {
    let held = find(&security, &account)?;
    let code = security.access.make_reset_code(&held, choice.authenticator).await?.ok_or_else(changed_meanwhile)?;
    Ok(Json(ResetCode { account, name: held.name.clone(), code }))
}

/// An account's sessions and keys.
#[utoipa::path(get, operation_id = "list_sessions", path = "/api/security/accounts/{account}/sessions", tag = "security",
    params(("account" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Those that are on", body = Sessions),
        NotYours,
    )
)]
pub async fn list_sessions(
    State(security): State<Security>,
    asker: Asker,
    Named(account): Named<String>,
) -> Result<Json<Sessions>, Problem> {
    find(&security, &account)?;
    let standing = security.access.standing();
    let own = standing.sessions.values().filter(|session| session.account == account);
    Ok(Json(views(own, asker.who.session())))
}

/// Ends all sessions and keys of an account.
#[utoipa::path(delete, operation_id = "end_sessions", path = "/api/security/accounts/{account}/sessions", tag = "security",
    params(("account" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "They are over, for open sockets too"),
        NotYours,
        (status = 409, description = "It was changed meanwhile", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end_sessions(
    State(security): State<Security>,
    Named(account): Named<String>,
) -> Result<StatusCode, Problem> {
    let held = find(&security, &account)?;
    done(security.access.end_sessions(&held, "ended by an administrator").await?)
}

/// A key for a program.
#[utoipa::path(post, operation_id = "create_key", path = "/api/security/accounts/{account}/keys", tag = "security",
    params(("account" = String, Path, description = "The program's id")),
    request_body = inline(KeyBody),
    responses(
        (status = 201, description = "Shown this once", body = NewKey),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        NotYours,
        BadBody,
    )
)]
pub async fn create_key(
    State(security): State<Security>,
    Named(account): Named<String>,
    body: Body<KeyBody>,
) -> Result<Response, Problem> {
    let held = find(&security, &account)?;
    let days = body.value.days;
    let mut faults = Vec::new();
    if !(1..=KEY_DAYS_MAX).contains(&days) {
        faults.push(format!("days {days} (1 to {KEY_DAYS_MAX})"));
    }
    if !held.roles.iter().any(|held| held.role == Role::Service) {
        faults.push("a key is a program's: give the account role service".to_owned());
    }
    if let Some(problem) = body::faulty(&faults) {
        return Err(problem);
    }
    let until_us = time::utc_us() + i64::from(days) * 86_400_000_000;
    let (begun, key) = security.access.create_key(held, until_us).await?;
    let answer = NewKey { session: begun.session, key, until_us };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
