//! `ewh serve`: a Worker on the network, for the FuncNodes web UI and every other client of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::error::{CliError, Exit};
use super::output::Output;
use super::signals::Signals;
use super::{CacheOptions, load};
use crate::server::{Bound, Origin, Server};
use crate::worker::{Worker, WorkerOptions};

/// The port that clients of FuncNodes try first.
const PORT: u16 = 9382;

/// Serve one Worker to the FuncNodes web UI
///
/// Speaks the FuncNodes protocol: the web UI connects as it does to a Python Worker. Everything that
/// is not lost when it ends is in the data directory. Prints where it listens, and runs until Ctrl-C,
/// SIGTERM, or until a client stops it; a second signal ends it at once.
#[derive(Debug, Args)]
pub struct ServeCommand {
    /// What the Worker keeps [default: ewh/worker in the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; one that others reach needs a token
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST).to_string())]
    host: String,
    /// The port; 0 picks one that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// What clients have to know; better in the environment, where other users do not see it
    #[arg(long, env = "EWH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Pages of this origin may connect, too, such as https://lab.example.org; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    /// What is granted; without a policy: nothing
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The name of the Worker
    #[arg(long)]
    name: Option<String>,
}

impl ServeCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let address = address(&self.host, self.port)?;
        let data = data_dir(self.data.clone())?;
        let engine = load::server_engine(cache)?;
        let runtime = load::server_runtime()?;
        let ended = runtime.block_on(self.serve(address, &data, engine, output));
        // What may still block is of no use any more.
        runtime.shutdown_background();
        ended
    }

    async fn serve(
        self,
        address: SocketAddr,
        data: &Path,
        engine: crate::engine::Engine,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let mut signals = Signals::catch()?;
        let token = self.token.filter(|token| !token.is_empty());
        // First: who cannot be reached need not start anything.
        let bound = Bound::new(address, token.as_deref(), self.allow_origin).await;
        let bound = bound.map_err(CliError::Usage)?;
        let options = WorkerOptions {
            data: data.to_owned(),
            name: self.name,
            policy: load::policy(self.policy.as_deref())?,
            engine,
        };
        let worker = tokio::select! {
            worker = open(options, output) => worker?,
            signal = signals.next() => return Ok(signal),
        };
        let server = Server::new(bound, worker.clone(), worker.places().open_files()?);
        announce(&server, &worker, output)?;
        let stop = server.stop();
        let mut serving = std::pin::pin!(server.run());
        tokio::select! {
            () = &mut serving => return Ok(Exit::Ok),
            _signal = signals.next() => stop.cancel(),
        }
        output.note("stopping; once more to stop at once");
        tokio::select! {
            () = &mut serving => Ok(Exit::Ok),
            signal = signals.next() => Ok(signal),
        }
    }
}

async fn open(options: WorkerOptions, output: &Output) -> Result<Worker, CliError> {
    let _progress = output.progress("starting the worker");
    Ok(Worker::open(options).await?)
}

fn address(host: &str, port: u16) -> Result<SocketAddr, CliError> {
    let host = match host {
        "localhost" => "127.0.0.1",
        other => other.trim_start_matches('[').trim_end_matches(']'),
    };
    let unknown = |why: String| CliError::Usage(format!("cannot listen on `{host}`: {why}"));
    let mut found = (host, port)
        .to_socket_addrs()
        .map_err(|error| unknown(error.to_string()))?;
    found
        .next()
        .ok_or_else(|| unknown("it has no address".to_owned()))
}

/// The data directory that was named, or else the user's.
///
/// # Errors
/// When none was named and the user has no home.
pub(super) fn data_dir(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    named.or_else(default_data).ok_or_else(|| {
        CliError::Usage("there is no home directory; say where to keep data: --data DIR".into())
    })
}

fn default_data() -> Option<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = from("XDG_DATA_HOME").filter(|dir| dir.is_absolute());
    let data = data.or_else(|| Some(from("HOME")?.join(".local/share")))?;
    Some(data.join("ewh/worker"))
}

fn announce(server: &Server, worker: &Worker, output: &Output) -> Result<(), CliError> {
    let url = format!("ws://{}", server.address());
    let uuid = worker.uuid().simple().to_string();
    if output.is_json() {
        let name = worker.name();
        return output.print_json_line(&json!({ "url": url, "uuid": uuid, "name": name }));
    }
    output.print(&format!(
        "listening on {url}: open a FuncNodes web UI with ?worker_url={url}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name() {
        assert_eq!(address("127.0.0.1", 1).unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(address("localhost", 1).unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(address("::1", 1).unwrap().to_string(), "[::1]:1");
        assert_eq!(address("[::]", 1).unwrap().to_string(), "[::]:1");
        let problem = address("no such host", 1).unwrap_err();
        assert_eq!(problem.exit(), Exit::Usage);
    }
}
