//! The OpenAPI document, made from the handlers: `cloud-hub/openapi.json` is what this says, and a test compares.

use crate::{
    api::Problem,
    services::{core, security},
};
use utoipa::{
    OpenApi as _, ToResponse,
    openapi::{OpenApi, Ref},
};

/// How every operation may be answered, see [`super::limits`] and [`crate::api::guard`].
const LIMITED: &str = "Limited";
const UNKNOWN: &str = "Unknown";
const REFUSED: &str = "Refused";
const LATER: &str = "Later";

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
    tags(
        (name = "core", description = "What happens on the ice, live and by game"),
        (name = "security", description = "Who may come in, what they may, and what was done"),
    ),
    components(schemas(core::socket_messages::SocketMessage), responses(Limited, Unknown, Refused, Later)),
)]
struct Preamble;

/// Nobody known asks
#[derive(ToResponse)]
#[response(content_type = "application/problem+json")]
struct Unknown(#[expect(dead_code, reason = "only described")] Problem);

/// Whoever asks may not
#[derive(ToResponse)]
#[response(content_type = "application/problem+json")]
struct Refused(#[expect(dead_code, reason = "only described")] Problem);

/// Not now: see `retry-after`
#[derive(ToResponse)]
#[response(content_type = "application/problem+json", headers(
    ("retry-after" = u32, description = "Ask again after this long, seconds"),
))]
struct Later(#[expect(dead_code, reason = "only described")] Problem);

/// The description of every service's paths.
fn describe() -> OpenApi {
    let mut document = Preamble::openapi();
    document.merge(core::routes().split_for_parts().1);
    document.merge(security::routes().split_for_parts().1);
    for path in document.paths.paths.values_mut() {
        let operations =
            [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten();
        for operation in operations {
            let responses = &mut operation.responses.responses;
            for (status, name) in [("401", UNKNOWN), ("403", REFUSED), ("429", LIMITED), ("503", LATER)] {
                // What an operation itself says of a status is more.
                responses.entry(status.to_owned()).or_insert_with(|| Ref::from_response_name(name).into());
            }
        }
    }
    document
}

/// The document, without a hub to serve it.
pub fn document() -> String {
    text(&describe())
}

/// The document as it is served and committed.
pub fn text(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("the document is made of strings and numbers");
    text.push('\n');
    text
}
