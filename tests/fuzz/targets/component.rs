//! Component files: read, judged, loaded, and asked what they are.

use std::sync::{Arc, OnceLock};

use external_worker_host::HostError;
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::limits::{self, Budget};
use external_worker_host::policy::{Capability, Policy};
use external_worker_host::validate::{check_bytes, contract, is_worth_loading};

use super::{readable, readable_line, runtime};

/// Findings of one component: one for each code, or for each function of the world.
const MAX_FINDINGS: usize = 100;
/// Larger components are judged and not compiled, which takes long.
const COMPILED: usize = 8 * 1024;

/// The bytes of a component file.
pub fn component(data: &[u8]) {
    let found = check_bytes(data, None);
    assert!(found.len() <= MAX_FINDINGS, "{}", found.len());
    for finding in &found {
        readable(&finding.problem, 2 * limits::MAX_TEXT_BYTES);
        readable(&finding.fix, 2 * limits::MAX_TEXT_BYTES);
        readable_line(&finding.place, limits::MAX_TEXT_BYTES);
    }
    let codes = |found: &[external_worker_host::validate::finding::Finding]| -> Vec<_> {
        found.iter().map(|finding| finding.code.name).collect()
    };
    assert_eq!(codes(&found), codes(&check_bytes(data, Some(generous()))));
    if let Some(text) = contract::text_of(data) {
        assert!(text.len() <= 1000 * (limits::MAX_TYPE_TEXT_BYTES + 1000));
    }
    if data.len() <= COMPILED {
        load(data, is_worth_loading(&found));
    }
}

fn load(data: &[u8], looks_well: bool) {
    match LoadedComponent::from_bytes(engine(), "the\u{1b}[2J fuzzed", data) {
        Ok(loaded) => {
            assert!(looks_well, "what is found to be broken does not load");
            assert_eq!(loaded.size(), data.len() as u64);
            let loaded = Arc::new(loaded);
            let described = runtime().block_on(loaded.describe(&Budget::default()));
            if let Err(error) = described {
                readable_line(&error.public(), 2 * limits::MAX_TEXT_BYTES);
            }
        }
        Err(HostError::Component { name, problem, .. }) => {
            readable_line(&name, limits::MAX_NAME_BYTES);
            readable_line(&problem, limits::MAX_TEXT_BYTES);
        }
        Err(other) => panic!("{other}"),
    }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Engine::new(EngineOptions {
            pool_instances: Some(0),
            guest_threads: Some(1),
            names_places: true,
            ..EngineOptions::new(Compiling::Here)
        })
        .unwrap()
    })
}

/// A policy that grants something of everything.
fn generous() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let text: String = Capability::ALL.iter().map(|all| all.example()).collect();
        Policy::parse(&text, "everything").unwrap()
    })
}
