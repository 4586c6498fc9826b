//! Metrics of all stages as Prometheus text.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::HealthError;

/// Bounds of latencies, seconds: the live path promises 10 ms, a person waits for 1 s.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Reads all metrics of this process; cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Makes metrics count from here on. Once a process.
    pub fn install() -> Result<Self, HealthError> {
        let metrics = Self(builder()?.install_recorder()?);
        super::described::describe();
        Ok(metrics)
    }

    /// A recorder that nothing counts into, for a page by itself.
    pub fn detached() -> Result<Self, HealthError> {
        Ok(Self(builder()?.build_recorder().handle()))
    }

    /// All metrics, in Prometheus' text format.
    pub fn text(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

fn builder() -> Result<PrometheusBuilder, HealthError> {
    Ok(PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_latencies_are_text() {
        let recorder = builder().unwrap().build_recorder();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("sensors_packets_total", "line" => "0").increment(3);
            metrics::histogram!("pipeline_latency_seconds").record(0.004);
        });
        let text = metrics.text();
        assert!(text.contains("sensors_packets_total{line=\"0\"} 3"), "{text}");
        assert!(text.contains("pipeline_latency_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }
}
