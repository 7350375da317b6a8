//! Files that are brought from elsewhere: exports as archives, modules as archives, saved states.

use std::io::{Cursor, Write};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use external_worker_host::limits;
use external_worker_host::nodespace::{
    Dirty, GraphEvent, LeftOut, NodeClass, NodeSpace, Observer, PortSpec, Ports, Run, Shelf, Type,
};
use external_worker_host::worker::external_worker::{ExternalWorker, Identity};
use external_worker_host::worker::files::Files;
use external_worker_host::worker::import::import as read_export;
use external_worker_host::worker::modules::package::{MANIFEST, Packages};
use external_worker_host::worker::saved_state::{self, SavedState};
use futures_util::future::BoxFuture;
use serde_json::json;
use zip::write::SimpleFileOptions;

use super::{parts, readable, readable_line, threads};

/// An archive, a state as JSON, or the members of an archive: each its name in a line and its content.
pub fn import(data: &[u8]) {
    if data.starts_with(b"{") {
        saved_state(data);
    } else if data.starts_with(b"PK") {
        archive(data.to_vec());
    } else {
        archive(packed(data));
    }
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for member in parts(data).take(64) {
        let end = member.iter().position(|byte| *byte == b'\n');
        let (name, content) = member.split_at(end.unwrap_or(member.len()));
        let name = String::from_utf8_lossy(name);
        // What the writer refuses, such as a name twice, is not in it.
        if zip.start_file(&*name, options).is_ok() {
            zip.write_all(content).unwrap();
        }
    }
    for (name, content) in [("config", "{}"), ("state", r#"{"backend":{}}"#)] {
        if zip.start_file(name, options).is_ok() {
            zip.write_all(content.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn archive(zip: Vec<u8>) {
    module(zip.clone());
    let mut imported = match read_export(zip) {
        Ok(imported) => imported,
        Err(problem) => return readable_line(&problem.to_string(), limits::MAX_TEXT_BYTES),
    };
    assert!(imported.config.is_object());
    let mut bytes = 0;
    for file in imported.files() {
        path_is_plain(&file.path);
        bytes += file.size;
    }
    assert!(bytes <= limits::MAX_ARCHIVE_CONTENT_BYTES);
    if !imported.files().is_empty() {
        written(&mut imported);
    }
    state_comes_back(&imported.state);
}

fn written(imported: &mut external_worker_host::worker::import::Imported) {
    let dir = tempfile::tempdir().unwrap();
    let into = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
    let mut batch = Files::new(into).batch();
    if let Err(problem) = imported.unpack(&mut batch) {
        return readable_line(&problem.to_string(), limits::MAX_TEXT_BYTES);
    }
    batch.commit().unwrap();
    for file in imported.files() {
        let is = std::fs::symlink_metadata(dir.path().join(&file.path)).unwrap();
        assert!(is.is_file() && is.len() == file.size, "{}", file.path);
    }
}

fn module(zip: Vec<u8>) {
    let has_manifest = zip
        .windows(MANIFEST.len())
        .any(|part| part == MANIFEST.as_bytes());
    if !has_manifest {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let packages = Packages::open(data.path()).unwrap();
    match packages.add_archive(zip, "fuzzed".to_owned()) {
        Ok(package) => {
            assert!(package.dir.starts_with(data.path()), "{:?}", package.dir);
            let listed = packages.list();
            assert_eq!(listed.packages, [package]);
            assert!(listed.problems.is_empty());
        }
        Err(problem) => {
            readable(&problem.public(), 4 * limits::MAX_TEXT_BYTES);
            assert!(packages.list().packages.is_empty());
        }
    }
}

fn path_is_plain(path: &str) {
    readable_line(path, limits::MAX_ARCHIVE_PATH_BYTES);
    assert!(!path.contains('\\'), "{path}");
    assert!(
        path.split('/').all(|part| !matches!(part, "" | "." | "..")),
        "{path}"
    );
}

fn saved_state(data: &[u8]) {
    match saved_state::parse(data) {
        Ok(read) => {
            assert!(read.left_out.lines.len() <= limits::MAX_LOAD_PROBLEMS);
            for line in &read.left_out.lines {
                readable_line(line, limits::MAX_TEXT_BYTES);
            }
            state_comes_back(&read.state);
        }
        Err(problem) => readable_line(&problem.to_string(), limits::MAX_TEXT_BYTES),
    }
}

fn state_comes_back(state: &SavedState) {
    let again = SavedState::read(state.to_json()).unwrap();
    assert_eq!((&again.state, again.left_out), (state, LeftOut::default()));
    // Of classes that nobody knows no configuration leaves.
    for instance in state.external_workers.values().flatten() {
        let identity = Identity {
            uuid: instance.uuid.clone(),
            class_id: instance.nodeclassid.clone(),
            module: String::new(),
        };
        let external = ExternalWorker::waiting(identity, String::new(), instance.config.clone());
        assert_eq!(*external.redacted(None).as_json(), json!({}));
    }
    let graph = NodeSpace::new(threads(), Arc::new(Nobody));
    graph.put_shelf(&["fuzz"], shelf()).unwrap();
    let report = match graph.load(&state.backend) {
        Ok(report) => report,
        Err(problem) => return readable_line(&problem.to_string(), limits::MAX_TEXT_BYTES),
    };
    assert!(report.left_out.lines.len() <= limits::MAX_LOAD_PROBLEMS);
    for problem in &report.left_out.lines {
        readable_line(problem, limits::MAX_TEXT_BYTES);
    }
    drop(json!(graph.nodes(true)));
    drop(json!(graph.positions()));
    // What was taken is saved, and what is saved is taken as it is.
    let saved = graph.save();
    let again = graph.load(&saved).unwrap();
    assert_eq!(again.left_out, LeftOut::default(), "{saved}");
    assert_eq!((again.nodes, again.edges), (report.nodes, report.edges));
    assert_eq!(graph.save(), saved);
    graph.clear();
}

/// Nobody is told.
struct Nobody;

impl Observer for Nobody {
    fn event(&self, _: GraphEvent) {}
    fn dirty(&self, _: Dirty) {}
}

/// A node that gives back what it got.
struct Echo;

impl Run for Echo {
    fn run(&self, _node: &Arc<str>, inputs: Ports) -> BoxFuture<'static, Result<Ports, String>> {
        let value = inputs
            .into_iter()
            .next()
            .map(|(_, value)| ("out".into(), value));
        Box::pin(async move { Ok(value.into_iter().collect()) })
    }
}

/// Two kinds of nodes: one that takes anything, one that is particular.
pub(super) fn shelf() -> Shelf {
    let port = |id: &str, ty| PortSpec::new(id, Type::parse(&ty));
    let class = |id: &str, inputs| NodeClass {
        id: id.to_owned(),
        name: id.to_owned(),
        class_name: "Node".to_owned(),
        description: None,
        inputs,
        outputs: vec![port("out", json!("Any"))],
        render_options: None,
        trigger_on_create: false,
        reset_inputs_on_trigger: false,
        run: Arc::new(Echo),
    };
    let particular = vec![
        port("int", json!("int")),
        port(
            "list",
            json!({"type": "array", "uniqueItems": true, "items": "float"}),
        ),
        port(
            "choice",
            json!({"type": "enum", "values": [1, 2], "keys": ["a", "b"]}),
        ),
        port("either", json!({"anyOf": ["bytes", "None"]})),
    ];
    let classes = [
        class("any", vec![port("in", json!("Any"))]),
        class("some", particular),
    ];
    Shelf {
        classes: classes.map(Arc::new).into(),
        ..Shelf::default()
    }
}
