//! Workers in Python: scripts and wheels on the one runtime, as their authors drop and edit them.

mod built;
mod camera;
mod commands;
mod library;
mod scripts;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use external_worker_build::{Silent, prepare_python};
use external_worker_host::Result;
use external_worker_host::instance::Instance;
use external_worker_tests::TestHost;
use serde_json::json;

/// The template of the specification.
const TEMPLATE: &str = include_str!("../../../guests/python/template.py");
/// What every script begins with.
const IMPORTS: &str = "\
from pydantic import Field
from funcnodes_worker import FuncNodesExternalWorker, ExternalWorkerConfig
from funcnodes_core import NodeDecorator, Shelf, instance_nodefunction
";

/// Makes the runtime, if this is the first test that needs it.
pub(crate) async fn runtime() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || MADE.get_or_init(|| prepare_python(&mut Silent::default()).unwrap());
    tokio::task::spawn_blocking(make).await.unwrap().clone()
}

/// A script with these requests and this source.
fn script(requests: &[&str], source: &str) -> String {
    let mut header = String::new();
    if !requests.is_empty() {
        header += "# /// script\n# [tool.ewh.requests]\n";
        for request in requests {
            header += &format!("# {request} = \"a test\"\n");
        }
        header += "# ///\n";
    }
    format!("{header}{IMPORTS}{source}")
}

/// A worker `w` whose methods are these lines, without a loop.
fn worker(methods: &str) -> String {
    let head = "\nclass W(FuncNodesExternalWorker):\n    NODECLASSID = \"w\"\n\n    async def loop(self):\n        self.pause()\n\n";
    let methods: String = methods
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!("{head}{methods}")
}

struct Scripts {
    dir: tempfile::TempDir,
}

impl Scripts {
    async fn new() -> Self {
        runtime().await;
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    fn write(&self, file: &str, source: &str) -> PathBuf {
        let path = self.dir.path().join(file);
        std::fs::write(&path, source).unwrap();
        path
    }

    /// The worker `w` of a script, under a policy.
    async fn start(&self, policy: &str, source: &str) -> Result<Instance> {
        let path = self.write("w.py", source);
        let host = TestHost::grant(policy);
        host.start(shown(&path), "w", json!({})).await
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}
