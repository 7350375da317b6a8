//! What the compiler does not hold: dependencies between rooms, and vendored files that drift.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use external_worker_host::policy::{Capability, Policy};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every room of the host, and the rooms that it may know: `ARCHITECTURE.md` draws the picture.
const KNOWS: [(&str, &[&str]); 26] = [
    ("text", &[]),
    ("wasm", &[]),
    ("limits", &[]),
    ("media", &["limits", "text"]),
    ("archive", &["limits", "text"]),
    ("audit", &["text"]),
    ("executor", &["limits"]),
    ("json", &["limits", "text"]),
    ("policy", &["limits", "text"]),
    ("error", &["limits", "policy", "text"]),
    ("engine", &["error", "executor", "limits", "text"]),
    ("bindings", &["capability", "instance"]),
    (
        "capability",
        &["bindings", "engine", "error", "limits", "policy", "text"],
    ),
    (
        "instance",
        &[
            "audit",
            "bindings",
            "capability",
            "component",
            "engine",
            "error",
            "executor",
            "json",
            "limits",
            "media",
            "policy",
            "text",
        ],
    ),
    (
        "component",
        &[
            "archive",
            "bindings",
            "capability",
            "engine",
            "error",
            "instance",
            "limits",
            "policy",
            "text",
            "wasm",
        ],
    ),
    (
        "nodespace",
        &["executor", "json", "limits", "media", "text"],
    ),
    (
        "values",
        &["bindings", "instance", "json", "limits", "nodespace"],
    ),
    ("registry", &["engine", "limits", "text"]),
    (
        "simulate",
        &[
            "capability",
            "component",
            "engine",
            "error",
            "executor",
            "limits",
            "policy",
        ],
    ),
    (
        "worker",
        &[
            "archive",
            "audit",
            "bindings",
            "capability",
            "component",
            "engine",
            "error",
            "executor",
            "instance",
            "json",
            "limits",
            "nodespace",
            "policy",
            "registry",
            "text",
            "values",
        ],
    ),
    (
        "server",
        &[
            "audit",
            "error",
            "json",
            "limits",
            "media",
            "nodespace",
            "text",
            "worker",
        ],
    ),
    ("backup", &["limits", "text", "worker"]),
    ("metrics", &["audit", "instance", "limits", "worker"]),
    (
        "tenant",
        &[
            "audit",
            "capability",
            "engine",
            "error",
            "executor",
            "limits",
            "policy",
            "text",
            "worker",
        ],
    ),
    (
        "validate",
        &[
            "audit",
            "bindings",
            "component",
            "engine",
            "error",
            "executor",
            "instance",
            "json",
            "limits",
            "media",
            "nodespace",
            "policy",
            "simulate",
            "text",
            "values",
            "wasm",
        ],
    ),
    (
        "cli",
        &[
            "audit",
            "backup",
            "bindings",
            "component",
            "engine",
            "error",
            "executor",
            "instance",
            "limits",
            "media",
            "metrics",
            "nodespace",
            "policy",
            "registry",
            "server",
            "simulate",
            "tenant",
            "text",
            "validate",
            "values",
            "wasm",
            "worker",
        ],
    ),
];

fn sources(room: &Path) -> Vec<PathBuf> {
    if room.with_extension("rs").is_file() && !room.is_dir() {
        return vec![room.with_extension("rs")];
    }
    let mut found: Vec<_> = Some(room.with_extension("rs"))
        .into_iter()
        .filter(|f| f.is_file())
        .collect();
    let mut dirs = vec![room.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What `text` names of this crate, first parts only: `crate::a::b` and each of `crate::{a::b, c}`.
fn named_rooms(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let text = text.trim_start();
        text.chars()
            .take_while(|c| c.is_ascii_lowercase())
            .collect()
    };
    let mut named = Vec::new();
    for after in text.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            named.push(word(after));
            continue;
        };
        let (mut depth, mut begins) = (1_usize, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if begins {
                named.push(word(&list[at..]));
            }
            begins = depth == 1 && c == ',';
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

#[test]
fn a_list_in_braces_names_rooms_as_well() {
    let text =
        "use crate::{limits::{A, B}, text,\n    worker::C};\nuse crate::json;\n crate::Error";
    assert_eq!(named_rooms(text), ["limits", "text", "worker", "json"]);
}

#[test]
fn every_room_of_the_host_knows_what_it_may_and_nothing_else() {
    let src = root().join("host/src");
    for (room, may) in KNOWS {
        let mut named = BTreeSet::new();
        for file in sources(&src.join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for known in named_rooms(&text) {
                let allowed = known == room || may.contains(&known.as_str());
                assert!(
                    allowed,
                    "{} knows `{known}`; `{room}` may know {may:?}",
                    file.display()
                );
                named.insert(known);
            }
        }
        for known in may {
            assert!(named.contains(*known), "`{room}` does not know `{known}`");
        }
    }
}

/// Whoever embeds the host pays for no server and no command line.
#[test]
fn the_library_alone_brings_in_no_server() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "external-worker-host"])
        .args(["--no-default-features", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success());
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("\nwasmtime v"), "{tree}");
    for package in ["clap", "axum", "rusqlite", "reqwest"] {
        let is_there = tree.contains(&format!("\n{package} v"));
        assert!(!is_there, "{package} is brought in");
    }
}

