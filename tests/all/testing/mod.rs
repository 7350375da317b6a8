//! `ewh test`: the tests of a new crate run with its component on the host, among scripted devices, and their end is
//! the command's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use external_worker_host::cli::Exit;
use external_worker_tests::BUILDS;

/// A worker that reads an instrument at a serial port, one over TCP and a page, and its tests.
const WORKER: &str = include_str!("worker.rs.txt");

/// What a test of it may lack.
const WRONG: &str = r#"
#[cfg(test)]
mod wrong {
    use external_worker::testing::Bench;
    use external_worker::serde_json::json;

    #[test]
    #[ignore = "`ewh test` runs it on the host"]
    fn it_counts_wrongly() {
        let worker = Bench::new().start_component("instruments", json!({})).unwrap();
        assert_eq!(worker.call("double", json!({"n": 2})).unwrap().one::<i64>().unwrap(), 5);
    }
}
"#;

struct Crate(tempfile::TempDir);

impl Crate {
    /// As `ewh new` makes it.
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        let output = made.run(made.0.path(), &["new", "instruments"]);
        assert!(output.status.success(), "{}", said(&output));
        made
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("instruments")
    }

    fn write(&self, source: &str) {
        std::fs::write(self.dir().join("src/lib.rs"), source).unwrap();
    }

    /// `ewh test`: what it ends with and says.
    fn tests(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let arguments = [&["test"][..], arguments].concat();
        let output = self.run(&self.dir(), &arguments);
        (output.status.code(), said(&output))
    }

    fn run(&self, dir: &Path, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
            .args(arguments)
            .current_dir(dir)
            .env("CARGO_TARGET_DIR", self.0.path().join("target"))
            .env("CARGO_BUILD_BUILD_DIR", BUILDS)
            .env("EWH_CACHE_DIR", self.0.path().join("cache"))
            .output()
            .unwrap()
    }
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn code(exit: Exit) -> Option<i32> {
    Some(exit.code().into())
}

#[test]
fn tests_run_with_the_component_on_the_host() {
    let made = Crate::new();
    let (exit, said) = made.tests(&[]);
    assert_eq!(exit, code(Exit::Ok), "{said}");
    assert!(said.contains("it_works_on_the_host ... ok"), "{said}");

    made.write(WORKER);
    let (exit, said) = made.tests(&[]);
    assert_eq!(exit, code(Exit::Ok), "{said}");
    assert!(said.contains("0 failed; 0 ignored"), "{said}");

    made.write(&format!("{WORKER}{WRONG}"));
    let (exit, said) = made.tests(&["--json", "--", "--", "it_counts_wrongly"]);
    assert_eq!(exit, code(Exit::WorkerFailed), "{said}");
    assert!(said.contains("it_counts_wrongly ... FAILED"), "{said}");
    assert!(said.contains(r#""passed": false"#), "{said}");

    made.write(&format!(
        "{WORKER}#[cfg(test)]\nfn broken() {{ nonsense }}\n"
    ));
    let (exit, said) = made.tests(&[]);
    assert_eq!(exit, code(Exit::Build), "{said}");
    assert!(said.contains("the tests do not compile"), "{said}");
}
