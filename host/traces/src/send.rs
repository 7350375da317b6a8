//! Sends calls to a collector. Nobody who calls waits for that: what does not fit is counted, and the next span says how
//! much that was.
//!
//! Each call is a trace of its own, with one span: a graph has no beginning from which its calls come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::Call;

/// Calls that wait to be sent.
const MAX_WAITING: usize = 4096;
/// Calls that are sent at once.
const MAX_AT_ONCE: usize = 512;
/// How long a call waits for others to be sent with.
const WAITS: Duration = Duration::from_secs(2);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest text of a span, in bytes; what is longer is cut.
const MAX_TEXT_BYTES: usize = 256;

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The address is none.
    #[error(
        "`{0}` is no address of a collector; write it as http://127.0.0.1:4318; over https to others sends a collector on this machine"
    )]
    Address(String),
    /// The client cannot be made.
    #[error("no client for the collector: {0}")]
    Client(String),
}

/// Where calls are told. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Traces {
    sender: mpsc::Sender<Call>,
    lost: Arc<AtomicU64>,
}

impl Traces {
    /// So many calls were not told, since there were too many.
    pub fn lose(&self, calls: u64) {
        self.lost.fetch_add(calls, Ordering::Relaxed);
    }

    /// A call has ended. This does not wait. Who it was is a stranger's word, of any length.
    pub fn tell(&self, call: Call) {
        let short = |text: Option<String>| text.map(cut);
        let call = Call {
            tenant: short(call.tenant),
            module: short(call.module),
            instance: short(call.instance),
            method: cut(call.method),
            node: short(call.node),
            error: short(call.error),
            ..call
        };
        if self.sender.try_send(call).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What sends calls to a collector.
#[derive(Debug)]
pub struct Sends {
    calls: mpsc::Receiver<Call>,
    lost: Arc<AtomicU64>,
    exporter: opentelemetry_otlp::SpanExporter,
}

/// Where calls are told, and what sends them to the collector at `address`, such as `http://127.0.0.1:4318`, as those of
/// the service `name`.
///
/// # Errors
/// When that is no address.
pub fn traces(address: &str, name: &str, version: &str) -> Result<(Traces, Sends), TracesError> {
    let wrong = || TracesError::Address(cut(address.to_owned()));
    let uri: http::Uri = address.parse().map_err(|_no_uri| wrong())?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() {
        return Err(wrong());
    }
    let mut exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(HyperClient::with_default_connector(PATIENCE, None))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", address.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| TracesError::Client(error.to_string()))?;
    let service = [
        KeyValue::new("service.name", name.to_owned()),
        KeyValue::new("service.version", version.to_owned()),
    ];
    exporter.set_resource(&Resource::builder_empty().with_attributes(service).build());
    let (sender, calls) = mpsc::channel(MAX_WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    let traces = Traces {
        sender,
        lost: Arc::clone(&lost),
    };
    Ok((
        traces,
        Sends {
            calls,
            lost,
            exporter,
        },
    ))
}

impl Sends {
    /// Sends what is told, until nobody can tell anything any more. What a collector does not take is lost: its log is the
    /// place to look, and the caller's, once for each time that it begins to fail.
    pub async fn run(mut self) {
        let mut fails = false;
        let mut batch = Vec::new();
        while let Some(first) = self.calls.recv().await {
            batch.push(span(first));
            let until = Instant::now() + WAITS;
            while batch.len() < MAX_AT_ONCE {
                match timeout_at(until, self.calls.recv()).await {
                    Ok(Some(call)) => batch.push(span(call)),
                    Ok(None) | Err(_) => break,
                }
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if let Some(span) = batch.first_mut().filter(|_| lost > 0) {
                let lost = i64::try_from(lost).unwrap_or(i64::MAX);
                span.attributes.push(KeyValue::new("ewh.lost_calls", lost));
            }
            match self.exporter.export(std::mem::take(&mut batch)).await {
                Ok(()) => fails = false,
                Err(error) if !fails => {
                    fails = true;
                    tracing::warn!("the collector does not take traces: {error}");
                }
                Err(_) => {}
            }
        }
    }
}

fn span(call: Call) -> SpanData {
    let Call {
        tenant,
        module,
        instance,
        method,
        node,
        began,
        took,
        error,
    } = call;
    let context = SpanContext::new(
        TraceId::from_bytes(uuid::Uuid::new_v4().into_bytes()),
        SpanId::from_bytes(uuid::Uuid::new_v4().as_u64_pair().0.to_be_bytes()),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let attributes = [
        ("ewh.tenant", tenant),
        ("ewh.module", module),
        ("ewh.instance", instance),
        ("ewh.node", node),
        ("error.type", error.clone()),
    ];
    let attributes = attributes
        .into_iter()
        .filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: method.into(),
        start_time: began,
        end_time: began.checked_add(took).unwrap_or(began),
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: match error {
            Some(error) => Status::error(error),
            None => Status::Unset,
        },
        instrumentation_scope: InstrumentationScope::builder("ewh").build(),
    }
}

/// A text of a stranger is as long as it likes.
fn cut(mut text: String) -> String {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev();
    let end = end.into_iter().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests;