/// The rooms that there are: the folders and files of the host, but for what only lists or starts them.
fn rooms() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("host/src")).unwrap();
    let names = entries.map(|entry| {
        let path = PathBuf::from(entry.unwrap().file_name());
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    });
    names
        .filter(|name| !["lib", "main"].contains(&name.as_str()))
        .collect()
}

#[test]
fn every_room_is_on_the_map() {
    let listed = KNOWS.map(|(room, _)| room.to_owned());
    assert_eq!(BTreeSet::from(listed), rooms());
    let map = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    for room in rooms() {
        let names = [format!("`{room}/`"), format!("`{room}.rs`")];
        let rows = map.lines().filter(|line| line.starts_with("| `"));
        let mut rows = rows.filter_map(|row| row.split('|').nth(1));
        let is_there = rows.any(|row| names.iter().any(|name| row.contains(name)));
        assert!(is_there, "the map in ARCHITECTURE.md has no `{room}`");
    }
}

/// What is below one heading of a page.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let (_, after) = page.split_once(&format!("## {title}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

/// The line in `ARCHITECTURE.md` that says who knows whom. The circles are named beside it.
#[test]
fn the_direction_on_the_map_is_that_of_the_rooms() {
    let map = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let (_, line) = map.split_once("Direction: `").unwrap();
    let (line, _) = line.split_once('`').unwrap();
    let mut places = BTreeMap::new();
    for (place, rooms) in line.split('→').enumerate() {
        places.extend(rooms.split(',').map(|room| (room.trim(), place)));
    }
    for (room, may) in KNOWS.iter().filter(|(room, _)| *room != "bindings") {
        for known in may.iter().filter(|known| **known != "bindings") {
            let is_circle = (*room, *known) == ("instance", "component");
            assert!(
                is_circle || places[room] < places[known],
                "`{room}` knows `{known}`, which is not further right"
            );
        }
    }
}

#[test]
fn policy_and_nodespace_name_no_wasmtime_and_only_main_exits() {
    for room in ["policy", "nodespace"] {
        for file in sources(&root().join("host/src").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains("wasmtime"), "{}", file.display());
        }
    }
    for room in KNOWS.map(|(room, _)| room) {
        for file in sources(&root().join("host/src").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains("process::exit"), "{}", file.display());
        }
    }
}

/// The head of a folder of modules lies in it, everywhere.
#[test]
fn a_folder_of_modules_has_its_head_in_it() {
    for crate_root in [
        "host/src",
        "guest-sdk/src",
        "guest-sdk/macros/src",
        "guest-sdk/build/src",
        "tests/all",
    ] {
        for file in sources(&root().join(crate_root)) {
            let folder = file.with_extension("");
            assert!(
                !folder.is_dir(),
                "{} and its folder stand side by side",
                file.display()
            );
        }
    }
}

/// Which characters of a stranger may be shown, and what becomes of the others, stands in `text` alone.
#[test]
fn strangers_words_have_one_alphabet() {
    for room in rooms().iter().filter(|room| *room != "text") {
        for file in sources(&root().join("host/src").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for rule in ["escape_debug", "escape_unicode", "escape_default"] {
                assert!(!text.contains(rule), "{}: {rule}", file.display());
            }
        }
    }
}

#[test]
fn every_file_of_the_host_says_why_it_exists() {
    for (room, _) in KNOWS {
        for file in sources(&root().join("host/src").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{}", file.display());
        }
    }
}

#[test]
fn every_promise_names_a_test_that_is_there() {
    let read = |page: &str| std::fs::read_to_string(root().join(page)).unwrap();
    let architecture = read("host/ARCHITECTURE.md");
    // Without the pictures.
    let invariants: String = architecture.split("```").step_by(2).collect();
    let promises = read("host/SECURITY.md") + &invariants;
    let rows: Vec<_> = self::sources(&root().join("tests/hostile"))
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let named: Vec<_> = promises
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::"))
        .collect();
    assert!(named.len() > 40, "{}", named.len());
    for test in named {
        let (module, name) = test.rsplit_once("::").unwrap();
        if let Some(group) = module.strip_prefix("hostile::") {
            // Some need no guest.
            let row = format!("\"{group}/{name}\"");
            let is_there = rows.iter().any(|text| text.contains(&row));
            assert!(is_there, "there is no row {row}");
            continue;
        }
        if let Some(file) = module.strip_prefix("python::") {
            let text = read(&format!("host/python/tests/{file}.py"));
            assert!(
                text.contains(&format!("def {name}(")),
                "there is no test `{test}`"
            );
            continue;
        }
        let function = format!("fn {name}()");
        let is_there = files_of(module)
            .iter()
            .any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&function)));
        assert!(is_there, "there is no test `{name}` in `{module}`");
    }
}

