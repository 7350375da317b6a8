//! Who watches over what is served: the audit log, the metrics, and the traces.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use external_worker_traces::Call;
use external_worker_traces::send::{Sends, Traces, traces};
use tokio::net::TcpListener;

use crate::audit::{Auditor, Kind, Log, Options, Record, Sink};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::metrics::{self, Gauges};
use crate::policy::Guarded;

/// What the service is called where traces of many services are.
const SERVICE: &str = "ewh";

/// What is wanted of who watches.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The directory of the audit log.
    pub(super) audit: Option<PathBuf>,
    /// Where its key is, if not there.
    pub(super) audit_key: Option<PathBuf>,
    /// Where the metrics are had.
    pub(super) metrics: Option<SocketAddr>,
    /// Where the collector of traces is.
    pub(super) otlp: Option<String>,
}

/// Who watches over what is served.
#[derive(Debug, Default)]
pub(super) struct Watching {
    pub(super) auditor: Auditor,
    /// Where that is written down, if anywhere.
    log: Option<Log>,
    pub(super) gauges: Gauges,
    /// Where those are had, if anywhere.
    pub(super) metrics: Option<SocketAddr>,
    /// Where calls are told, if anywhere.
    pub(super) traces: Option<Traces>,
    /// What sends them.
    sends: Mutex<Option<Sends>>,
}

impl Watching {
    /// Those that are wanted; what they keep belongs to the host.
    ///
    /// # Errors
    /// When the log cannot be written, or an address is none.
    pub(super) fn new(wanted: Wanted, guarded: &Guarded) -> Result<Self, CliError> {
        let log = match &wanted.audit {
            Some(dir) => Some(open_log(dir, wanted.audit_key, guarded)?),
            None => None,
        };
        let traced = wanted.otlp.as_deref().map(|address| {
            let version = env!("CARGO_PKG_VERSION");
            let both = traces(address, SERVICE, version);
            both.map_err(|error| CliError::Usage(format!("--otlp: {error}")))
        });
        let (traces, sends) = traced.transpose()?.unzip();
        let auditor = match log.is_some() || traces.is_some() {
            true => Auditor::new(Written {
                log: log.clone(),
                traces: traces.clone(),
            }),
            false => Auditor::default(),
        };
        auditor.note(Record::new(Kind::Start).what("the host"));
        Ok(Self {
            auditor,
            log,
            gauges: Gauges::default(),
            metrics: wanted.metrics,
            traces,
            sends: Mutex::new(sends),
        })
    }

    /// Serves the metrics and sends traces, if that is wanted.
    ///
    /// # Errors
    /// When the metrics cannot be served.
    pub(super) async fn serve(
        &self,
        guarded: &Guarded,
        output: &Output,
    ) -> Result<Infallible, CliError> {
        let sends = self.sends.lock();
        let sends = sends.unwrap_or_else(PoisonError::into_inner).take();
        let sending = async {
            if let Some(sends) = sends {
                sends.run().await;
            }
            pending::<Infallible>().await
        };
        tokio::select! {
            never = sending => match never {},
            served = self.serve_metrics(guarded, output) => served,
        }
    }

    async fn serve_metrics(
        &self,
        guarded: &Guarded,
        output: &Output,
    ) -> Result<Infallible, CliError> {
        let Some(address) = self.metrics else {
            return pending().await;
        };
        let failed = |error: io::Error| {
            CliError::Usage(format!("cannot serve metrics at {address}: {error}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        guarded.listen(address);
        output.note(&format!("metrics are at http://{address}/metrics"));
        metrics::serve(listener, self.gauges.clone(), self.log.clone())
            .await
            .map_err(failed)?;
        pending().await
    }
}

/// Where what happens goes.
struct Written {
    log: Option<Log>,
    traces: Option<Traces>,
}

impl Sink for Written {
    fn write(&self, record: Record) {
        if let Some(log) = &self.log {
            log.append(record);
        }
    }

    fn wants_calls(&self) -> bool {
        self.traces.is_some()
    }

    fn called(&self, call: Call) {
        if let Some(traces) = &self.traces {
            traces.tell(call);
        }
    }
}

/// The log in `dir`, which belongs to the host.
fn open_log(dir: &Path, key: Option<PathBuf>, guarded: &Guarded) -> Result<Log, CliError> {
    guarded.keep(dir, "the audit log of the host");
    if let Some(key) = &key {
        guarded.keep(key, "the key of the audit log");
    }
    let options = Options {
        key,
        ..Options::default()
    };
    let log = Log::open(dir, &options);
    log.map_err(|error| CliError::Usage(format!("--audit: {error}")))
}
