//! The OpenAPI document, made from the handlers: `cloud-hub/openapi.json` is what this says, and a test compares.

use crate::{api::Problem, services::core};
use axum::Router;
use utoipa::{
    OpenApi as _, ToResponse,
    openapi::{OpenApi, Ref},
};
use utoipa_axum::router::OpenApiRouter;

/// How every operation may be answered, see [`super::limits`].
const LIMITED: &str = "Limited";

/// Asked too often: see `retry-after`
#[derive(ToResponse)]
#[response(content_type = "application/problem+json", headers(
    ("retry-after" = u32, description = "Ask again after this long, seconds"),
    ("ratelimit-limit" = u32, description = "So many at once"),
    ("ratelimit-remaining" = u32, description = "So many now"),
    ("ratelimit-reset" = u32, description = "Until all are there again, seconds"),
))]
struct Limited(#[expect(dead_code, reason = "only described")] Problem);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Jarvis Rinkside hub",
        description = "Live hockey: who is where, what happened, and what it adds up to. Errors are RFC 9457 problems. \
                       Times are microseconds UTC, places metres from centre ice.",
    ),
    tags((name = "core", description = "What happens on the ice, live and by game")),
    components(schemas(core::socket_messages::SocketMessage), responses(Limited)),
)]
struct Preamble;

/// The paths of every service as one router, and their description.
pub fn describe<S: Clone + Send + Sync + 'static>(services: OpenApiRouter<S>) -> (Router<S>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Preamble::openapi()).merge(services).split_for_parts();
    for path in document.paths.paths.values_mut() {
        let operations =
            [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten();
        for operation in operations {
            operation.responses.responses.insert("429".to_owned(), Ref::from_response_name(LIMITED).into());
        }
    }
    (router, document)
}

/// The document, without a hub to serve it.
pub fn document() -> String {
    text(&describe(core::routes()).1)
}

/// The document as it is served and committed.
pub fn text(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("the document is made of strings and numbers");
    text.push('\n');
    text
}
