//! JSON bodies, or a problem that says what is wrong: 415 another media type, 413 too large, 400 no JSON, 422 JSON that is
//! not what is asked for.

use super::Problem;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

/// A request's body as a `T`, and the bytes it came in.
#[derive(Debug, Clone)]
pub struct Body<T> {
    /// What was said.
    pub value: T,
    /// How it was said.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON: say content-type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), format!("body: {}", rejection.body_text())))?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self { value, bytes }),
            Err(error) if error.is_data() => {
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("body: {error}")))
            }
            Err(error) => Err(Problem::bad_request(format!("body is no JSON: {error}"))),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let kind = media.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// The problem of a body that is read and says what cannot be; `None` without `faults`.
pub fn faulty(faults: &[String]) -> Option<Problem> {
    (!faults.is_empty()).then(|| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, faults.join("; ")))
}
