//! Tenants that come and go while the host runs, as the control plane says: `ewh serve --control`.
//!
//! One task serves all of them, since what serves one may not leave its thread; it takes [`Order`]s from the
//! [`Manager`], which the control plane calls from wherever it is.

mod backup;
mod declared;
mod desk;
mod folder;
mod install;
mod manager;
mod secrets;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use external_worker_control::model::Quotas;
use external_worker_control::{Config, Control, Place, console};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::secrets::Keeper;
use super::{Checked, STOPPING, Watching};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::limits;
use crate::policy::Guarded;
use crate::server::{Bound, http};

pub(super) use declared::Declared;
pub(super) use desk::Desk;
pub(super) use manager::Manager;

// What the control plane lets through the host takes, and says no more than that.
const _: () = {
    use external_worker_control::limits as control;

    assert!(limits::MAX_UPLOAD_BYTES <= control::MAX_UPLOAD_BYTES);
    assert!(limits::MAX_TENANTS <= control::MAX_TENANTS);
    assert!(control::MAX_TENANT_NAME_BYTES <= limits::MAX_TENANT_NAME_BYTES);
    assert!(control::MAX_CPU_WEIGHT == limits::MAX_CPU_WEIGHT);
};

/// How a tenant is served.
pub(super) trait Serves {
    /// Serves it until its desk says that it is to stop.
    fn serve(&self, checked: Checked, bound: Bound, desk: Desk) -> LocalBoxFuture<'_, ()>;
}

/// To serve one more tenant.
pub(super) struct Order {
    checked: Checked,
    bound: Bound,
    desk: Desk,
}

/// What is managed, and where.
pub(super) struct Managed<'a> {
    /// The directory with the data of all tenants.
    pub(super) root: PathBuf,
    /// Where the API is.
    pub(super) address: SocketAddr,
    /// Whether one more token of an operator is made.
    pub(super) new_token: bool,
    /// What is declared in files.
    pub(super) declared: Declared,
    pub(super) guarded: &'a Guarded,
    pub(super) watching: &'a Watching,
    /// Where the audit log is, if there is one.
    pub(super) audit: Option<PathBuf>,
    /// Where its key is, if not there.
    pub(super) audit_key: Option<PathBuf>,
    pub(super) secrets: Keeper,
    /// Where those are kept, if they are.
    pub(super) secrets_at: Option<PathBuf>,
    pub(super) output: &'a Output,
    pub(super) unheld: Unheld,
}

/// What of tenants' quotas is not held here.
#[derive(Debug, Clone, Default)]
pub(super) struct Unheld {
    /// Why no tenant has a share of the processors.
    shares: OnceLock<String>,
    /// Why nobody's memory is limited.
    memory: Option<&'static str>,
}

impl Unheld {
    /// Where all are in one process.
    pub(super) fn in_one_process() -> Self {
        let memory = "the memory of a tenant is counted and not limited: all tenants are in one process; serve with \
            --isolation process";
        Self {
            memory: Some(memory),
            ..Self::default()
        }
    }

    /// What of `quotas` is not held, and why.
    fn of(&self, quotas: &Quotas) -> Option<String> {
        let memory = self.memory.filter(|_| quotas.memory.is_some());
        memory
            .map(str::to_owned)
            .or_else(|| self.shares.get().cloned())
    }
}

impl Managed<'_> {
    /// No tenant has a share of the processors, because of `why`.
    #[cfg(target_os = "linux")]
    pub(super) fn has_no_shares(&self, why: &str) {
        // It is said once.
        let _ = self.unheld.shares.set(why.to_owned());
    }

    /// Serves by `how` whom the control plane says, until a signal ends it.
    pub(super) async fn serve(&self, how: &dyn Serves) -> Result<Exit, CliError> {
        let mut signals = Signals::catch()?;
        let (orders, ordered) = mpsc::unbounded_channel();
        let manager = Arc::new(Manager::new(self, orders));
        let mut serving = std::pin::pin!(serve_ordered(how, ordered));
        let stop = CancellationToken::new();
        let mut front = std::pin::pin!(self.front(Arc::clone(&manager), &stop));
        let mut measured = std::pin::pin!(self.watching.serve(self.guarded, self.output));
        let mut looking = std::pin::pin!(manager.look_at_disks());
        tokio::select! {
            never = &mut serving => match never {},
            ended = &mut front => ended?,
            failed = &mut measured => match failed? {},
            never = &mut looking => match never {},
            _signal = signals.next() => {}
        }
        self.output.note(STOPPING);
        stop.cancel();
        let ending = async {
            tokio::select! {
                () = manager.end_all() => {}
                never = &mut serving => match never {},
            }
        };
        tokio::select! {
            () = ending => Ok(Exit::Ok),
            signal = signals.next() => Ok(signal),
        }
    }

    /// Begins the control plane, and serves its API and console.
    async fn front(&self, manager: Arc<Manager>, stop: &CancellationToken) -> Result<(), CliError> {
        let address = self.address;
        let failed = |error: std::io::Error| {
            CliError::Usage(format!("cannot serve the API at {address}: {error}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.guarded.listen(address);
        folder::make(&self.root).map_err(CliError::Machine)?;
        let config = Config {
            data: self.root.clone(),
            place: Place {
                address,
                origins: Vec::new(),
            },
            upload_bytes: limits::MAX_UPLOAD_BYTES,
        };
        let control = Control::begin(config, manager)
            .await
            .map_err(|error| CliError::Usage(error.to_string()))?;
        self.show(&control, address).await?;
        self.declared.apply(&control, self.output).await?;
        let api = external_worker_control::router(Arc::clone(&control));
        let routes = api.clone().merge(console::router(api));
        tokio::select! {
            () = http::serve(listener, routes, stop) => {}
            failed = self.declared.follow(&control, self.output) => match failed? {},
        }
        control.end();
        Ok(())
    }

    /// Tells the operator where the API is; of a new one, the token for it, once.
    async fn show(&self, control: &Arc<Control>, address: SocketAddr) -> Result<(), CliError> {
        let first = match self.new_token {
            true => control.one_more_token().await.map(Some),
            false => control.first_token().await,
        };
        let first = first.map_err(|error| CliError::Usage(error.to_string()))?;
        let url = format!("http://{address}");
        let output = self.output;
        if output.is_json() {
            let token = first.as_ref().map(|token| token.reveal());
            return output.print_json_line(&serde_json::json!({ "control": url, "token": token }));
        }
        output.print(&format!(
            "the console is at {url}/console, the API at {url}/api/v1"
        ))?;
        if let Some(token) = first {
            output.print(&format!(
                "the operator's token, which is not shown again: {}",
                token.reveal()
            ))?;
        }
        Ok(())
    }
}

/// Serves everybody who is ordered; never ends.
async fn serve_ordered(
    how: &dyn Serves,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> std::convert::Infallible {
    let mut served = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(Order { checked, bound, desk }) = orders.recv() => {
                served.push(how.serve(checked, bound, desk));
            }
            Some(()) = served.next() => {}
            else => std::future::pending().await,
        }
    }
}
