//! What a registry as it is installed everywhere serves.

use std::fs;

use external_worker_host::registry::{Reference, Registries};

use super::known::Registry;
use super::{
    INDEX, PASSWORD, USER, WASM, add, component, digest, ewh, index, login, module, named,
    packages, with_login,
};
use crate::tls::Authority;

#[tokio::test]
async fn a_module_comes_from_a_registry_and_is_pinned() {
    let registry = Registry::open();
    let open = Registries::default();
    let first = registry.push("team/worker", "1.0.0", WASM, &component("carried", "1.0.0"));
    let (_data, packages) = packages();
    let by_tag = registry.reference("team/worker:1.0.0");
    let added = packages.add_oci(&by_tag, &open).await.unwrap();
    assert_eq!(named(&added), ("carried", "1.0.0".to_owned()));
    assert_eq!(added.source, format!("{by_tag}@{first}"));
    let kept = fs::read(&added.components()[0]).unwrap();
    assert_eq!(kept, component("carried", "1.0.0"));
    added.verify().unwrap();

    // Somebody moves the tag. What was pinned stays what it was.
    registry.push("team/worker", "1.0.0", WASM, &component("carried", "6.6.6"));
    packages.remove("carried", None).unwrap();
    let pinned: Reference = added.source.parse().unwrap();
    let again = packages.add_oci(&pinned, &open).await.unwrap();
    assert_eq!(again, added);
    let moved = packages.add_oci(&by_tag, &open).await.unwrap();
    assert_eq!(named(&moved), ("carried", "6.6.6".to_owned()));
}

#[tokio::test]
async fn an_index_leads_to_what_is_for_webassembly_and_is_what_is_pinned() {
    let registry = Registry::open();
    let open = Registries::default();
    let wasm = component("carried", "1.0.0");
    let first = registry.push_index("team/worker", "1.0.0", WASM, &wasm);
    let (_data, packages) = packages();
    let by_tag = registry.reference("team/worker:1.0.0");
    let added = packages.add_oci(&by_tag, &open).await.unwrap();
    assert_eq!(named(&added), ("carried", "1.0.0".to_owned()));
    assert_eq!(added.source, format!("{by_tag}@{first}"));
    registry.push_index("team/worker", "1.0.0", WASM, &component("carried", "6.6.6"));
    packages.remove("carried", None).unwrap();
    let by_digest = registry.reference(&format!("team/worker@{first}"));
    let again = packages.add_oci(&by_digest, &open).await.unwrap();
    assert_eq!(named(&again), ("carried", "1.0.0".to_owned()));
    let kept = fs::read(&again.components()[0]).unwrap();
    assert_eq!(kept, wasm);
}

#[tokio::test]
async fn indexes_lead_to_each_other_so_far_and_no_farther() {
    let registry = Registry::open();
    let mut inner = registry.push_index("deep", "0", WASM, &component("carried", "1.0.0"));
    let (_data, packages) = packages();
    for depth in 1..=3_usize {
        let content = registry.content("deep", &inner);
        let outer = index(&content, &content);
        inner = registry.put("deep", &depth.to_string(), INDEX, &outer);
        let reference = registry.reference(&format!("deep:{depth}"));
        let added = packages.add_oci(&reference, &Registries::default()).await;
        match depth {
            1 | 2 => assert_eq!(named(&added.unwrap()).0, "carried"),
            _ => {
                let problem = added.unwrap_err().to_string();
                assert!(problem.contains("indexes lead to each other"), "{problem}");
            }
        }
    }
}

#[tokio::test]
async fn a_module_may_be_an_archive_and_a_component_may_have_its_name_from_the_reference() {
    let registry = Registry::open();
    let open = Registries::default();
    registry.push(
        "packed",
        "v1",
        "application/vnd.funcnodes.module.v1+zip",
        &module("2.3.4"),
    );
    registry.push("team/nameless", "3.0.0", WASM, &component("", ""));
    let old = "application/vnd.wasm.content.layer.v1+wasm";
    registry.push("old", "1.0.0", old, &component("older", "1.0.0"));
    registry.push("text", "v1", "text/plain", b"no module");
    let (_data, packages) = packages();
    let packed = registry.reference("packed:v1");
    let packed = packages.add_oci(&packed, &open).await.unwrap();
    assert_eq!(named(&packed), ("packed", "2.3.4".to_owned()));
    let nameless = registry.reference("team/nameless:3.0.0");
    let nameless = packages.add_oci(&nameless, &open).await.unwrap();
    assert_eq!(named(&nameless), ("nameless", "3.0.0".to_owned()));
    let old = registry.reference("old:1.0.0");
    let old = packages.add_oci(&old, &open).await.unwrap();
    assert_eq!(named(&old), ("older", "1.0.0".to_owned()));
    let refused = [
        ("text:v1", "none of its layers"),
        ("packed:v2", "no such thing"),
    ];
    for (rest, part) in refused {
        let reference = registry.reference(rest);
        let problem = packages.add_oci(&reference, &open).await.unwrap_err();
        assert!(problem.to_string().contains(part), "{problem}");
    }
    assert_eq!(packages.list().packages.len(), 3);
}

