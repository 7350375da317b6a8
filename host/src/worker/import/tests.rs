//! What an import refuses, and what it takes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::{Map, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::instance::config::ConfigSchema;
use crate::limits::MAX_SAVED_JSON_DEPTH;
use crate::worker::export::{ExportParts, ExportProblem, OwnFolders, export};
use crate::worker::external_worker::{ExternalWorker, Identity};
use crate::worker::files::Files;
use crate::worker::folders::{Folders, Size};
use crate::worker::views::{
    ClassView, ConfigView, InstanceView, ModuleView, SharedState, SharedView,
};

const SECRET: &str = "s3cr3t";

fn state() -> Json {
    json!({
        "backend": {"nodes": [{"id": "n", "node_id": "demo.u.run", "io": {"a": {"is_input": true}}}],
            "edges": [], "prop": {}, "groups": {}},
        "view": {"renderoptions": {}}, "meta": {"id": "i", "version": "2.4.0"},
        "external_workers": {"demo": [{"uuid": "u", "nodeclassid": "demo", "running": true,
            "name": "d", "config": {"mode": "a", "token": SECRET}}]},
    })
}

fn schema() -> Arc<ConfigSchema> {
    let excluded = ["token".to_owned()];
    let schema = ConfigSchema::new(r#"{"properties": {"mode": {}}}"#, &excluded);
    Arc::new(schema.unwrap())
}

fn instance() -> InstanceView {
    let identity = Identity {
        uuid: "u".to_owned(),
        class_id: "demo".to_owned(),
        module: "m".to_owned(),
    };
    let config = json!({"mode": "a", "token": SECRET});
    let external = ExternalWorker::waiting(identity, "d".to_owned(), config);
    InstanceView::of(&external, Some(&schema()))
}

fn config() -> ConfigView {
    let class = ClassView {
        module: "m".to_owned(),
        class_name: "demo".to_owned(),
        name: "D".to_owned(),
        class_ref: "<class 'm.demo'>".to_owned(),
        instances: vec![instance()],
    };
    let module = ModuleView {
        module: "m".to_owned(),
        worker_classes: vec![class],
    };
    ConfigView {
        kind: "WSWorker",
        name: "w".to_owned(),
        worker_dependencies: BTreeMap::from([("m".to_owned(), module)]),
        node_libraries: BTreeMap::new(),
        package_dependencies: Map::new(),
        autostart: "never",
        update_on_startup: BTreeMap::new(),
    }
}

fn shared(state: &Json) -> SharedState {
    let read = SavedState::read(state.clone()).unwrap().state;
    SharedState {
        backend: read.backend,
        view: SharedView::default(),
        meta: read.meta,
        external_workers: BTreeMap::from([("demo".to_owned(), vec![instance()])]),
    }
}

fn parts(files: Option<&Dir>) -> ExportParts<'_> {
    ExportParts {
        config: config(),
        state: shared(&state()),
        files,
        folders: None,
    }
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn folder() -> (TempDir, Dir) {
    let dir = tempfile::tempdir().unwrap();
    let opened = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
    (dir, opened)
}

#[test]
fn an_export_is_imported_with_its_files_and_without_secrets() {
    let (path, files) = folder();
    files.create_dir_all("data/deep").unwrap();
    files.write("data/deep/table.csv", "1;2").unwrap();
    // Our own files may compress as well as a bomb does.
    files.write("zeros", vec![0; 20 << 20]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.path().join("link")).unwrap();
    let exported = export(&parts(Some(&files))).unwrap();
    let inside = String::from_utf8_lossy(&exported).into_owned();
    assert!(!inside.contains("passwd"), "a link was followed or kept");
    let mut imported = import(exported).unwrap();
    let all = format!("{}{}", imported.config, imported.state.to_json());
    assert!(!all.contains(SECRET), "{all}");
    assert_eq!(imported.state.backend, state()["backend"]);
    let instance = &imported.state.external_workers["demo"][0];
    assert_eq!(instance.config, json!({"mode": "a"}));
    assert_eq!(imported.config["name"], "w");

    let (_other, into) = folder();
    into.write("zeros", "older").unwrap();
    let mut batch = Files::new(into.try_clone().unwrap()).batch();
    imported.unpack(&mut batch).unwrap();
    batch.commit().unwrap();
    assert_eq!(into.read_to_string("data/deep/table.csv").unwrap(), "1;2");
    assert_eq!(into.read("zeros").unwrap(), vec![0; 20 << 20]);
    let left: Vec<_> = into.entries().unwrap().collect();
    assert_eq!(left.len(), 2);
}

#[test]
fn an_export_without_files_has_none_and_the_same_content_makes_the_same_bytes() {
    let once = export(&parts(None)).unwrap();
    assert_eq!(once, export(&parts(None)).unwrap());
    assert!(import(once).unwrap().files().is_empty());
}

#[test]
fn an_export_of_a_python_worker_is_imported_whole() {
    let config = json!(config()).to_string();
    let state = state().to_string();
    let imported = import(zip(&[
        ("config", &config),
        ("state", &state),
        ("pyproject.toml", "[project]"),
        ("files/a.txt", "a"),
    ]))
    .unwrap();
    assert_eq!(
        imported.state.external_workers["demo"][0].config["token"],
        SECRET
    );
    let files: Vec<_> = imported.files().iter().map(|file| &file.path[..]).collect();
    assert_eq!(files, ["a.txt"]);
}

#[test]
fn what_is_wrong_in_an_export_is_left_out_and_said() {
    let members = [
        ("config", "[]"),
        ("state", r#"{"backend": [NaN], "view": {}}"#),
    ];
    let imported = import(zip(&members)).unwrap();
    assert_eq!(
        (imported.config, imported.state.backend),
        (json!({}), json!({}))
    );
    let lines = imported.left_out.lines.join("; ");
    assert!(
        lines.contains("configuration") && lines.contains("`backend`"),
        "{lines}"
    );
}

#[test]
fn folders_of_external_workers_go_along_but_for_what_no_importer_would_take() {
    let [uuid, without] = ["0".repeat(32), "1".repeat(32)];
    let (path, root) = folder();
    root.create_dir_all(format!("{uuid}/deep/empty")).unwrap();
    root.write(format!("{uuid}/deep/a"), "1").unwrap();
    root.write(format!("{uuid}/back\\slash"), "2").unwrap();
    let link = path.path().join(&uuid).join("link");
    std::os::unix::fs::symlink("/etc/passwd", link).unwrap();
    root.create_dir("of-nobody").unwrap();
    root.write("of-nobody/b", "3").unwrap();
    let left_out = RefCell::default();
    let parts = ExportParts {
        folders: Some(OwnFolders {
            root: &root,
            uuids: vec![uuid.clone(), without.clone()],
            left_out: &left_out,
        }),
        ..parts(None)
    };
    let mut imported = import(export(&parts).unwrap()).unwrap();
    let lines = &left_out.borrow().lines;
    assert!(
        lines.len() == 1 && lines[0].contains("not allowed"),
        "{lines:?}"
    );
    assert!(imported.files().is_empty() && imported.has_folders());
    assert_eq!(imported.folder_size(&without), None);
    let size = Size::of([1].into_iter(), 3);
    assert_eq!(imported.folder_size(&uuid), Some(size));

    let into = tempfile::tempdir().unwrap();
    let folders = Folders::new(into.path().to_owned());
    let arriving = folders.arriving().unwrap();
    imported.unpack_folder(&uuid, &arriving).unwrap();
    folders
        .of(&uuid)
        .fill(&arriving.of(&uuid).unwrap())
        .unwrap();
    drop(arriving);
    let names = std::fs::read_dir(into.path()).unwrap().count();
    let kept = std::fs::read(into.path().join(&uuid).join("deep/a")).unwrap();
    assert_eq!((names, &*kept), (1, &b"1"[..]));
    assert!(into.path().join(&uuid).join("deep/empty").is_dir());
}

#[test]
fn an_export_of_more_files_than_an_importer_takes_says_where_they_are() {
    let (_path, root) = folder();
    let uuid = "0".repeat(32);
    for n in 0..10_000 {
        root.create_dir_all(format!("{uuid}/{n}")).unwrap();
    }
    let left_out = RefCell::default();
    let parts = ExportParts {
        folders: Some(OwnFolders {
            root: &root,
            uuids: vec![uuid.clone()],
            left_out: &left_out,
        }),
        ..parts(None)
    };
    let problem = export(&parts).unwrap_err().to_string();
    let says = format!(
        "the export would be too big: the number of files and empty folders, counted into `folders/{uuid}`, \
         is more than the 10000 allowed. Export without files, or remove some"
    );
    assert_eq!(problem, says);
}

#[test]
fn numbers_that_json_does_not_have_stay_in_an_export() {
    let mut state = state();
    let io = &mut state["backend"]["nodes"][0]["io"]["a"];
    io["default"] =
        crate::json::parse(b"[NaN, -Infinity, {\"a\": 99999999999999999999, \"b\": -0.0}]")
            .unwrap();
    let parts = ExportParts {
        config: config(),
        state: shared(&state),
        files: None,
        folders: None,
    };
    let imported = import(export(&parts).unwrap()).unwrap();
    assert_eq!(imported.state.backend, state["backend"]);
}

#[test]
fn files_do_not_leave_their_folder() {
    let (path, into) = folder();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), path.path().join("way-out")).unwrap();
    let state = state().to_string();
    let evil = [
        ("config", "{}"),
        ("state", &state[..]),
        ("files/way-out/evil", "x"),
    ];
    let mut batch = Files::new(into.try_clone().unwrap()).batch();
    import(zip(&evil)).unwrap().unpack(&mut batch).unwrap();
    batch.commit().unwrap_err();
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let names: Vec<_> = into
        .entries()
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["way-out"]);
}

#[test]
fn what_is_wrong_is_named_without_a_secret() {
    let state = state().to_string();
    let deep = "[".repeat(MAX_SAVED_JSON_DEPTH + 1);
    let table = [
        (zip(&[("config", "{}")]), "no member `state`"),
        (zip(&[("state", &state)]), "no member `config`"),
        (
            zip(&[("config", "{\"a\": s3cr3t"), ("state", &state)]),
            "line 1",
        ),
        (
            zip(&[("config", "{}"), ("state", "{\"s3cr3t\": 1}")]),
            "backend",
        ),
        (zip(&[("config", "{}"), ("state", &deep)]), "nested deeper"),
        (b"PK".to_vec(), "cannot be read"),
    ];
    for (archive, part) in table {
        let problem = import(archive).err().expect(part);
        let text = problem.to_string();
        assert!(text.contains(part) && !text.contains(SECRET), "{text}");
        assert!(problem.internal().is_none());
    }
}

#[test]
fn a_file_that_no_importer_would_take_stops_the_export() {
    let (_path, files) = folder();
    files.write("back\\slash", "").unwrap();
    let problem = export(&parts(Some(&files))).unwrap_err();
    assert!(matches!(problem, ExportProblem::File { .. }), "{problem}");
}
