//! Where time goes, told to a collector by OpenTelemetry: of some requests, and of the frames that boxes follow.
//!
//! Comes in: a `traceparent` as W3C writes it, from a box beside a state, from a gateway in a header. Goes out: spans, in
//! batches, to a collector that speaks OTLP over HTTP. Never: work for what is not followed, or somebody held back by a
//! collector that is slow or away: spans that find no room are dropped. A stranger's `traceparent` is not believed, so
//! that nobody outside decides what is followed.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, request::Parts},
    middleware::Next,
    response::Response,
};
use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The header, and the name beside a state.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Time one batch of spans has to reach the collector.
const EXPORT: Duration = Duration::from_secs(5);

static SPANS: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

/// What is followed, and who is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// The collector, OTLP over HTTP, such as `http://127.0.0.1:4318`; empty for none.
    pub collector: String,
    /// Share of requests that are followed, 0 to 1. Frames are followed as their boxes say.
    pub requests: f64,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { collector: String::new(), requests: 0.01 }
    }
}

impl TracesConfig {
    /// What is wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(self.collector.is_empty()
            || self.collector.starts_with("http://")
            || self.collector.starts_with("https://"))
        {
            faults.push(format!("traces.collector: {:?} (as http://127.0.0.1:4318, or empty)", self.collector));
        }
        if !(0.0..=1.0).contains(&self.requests) {
            faults.push(format!("traces.requests: {} (0 to 1)", self.requests));
        }
        faults
    }
}

/// Follows requests and frames from now on, unless nobody wants to know.
pub fn open(config: &TracesConfig) -> anyhow::Result<()> {
    if config.collector.is_empty() {
        return Ok(());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", config.collector.trim_end_matches('/')))
        .with_timeout(EXPORT)
        .build()?;
    let resource = Resource::builder_empty()
        .with_service_name("cloud-hub")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", i64::from(std::process::id())),
        ])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.requests))))
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("cloud-hub");
    anyhow::ensure!(SPANS.set((provider, tracer)).is_ok(), "spans are collected already");
    Ok(())
}

/// Tells the collector what is not told yet. Blocks.
pub fn close() {
    if let Some((provider, _)) = SPANS.get()
        && let Err(error) = provider.shutdown_with_timeout(EXPORT)
    {
        tracing::warn!(%error, "the last spans did not reach the collector");
    }
}

/// A frame's journey on this side: the spans of its stages are children of the one its box began.
#[derive(Debug, Clone)]
pub struct Journey {
    context: Context,
    reached_us: i64,
}

impl Journey {
    /// The journey of `traceparent`, here at `now_us` UTC; `None` when it is not to be followed, or not well written.
    pub fn heard(traceparent: &str, now_us: i64) -> Option<Self> {
        SPANS.get()?;
        let parent = parsed(traceparent).filter(SpanContext::is_sampled)?;
        Some(Self { context: Context::new().with_remote_span_context(parent), reached_us: now_us })
    }

    /// `name` is done, at `until_us` UTC; it began where the stage before it ended.
    pub fn stage(&mut self, name: &'static str, until_us: i64) {
        let Some((_, tracer)) = SPANS.get() else { return };
        let until_us = until_us.max(self.reached_us);
        let span = SpanBuilder::from_name(name).with_start_time(at(self.reached_us));
        tracer.build_with_context(span, &self.context).end_with_timestamp(at(until_us));
        self.reached_us = until_us;
    }

    /// How W3C writes it, for another process.
    pub fn traceparent(&self) -> String {
        written(self.context.span().span_context())
    }
}

/// Where a request stands; in its extensions.
#[derive(Debug, Clone)]
struct Followed(SpanContext);

/// A request's span, from its head to the head of its answer; it goes on where another process of this hub stands. Layer
/// it below what makes request ids.
pub async fn follow(mut request: Request, next: Next) -> Response {
    let Some((_, tracer)) = SPANS.get() else { return next.run(request).await };
    let (span, context) = begun(&request);
    let mut span = tracer.build_with_context(span, &context);
    request.extensions_mut().insert(Followed(span.span_context().clone()));
    let response = next.run(request).await;
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())));
    if response.status().is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
    response
}

/// A request's span, and below what it is.
fn begun(request: &Request) -> (SpanBuilder, Context) {
    let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let parent = text(&TRACEPARENT).and_then(parsed);
    let context = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
    let span = SpanBuilder::from_name("request").with_kind(SpanKind::Server).with_attributes([
        KeyValue::new("http.request.method", request.method().to_string()),
        KeyValue::new("url.path", request.uri().path().to_owned()),
        KeyValue::new("request.id", text(&HeaderName::from_static("x-request-id")).unwrap_or_default().to_owned()),
    ]);
    (span, context)
}

/// Says in the headers of a request that is passed on where this process stands with it.
pub fn say_where(head: &mut Parts) {
    if let Some(Followed(span)) = head.extensions.get()
        && let Ok(value) = HeaderValue::from_str(&written(span))
    {
        head.headers.insert(TRACEPARENT, value);
    }
}

/// `00-<32 digits>-<16 digits>-<2 digits>`, W3C Trace Context.
fn parsed(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if version != "00" || parts.next().is_some() || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

fn written(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

fn at(utc_us: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(utc_us).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_w3c_writes_is_read_and_it_is_written_as_it_was() {
        let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(parsed(whole).map(|span| written(&span)).as_deref(), Some(whole));
        for wrong in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-äf7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nobody_is_followed_when_nobody_wants_to_know() {
        assert!(Journey::heard("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 0).is_none());
    }
}
