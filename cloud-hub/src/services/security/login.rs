//! `/api/security/auth/…`: in and out, and tokens.

use super::{Security, nobody};
use crate::{
    access::{
        Who,
        accounts::Changed,
        login::{Login, LoginFault},
        passwords,
        standing::SessionKind,
    },
    api::{
        Asker, Body, Problem,
        described::{BadBody, NobodyAsked},
        shown::{clear_cookie, set_cookie},
    },
    trust::secret_digest,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who comes.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// The account's name.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    /// Its password.
    #[schema(max_length = 256)]
    password: String,
    /// A code of the authenticator, or one on paper; asked for when it is needed.
    #[serde(default)]
    #[schema(max_length = 64)]
    code: Option<String>,
    /// `true`: a page, which gets a cookie; `false`: a program, which gets tokens.
    #[serde(default)]
    cookie: bool,
}

/// A session that began.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LoggedIn {
    /// The account.
    pub account: String,
    /// The session.
    pub session: String,
    /// Ends at the latest, microseconds UTC.
    pub until_us: i64,
    /// To be shown as `Authorization: Bearer …`; `null` with a cookie.
    pub access_token: Option<String>,
    /// To get the next with; works once.
    pub refresh_token: Option<String>,
    /// For how long the access token holds, seconds.
    pub expires_in_s: u32,
}

/// A refresh token.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    /// It.
    #[schema(max_length = 512)]
    refresh_token: String,
}

/// A new password, by a code.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// The account's name.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    /// The code, as an administrator or `cloud-hub access` gave it.
    #[schema(max_length = 128)]
    code: String,
    /// The new password.
    #[schema(max_length = 256)]
    password: String,
}

/// The public halves of the keys that sign tokens, RFC 7517.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Keys {
    /// Newest last.
    pub keys: Vec<Jwk>,
}

/// One of them.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub purpose: String,
    /// Its name in tokens.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

/// What a token is.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// The account it is of.
    pub account: String,
    /// Its name.
    pub name: String,
    /// The session it is bound to.
    pub session: String,
    /// Ends at the latest, microseconds UTC.
    pub until_us: i64,
}

fn wrong() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, LoginFault::Wrong.to_string())
}

impl From<LoginFault> for Problem {
    fn from(fault: LoginFault) -> Self {
        match fault {
            LoginFault::Wrong | LoginFault::CodeNeeded => Self::new(StatusCode::UNAUTHORIZED, fault.to_string()),
            LoginFault::Wait(seconds) => {
                Self { retry_after_s: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, fault.to_string()) }
            }
            LoginFault::Access(error) => error.into(),
        }
    }
}