#[tokio::test]
async fn what_was_changed_in_the_registry_is_found_out() {
    let registry = Registry::open();
    let content = component("carried", "1.0.0");
    registry.push("worker", "1.0.0", WASM, &content);
    let digits = digest(&content).split_off("sha256:".len());
    let stored = registry.dir.path().join(format!(
        "data/docker/registry/v2/blobs/sha256/{}/{digits}/data",
        &digits[..2]
    ));
    assert_eq!(fs::read(&stored).unwrap(), content);
    fs::write(&stored, component("carried", "1.0.1")).unwrap();
    let (_data, packages) = packages();
    let reference = registry.reference("worker:1.0.0");
    let problem = packages.add_oci(&reference, &Registries::default()).await;
    let problem = problem.unwrap_err().to_string();
    assert!(problem.contains("digest"), "{problem}");
    assert!(packages.list().packages.is_empty());
}

#[tokio::test]
async fn a_registry_with_a_login_asks_for_it() {
    let registry = Registry::start(true, None);
    registry.push("worker", "1.0.0", WASM, &component("carried", "1.0.0"));
    let (_data, packages) = packages();
    let reference = registry.reference("worker:1.0.0");
    let wrong = with_login(login("close sesame"));
    for refused in [&Registries::default(), &wrong] {
        let problem = packages.add_oci(&reference, refused).await.unwrap_err();
        assert!(problem.to_string().contains("login"), "{problem}");
        assert!(!format!("{problem:?}").contains("sesame"), "{problem:?}");
    }
    let right = with_login(login(PASSWORD));
    packages.add_oci(&reference, &right).await.unwrap();
}

/// What a company has: a login, an authority of its own, and an index.
#[test]
fn a_registry_behind_tls_of_ones_own_is_read_with_the_login_that_was_kept() {
    let authority = Authority::new();
    let registry = Registry::start(true, Some(&authority));
    let wasm = component("carried", "1.0.0");
    let first = registry.push_index("team/worker", "1.0.0", WASM, &wasm);
    let home = tempfile::tempdir().unwrap();
    let ca = authority.write(home.path());
    let ca = ["--ca", ca.to_str().unwrap()];
    let reference = registry.reference("team/worker:1.0.0").to_string();

    let problem = add(home.path(), &reference, &[], &[]).unwrap_err();
    assert!(
        problem.contains("UnknownIssuer") && problem.contains("--ca"),
        "{problem}"
    );
    let problem = add(home.path(), &reference, &ca, &[]).unwrap_err();
    assert!(problem.contains("ewh login"), "{problem}");

    let keep = [
        "login",
        &registry.address,
        "-u",
        USER,
        "--password-stdin",
        ca[0],
        ca[1],
    ];
    let wrong = ewh(home.path(), &keep, &[], "close sesame\n");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!home.path().join(".docker").exists());
    let kept = ewh(home.path(), &keep, &[], &format!("{PASSWORD}\n"));
    assert!(kept.status.success(), "{kept:?}");

    let added = add(home.path(), &reference, &ca, &[]).unwrap();
    let source = format!("{reference}@{first}");
    assert_eq!(added["packages"][0]["source"], source);
    let variables = [("SSL_CERT_FILE", ca[1]), ("EWH_CA", "")];
    let by_digest = registry
        .reference(&format!("team/worker@{first}"))
        .to_string();
    add(home.path(), &by_digest, &[], &variables).unwrap();
    add(home.path(), &by_digest, &[], &[("EWH_CA", ca[1])]).unwrap();
    let broken = [("SSL_CERT_FILE", "/dev/null")];
    let problem = add(home.path(), &by_digest, &[], &broken).unwrap_err();
    assert!(problem.contains("SSL_CERT_FILE"), "{problem}");

    let gone = ewh(home.path(), &["logout", &registry.address], &[], "");
    assert!(gone.status.success(), "{gone:?}");
    let problem = add(home.path(), &reference, &ca, &[]).unwrap_err();
    assert!(problem.contains("ewh login"), "{problem}");
}

#[test]
fn what_a_registry_has_is_validated_without_being_installed() {
    let registry = Registry::start(true, None);
    let cache = fs::read(external_worker_artifacts::CACHE).unwrap();
    registry.push("team/cache", "1.0.0", WASM, &cache);
    registry.push("team/empty", "1.0.0", WASM, &component("empty", "1.0.0"));
    let home = tempfile::tempdir().unwrap();
    let variables = [
        ("EWH_REGISTRY", &*registry.address),
        ("EWH_REGISTRY_USERNAME", USER),
        ("EWH_REGISTRY_PASSWORD", PASSWORD),
    ];
    let validate = |rest: &str, variables: &[(&str, &str)]| {
        let reference = registry.reference(rest).to_string();
        ewh(home.path(), &["validate", &reference], variables, "")
            .status
            .code()
    };
    assert_eq!(validate("team/cache:1.0.0", &variables), Some(0));
    assert_eq!(
        validate("team/cache:1.0.0", &[]),
        Some(2),
        "without a login"
    );
    assert_eq!(
        validate("team/empty:1.0.0", &variables),
        Some(1),
        "it has no worker"
    );
    assert_eq!(
        validate("team/none:1.0.0", &variables),
        Some(2),
        "there is none"
    );
}
