//! The commands of an author in Python, as processes.

use std::path::Path;
use std::process::Command;

use super::{Scripts, TEMPLATE, runtime, script, shown, worker};

/// How `ewh` ends, and what it says.
fn ewh(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn what_is_new_is_clean_and_runs() {
    runtime().await;
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let new = ["new", "--lang", "python", "my-worker", "--path"];
    assert_eq!(ewh(&[&new[..], &[shown(&made)]].concat()).0, 0);
    let file = made.join("my_worker.py");
    let policy = made.join("policy.toml");
    let (exit, said) = ewh(&["inspect", shown(&file)]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("double(x: float) -> out: float"), "{said}");
    // Types are not enforced in Python.
    let allow = ["--allow", "wrong-value-taken"];
    let validate = [
        &["validate", "--level", "exercise"],
        &allow[..],
        &["--policy"],
    ]
    .concat();
    let (exit, said) = ewh(&[&validate[..], &[shown(&policy), shown(&file)]].concat());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("2 of 2 methods returned a value"), "{said}");
    let run = ["run", shown(&file), "--call", "double", "--input", "x=21"];
    let (exit, said) = ewh(&run);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("double.out = 42.0"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_with_a_script_is_a_finding_with_its_line() {
    let scripts = Scripts::new().await;
    let finds = |path: &Path, policy: Option<&Path>, code: &str, part: &str| {
        let mut arguments = vec!["validate", "--level", "exercise", shown(path)];
        if let Some(policy) = policy {
            arguments.extend(["--policy", shown(policy)]);
        }
        let (exit, said) = ewh(&arguments);
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains(code) && said.contains(part), "{said}");
    };
    let broken = scripts.write("broken.py", "x = 1\nclass (\n");
    finds(&broken, None, "describe-failed", "(broken.py, line 2)");
    let header = scripts.write("header.py", "# /// script\n");
    finds(
        &header,
        None,
        "bad-manifest",
        "begins in line 1 and does not end",
    );
    let asks = scripts.write("asks.py", &script(&["serial"], &worker("pass")));
    let nothing = scripts.write("nothing.toml", "");
    finds(&asks, Some(&nothing), "not-granted", "`serial`");
    let whole = scripts.write("whole.py", TEMPLATE);
    finds(whole.parent().unwrap(), None, "describe-failed", "whole.py");
}
