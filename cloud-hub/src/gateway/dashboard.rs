//! The dashboard's files, carried by the binary.
//!
//! Comes in: a path. Goes out: the file, or the page for every path that is no file, so that links into the dashboard
//! open. Vite puts a hash into the names under `assets/`, so those are kept by browsers forever; the rest is asked for
//! again each time and answered 304 when unchanged. A hub built without the dashboard says how to build it.

use crate::api::Problem;
use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use rust_embed::{EmbeddedFile, RustEmbed};

const PAGE: &str = "index.html";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const UNBUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Jarvis Rinkside</title>\
    <h1>The hub runs; this build carries no dashboard</h1>\
    <p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>cloud-hub/dashboard</code>, then build the hub \
    again.</p><p>The API is here: <a href=\"/api/openapi.json\">/api/openapi.json</a>, \
    <a href=\"/api/game/state\">/api/game/state</a>, <a href=\"/health\">/health</a>.</p></html>";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/dashboard/dist"]
#[allow_missing = true]
struct Files;

/// The answer to a path that no service takes.
pub fn page(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} is a page: GET it")).into_response();
    }
    let path = path.trim_start_matches('/');
    let asked = Some(path).filter(|path| !path.is_empty());
    if let Some((path, file)) = asked.and_then(|path| Files::get(path).map(|file| (path, file))) {
        return answer(path, file, headers);
    }
    if path.starts_with("assets/") {
        return Problem::not_found(format!("{path} is not part of this dashboard; reload the page")).into_response();
    }
    match Files::get(PAGE) {
        Some(file) => answer(PAGE, file, headers),
        None => ([(header::CACHE_CONTROL, ASK_AGAIN)], Html(UNBUILT)).into_response(),
    }
}

fn answer(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    let keep = if path.starts_with("assets/") { FOREVER } else { ASK_AGAIN };
    // Compression on the way out marks a tag as weak; the bytes are the same page.
    let held = headers.get(header::IF_NONE_MATCH).and_then(|held| held.to_str().ok());
    let same = held.is_some_and(|held| held.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let caching = [(header::CACHE_CONTROL, keep.to_owned()), (header::ETAG, tag)];
    if same {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let media = mime_guess::from_path(path).first_or_octet_stream();
    let kind = [(header::CONTENT_TYPE, media.as_ref().to_owned())];
    (caching, kind, Body::from(file.data.into_owned())).into_response()
}
