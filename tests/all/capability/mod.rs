//! Every capability through its probe: what is granted works on the real thing, what is not is denied
//! with a sentence that names the missing grant.

mod clocks;
mod data;
mod env;
mod files;
mod http;
mod random;
mod revoked;
mod secrets;
mod serial;
pub(crate) mod sockets;

use external_worker_artifacts as artifacts;
use external_worker_host::HostError;
use external_worker_host::instance::events::{Event, Listener};
use external_worker_tests::{TestHost, wait_for};

/// The sentence of the next denial.
async fn denial(events: &mut Listener) -> String {
    wait_for(events, |event| match event {
        Event::Denied { message } => Some(message.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn with_an_empty_policy_no_probe_is_loaded_and_the_grant_is_named() {
    let probes = [
        ("clocks", artifacts::PROBE_CLOCKS),
        ("data", artifacts::PROBE_DATA),
        ("env", artifacts::PROBE_ENV),
        ("files", artifacts::PROBE_FILES),
        ("http", artifacts::PROBE_HTTP),
        ("random", artifacts::PROBE_RANDOM),
        ("serial", artifacts::PROBE_SERIAL),
        ("sockets", artifacts::PROBE_SOCKETS),
    ];
    for (capability, probe) in probes {
        let Err(error) = TestHost::grant("").worker(probe).await else {
            panic!("{capability}")
        };
        let HostError::MissingGrants(missing) = error else {
            panic!("{capability}: {error}")
        };
        assert_eq!(missing.missing.len(), 1, "{capability}");
        assert_eq!(missing.missing[0].capability.name(), capability);
        assert!(
            missing.to_string().contains(&format!("[{capability}]")),
            "{missing}"
        );
    }
}
