//! What is wrong with the bytes of a component, and what cannot be linked.

use std::path::Path;

use external_worker_artifacts::{ALL, CACHE, PROBE_HOST, PROBE_PUPPET, THERMOMETER};
use external_worker_host::limits::Budget;
use external_worker_host::policy::{Capability, Manifest, Policy};
use external_worker_host::validate::{check_bytes, check_loaded, contract};
use external_worker_tests::engine;

use super::codes;

pub(super) fn read(component: &str) -> Vec<u8> {
    std::fs::read(component).unwrap()
}

/// Every `from` in `bytes`, of which there is at least one, as `to`; both have one length.
fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
        at += 1;
    }
    assert!(count > 0, "{from}");
    bytes
}

fn leb(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

/// `component` with one more section at its end.
pub(super) fn with_section(mut component: Vec<u8>, id: u8, content: &[u8]) -> Vec<u8> {
    component.push(id);
    component.extend(leb(content.len()));
    component.extend(content);
    component
}

pub(crate) fn with_custom(component: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let mut content = leb(name.len());
    content.extend(name.as_bytes());
    content.extend(data);
    with_section(component, 0, &content)
}

/// `component` with one more module in it, which has one memory and is not instantiated.
fn with_memory(component: Vec<u8>, pages: usize) -> Vec<u8> {
    let mut memory = vec![1, 0];
    memory.extend(leb(pages));
    let module = with_section(b"\0asm\x01\0\0\0".to_vec(), 5, &memory);
    with_section(component, 1, &module)
}

pub(super) fn with_manifest(component: &str, requests: &[Capability], version: &str) -> Vec<u8> {
    let requests = requests.iter().map(|one| (*one, "to try it".to_owned()));
    let manifest = Manifest {
        name: "tried".to_owned(),
        package_version: version.to_owned(),
        requests: requests.collect(),
    };
    manifest.write(&read(component)).unwrap()
}

#[test]
fn every_guest_of_the_sdk_has_the_world_that_is_compared_with() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src/validate/world.txt");
    let world = std::fs::read_to_string(file).unwrap();
    // The puppet implements the world itself, and takes less of it.
    for (name, component) in ALL
        .iter()
        .filter(|(_, component)| *component != PROBE_PUPPET)
    {
        let text = contract::text_of(&read(component)).unwrap();
        assert_eq!(text, world, "{name}");
    }
}

#[test]
fn what_is_wrong_with_the_bytes_is_found_and_nothing_else() {
    let cache = || read(CACHE);
    let whole = cache();
    let policy = Policy::parse("", "the test's policy").unwrap();
    let none = None;
    let granted = Some(&policy);
    let mut flipped = cache();
    // The kind of its first section.
    flipped[8] ^= 0x40;
    let with_two_manifests = with_custom(
        with_manifest(CACHE, &[], "1.0.0"),
        "external-worker:manifest",
        b"{}",
    );
    let many = (0..20).fold(cache(), |bytes, _| with_memory(bytes, 0));
    let swapped = replaced(cache(), "get-nodeshelf", "swapped-names");
    let swapped = replaced(swapped, "update-config", "get-nodeshelf");
    let swapped = replaced(swapped, "swapped-names", "update-config");
    type Case<'a> = (&'a str, Vec<u8>, Option<&'a Policy>, &'a [&'a str]);
    let table: [Case<'_>; 20] = [
        ("empty", Vec::new(), none, &["not-a-component"]),
        ("text", b"hello".to_vec(), none, &["not-a-component"]),
        (
            "core",
            b"\0asm\x01\0\0\0".to_vec(),
            none,
            &["not-a-component"],
        ),
        (
            "truncated",
            whole[..whole.len() / 2].to_vec(),
            none,
            &["malformed"],
        ),
        ("flipped", flipped, none, &["malformed"]),
        (
            "another world",
            b"\0asm\x0d\0\x01\0".to_vec(),
            none,
            &["missing-export", "no-manifest", "no-provenance"],
        ),
        (
            "another version",
            replaced(
                cache(),
                "external-worker/worker@0.2.0",
                "external-worker/worker@0.9.0",
            ),
            none,
            &["other-version"],
        ),
        (
            "the version before",
            include_bytes!("worker-0.1.0.wasm").to_vec(),
            none,
            &["other-version", "no-manifest", "debug-info"],
        ),
        (
            "a function by another name",
            replaced(cache(), "get-nodeshelf", "get-nodeshelg"),
            none,
            &["missing-function", "extra-function"],
        ),
        (
            "two functions in each other's place",
            swapped,
            none,
            &["wrong-type", "wrong-type"],
        ),
        ("two manifests", with_two_manifests, none, &["bad-manifest"]),
        (
            "no manifest",
            replaced(
                cache(),
                "external-worker:manifest",
                "external-worker:manifesu",
            ),
            none,
            &["no-manifest"],
        ),
        (
            "no version",
            with_manifest(CACHE, &[], ""),
            none,
            &["no-version"],
        ),
        (
            "nothing requested",
            with_manifest(THERMOMETER, &[], "1.0.0"),
            none,
            &["not-requested"],
        ),
        (
            "too much requested",
            with_manifest(CACHE, &[Capability::Sockets], "1.0.0"),
            none,
            &["unused-request"],
        ),
        ("not granted", read(THERMOMETER), granted, &["not-granted"]),
        ("many memories", many, none, &["too-much"]),
        (
            "a large memory",
            with_memory(cache(), 2_000),
            none,
            &["too-much-memory"],
        ),
        (
            "debug information",
            with_custom(cache(), ".debug_info", b"0123"),
            none,
            &["debug-info"],
        ),
        (
            "a path",
            with_custom(cache(), "note", b"built in /home/somebody/src"),
            none,
            &["absolute-path"],
        ),
    ];
    for (name, bytes, policy, expected) in table {
        let findings = check_bytes(&bytes, policy);
        assert_eq!(codes(&findings), expected, "{name}: {findings:#?}");
    }
    let unknown = replaced(cache(), "producers", "producerz");
    assert_eq!(codes(&check_bytes(&unknown, None)), ["no-provenance"]);
}

#[tokio::test]
async fn what_cannot_be_linked_is_said() {
    let other = replaced(
        read(PROBE_HOST),
        "external-worker/host@0.2.0",
        "external-worker/hosu@0.2.0",
    );
    let findings = check_loaded(engine(), "other", other, &Budget::default())
        .await
        .unwrap();
    assert_eq!(codes(&findings), ["cannot-link"], "{findings:?}");
    assert!(findings[0].problem.contains("hosu"), "{findings:?}");
}

#[test]
fn wherever_a_component_is_cut_it_is_malformed() {
    let bytes = read(THERMOMETER);
    for part in 1..100 {
        let cut = &bytes[..bytes.len() * part / 100];
        let found = check_bytes(cut, None);
        assert_eq!(codes(&found), ["malformed"], "{} bytes", cut.len());
    }
}
