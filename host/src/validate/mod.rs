//! A verdict on a component before it runs for anybody: every finding, not the first.
//!
//! [`check_bytes`] reads the bytes and runs nothing of the component; [`check_loaded`] compiles it and
//! asks it, with nothing granted, what it has; [`exercise::check`] runs it. One file for each kind of
//! check.

mod contents;
pub mod contract;
mod described;
pub mod exercise;
pub mod finding;
mod ports;
mod requests;
mod scan;

use std::path::Path;

use crate::component::{self, LoadedComponent};
use crate::engine::Engine;
use crate::error::HostError;
use crate::limits::{self, Budget};
use crate::policy::Policy;
use crate::wasm;
use finding::{Code, Finding};

/// What the bytes say. `policy`: the one that the component is to run under, where it is known.
pub fn check_bytes(bytes: &[u8], policy: Option<&Policy>) -> Vec<Finding> {
    let mut found = Vec::new();
    if bytes.len() as u64 > limits::MAX_COMPONENT_BYTES {
        let most = limits::MAX_COMPONENT_BYTES;
        found.push(Finding::new(
            &finding::TOO_LARGE,
            format!("it has {} bytes; at most {most} are allowed", bytes.len()),
            "build it in release mode and strip it",
        ));
        return found;
    }
    if let Err(not) = wasm::check_header(bytes) {
        found.push(Finding::new(
            &finding::NOT_A_COMPONENT,
            not.problem,
            not.fix,
        ));
        return found;
    }
    let facts = scan::scan(bytes);
    if let Some((at, problem)) = &facts.malformed {
        found.push(
            Finding::new(
                &finding::MALFORMED,
                crate::text::clean_line(problem, limits::MAX_TEXT_BYTES),
                "take an intact copy, or build it again",
            )
            .at(format!("byte {at}")),
        );
        return found;
    }
    let default = Budget::default();
    let budget = policy.map_or(&default, |policy| &policy.budget);
    contract::check(&facts, &mut found);
    requests::check(&facts, bytes, policy, &mut found);
    contents::check(&facts, bytes, budget, &mut found);
    found
}

/// What a program says, in a file of this name, before anything of it runs. `policy` as for [`check_bytes`].
pub fn check_program(name: &Path, bytes: &[u8], policy: Option<&Policy>) -> Vec<Finding> {
    let mut found = Vec::new();
    match component::program_manifest(name, bytes) {
        Ok(manifest) => requests::granted(&manifest, policy, &mut found),
        Err(HostError::Component { problem, fix, .. }) => {
            found.push(Finding::new(&finding::BAD_MANIFEST, problem, fix));
        }
        Err(error) => found.push(Finding::new(
            &finding::BAD_MANIFEST,
            error.to_string(),
            "take an intact copy",
        )),
    }
    found
}

/// Whether loading a component can tell more than its bytes did: what cannot be loaded for a reason
/// that was found already is not loaded to find it again.
pub fn is_worth_loading(found: &[Finding]) -> bool {
    has_none_of(
        found,
        &[
            &finding::NOT_A_COMPONENT,
            &finding::MALFORMED,
            &finding::TOO_LARGE,
            &finding::MISSING_EXPORT,
            &finding::OTHER_VERSION,
            &finding::BAD_MANIFEST,
        ],
    )
}

/// Whether running a component can tell more than loading it did.
pub fn is_worth_running(found: &[Finding]) -> bool {
    has_none_of(
        found,
        &[
            &finding::DOES_NOT_COMPILE,
            &finding::CANNOT_LINK,
            &finding::DESCRIBE_FAILED,
            &finding::BAD_DESCRIPTION,
            &finding::BAD_DEFAULT,
            &finding::LONG_CALLS_REFUSED,
        ],
    )
}

fn has_none_of(found: &[Finding], codes: &[&Code]) -> bool {
    !found.iter().any(|finding| codes.contains(&finding.code))
}

/// What it says when it is compiled, and asked within `budget`. `name` is for messages.
///
/// # Errors
/// When the host itself fails.
pub async fn check_loaded(
    engine: &Engine,
    name: &str,
    bytes: Vec<u8>,
    budget: &Budget,
) -> Result<Vec<Finding>, HostError> {
    let mut found = Vec::new();
    match LoadedComponent::from_bytes(engine, name, bytes) {
        Ok(component) => described::check(&component, budget, &mut found).await?,
        Err(HostError::Component { problem, fix, .. }) => {
            found.push(Finding::new(&finding::DOES_NOT_COMPILE, problem, fix));
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}
