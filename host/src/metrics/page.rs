//! The page in the format of OpenMetrics.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Tenant;
use crate::instance::tally::{BOUNDS, Calls};
use crate::worker::usage::Usage;

/// What all names begin with.
const PREFIX: &str = "ewh";

/// What the host itself says, besides its tenants.
#[derive(Debug, Clone, Copy)]
pub struct OfHost {
    /// Whether the audit log is written; `None`: there is none.
    pub audit_is_written: Option<bool>,
}

/// The page about these tenants.
///
/// # Errors
/// None that is known of: text has room.
pub fn page(tenants: BTreeMap<String, Tenant>, host: OfHost) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Page { tenants, host }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Page {
    tenants: BTreeMap<String, Tenant>,
    host: OfHost,
}

/// A number of each external worker.
type Number = (&'static str, &'static str, fn(&Usage) -> f64);

/// What grows.
const COUNTERS: [Number; 8] = [
    ("call_errors", "Calls that ended with an error", |it| {
        count(it.calls.failed)
    }),
    ("turns", "Turns of the loop that have ended", |it| {
        count(it.turns)
    }),
    ("turn_errors", "Turns of the loop that failed", |it| {
        count(it.turn_errors)
    }),
    ("restarts", "Starts after a trap", |it| {
        f64::from(it.restarts)
    }),
    ("cpu_seconds", "CPU time", |it| it.cpu.as_secs_f64()),
    (
        "throttled_seconds",
        "Time that it waited because it was ahead of its share",
        |it| it.throttled.as_secs_f64(),
    ),
    (
        "dropped_log_lines",
        "Log lines that were over its budget",
        |it| count(it.dropped_log_lines),
    ),
    ("refused_events", "Events that were over its budget", |it| {
        count(it.refused_events)
    }),
];

/// What comes and goes.
const GAUGES: [Number; 3] = [
    ("up", "Whether it runs", |it| {
        f64::from(u8::from(it.state == "running"))
    }),
    ("open_calls", "Calls that wait or run", |it| {
        count(u64::try_from(it.open_calls).unwrap_or(u64::MAX))
    }),
    ("memory_bytes", "Memory that the host holds for it", |it| {
        count(it.memory)
    }),
];

#[expect(clippy::cast_precision_loss, reason = "a count is exact up to 2^53")]
const fn count(count: u64) -> f64 {
    count as f64
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        if let Some(is_written) = self.host.audit_is_written {
            let written = ConstGauge::new(i64::from(is_written));
            let help = "Whether the audit log is written";
            written.encode(encoder.encode_descriptor(
                "audit_up",
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        let help = "Whether the tenant is served";
        let mut up = encoder.encode_descriptor("tenant_up", help, None, MetricType::Gauge)?;
        for (name, tenant) in &self.tenants {
            let is_up = ConstGauge::new(i64::from(tenant.is_up));
            is_up.encode(up.encode_family(&[("tenant", name.as_str())])?)?;
        }
        let help = "Starts of the tenant's process after it died";
        let kind = MetricType::Counter;
        let mut died = encoder.encode_descriptor("tenant_restarts", help, None, kind)?;
        for (name, tenant) in &self.tenants {
            let restarts = ConstCounter::new(tenant.restarts);
            restarts.encode(died.encode_family(&[("tenant", name.as_str())])?)?;
        }
        for (name, help, number) in COUNTERS {
            let kind = MetricType::Counter;
            self.each(&mut encoder, (name, help, kind), |usage, mut encoder| {
                encoder.encode_counter::<NoLabelSet, _, u64>(&number(usage), None)
            })?;
        }
        for (name, help, number) in GAUGES {
            let kind = MetricType::Gauge;
            self.each(&mut encoder, (name, help, kind), |usage, mut encoder| {
                encoder.encode_gauge(&number(usage))
            })?;
        }
        let calls = (
            "call_duration_seconds",
            "How long calls took",
            MetricType::Histogram,
        );
        self.each(&mut encoder, calls, |usage, encoder| {
            histogram(&usage.calls, encoder)
        })
    }
}

impl Page {
    /// One number for each external worker.
    fn each(
        &self,
        encoder: &mut DescriptorEncoder,
        (name, help, kind): (&str, &str, MetricType),
        encode: impl Fn(&Usage, MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let name = format!("worker_{name}");
        let mut family = encoder.encode_descriptor(&name, help, None, kind)?;
        for (tenant, known) in &self.tenants {
            for usage in known.usage.values() {
                let labels = [
                    ("tenant", tenant.as_str()),
                    ("module", usage.module.as_str()),
                    ("class", usage.class.as_str()),
                    ("instance", usage.uuid.as_str()),
                ];
                encode(usage, family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn histogram(calls: &Calls, mut encoder: MetricEncoder<'_>) -> fmt::Result {
    let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
    let took = calls.took.iter().copied().chain(std::iter::repeat(0));
    let buckets: Vec<_> = bounds.zip(took).collect();
    encoder.encode_histogram::<NoLabelSet>(calls.time.as_secs_f64(), calls.ended(), &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Gauges;

    #[test]
    fn strangers_words_are_labels_and_nothing_else() {
        let gauges = Gauges::default();
        gauges.is_up("lab");
        let usage = Usage::nothing("m\"\n# evil", "class", "1");
        let took = vec![0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        let many = Calls {
            took: vec![u64::MAX; 100],
            ..Calls::default()
        };
        let calls = Calls {
            took,
            ..Calls::default()
        };
        gauges.uses("lab", true, vec![Usage { calls, ..usage }]);
        gauges.has_died("other");
        let much = Usage::nothing("m", "c", "2");
        gauges.uses(
            "other",
            false,
            vec![Usage {
                calls: many,
                ..much
            }],
        );
        let host = OfHost {
            audit_is_written: Some(true),
        };
        let page = page(gauges.tenants(), host).unwrap();
        for line in [
            "ewh_audit_up 1",
            "ewh_tenant_up{tenant=\"lab\"} 1",
            "ewh_tenant_restarts_total{tenant=\"other\"} 1",
            r#"ewh_worker_call_duration_seconds_bucket{le="0.001",tenant="lab",module="m\" # evil",class="class",instance="1"} 3"#,
            r#"ewh_worker_call_duration_seconds_bucket{le="+Inf",tenant="lab",module="m\" # evil",class="class",instance="1"} 4"#,
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
        assert!(!page.lines().any(|line| line.starts_with("# evil")));
    }
}
