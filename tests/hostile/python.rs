//! Attacks by scripts in Python: on the processor, the stack and the memory, by every way out that the standard
//! library has, on the runtime that they stand on, while they are imported, and by what a wheel may have in it.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use external_worker_build::{Silent, prepare_python};
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::Engine;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::scene::{Scene, no_target, outlives};
use crate::table::{Row, made};

/// Where the scripts are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/hostile/python");
const IMPORTS: &str = include_str!("../../guests/hostile/python/imports.py");
/// What begins the name of each of these attacks.
pub const GROUP: &str = "python/";
/// What the runtime needs, and as much again.
pub const MEMORY: &str = "\"64 MiB\"";

const SPUN: &str = "ended: it used * ms of CPU without finishing a turn or a call*";

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let mut rows = calls();
    rows.extend(hooks());
    rows.extend(imports());
    rows.extend(wheels());
    rows
}

fn calls() -> Vec<Row> {
    let attacks = [
        ("python/spin", SPUN),
        ("python/spin_and_catch", SPUN),
        ("python/spin_in_finally", SPUN),
        ("python/spin_in_del", SPUN),
        ("python/regex", SPUN),
        ("python/power", "*"),
        ("python/digits", "*"),
        ("python/tasks", "*"),
        ("python/timers", "*"),
        ("python/sleeps", "*"),
        ("python/recursion", "Internal: RecursionError: *"),
        ("python/recursion_without_limit", "*"),
        ("python/recursion_in_repr", "*"),
        ("python/recursion_in_compiler", "*"),
        ("python/recursion_in_json", "*"),
        ("python/lists", "Internal: MemoryError"),
        ("python/text", "Internal: MemoryError"),
        ("python/inflates", "Internal: MemoryError"),
        ("python/cycles", "*"),
        ("python/resurrects", "*"),
        ("python/catches_memory", SPUN),
        ("python/shell", "Internal: *"),
        ("python/process", "Internal: *"),
        ("python/fork", "Internal: *"),
        (
            "python/thread",
            "Internal: RuntimeError: can't start new thread",
        ),
        ("python/pool", "Internal: *"),
        ("python/machine_code", "Internal: ModuleNotFoundError: *"),
        ("python/pickle", "Internal: *"),
        ("python/reads", "*"),
        ("python/lists_root", "*"),
        ("python/writes", "*"),
        ("python/environment", "answered: {}"),
        ("python/connects", "*"),
        ("python/connects_later", "*"),
        ("python/resolves", "*"),
        ("python/fetches", "*"),
        ("python/listens", "*"),
        (
            "python/secret",
            "Denied: PermissionError: random bytes are not granted*",
        ),
        (
            "python/secret_by_uuid",
            "Denied: PermissionError: random bytes are not granted*",
        ),
        ("python/exits", "Internal: SystemExit: 0"),
        ("python/exits_at_once", "ended: *"),
        ("python/aborts", "ended: *"),
        ("python/interrupts", "Internal: KeyboardInterrupt"),
        ("python/patches_builtins", "*"),
        ("python/patches_runtime", "*"),
        ("python/closes_loop", "*"),
        ("python/drops_modules", "*"),
        (
            "python/escapes",
            "Internal: ValueError: \u{fffd}[2Jall is well \u{fffd}]0;owned\u{fffd}",
        ),
        ("python/huge", "*"),
        ("python/circular", "Internal: ValueError: *"),
        ("python/not_a_number", "Internal: ValueError: *"),
        ("python/emits", "*"),
        ("python/prints", "*"),
    ];
    let mut rows: Vec<_> = attacks
        .map(|(attack, expected)| made(attack, "what its function says", expected, no_target))
        .into();
    let swallows = "python/swallows_cancellation";
    rows.push(made(
        swallows,
        "a call that does not end",
        "deadline, then ended: *",
        outlives,
    ));
    rows
}

fn hooks() -> Vec<Row> {
    vec![
        made(
            "python/loop_spins",
            "the loop",
            "ended: it used *",
            Scene::lives,
        ),
        made(
            "python/update_spins",
            "`post_config_update`",
            SPUN,
            Scene::configures,
        ),
        made("python/stop_spins", "`cleanup`", "*", Scene::stops),
        made("python/shelf_spins", "`get_nodeshelf`", "*", Scene::shelves),
        made(
            "python/shelf_lies",
            "a shelf in itself",
            "*",
            Scene::shelves,
        ),
    ]
}

fn imports() -> Vec<Row> {
    let attacks = [
        ("python/import_spins", "description: *CPU*"),
        ("python/import_eats", "description: *MemoryError*"),
        ("python/import_exits", "description: *"),
        (
            "python/import_does_not_parse",
            "description: *SyntaxError*line 1*",
        ),
        ("python/import_nests", "description: *"),
        (
            "python/import_is_none",
            "description: *there is no worker in it*",
        ),
        (
            "python/import_forges_a_header",
            "not started: *it requests `serial`*",
        ),
        (
            "python/import_asks_for_more",
            "not started: *it requests `serial` (reads)*`files`*",
        ),
        ("python/import_invents", "refused: *`everything`*"),
        (
            "python/import_two_headers",
            "refused: line 5 begins a second header",
        ),
        ("python/import_lies_about_its_class", "description: *"),
        ("python/import_many_classes", "description: *"),
    ];
    attacks
        .map(|(attack, expected)| made(attack, "what is imported", expected, Scene::describes))
        .into()
}

fn wheels() -> Vec<Row> {
    let attacks = [
        ("python/wheel_climbs", "refused: *not a plain one*"),
        ("python/wheel_inflates", "refused: *"),
        ("python/wheel_is_native", "refused: *machine code*"),
        ("python/wheel_says_nothing", "refused: *does not say which*"),
        ("python/wheel_is_no_zip", "refused: *cannot be read*"),
    ];
    attacks
        .map(|(attack, expected)| made(attack, "what is in a wheel", expected, Scene::describes))
        .into()
}

/// The program that does `attack`, in a file below `dir`.
pub fn program(attack: &str, dir: &Path) -> PathBuf {
    let name = attack.strip_prefix(GROUP).unwrap();
    if let Some(name) = name.strip_prefix("import_") {
        let begin = format!("#: {name}\n");
        let (_, from) = IMPORTS.split_once(&begin).unwrap();
        let source = from.split("\n#: ").next().unwrap();
        let file = dir.join("attack.py");
        std::fs::write(&file, source).unwrap();
        return file;
    }
    if let Some(name) = name.strip_prefix("wheel_") {
        let file = dir.join("attack-1-py3-none-any.whl");
        std::fs::write(&file, wheel(name)).unwrap();
        return file;
    }
    Path::new(SCRIPTS).join("hostile.py")
}

fn wheel(attack: &str) -> Vec<u8> {
    let points = (
        "a-1.dist-info/entry_points.txt",
        &b"[funcnodes.module]\nmodule = a\n"[..],
    );
    let bomb = vec![0; 64 << 20];
    match attack {
        "climbs" => zipped(&[points, ("../a.py", b"")]),
        "inflates" => zipped(&[points, ("a.py", &bomb)]),
        "is_native" => zipped(&[points, ("a.py", b""), ("a.so", b"\x7fELF")]),
        "says_nothing" => zipped(&[("a.py", b"")]),
        _ => b"PK\x03\x04 or not".to_vec(),
    }
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Makes the runtime, and compiles it for `engine`, before anything is measured.
pub fn warm(engine: &Engine) {
    prepare_python(&mut Silent::default()).unwrap();
    LoadedComponent::from_file(engine, &Path::new(SCRIPTS).join("hostile.py")).unwrap();
}
