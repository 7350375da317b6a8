//! What README and a new crate print for shells and CI, run as it is printed: in a new folder, for a user who
//! has nothing at home, with `ewh` on the path. What brings `ewh` and the toolchain to a machine is not run,
//! only compared: it takes half an hour.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use external_worker_build::{PYTHON_RUNTIME, Silent, prepare_python};
use external_worker_tests::BUILDS;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Lines that begin so bring `ewh` and the toolchain.
const BRINGS: [&str; 2] = ["cargo install ", "rustup target add "];

/// A machine with nothing on it but `ewh`, a toolchain, and what cargo fetched before.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["bin", "home/.cargo", "work"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_ewh-under-test"), at("bin/ewh")).unwrap();
        for name in ["registry", "config.toml"] {
            let kept = of_home("CARGO_HOME", ".cargo").join(name);
            if kept.exists() {
                symlink(kept, at("home/.cargo").join(name)).unwrap();
            }
        }
        Self(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `lines` in `folder`, one after the other; each has to succeed.
    fn runs(&self, folder: &Path, lines: &[String]) {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .arg("-exc")
            .arg(lines.join("\n"))
            .current_dir(folder)
            .env("HOME", self.at("home"))
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env("CARGO_HOME", self.at("home/.cargo"))
            .env("RUSTUP_HOME", of_home("RUSTUP_HOME", ".rustup"))
            .env("CARGO_TARGET_DIR", self.at("target"))
            .env("CARGO_BUILD_BUILD_DIR", BUILDS)
            .env("npm_config_cache", format!("{REPOSITORY}/target/js/npm"))
            .env("npm_config_prefer_offline", "true")
            // It takes minutes, and other tests have it made.
            .env(
                PYTHON_RUNTIME,
                prepare_python(&mut Silent::default()).unwrap(),
            )
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{found}");
    }
}

/// A directory that `variable` names, or that is at home.
fn of_home(variable: &str, name: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(named) => named.into(),
        None => Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(name),
    }
}

/// What `lines` run, and what of it brings `ewh` and the toolchain.
fn divided(lines: Vec<String>) -> (Vec<String>, Vec<String>) {
    let brings = |line: &String| BRINGS.iter().any(|begin| line.starts_with(begin));
    lines.into_iter().partition(|line| !brings(line))
}

/// The commands of the code blocks in the section `heading` of `text`: of a console, of a shell, of a
/// workflow.
fn commands(text: &str, heading: &str) -> Vec<String> {
    let section = text.split("\n## ").find(|part| part.starts_with(heading));
    let blocks = section.unwrap().split("```").skip(1).step_by(2);
    let command = |kind: &str, line: &str| match kind {
        "console" => line.strip_prefix("$ ").map(str::to_owned),
        "sh" => Some(line.to_owned()),
        "yaml" => line.trim().strip_prefix("- run: ").map(str::to_owned),
        _ => None,
    };
    blocks
        .flat_map(|block| {
            let (kind, lines) = block.split_once('\n').unwrap();
            lines.lines().filter_map(move |line| command(kind, line))
        })
        .collect()
}

/// The commands that a workflow runs.
fn steps(workflow: &str) -> Vec<String> {
    let steps = workflow.lines().map(str::trim);
    let steps = steps.filter_map(|line| line.strip_prefix("- run: "));
    steps.map(str::to_owned).collect()
}

#[test]
fn what_is_printed_works_in_a_new_folder() {
    let machine = Machine::new();
    let readme = std::fs::read_to_string(format!("{REPOSITORY}/README.md")).unwrap();
    let mut lines = commands(&readme, "Write a worker");
    lines.extend(commands(&readme, "Check a worker"));
    let (runs, brings) = divided(lines);
    assert_eq!(brings.len(), 1, "{brings:?}");
    assert!(brings[0].starts_with("cargo install --locked --path host "));
    assert!(runs.len() >= 8, "{runs:?}");
    machine.runs(&machine.at("work"), &runs);
    let report = machine.at("work/my-worker/report.xml");
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("name=\"exercise\""), "{report}");

    // The workflow of a crate whose SDK is where a machine without a clone reaches it.
    let repository = std::fs::canonicalize(REPOSITORY).unwrap();
    let url = format!("file://{}", repository.display());
    machine.runs(&machine.at("work"), &[format!("ewh new other --sdk {url}")]);
    let other = machine.at("work/other");
    let workflow = std::fs::read_to_string(other.join(".github/workflows/check.yml")).unwrap();
    let (runs, brings) = divided(steps(&workflow));
    let install = format!("cargo install --locked --git {url} external-worker-host");
    assert_eq!(brings, ["rustup target add wasm32-wasip2", &install]);
    machine.runs(&other, &runs);
    let printed = printed(&other);
    assert_eq!(printed.len(), 5);
    machine.runs(&other, &printed);
}

/// What the page of a new worker has to be typed.
fn printed(folder: &Path) -> Vec<String> {
    let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let lines = page.lines().filter(|line| line.starts_with("ewh "));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_worker_in_javascript_is_made_built_and_exercised() {
    let machine = Machine::new();
    let made = ["ewh new --lang js gauge".to_owned()];
    machine.runs(&machine.at("work"), &made);
    let folder = machine.at("work/gauge");
    let mut lines = printed(&folder);
    assert_eq!(lines.len(), 4);
    lines.push("ewh validate --level exercise --policy policy.toml gauge.wasm".to_owned());
    lines.push("ewh build && npm run build".to_owned());
    machine.runs(&folder, &lines);
    let readme = std::fs::read_to_string(format!("{REPOSITORY}/README.md")).unwrap();
    let (_, example) = readme.split_once("```js\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    std::fs::write(folder.join("worker.js"), example).unwrap();
    let checks = "ewh validate --level exercise $(ewh build)";
    machine.runs(&folder, &[checks.to_owned()]);
    for made in ["gauge.wasm", "dist/gauge.wasm", "package-lock.json"] {
        assert!(folder.join(made).is_file(), "{made}");
    }
}
