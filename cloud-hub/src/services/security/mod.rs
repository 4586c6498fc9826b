//! Security: saying who one is, who may what, and what was done.
//!
//! ```text
//!  login, tokens ─► sessions          own: password, authenticator, sessions
//!  accounts ─► roles, codes, keys     teams' shares          audit
//! ```
//!
//! Comes in: requests, each decided about before (`api/guard.rs`). Goes out: what [`access`](crate::access) keeps, as JSON.
//! Never: a secret twice; a code, key or token is shown once, when it is made.

pub mod login;
pub mod own;
pub mod sessions;
pub mod authenticator;
pub mod accounts;
pub mod shares;
pub mod audit;

use crate::{
    access::{Access, accounts::Changed, passwords::PasswordFault},
    api::Problem,
};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The security service. Clones share everything.
#[derive(Debug, Clone)]
pub struct Security {
    access: Access,
}

impl Security {
    /// The service of `access`.
    pub fn new(access: Access) -> Self {
        Self { access }
    }
}

/// `[security]`: where the service answers when it is served apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityConfig {
    /// Where gateways in other processes reach it; used where the process has role security and no gateway.
    pub listen: SocketAddr,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 8010)) }
    }
}

/// All paths of this service.
pub fn routes() -> OpenApiRouter<Security> {
    OpenApiRouter::new()
        .routes(routes!(login::log_in))
        .routes(routes!(login::refresh))
        .routes(routes!(login::log_out))
        .routes(routes!(login::read_keys))
        .routes(routes!(login::reset_password))
        .routes(routes!(login::verify))
        .routes(routes!(own::read_permissions))
        .routes(routes!(own::prove))
        .routes(routes!(own::change_password))
        .routes(routes!(sessions::list_own_sessions))
        .routes(routes!(sessions::end_own_session))
        .routes(routes!(authenticator::offer_authenticator, authenticator::remove_authenticator))
        .routes(routes!(authenticator::confirm_authenticator))
        .routes(routes!(authenticator::make_paper_codes))
        .routes(routes!(accounts::list_accounts, accounts::create_account))
        .routes(routes!(accounts::read_account, accounts::end_account))
        .routes(routes!(accounts::replace_roles))
        .routes(routes!(accounts::make_reset_code))
        .routes(routes!(accounts::list_sessions, accounts::end_sessions))
        .routes(routes!(accounts::create_key))
        .routes(routes!(shares::list_shares, shares::create_share))
        .routes(routes!(shares::end_share))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::export_audit))
        .routes(routes!(audit::list_audit_heads, audit::sign_audit_head))
}

/// Only who is somebody has something of their own.
fn nobody() -> Problem {
    Problem::new(StatusCode::CONFLICT, "this hub asks nobody who they are (access.required = false)")
}

/// The answer to a change that leaves nothing to show.
fn done(changed: Changed) -> Result<StatusCode, Problem> {
    if changed == Changed::Done { Ok(StatusCode::NO_CONTENT) } else { Err(changed_meanwhile()) }
}

impl From<PasswordFault> for Problem {
    fn from(fault: PasswordFault) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, fault.to_string())
    }
}

fn changed_meanwhile() -> Problem {
    Problem::new(StatusCode::CONFLICT, "it was changed at the same time: look at it again")
}
