//! Query parameters, or a problem that names the one that is wrong.

use super::Problem;
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// The query of a request as a `T`; unknown parameters are `T`'s to refuse.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::bad_request(format!("query: {}", rejection.body_text()))),
        }
    }
}
