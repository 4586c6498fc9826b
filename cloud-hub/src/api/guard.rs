//! Stands before every operation: who asks, and may they.
//!
//! ```text
//!  request ─► who ([`identify`]) ─► the operation's row ([`operations`]) ─► whose it is ─► decision, audit ─► handler
//! ```
//!
//! Comes in: a request that a route of the service has matched. Goes out: the same with an [`Asker`], or a problem: 401 for
//! nobody known, 403 for who may not, 404 where even that something is there is not theirs to know. What the path does not
//! say (the query's game, a list's rows) the handler asks its [`Asker`]. Never: a path without a row in the table of
//! operations: such a service does not start; a cookie's request that another site's page has sent.

use super::{
    Caller, Problem,
    shown::{is_of_another_site, shown},
};
use crate::{
    access::{
        Access, AccessError, Action, Object, Operation, Shown, Who,
        operations::{self, About},
        owners::Owners,
    },
    storage::StorageError,
    time,
};
use axum::{
    Router,
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use utoipa::openapi::OpenApi;

/// Stands before a service's paths. Clones share it.
#[derive(Clone)]
pub struct Guard {
    access: Access,
    owners: Owners,
    rows: Arc<HashMap<String, HashMap<Method, &'static Operation>>>,
}

/// Who asks, for handlers.
#[derive(Clone)]
pub struct Asker {
    /// Decides.
    pub access: Access,
    /// Says whose things are.
    pub owners: Owners,
    /// Who it is.
    pub who: Who,
    /// From where.
    pub from: IpAddr,
    operation: &'static Operation,
}

impl Guard {
    /// A guard of the operations in `document`.
    ///
    /// # Panics
    ///
    /// When one of them has no row: a service that nobody decided about must not answer.
    pub fn new(access: Access, owners: Owners, document: &OpenApi) -> Self {
        let mut rows: HashMap<String, HashMap<Method, _>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::DELETE, &item.delete),
                (Method::PATCH, &item.patch),
            ];
            for (method, operation) in methods {
                let Some(operation) = operation else { continue };
                let id = operation.operation_id.as_deref().unwrap_or_default();
                let row = operations::of(id).unwrap_or_else(|| panic!("{id} has no row in access/operations.rs"));
                rows.entry(path.clone()).or_default().insert(method, row);
            }
        }
        Self { access, owners, rows: Arc::new(rows) }
    }

    /// `router`, guarded.
    pub fn before<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.route_layer(middleware::from_fn_with_state(self, hold))
    }
}

/// Who sends `request`. Found once: the gateway in this process may have looked already.
pub async fn identify(access: &Access, request: &mut Request) -> Result<Who, AccessError> {
    if let Some(who) = request.extensions().get::<Who>() {
        return Ok(who.clone());
    }
    let shown = shown(request.headers());
    let who = access.known(&shown, time::utc_us()).await?;
    request.extensions_mut().insert(who.clone());
    Ok(who)
}

