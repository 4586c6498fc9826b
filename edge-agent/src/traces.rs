//! Where a frame's time goes: one a second of those that are seen is followed to the hub and on, by OpenTelemetry.
//!
//! Comes in: what a stage has done with the frame, and when. Goes out: spans, in batches, to a collector that speaks OTLP
//! over HTTP; and a W3C `traceparent`, which travels beside the state that the frame went into, so that the hub's spans
//! join the box's. Never: work for a frame that is not followed; a stage held back by a collector that is slow or away:
//! spans that find no room are dropped, and the log says so.

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanBuilder, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use serde::Deserialize;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Time one batch of spans has to reach the collector.
const EXPORT: Duration = Duration::from_secs(5);

/// Which frames are followed, and who is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The collector, OTLP over HTTP, such as `http://127.0.0.1:4318`; empty for none.
    pub collector: String,
    /// One frame in so many milliseconds is followed.
    pub every_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { collector: String::new(), every_ms: 1_000 }
    }
}

impl Config {
    /// What is wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let mut list = Vec::new();
        if !(self.collector.is_empty()
            || self.collector.starts_with("http://")
            || self.collector.starts_with("https://"))
        {
            list.push(format!("traces.collector: {} (as http://127.0.0.1:4318, or empty)", self.collector));
        }
        if self.every_ms == 0 {
            list.push("traces.every_ms: 0 (at least 1)".to_owned());
        }
        list
    }
}

/// Why frames cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("traces.collector {collector}: {reason} (as http://127.0.0.1:4318, or empty)")]
pub struct TracesError {
    collector: String,
    reason: String,
}

/// Who begins journeys. Clones share everything.
#[derive(Debug, Clone)]
pub struct Traces {
    /// `None` when nobody wants to know.
    spans: Option<(SdkTracerProvider, SdkTracer)>,
    every_us: i64,
    begun_us: Arc<AtomicI64>,
}

impl Traces {
    /// Journeys of the box `edge`, told to the collector of `config`.
    pub fn open(config: &Config, edge: &str) -> Result<Self, TracesError> {
        let spans = if config.collector.is_empty() { None } else { Some(exporting(&config.collector, edge)?) };
        Ok(Self {
            spans,
            every_us: i64::from(config.every_ms) * 1_000,
            begun_us: Arc::new(AtomicI64::new(i64::MIN / 2)),
        })
    }

    /// Begins the journey of what was `captured_us` and has got here at `now_us`, when its turn has come. A sensor's
    /// reading is followed where no camera's frame was for twice the time.
    pub fn begin(&self, of: Traveller, captured_us: i64, now_us: i64) -> Option<Journey> {
        let (_, tracer) = self.spans.as_ref()?;
        let begun_us = self.begun_us.load(Ordering::Relaxed);
        let wait_us = if matches!(of, Traveller::Frame { .. }) { self.every_us } else { 2 * self.every_us };
        if now_us.saturating_sub(begun_us) < wait_us {
            return None;
        }
        self.begun_us.compare_exchange(begun_us, now_us, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let span = of.span().with_start_time(at(captured_us));
        let context = Context::new().with_span(tracer.build_with_context(span, &Context::new()));
        let mut journey = Journey { tracer: tracer.clone(), context, reached_us: captured_us };
        journey.stage("capture", now_us);
        Some(journey)
    }

    /// Tells the collector what is not told yet. Blocks.
    pub fn close(&self) {
        if let Some((provider, _)) = &self.spans
            && let Err(error) = provider.shutdown_with_timeout(EXPORT)
        {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// What is followed.
#[derive(Debug, Clone, Copy)]
pub enum Traveller {
    /// A camera's frame.
    Frame {
        /// Which camera.
        camera: u8,
        /// Its number there.
        sequence: u64,
    },
    /// A sensor's reading.
    Reading,
}

impl Traveller {
    fn span(self) -> SpanBuilder {
        match self {
            Self::Frame { camera, sequence } => SpanBuilder::from_name("frame").with_attributes([
                KeyValue::new("camera", i64::from(camera)),
                KeyValue::new("sequence", sequence as i64),
            ]),
            Self::Reading => SpanBuilder::from_name("reading"),
        }
    }
}

/// One traveller, and how far it has got. Stages follow one another without gaps: each lasts from where the one before
/// ended, so that waiting is in the stage that was waited for.
#[derive(Debug, Clone)]
pub struct Journey {
    tracer: SdkTracer,
    context: Context,
    reached_us: i64,
}

impl Journey {
    /// `name` is done, at `until_us` UTC.
    pub fn stage(&mut self, name: &'static str, until_us: i64) {
        let until_us = until_us.max(self.reached_us);
        let span = SpanBuilder::from_name(name).with_start_time(at(self.reached_us));
        self.tracer.build_with_context(span, &self.context).end_with_timestamp(at(until_us));
        self.reached_us = until_us;
    }

    /// How W3C writes where this journey stands: what goes on elsewhere is a part of it.
    pub fn traceparent(&self) -> String {
        let span = self.context.span();
        let context = span.span_context();
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
    }

    /// It has left the box.
    pub fn end(self) {
        self.context.span().end_with_timestamp(at(self.reached_us));
    }
}

/// A place where one stage leaves a journey for the next; a later one takes the place of one that nobody took.
#[derive(Debug, Clone, Default)]
pub struct Handed(Arc<Mutex<Option<Journey>>>);

impl Handed {
    /// Leaves `journey`.
    pub fn leave(&self, journey: Journey) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(journey);
    }

    /// What was left.
    pub fn take(&self) -> Option<Journey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn exporting(collector: &str, edge: &str) -> Result<(SdkTracerProvider, SdkTracer), TracesError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
        .with_timeout(EXPORT)
        .build()
        .map_err(|error| TracesError { collector: collector.to_owned(), reason: error.to_string() })?;
    let resource = Resource::builder_empty()
        .with_service_name("edge-agent")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", edge.to_owned()),
        ])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("edge-agent");
    Ok((provider, tracer))
}

fn at(utc_us: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(utc_us).unwrap_or_default())
}
