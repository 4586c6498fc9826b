//! What descriptions of operations share in the OpenAPI: the headers of [`tags`](super::tags) and the ways a write is
//! refused.
//!
//! Comes in: nothing; these are never made, only described. 404 and 409 stand with each operation: only it knows what is
//! missing or in the way.

#![expect(clippy::doc_markdown, reason = "these words go into the document as they are")]

use super::Problem;
use utoipa::{IntoParams, IntoResponses};

/// A read that may be answered with 304.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Held {
    /// The ETag that is held
    #[param(rename = "if-none-match")]
    pub tag: Option<String>,
}

/// A write of what is there.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Saw {
    /// The ETag of what you saw
    #[param(rename = "if-match")]
    pub tag: Option<String>,
}

/// A write that says there was nothing before.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct SawNothing {
    /// `*`: there is none yet
    #[param(rename = "if-none-match")]
    pub tag: Option<String>,
}

/// A write that may be sent again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Key {
    /// The same key again gets the same answer
    #[param(rename = "idempotency-key", min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    pub key: Option<String>,
}

/// Why a body is refused.
#[derive(IntoResponses)]
pub enum BadBody {
    /// Too large
    #[response(status = 413, content_type = "application/problem+json")]
    Large(Problem),
    /// Not JSON
    #[response(status = 415, content_type = "application/problem+json")]
    Media(Problem),
    /// It cannot be so
    #[response(status = 422, content_type = "application/problem+json")]
    Faulty(Problem),
}

/// Why a write of what is there is refused.
#[derive(IntoResponses)]
pub enum Unseen {
    /// It is not what you saw
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(Problem),
    /// Say what you saw
    #[response(status = 428, content_type = "application/problem+json")]
    Unsaid(Problem),
}

/// Why nothing is anybody's own.
#[derive(IntoResponses)]
pub enum NobodyAsked {
    /// Nobody is asked who they are here
    #[response(status = 409, content_type = "application/problem+json")]
    Everybody(Problem),
}

/// Why an account is not shown.
#[derive(IntoResponses)]
pub enum NotYours {
    /// None that is yours to see
    #[response(status = 404, content_type = "application/problem+json")]
    Hidden(Problem),
}