async fn hold(State(guard): State<Guard>, matched: MatchedPath, request: Request, next: Next) -> Response {
    match guard.admit(matched.as_str(), request).await {
        Ok(request) => {
            let asker = request.extensions().get::<Asker>();
            let personal = asker.is_some_and(|asker| asker.operation.action.is_personal());
            let mut response = next.run(request).await;
            if personal {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

impl Guard {
    async fn admit(&self, path: &str, mut request: Request) -> Result<Request, Problem> {
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        let Some(operation) = self.rows.get(path).and_then(|methods| methods.get(&method)).copied() else {
            // No operation has this method: the route says so.
            return Ok(request);
        };
        let headers = request.headers();
        let by_cookie = matches!(shown(headers), Shown::Cookie(_)) || operation.about == About::Anybody;
        let socket = headers.contains_key(header::UPGRADE);
        if by_cookie && (!method.is_safe() || socket) && is_of_another_site(headers) {
            let detail = "this came from a page of another site: log in there by a token instead of a cookie";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        let who = identify(&self.access, &mut request).await?;
        let from = request.extensions().get::<Caller>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |from| from.address);
        let (access, owners) = (self.access.clone(), self.owners.clone());
        let asker = Asker { access, owners, who, from, operation };
        if matches!(asker.who, Who::Nobody) && operation.about != About::Anybody {
            return Err(unknown());
        }
        let (mut parts, body) = request.into_parts();
        let named = if matches!(asker.who, Who::Everybody) { HashMap::new() } else { named(&mut parts).await };
        if let Some(object) = asker.object(&named).await? {
            asker.ask(operation.action, &object).await?;
        }
        parts.extensions.insert(asker);
        Ok(Request::from_parts(parts, body))
    }
}

/// The variable segments of the path.
async fn named(parts: &mut Parts) -> HashMap<String, String> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(named) => named.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        Err(_) => HashMap::new(),
    }
}

impl Asker {
    /// What the operation is done to, where the path says it.
    async fn object(&self, named: &HashMap<String, String>) -> Result<Option<Object>, Problem> {
        if matches!(self.who, Who::Everybody) {
            return Ok(None);
        }
        let name = |what: &str| named.get(what).map(String::as_str).unwrap_or_default();
        Ok(match self.operation.about {
            About::Anybody | About::Own | About::Chosen => None,
            About::League => Some(Object::League),
            About::Team => Some(Object::Team(name("team").to_owned())),
            // What is no game is the handler's to refuse: it is nobody's.
            About::Game => Some(self.owners.game(name("game").parse().unwrap_or(0)).await?),
            About::Player => Some(self.owners.player(name("player")).await?),
            About::Edge => Some(self.owners.edge(name("edge")).await?),
            About::Account => {
                let found = Owners::account(&self.access.standing(), name("account"));
                Some(found.ok_or_else(|| no_account(name("account")))?)
            }
        })
    }

    /// Asks whether this may be done; the audit is told.
    pub async fn ask(&self, action: Action, object: &Object) -> Result<(), Problem> {
        if self.access.decide(&self.who, (action, self.operation.id), object, Some(self.from)).await? {
            return Ok(());
        }
        Err(match (&self.who, object) {
            (Who::Nobody, _) => unknown(),
            // That an account is there is not for everybody to know.
            (_, Object::Account { account, .. }) => no_account(account),
            (_, object) => refused(action, object),
        })
    }

    /// Whether this may be seen: for rows of a list and parts of an answer, which are left out when not. The audit is told
    /// of what was asked for, not of what was left out.
    pub fn sees(&self, action: Action, object: &Object) -> bool {
        self.access.may(&self.who, action, object, time::utc_us())
    }

    /// Whether whoever asked may still be answered: for what stays open.
    pub fn still(&self) -> bool {
        self.access.still(&self.who, time::utc_us())
    }

    /// Tells the audit what came of it.
    pub async fn tell(&self, what: &'static str, on: String, outcome: &'static str) -> Result<(), Problem> {
        if matches!(self.who, Who::Everybody) {
            return Ok(());
        }
        let told = self.access.told(&self.who, (what, self.operation.id), on, Some(self.from), outcome);
        Ok(self.access.tell(told).await?)
    }

    /// Who a change is written down as.
    pub fn author(&self) -> String {
        self.who.account().unwrap_or_default().to_owned()
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "say who you are: POST /api/security/auth/login, then Authorization: Bearer")
}

fn no_account(account: &str) -> Problem {
    Problem::not_found(format!("no account {account} that is yours to see"))
}

fn refused(action: Action, object: &Object) -> Problem {
    let detail = format!("your roles do not let you {} of {}", action.words(), object.name());
    Problem::new(StatusCode::FORBIDDEN, detail)
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        tracing::error!(%error, "a request was not decided about");
        Self::unavailable("who may do what cannot be looked up or written down now: try again", 2)
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        AccessError::from(error).into()
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let asker = parts.extensions.get::<Self>().cloned();
        asker.ok_or_else(|| Problem::internal(&"an operation without a guard"))
    }
}
