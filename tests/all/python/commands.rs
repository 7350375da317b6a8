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

#[tokio::test]
async fn the_tests_of_a_script_run_where_it_runs() {
    let scripts = Scripts::new().await;
    let double = "@instance_nodefunction()\ndef double(self, x: int) -> int:\n    return 2 * x\n";
    let path = scripts.write("w.py", &script(&[], &worker(double)));
    let file = shown(&path);
    let (exit, said) = ewh(&["test", file]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("name a file `test_….py`"), "{said}");

    let tests = "\
import asyncio, unittest
from w import W

class Computes(unittest.TestCase):
    def test_double(self):
        self.assertEqual(W('u').double(3), 6)

class Waits(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.worker = W('u')

    async def test_loop(self):
        await asyncio.wait_for(self.worker.loop(), 5)
        await asyncio.sleep(0.001)
";
    scripts.write("test_w.py", tests);
    let (exit, said) = ewh(&["test", file]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("passed = \"2 tests\""), "{said}");
    let (exit, said) = ewh(&["test", file, "--", "double"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("passed = \"1 test\""), "{said}");

    let wrong =
        "\n    async def test_wrong(self):\n        self.assertEqual(self.worker.double(1), 3)\n";
    scripts.write("test_w.py", &format!("{tests}{wrong}"));
    let (exit, said) = ewh(&["test", file]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("1 of 3 tests failed"), "{said}");
    assert!(
        said.contains("line 17, in test_wrong") && said.contains("2 != 3"),
        "{said}"
    );
}

#[tokio::test]
async fn a_script_is_installed_as_a_module() {
    let scripts = Scripts::new().await;
    let path = scripts.write("bench_lamp.py", &script(&[], &worker("pass")));
    let data = scripts.dir.path().join("data");
    let add = ["module", "add", shown(&path), "--data", shown(&data)];
    let (exit, said) = ewh(&add);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("bench_lamp"), "{said}");
    let kept = data.join("modules/bench_lamp/0.0.0/bench_lamp.py");
    assert_eq!(std::fs::read(kept).unwrap(), std::fs::read(&path).unwrap());
    let bad = scripts.write("Lamp.py", &script(&[], &worker("pass")));
    let (exit, said) = ewh(&["module", "add", shown(&bad), "--data", shown(&data)]);
    assert_ne!(exit, 0, "{said}");
    assert!(said.contains("lower-case letters"), "{said}");
}
