//! Wheels: those that `ewh build` makes of an author's sources, and FuncNodes' own.

use std::path::{Path, PathBuf};
use std::process::Command;

use external_worker_host::bindings::types::{Shelf, Value};
use external_worker_tests::{TestHost, call_text};
use serde_json::json;

use super::{IMPORTS, runtime, shown, worker};

/// A package that is Python alone, and needs no other.
const NEEDED: &str = "humanize==4.9.0";

fn ewh(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ewh-under-test"))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn says(wheel: &Path, expected: &str) {
    let host = TestHost::grant("");
    let instance = host.start(shown(wheel), "w", json!({})).await.unwrap();
    assert_eq!(call_text(&instance, "say", []).await.unwrap(), expected);
}

#[tokio::test]
async fn a_script_is_built_with_the_packages_that_it_needs() {
    runtime().await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("w.py");
    let header = format!(
        "# /// script\n# dependencies = [\"{NEEDED}\", \"pydantic\"]\n# ///\nimport humanize\n"
    );
    let say =
        "@instance_nodefunction()\ndef say(self) -> str:\n    return humanize.intcomma(1234567)\n";
    std::fs::write(&script, format!("{header}{IMPORTS}{}", worker(say))).unwrap();
    let built = PathBuf::from(ewh(&["build", shown(&script)]));
    assert_eq!(built.file_name().unwrap(), "w-0-py3-none-any.whl");
    says(&built, "1,234,567").await;

    let lock = std::fs::read_to_string(dir.path().join("w.lock")).unwrap();
    assert!(lock.contains("humanize==4.9.0 --hash=sha256:"), "{lock}");
    assert!(!lock.contains("pydantic=="), "{lock}");
    let first = std::fs::read(&built).unwrap();
    ewh(&["build", shown(&script)]);
    assert_eq!(std::fs::read(&built).unwrap(), first, "the same again");
}

#[tokio::test]
async fn a_folder_is_built_with_its_modules_and_its_data() {
    runtime().await;
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("src/lab_pump");
    std::fs::create_dir_all(package.join("parts")).unwrap();
    let project = "[project]\nname = \"lab-pump\"\nversion = \"1.2.0\"\n\
        [project.entry-points.\"funcnodes.module\"]\nmodule = \"lab_pump\"\n\
        [tool.ewh.requests]\nclocks = \"stamps\"\n";
    std::fs::write(dir.path().join("pyproject.toml"), project).unwrap();
    let say = "@instance_nodefunction()\ndef say(self) -> str:\n    return line.WORD + pkgutil.get_data(__name__, \"word.txt\").decode()\n";
    let init = format!(
        "import pkgutil\nfrom .parts import line\n{IMPORTS}{}",
        worker(say)
    );
    std::fs::write(package.join("__init__.py"), init).unwrap();
    std::fs::write(package.join("parts/__init__.py"), "").unwrap();
    std::fs::write(package.join("parts/line.py"), "WORD = \"pumps \"\n").unwrap();
    std::fs::write(package.join("word.txt"), "well").unwrap();
    let built = PathBuf::from(ewh(&["build", shown(dir.path())]));
    assert_eq!(
        built.file_name().unwrap(),
        "lab_pump-1.2.0-py3-none-any.whl"
    );
    let refused = TestHost::grant("")
        .start(shown(&built), "w", json!({}))
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("`clocks` (stamps)"), "{refused}");
    let host = TestHost::grant("clocks = true\n");
    let instance = host.start(shown(&built), "w", json!({})).await.unwrap();
    assert_eq!(call_text(&instance, "say", []).await.unwrap(), "pumps well");
}

/// What FuncNodes itself has of nodes in Python alone, from PyPI; nothing of it is in this repository.
#[tokio::test]
async fn the_nodes_of_funcnodes_are_a_library_here() {
    runtime().await;
    let dir = tempfile::tempdir().unwrap();
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
    let got = Command::new("python3")
        .args(pip)
        .arg(dir.path())
        .arg("funcnodes-basic==1.2.0")
        .status()
        .unwrap();
    assert!(got.success());
    let wheel = dir.path().join("funcnodes_basic-1.2.0-py3-none-any.whl");
    let host = TestHost::grant("");
    let instance = host
        .start(shown(&wheel), "funcnodes_basic", json!({}))
        .await
        .unwrap();
    let shelves = instance.shelves().await.unwrap().unwrap();
    let nodes: usize = shelves.iter().map(|shelf| shelf.nodes.len()).sum();
    assert!(nodes >= 170, "{nodes}");
    let text = |text: &str| Value::Text(text.to_owned());
    let number = Value::Number;
    let list = |json: &str| Value::Json(json.to_owned());
    for (node, inputs, expected) in [
        ("string.upper", vec![("s", text("abc"))], "\"ABC\""),
        (
            "add_node",
            vec![("a", number(1.5)), ("b", number(2.0))],
            "3.5",
        ),
        ("list_length", vec![("lst", list("[1, 2, 3]"))], "3"),
        (
            "if_node",
            vec![("condition", Value::Boolean(true)), ("input", text("x"))],
            "\"x\"",
        ),
    ] {
        let path = path_of(&shelves, node);
        let inputs = inputs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let outputs = instance.call(&path, inputs.collect()).await.unwrap();
        let shown = format!("{:?}", outputs[0].1);
        assert!(shown.contains(expected), "{node}: {shown}");
    }
}

/// Where a node is: "shelf/sub/node".
fn path_of(shelves: &[Shelf], node: &str) -> String {
    let has = |shelf: &Shelf| shelf.nodes.iter().any(|it| it.name == node);
    let mut next = shelves.iter().position(has);
    assert!(next.is_some(), "there is no {node}");
    let mut path = node.to_owned();
    while let Some(at) = next {
        path = format!("{}/{path}", shelves[at].name);
        next = shelves[at].parent.map(|parent| parent as usize);
    }
    path
}