/// Lets somebody in.
#[utoipa::path(post, operation_id = "log_in", path = "/api/security/auth/login", tag = "security",
    request_body = inline(LoginBody),
    responses(
        (status = 200, description = "In: by tokens, or by a cookie", body = LoggedIn),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Something is wrong, or a code is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another site", body = Problem, content_type = "application/problem+json"),
        NobodyAsked,
        (status = 429, description = "Too many tries", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn log_in(
    State(security): State<Security>,
    asker: Asker,
    body: Body<LoginBody>,
) -> Result<Response, Problem> {
    let access = &security.access;
    if !access.config().required {
        return Err(nobody());
    }
    let LoginBody { name, password, code, cookie } = body.value;
    let kind = if cookie { SessionKind::Browser } else { SessionKind::Program };
    // A session that was there before ends: what was planted is worth nothing.
    if let Who::Known(before) = &asker.who {
        access.end_session(&before.session.session, &before.account.account, "logged in anew").await?;
    }
    let begun = access.log_in(Login { name, password, code }, kind, asker.from).await?;
    let tokens = if cookie { None } else { access.tokens(&begun.account.account, &begun.session, 0) };
    let (access_token, refresh_token) = tokens.map(|tokens| (tokens.access, tokens.refresh)).unzip();
    let shown = format!("{}.{}", begun.session, begun.secret);
    let answer = LoggedIn {
        account: begun.account.account.clone(),
        session: begun.session,
        until_us: begun.until_us,
        access_token,
        refresh_token,
        expires_in_s: access.config().token_s,
    };
    let mut response = Json(answer).into_response();
    if cookie {
        response.headers_mut().insert(header::SET_COOKIE, set_cookie(&shown));
    }
    Ok(response)
}

/// New tokens for a refresh token, which works once; the session ends when one is shown again.
#[utoipa::path(post, operation_id = "refresh", path = "/api/security/auth/refresh", tag = "security",
    request_body = inline(RefreshBody),
    responses(
        (status = 200, description = "New tokens", body = LoggedIn),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "It is none, was used, or its session is over", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another site", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn refresh(State(security): State<Security>, body: Body<RefreshBody>) -> Result<Response, Problem> {
    let access = &security.access;
    let over =
        || Problem::new(StatusCode::UNAUTHORIZED, "this refresh token is none, was used, or its session is over");
    let (session, tokens) = access.refresh(&body.value.refresh_token).await?.ok_or_else(over)?;
    let standing = access.standing();
    let session = standing.sessions.get(&session).ok_or_else(over)?;
    let answer = LoggedIn {
        account: session.account.clone(),
        session: session.session.clone(),
        until_us: session.until_us,
        access_token: Some(tokens.access),
        refresh_token: Some(tokens.refresh),
        expires_in_s: access.config().token_s,
    };
    Ok(Json(answer).into_response())
}

/// Ends the session that asks.
#[utoipa::path(post, operation_id = "log_out", path = "/api/security/auth/logout", tag = "security", responses(
    (status = 204, description = "It is over, for open sockets too"),
    NobodyAsked,
))]
pub async fn log_out(State(security): State<Security>, asker: Asker) -> Result<Response, Problem> {
    let Who::Known(known) = &asker.who else { return Err(nobody()) };
    let session = &known.session.session;
    asker.tell("logout", format!("session/{session}"), "logged out").await?;
    security.access.end_session(session, &known.account.account, "logged out").await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::SET_COOKIE, clear_cookie());
    // What the browser holds of this hub goes with it.
    response.headers_mut().insert("clear-site-data", header::HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

/// The keys that verify this hub's tokens.
#[utoipa::path(get, operation_id = "read_keys", path = "/api/security/auth/keys", tag = "security", responses(
    (status = 200, description = "A JSON Web Key Set", body = Keys),
))]
pub async fn read_keys(State(security): State<Security>) -> Json<Keys> {
    let standing = security.access.standing();
    let key = |key: &crate::access::standing::SigningKey| Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        alg: "EdDSA".to_owned(),
        purpose: "sig".to_owned(),
        kid: key.kid.clone(),
        x: URL_SAFE_NO_PAD.encode(&key.public),
    };
    Json(Keys { keys: standing.keys.iter().map(key).collect() })
}

/// Sets a password by a code. Sessions end, and the authenticator is forgotten.
#[utoipa::path(post, operation_id = "reset_password", path = "/api/security/auth/reset", tag = "security",
    request_body = inline(ResetBody),
    responses(
        (status = 204, description = "It is set: log in with it"),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Name or code is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another site", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn reset_password(
    State(security): State<Security>,
    asker: Asker,
    body: Body<ResetBody>,
) -> Result<StatusCode, Problem> {
    let ResetBody { name, code, password } = body.value;
    let access = &security.access;
    passwords::sound(&password, &name, access.config().password_characters_min)?;
    access.try_once(&name, asker.from).await?;
    let changed = access.reset_password(&name, &code, password).await?;
    let outcome = if changed == Changed::Done { "set" } else { "wrong" };
    asker.tell("password reset", format!("name/{}", &secret_digest(&name)[..16]), outcome).await?;
    if changed != Changed::Done {
        return Err(wrong());
    }
    access.came_down(&name, asker.from).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says whose the token is that asks; 401 when it holds no more.
#[utoipa::path(post, operation_id = "verify", path = "/api/security/auth/verify", tag = "security", responses(
    (status = 200, description = "It holds", body = Verified),
    NobodyAsked,
))]
pub async fn verify(asker: Asker) -> Result<Json<Verified>, Problem> {
    let Who::Known(known) = &asker.who else { return Err(nobody()) };
    Ok(Json(Verified {
        account: known.account.account.clone(),
        name: known.account.name.clone(),
        session: known.session.session.clone(),
        until_us: known.session.until_us,
    }))
}