#[test]
fn every_decision_names_a_file_that_is_there() {
    let map = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let quoted = section(&map, "Decisions").split('`').skip(1).step_by(2);
    let files: Vec<_> = quoted.filter(|word| word.ends_with(".rs")).collect();
    assert!(files.len() > 30, "{}", files.len());
    for file in files {
        let is_there = ["host/src", "."].map(|dir| root().join(dir).join(file).is_file());
        assert!(is_there.contains(&true), "there is no {file}");
    }
}

/// Where the tests of `module` may be: in its file, or in one of its own.
fn files_of(module: &str) -> Vec<PathBuf> {
    let within = module.strip_suffix("::tests").unwrap_or(module);
    let mut files = Vec::new();
    for crate_root in ["host/src", "tests/all"] {
        for path in [within, module] {
            let path = root().join(crate_root).join(path.replace("::", "/"));
            files.extend([path.with_extension("rs"), path.join("mod.rs")]);
        }
    }
    files
}

/// What is granted is one list, wherever it is written: the host's, the policy's, and that of the SDK's macro.
/// Where the host does something for each of them, the compiler holds it.
#[test]
fn every_list_of_capabilities_is_whole() {
    let all = Capability::ALL.map(Capability::name);
    let all = BTreeSet::from(all.map(str::to_owned));
    let schema = Policy::json_schema();
    let granted = schema["properties"].as_object().unwrap().keys().cloned();
    // What one may use, and what its configuration may have, is no way out of the sandbox.
    let granted = granted.filter(|name| !["budget", "config"].contains(&name.as_str()));
    let granted: BTreeSet<_> = granted.collect();
    assert_eq!(granted, all);
    let sdk = root().join("guest-sdk/macros/src/parse/export.rs");
    let sdk = std::fs::read_to_string(sdk).unwrap();
    let (_, list) = sdk.split_once("const CAPABILITIES").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let named = list.split('"').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), all);
}

/// Which capabilities `file` does not name, each as a word of its own.
fn unnamed_in(file: &Path) -> Vec<&'static str> {
    let text = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&text).to_lowercase();
    let is_between = |c: char| !c.is_alphanumeric() && c != '_';
    let words: BTreeSet<&str> = text.split(is_between).collect();
    let all = Capability::ALL.map(Capability::name).into_iter();
    all.filter(|name| !words.contains(name)).collect()
}

/// Every file below `dir` that nobody built.
fn files_below(dir: PathBuf) -> Vec<PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![dir]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                found.push(path);
            } else if !path.ends_with("target") {
                dirs.push(path);
            }
        }
    }
    found
}

/// "How to add a capability" in `ARCHITECTURE.md` names what one touches, `serial` for an example. What it
/// calls a list names every capability. No other file names all of them, or all but the one that was added
/// last: it is a list of which the section does not know.
#[test]
fn what_a_capability_touches_is_listed_and_there() {
    let map = std::fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let section = section(&map, "How to add a capability");
    let quoted: Vec<_> = section.split('`').skip(1).collect();
    let mut lists = BTreeSet::new();
    for pair in quoted.chunks(2) {
        let [word, after] = pair else {
            panic!("a quotation has no end: {pair:?}")
        };
        if !word.contains('/') && !word.ends_with(".md") {
            continue;
        }
        let file = word.replace("<name>", "serial");
        assert!(root().join(&file).exists(), "there is no {file}");
        if after.trim_start().starts_with("(list)") {
            let unnamed = unnamed_in(&root().join(&file));
            assert!(unnamed.is_empty(), "{file} does not name {unnamed:?}");
            lists.insert(root().join(&file));
        }
    }
    lists.insert(root().join("host/ARCHITECTURE.md"));
    for part in ["host", "guest-sdk", "wit", "tests/all"] {
        for file in files_below(root().join(part)) {
            // A program that was built names all, and is no text.
            if std::fs::read_to_string(&file).is_err() {
                continue;
            }
            let is_known = lists.contains(&file) || unnamed_in(&file).len() > 1;
            assert!(is_known, "{} is one more list", file.display());
        }
    }
}

/// Packages of other platforms were never downloaded.
fn platform() -> String {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// The vendored WASI packages are those of the wasmtime that the host is built with.
#[test]
fn the_vendored_wit_is_that_of_wasmtime() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(["--filter-platform", &platform()])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|p| p["name"] == "wasmtime-wasi-http")
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let theirs = manifest.parent().unwrap().join("src/p3/wit/deps");
    let ours = root().join("wit/deps");
    let names = |dir: &Path| {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&ours), names(&theirs));
    for name in names(&ours) {
        let read = |dir: &Path| std::fs::read_to_string(dir.join(&name)).unwrap();
        assert!(
            read(&ours) == read(&theirs),
            "{} has drifted",
            name.to_string_lossy()
        );
    }
}
