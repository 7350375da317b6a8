//! What the manifest requests, against what is imported and what the policy grants.

use std::collections::BTreeSet;

use super::finding::{self, Finding};
use super::scan::Facts;
use crate::policy::{Capability, Manifest, Policy};

pub(super) fn check(
    facts: &Facts,
    bytes: &[u8],
    policy: Option<&Policy>,
    found: &mut Vec<Finding>,
) {
    let manifest = match Manifest::read_if_any(bytes) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            found.push(Finding::new(
                &finding::NO_MANIFEST,
                "it carries no manifest, so it has no name, no version and gets no capability",
                "build it with `ewh build`, or add one with `ewh manifest`",
            ));
            Manifest::default()
        }
        Err(problem) => {
            found.push(Finding::new(
                &finding::BAD_MANIFEST,
                problem,
                "let `ewh build` or `ewh manifest` write it",
            ));
            return;
        }
    };
    if manifest.package_version.is_empty() && manifest != Manifest::default() {
        found.push(Finding::new(
            &finding::NO_VERSION,
            "its manifest gives no version",
            "give the package a version",
        ));
    }
    let imported = imported(facts);
    for (capability, imports) in &imported {
        if !manifest.requests.contains_key(capability) {
            let name = capability.name();
            found.push(
                Finding::new(
                    &finding::NOT_REQUESTED,
                    format!("it imports `{imports}`, and its manifest does not request `{name}`"),
                    format!("request `{name}` in the manifest, with its reason"),
                )
                .at(format!("import {imports}")),
            );
        }
    }
    requested(&manifest, &imported, found);
    granted(&manifest, policy, found);
}

fn requested(manifest: &Manifest, imported: &[(Capability, String)], found: &mut Vec<Finding>) {
    let has_imports: BTreeSet<_> = imported.iter().map(|(capability, _)| capability).collect();
    for capability in manifest.requests.keys() {
        let name = capability.name();
        // Where standard libraries import it anyway, an import says nothing.
        if !capability.interfaces().is_empty() && !has_imports.contains(capability) {
            found.push(Finding::new(
                &finding::UNUSED_REQUEST,
                format!("it requests `{name}`, but imports nothing of it"),
                format!("take `{name}` out of the requests"),
            ));
        }
    }
}

/// What is requested, against what the policy grants.
pub(super) fn granted(manifest: &Manifest, policy: Option<&Policy>, found: &mut Vec<Finding>) {
    let Some(policy) = policy else {
        return;
    };
    let requested = manifest.requests.keys();
    for capability in requested.filter(|capability| !policy.grants(**capability)) {
        let name = capability.name();
        found.push(Finding::new(
            &finding::NOT_GRANTED,
            format!("it requests `{name}`, which the policy does not grant"),
            format!("add to the policy:\n{}", capability.example().trim_end()),
        ));
    }
}

/// The capabilities that are imported, each with the first of its interfaces.
fn imported(facts: &Facts) -> Vec<(Capability, String)> {
    let mut all: Vec<(Capability, String)> = Vec::new();
    for import in facts.imports.iter().filter(|import| import.callable) {
        if let Some(capability) = Capability::of_interface(&import.interface)
            && all.iter().all(|(known, _)| *known != capability)
        {
            all.push((capability, import.interface.clone()));
        }
    }
    all
}
