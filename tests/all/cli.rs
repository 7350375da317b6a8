//! Bad input of every kind: one clear sentence, the fix, and the exit code that scripts rely on.

use std::path::{Path, PathBuf};

use clap::Parser;
use external_worker_artifacts::{BASIC, CACHE, PROBE_HOST, THERMOMETER};
use external_worker_host::cli::{Cli, Exit};
use external_worker_host::policy::{Capability, Manifest};

/// Runs `ewh` with `arguments` in this process: how it ended, and what it says.
fn ewh(arguments: &[&str]) -> (Exit, String) {
    let cli = Cli::try_parse_from(std::iter::once("ewh").chain(arguments.iter().copied())).unwrap();
    let output = cli.output();
    match cli.execute(&output) {
        Ok(exit) => (exit, String::new()),
        Err(error) => (error.exit(), error.to_string()),
    }
}

/// It ends with `exit` and its one message has each of `parts`, and nothing of a backtrace.
fn fails(arguments: &[&str], exit: Exit, parts: &[&str]) {
    let (ended, message) = ewh(arguments);
    assert_eq!(ended, exit, "{arguments:?}: {message}");
    for part in parts {
        assert!(
            message.contains(part),
            "{arguments:?}: `{part}` is not in: {message}"
        );
    }
    for noise in ["backtrace", "panicked", "wasmtime::", ".rs:"] {
        assert!(!message.contains(noise), "{arguments:?}: {message}");
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn files() -> Files {
    Files(tempfile::tempdir().unwrap())
}

#[test]
fn a_node_of_a_library_is_called_without_a_graph() {
    let add = ["run", BASIC, "--call", "math/add", "--input", "a=1"];
    let (exit, message) = ewh(&[&add[..], &["--input", "b=2"]].concat());
    assert_eq!(exit, Exit::Ok, "{message}");
    fails(&add, Exit::Usage, &["`math/add` needs the input `b`"]);
    let parts = ["no shelf has the node `math/ad`", "math/add"];
    fails(&["run", BASIC, "--call", "math/ad"], Exit::Usage, &parts);
}

#[test]
fn what_is_no_usable_component_is_refused_with_what_to_do() {
    let files = files();
    let whole = std::fs::read(CACHE).unwrap();
    let truncated = files.put("truncated.wasm", &whole[..5000]);
    let core = files.put("core.wasm", b"\0asm\x01\0\0\0");
    let other = files.put("other.wasm", b"\0asm\x0d\0\x01\0");
    let text = files.put("text.wasm", "hello");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0xff;
    let flipped = files.put("flipped.wasm", flipped);
    fails(
        &["run", &truncated],
        Exit::Usage,
        &["truncated.wasm", "intact"],
    );
    fails(&["run", &core], Exit::Usage, &["core module", "ewh build"]);
    fails(
        &["run", &other],
        Exit::Usage,
        &["external-worker/worker", "ewh new"],
    );
    fails(&["inspect", &text], Exit::Usage, &["not WebAssembly"]);
    fails(&["run", "/nonexistent/x.wasm"], Exit::Usage, &["no file"]);
    fails(
        &["run", files.0.path().to_str().unwrap()],
        Exit::Usage,
        &["directory"],
    );
    let (exit, message) = ewh(&["inspect", &flipped]);
    assert!(
        exit == Exit::Ok || !message.is_empty(),
        "a flipped bit may hit a name, or not"
    );
}

#[test]
fn a_wrong_policy_is_refused_with_its_line_and_a_suggestion() {
    let files = files();
    let typo = files.put("typo.toml", "\n[[serail]]\nname = \"x\"\n");
    let kind = files.put("kind.toml", "[budget]\nmemory = true\n");
    fails(
        &["run", CACHE, "--policy", &typo],
        Exit::Usage,
        &["line 2", "`serial`"],
    );
    fails(&["policy", "check", &typo], Exit::Usage, &["line 2"]);
    fails(&["policy", "check", &kind], Exit::Usage, &["line 2"]);
    fails(
        &["run", CACHE, "--policy", "/nonexistent"],
        Exit::Usage,
        &["no file"],
    );
}

#[test]
fn wrong_configurations_classes_methods_and_inputs_are_named() {
    fails(
        &["run", CACHE, "--config", r#"{"max_entries": "many"}"#],
        Exit::Usage,
        &["/max_entries", "integer"],
    );
    fails(&["run", CACHE, "--config", "{"], Exit::Usage, &["JSON"]);
    fails(
        &["run", CACHE, "--class", "nope"],
        Exit::Usage,
        &["nope", "cache"],
    );
    fails(
        &["run", CACHE, "--call", "nope"],
        Exit::Usage,
        &["nope", "stats"],
    );
    fails(
        &["run", CACHE, "--call", "put", "--input", "key=a"],
        Exit::Usage,
        &["`value`"],
    );
}

#[test]
fn a_missing_grant_has_a_code_of_its_own_and_the_lines_to_add() {
    fails(
        &["run", THERMOMETER],
        Exit::NotGranted,
        &["`serial`", "[[serial]]"],
    );
}

#[test]
fn a_missing_device_fails_the_call_and_not_the_worker() {
    let files = files();
    let policy = files.put(
        "policy.toml",
        "[[serial]]\nname = \"bench\"\ndevice = \"/dev/nonexistent\"\nbaud-rates = [9600]\n",
    );
    let arguments = [
        "run",
        THERMOMETER,
        "--policy",
        &policy,
        "--config",
        r#"{"port": "bench"}"#,
        "--call",
        "identify",
    ];
    assert_eq!(ewh(&arguments).0, Exit::WorkerFailed);
}

#[test]
fn a_good_run_is_zero() {
    let arguments = [
        "run", PROBE_HOST, "--call", "applied", "--call", "wait", "--input", "ms=5",
    ];
    assert_eq!(ewh(&arguments).0, Exit::Ok);
    assert_eq!(ewh(&["inspect", PROBE_HOST]).0, Exit::Ok);
    assert_eq!(ewh(&["policy", "schema"]).0, Exit::Ok);
}

#[test]
fn a_new_crate_is_made_once() {
    let files = files();
    let dir = files.0.path().join("my-worker");
    let path = dir.to_str().unwrap();
    assert_eq!(ewh(&["new", "my-worker", "--path", path]).0, Exit::Ok);
    assert!(Path::new(path).join("src/lib.rs").is_file());
    let workflow = ".github/workflows/check.yml";
    assert!(!dir.join(workflow).exists(), "no other machine has its SDK");
    let readme = std::fs::read_to_string(dir.join("README.md")).unwrap();
    assert!(readme.contains("--sdk GIT-URL"), "{readme}");
    fails(
        &["new", "my-worker", "--path", path],
        Exit::Usage,
        &["my-worker"],
    );
    fails(&["new", "9bad/name"], Exit::Usage, &["9bad/name"]);
    let other = files.0.path().join("other");
    let path = other.to_str().unwrap();
    let url = "https://git.example.org/lab/workers";
    assert_eq!(
        ewh(&["new", "other", "--path", path, "--sdk", url]).0,
        Exit::Ok
    );
    let check = std::fs::read_to_string(other.join(workflow)).unwrap();
    assert!(check.contains("policy.toml other.wasm"), "{check}");
    assert!(
        check.contains(&format!("--git {url} external-worker-host")),
        "{check}"
    );
    let manifest = std::fs::read_to_string(other.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(&format!("{{ git = \"{url}\" }}")),
        "{manifest}"
    );
    fails(
        &["new", "x", "--sdk", "nowhere"],
        Exit::Usage,
        &["nowhere", "git URL"],
    );
}

#[test]
fn a_new_worker_in_javascript_is_made_once() {
    let files = files();
    let dir = files.0.path().join("my-worker");
    let new = ["new", "--lang", "js", "my-worker", "--path"];
    let new = [&new[..], &[dir.to_str().unwrap()]].concat();
    assert_eq!(ewh(&new).0, Exit::Ok);
    let worker = std::fs::read_to_string(dir.join("worker.js")).unwrap();
    assert!(worker.contains("class MyWorker extends Worker"), "{worker}");
    let package = std::fs::read(dir.join("package.json")).unwrap();
    let package: serde_json::Value = serde_json::from_slice(&package).unwrap();
    assert_eq!(package["name"], "my-worker");
    fails(&new, Exit::Usage, &["my-worker", "not empty"]);
    let taken = ["new", "--lang", "js", "worker"];
    fails(&taken, Exit::Usage, &["`worker`", "my-worker"]);
    let sdk = [&new[..], &["--sdk", "0.1.0"]].concat();
    fails(&sdk, Exit::Usage, &["--sdk"]);
    let built = dir.to_str().unwrap();
    fails(&["build", built, "--package", "x"], Exit::Usage, &["`x`"]);
    files.put("package.json", r#"{"name": "a", "main": "nowhere.js"}"#);
    let empty = files.0.path().to_str().unwrap();
    fails(
        &["build", empty],
        Exit::Build,
        &["package.json", "nowhere.js"],
    );
    fails(&["run", built], Exit::Usage, &["package.json", "ewh build"]);
}

#[test]
fn a_new_worker_in_python_is_made_once() {
    let files = files();
    let dir = files.0.path().join("my-worker");
    let new = ["new", "--lang", "python", "my-worker", "--path"];
    let new = [&new[..], &[dir.to_str().unwrap()]].concat();
    assert_eq!(ewh(&new).0, Exit::Ok);
    let worker = std::fs::read_to_string(dir.join("my_worker.py")).unwrap();
    assert!(worker.contains("class MyWorker(FuncNodes"), "{worker}");
    fails(&new, Exit::Usage, &["my-worker", "not empty"]);
    let taken = ["new", "--lang", "python", "json"];
    fails(&taken, Exit::Usage, &["`json`", "my-json"]);
    let sdk = [&new[..], &["--sdk", "0.1.0"]].concat();
    fails(&sdk, Exit::Usage, &["--sdk"]);
}

#[test]
fn any_component_can_be_given_a_manifest() {
    let files = files();
    let component = files.put("cache.wasm", std::fs::read(CACHE).unwrap());
    let written = files.0.path().join("written.wasm");
    let written = written.to_str().unwrap();
    let request = "clocks=to know when";
    let command = ["manifest", &component, "--name", "c", "--request", request];
    assert_eq!(ewh(&[&command[..], &["-o", written]].concat()).0, Exit::Ok);
    let manifest = Manifest::read(&std::fs::read(written).unwrap()).unwrap();
    assert_eq!(manifest.name, "c");
    assert_eq!(manifest.requests[&Capability::Clocks], "to know when");
    let run = ["run", written, "--call", "stats"];
    fails(&run, Exit::NotGranted, &["`clocks`", "[clocks]"]);
    let policy = files.put("policy.toml", "[clocks]\n");
    let granted = ["--policy", &policy];
    assert_eq!(ewh(&[&run[..], &granted].concat()).0, Exit::Ok);
    let core = files.put("core.wasm", b"\0asm\x01\0\0\0");
    fails(
        &["manifest", &core, "--name", "c"],
        Exit::Usage,
        &["core module"],
    );
}

#[test]
fn compiled_code_is_called_what_it_is_by_every_command() {
    let files = files();
    for (name, bytes, part) in [
        ("worker.aot", &b"\0aot\x05\0\0\0"[..], "machine code"),
        ("worker.cwasm", b"\x7fELF\x02\x01\x01\xc8", "machine code"),
        ("worker.zip", b"PK\x03\x04\x14\0", "zip archive"),
    ] {
        let path = files.put(name, bytes);
        for command in [&["inspect", &path][..], &["run", &path]] {
            fails(command, Exit::Usage, &[name, part, "`.wasm` file"]);
        }
        let command = ["manifest", &path, "--name", "c"];
        fails(&command, Exit::Usage, &[name, part, "`.wasm` file"]);
    }
}

#[test]
fn a_manifest_leaves_mode_and_link_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let files = files();
    let component = files.put("cache.wasm", std::fs::read(CACHE).unwrap());
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&component, mode).unwrap();
    let link = files.0.path().join("link.wasm");
    std::os::unix::fs::symlink("cache.wasm", &link).unwrap();
    let command = ["manifest", link.to_str().unwrap(), "--name", "mine"];
    assert_eq!(ewh(&command).0, Exit::Ok);
    assert!(link.is_symlink());
    let mode = std::fs::metadata(&component).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let written = Manifest::read(&std::fs::read(&component).unwrap()).unwrap();
    assert_eq!(written.name, "mine");
}

#[test]
fn files_that_begin_with_a_byte_order_mark_are_read_without_it() {
    let files = files();
    let marked = |name: &str, text: &str| files.put(name, format!("\u{feff}{text}"));
    let policy = marked("policy.toml", "[clocks]\n");
    assert_eq!(ewh(&["policy", "check", &policy]).0, Exit::Ok);
    let config = marked("config.json", r#"{"max_entries": "many"}"#);
    // Refused for what it says: it was read.
    fails(
        &["run", CACHE, "--config", &format!("@{config}")],
        Exit::Usage,
        &["/max_entries", "integer"],
    );
    let module = files.0.path().join("module");
    std::fs::create_dir(&module).unwrap();
    std::fs::copy(CACHE, module.join("cache.wasm")).unwrap();
    marked(
        "module/ewh-module.toml",
        "name = \"m\"\nversion = \"1.0.0\"\ncomponents = [\"cache.wasm\"]\n",
    );
    let data = files.0.path().join("data");
    let add = [
        "module",
        "add",
        "--data",
        data.to_str().unwrap(),
        module.to_str().unwrap(),
    ];
    assert_eq!(ewh(&add), (Exit::Ok, String::new()));
}

#[test]
fn a_policy_is_added_to_and_taken_from_and_stays_a_policy() {
    let files = files();
    let policy = files.put("m.toml", "# by hand\n[clocks]\n");
    let text = || std::fs::read_to_string(&policy).unwrap();
    let lines = "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n";
    let grant = ["policy", "grant", &policy, lines];
    assert_eq!(ewh(&grant).0, Exit::Ok);
    assert_eq!(ewh(&[&grant[..], &["--for", "2h"]].concat()).0, Exit::Ok);
    let granted = external_worker_host::policy::Policy::parse(&text(), "m").unwrap();
    let ends: Vec<_> = granted.http.iter().map(|it| it.until.is_some()).collect();
    assert_eq!(ends, [false, true]);
    let before = text();
    let wrong = [
        "policy",
        "grant",
        &policy,
        "[[http]]\nhost = \"b.example\"\n",
    ];
    fails(&wrong, Exit::Usage, &["methods"]);
    let switch = ["policy", "grant", &policy, "[random]\n", "--for", "1h"];
    fails(&switch, Exit::Usage, &["--for"]);
    assert_eq!(text(), before, "what is refused changes nothing");
    assert_eq!(ewh(&["policy", "revoke", &policy, "http"]).0, Exit::Ok);
    assert_eq!(text().trim_end(), "# by hand\n[clocks]");
    let new = files.0.path().join("new.toml");
    let new = new.to_str().unwrap();
    assert_eq!(ewh(&["policy", "grant", new, "[clocks]"]).0, Exit::Ok);
    assert_eq!(ewh(&["policy", "check", new]).0, Exit::Ok);
}
