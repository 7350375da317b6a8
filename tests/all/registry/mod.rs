//! Modules from registries: Debian's docker-registry, started here on a port that nobody else has; a small
//! one of our own that answers as large ones do; and one that lies.

mod known;
mod liar;
mod logins;
mod real;
mod small;

use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use external_worker_host::registry::{Login, Logins, Registries};
use external_worker_host::worker::modules::package::{Package, Packages};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const WASM: &str = "application/wasm";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const USER: &str = "somebody";
const PASSWORD: &str = "open sesame";

fn login(password: &str) -> Login {
    Login::Password {
        user: USER.to_owned(),
        password: password.to_owned(),
    }
}

/// Registries, with a login for whichever is asked.
fn with_login(login: Login) -> Registries {
    Registries {
        logins: Logins::given(login),
        ..Registries::default()
    }
}

/// What goes into the header of somebody who logs in.
fn basic() -> String {
    format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    let mut child = Command::new("base64")
        .arg("-w0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn digest(content: &[u8]) -> String {
    let digits = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("sha256:{digits}")
}

fn described(kind: &str, content: &[u8]) -> Json {
    json!({"mediaType": kind, "digest": digest(content), "size": content.len()})
}

fn manifest(config: &Json, layer: &Json) -> String {
    json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]}).to_string()
}

/// An index, as builders make them: for a platform that is none of ours, for ours, and a statement about
/// the build.
fn index(manifest: &str, other: &str) -> String {
    let entry = |content: &str, os: &str, architecture: &str| {
        let mut entry = described(IMAGE, content.as_bytes());
        entry["platform"] = json!({"os": os, "architecture": architecture});
        entry
    };
    let entries = [
        entry(other, "linux", "amd64"),
        entry(manifest, "wasi", "wasm"),
        entry(other, "unknown", "unknown"),
    ];
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string()
}

/// A component with nothing in it but a manifest.
fn component(name: &str, version: &str) -> Vec<u8> {
    let manifest = json!({"version": 1, "name": name, "package-version": version}).to_string();
    let section = b"external-worker:manifest";
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).ok().filter(|n| *n < 128).unwrap();
    let content = [&[length(section)], &section[..], manifest.as_bytes()].concat();
    [&b"\0asm\x0d\0\x01\0"[..], &[0, length(&content)], &content].concat()
}

fn module(version: &str) -> Vec<u8> {
    let manifest =
        format!("name = \"packed\"\nversion = \"{version}\"\ncomponents = [\"worker.wasm\"]\n");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("ewh-module.toml", manifest.as_bytes()),
        ("worker.wasm", &component("inner", "0.0.1")),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn packages() -> (TempDir, Packages) {
    let data = tempfile::tempdir().unwrap();
    let packages = Packages::open(data.path()).unwrap();
    (data, packages)
}

fn named(package: &Package) -> (&str, String) {
    let manifest = &package.manifest;
    (&manifest.name, manifest.version.to_string())
}

/// The command, of a user whose home is `home` and who has nothing else in the environment.
fn ewh(home: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not want it has ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for secret in [PASSWORD, &basic()["Basic ".len()..]] {
        assert!(!said.contains(secret), "{said}");
    }
    output
}

/// `ewh module add`, and what it says when it fails.
fn add(
    home: &Path,
    reference: &str,
    options: &[&str],
    variables: &[(&str, &str)],
) -> Result<Json, String> {
    let data = home.join("data");
    let place = ["--data", data.to_str().unwrap()];
    let arguments = [
        &["-vv", "--json", "module", "add", reference][..],
        &place,
        options,
    ]
    .concat();
    let output = ewh(home, &arguments, variables, "");
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    assert_eq!(output.status.code(), Some(2));
    Err(String::from_utf8(output.stderr).unwrap())
}
