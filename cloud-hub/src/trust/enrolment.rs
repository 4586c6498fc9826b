//! HTTPS where boxes enrol and renew.
//!
//! Comes in: `POST /enrol` with a code's secret and a signing request, from anybody; `POST /renew` with a request, from
//! a box that shows its present certificate. Goes out: a certificate, or a [`Denied`] that says what to do; each refusal
//! is in the audit. Never: uses a code up for a request that cannot be certified. An answer that is lost on its way has
//! used the code: staff ask for another.

use super::{
    Authority, Certificates, Roster, TrustConfig, TrustError, audit,
    encrypted::{Encrypted, Peer},
    requests::BoxKey,
    secret_digest,
};
use crate::{
    storage::{
        Database, StorageError,
        enrolments::{CodeFault, Enrolment},
    },
    time,
};
use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use firmware_protocol::network::enrolment::{
    Certified, Denied, ENROL_PATH, EnrolRequest, RENEW_PATH, RenewRequest, certificate_name, named,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

/// A request is a kilobyte.
const BODY_BYTES_MAX: usize = 16 << 10;
/// An answer needs one commit.
const ANSWER: Duration = Duration::from_secs(10);
/// A certificate begins this long ago, microseconds: for brokers and proxies whose clocks are behind the hub's.
const BEFORE_US: i64 = 3_600 * 1_000_000;
const HOUR_US: i64 = 3_600 * 1_000_000;

/// The open port.
pub struct Service {
    /// Where it listens: the port that was bound.
    pub address: SocketAddr,
    listener: Encrypted,
    desk: Arc<Desk>,
}

struct Desk {
    authority: Authority,
    database: Database,
    roster: Roster,
    life_us: i64,
    port: u16,
}

impl Service {
    /// Opens the port. `port` is where boxes will find the hub over QUIC.
    pub async fn open(
        config: &TrustConfig,
        certificates: &Certificates,
        database: Database,
        roster: Roster,
        port: u16,
    ) -> Result<Self, TrustError> {
        let authority = Authority::open(certificates)?;
        let listener = Encrypted::bind(config.listen, certificates).await?;
        let address = axum::serve::Listener::local_addr(&listener)
            .map_err(|error| TrustError::Listen { address: config.listen.to_string(), reason: error.to_string() })?;
        let life_us = i64::from(config.certificate_hours) * HOUR_US;
        Ok(Self { address, listener, desk: Arc::new(Desk { authority, database, roster, life_us, port }) })
    }

    /// Answers until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let app = Router::new()
            .route(ENROL_PATH, post(enrol))
            .route(RENEW_PATH, post(renew))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, ANSWER))
            .with_state(self.desk)
            .into_make_service_with_connect_info::<Peer>();
        if let Err(error) = axum::serve(self.listener, app).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "trust: the port for enrolment ended");
        }
    }
}

/// What a box gets instead of a certificate.
enum Refusal {
    Denied(StatusCode, String),
    Storage(StorageError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::Denied(status, reason) => (status, reason),
            Self::Storage(error) => {
                tracing::error!(%error, "trust: a box could not be answered");
                (StatusCode::INTERNAL_SERVER_ERROR, "the hub cannot write its database; its log says why".into())
            }
        };
        (status, Json(Denied { reason })).into_response()
    }
}

async fn enrol(
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(desk): State<Arc<Desk>>,
    Json(asked): Json<EnrolRequest>,
) -> Result<Json<Certified>, Refusal> {
    let (now_us, from) = (time::utc_us(), peer.address.to_string());
    // Before the code is used up: a request that cannot be certified must not cost it.
    let key = BoxKey::of_request(&asked.request).map_err(|reason| Refusal::Denied(StatusCode::BAD_REQUEST, reason))?;
    let until_us = now_us + desk.life_us;
    let enrolled = desk.database.enrol(&secret_digest(&asked.secret), now_us, until_us).await?;
    let enrolment = match enrolled {
        Ok(enrolment) => enrolment,
        Err(fault) => {
            let reason = match fault {
                CodeFault::Unknown => "the hub gave no such code out",
                CodeFault::Used => "the code was used before",
                CodeFault::Expired => "the code has ended",
            };
            audit(&desk.database, now_us, "enrolment refused", &from, reason).await;
            let reason = format!("{reason}: ask for a new one (on the hub: cloud-hub edges code --venue VENUE)");
            return Err(Refusal::Denied(StatusCode::FORBIDDEN, reason));
        }
    };
    let certified = desk.certify(&key, enrolment, now_us, until_us)?;
    let subject = format!("{} of {}", certified.edge, certified.venue);
    audit(&desk.database, now_us, "enrolled", &subject, &format!("from {from}")).await;
    // Lets it in now and not a second later.
    desk.roster.look().await?;
    Ok(Json(certified))
}

async fn renew(
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(desk): State<Arc<Desk>>,
    Json(asked): Json<RenewRequest>,
) -> Result<Json<Certified>, Refusal> {
    let (now_us, from) = (time::utc_us(), peer.address.to_string());
    let Some((venue, edge, enrolment)) = peer.name.as_deref().and_then(named) else {
        audit(&desk.database, now_us, "renewal refused", &from, "no certificate of a box was shown").await;
        let reason = "renewing needs the box's present certificate; without one, enrol";
        return Err(Refusal::Denied(StatusCode::UNAUTHORIZED, reason.into()));
    };
    let key = BoxKey::of_request(&asked.request).map_err(|reason| Refusal::Denied(StatusCode::BAD_REQUEST, reason))?;
    let until_us = now_us + desk.life_us;
    if !desk.database.renew(enrolment, until_us).await? {
        audit(&desk.database, now_us, "renewal refused", &format!("{edge} of {venue}"), "revoked or replaced").await;
        let reason = format!("box {edge} was revoked or replaced: enrol it again with a new code");
        return Err(Refusal::Denied(StatusCode::FORBIDDEN, reason));
    }
    let (venue, edge) = (venue.to_owned(), edge.to_owned());
    let enrolment = Enrolment { enrolment, venue, edge, enrolled_us: now_us, until_us, revoked_us: None };
    let certified = desk.certify(&key, enrolment, now_us, until_us)?;
    tracing::info!(edge = certified.edge, venue = certified.venue, "trust: a certificate was renewed");
    Ok(Json(certified))
}

impl Desk {
    fn certify(&self, key: &BoxKey, of: Enrolment, now_us: i64, until_us: i64) -> Result<Certified, Refusal> {
        let name = certificate_name(&of.venue, &of.edge, of.enrolment);
        let from_us = now_us - BEFORE_US;
        let certificate = self
            .authority
            .certify(key, &name, from_us, until_us)
            .map_err(|reason| Refusal::Denied(StatusCode::INTERNAL_SERVER_ERROR, reason))?;
        let authority = self.authority.pem().to_owned();
        let (enrolment, port) = (of.enrolment, self.port);
        Ok(Certified { venue: of.venue, edge: of.edge, enrolment, certificate, authority, port, from_us, until_us })
    }
}
