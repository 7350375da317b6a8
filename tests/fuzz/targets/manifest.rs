//! What packages say of themselves: manifests in components and in modules, references to registries.

use external_worker_host::limits;
use external_worker_host::policy::Manifest;
use external_worker_host::registry::Reference;
use external_worker_host::worker::modules::package::ModuleManifest;

use super::{readable, readable_line};

const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// The bytes of a manifest, of a component with one, or of a reference.
pub fn manifest(data: &[u8]) {
    match Manifest::parse(data) {
        Ok(manifest) => written_and_read(&manifest, EMPTY),
        Err(problem) => readable_line(&problem, limits::MAX_TEXT_BYTES),
    }
    match Manifest::read_if_any(data) {
        Ok(Some(manifest)) if data.starts_with(EMPTY) => written_and_read(&manifest, data),
        Ok(_) => {}
        Err(problem) => readable_line(&problem, limits::MAX_TEXT_BYTES),
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<Reference>() {
        Ok(reference) => {
            let again = reference.to_string();
            assert_eq!(again.parse::<Reference>().ok().as_ref(), Some(&reference));
            let host = reference.registry().as_str();
            assert!(!host.contains(['/', '@', '?', '#', '\\']), "{host}");
            assert!(!reference.repository().contains(".."), "{reference}");
        }
        Err(problem) => readable_line(&problem.to_string(), limits::MAX_TEXT_BYTES),
    }
    match ModuleManifest::parse(text) {
        Ok(module) => module_is_plain(&module),
        Err(problem) => readable(&problem, 2 * limits::MAX_TEXT_BYTES),
    }
}

fn written_and_read(manifest: &Manifest, component: &[u8]) {
    readable_line(&manifest.name, limits::MAX_NAME_BYTES);
    readable_line(&manifest.package_version, limits::MAX_NAME_BYTES);
    for reason in manifest.requests.values() {
        readable_line(reason, limits::MAX_TEXT_BYTES);
    }
    let written = manifest.write(component).unwrap();
    assert_eq!(Manifest::read(&written).as_ref(), Ok(manifest));
    assert_eq!(manifest.write(&written).unwrap(), written);
}

fn module_is_plain(module: &ModuleManifest) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    assert!(module.name.chars().all(plain), "{}", module.name);
    assert!((1..=limits::MAX_MODULE_NAME_BYTES).contains(&module.name.len()));
    assert!((1..=limits::MAX_MODULE_COMPONENTS).contains(&module.components.len()));
    for component in &module.components {
        readable_line(component, limits::MAX_ARCHIVE_PATH_BYTES);
        assert!(
            component
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
        );
    }
    for reason in module.requests.values() {
        readable_line(reason, limits::MAX_TEXT_BYTES);
    }
}
