//! The OpenAPI document, made from the handlers: `cloud-hub/openapi.json` is what this says, and a test compares.

use crate::services::core;
use axum::Router;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::router::OpenApiRouter;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Jarvis Rinkside hub",
        description = "Live hockey: who is where, what happened, and what it adds up to. Errors are RFC 9457 problems. \
                       Times are microseconds UTC, places metres from centre ice.",
    ),
    tags((name = "core", description = "What happens on the ice, live and by game")),
    components(schemas(core::socket_messages::SocketMessage)),
)]
struct Preamble;

/// The paths of every service as one router, and their description.
pub fn describe<S: Clone + Send + Sync + 'static>(services: OpenApiRouter<S>) -> (Router<S>, OpenApi) {
    OpenApiRouter::with_openapi(Preamble::openapi()).merge(services).split_for_parts()
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
