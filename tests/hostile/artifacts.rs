//! Attacks by the bytes of a component, before anything of it runs, and on the cache of what was compiled.

use std::path::Path;

use external_worker_artifacts::PROBE_SYNC;
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::{CompileCache, Compiling, Engine, EngineOptions};
use external_worker_host::limits::Budget;

use crate::scene::{Scene, not_started};
use crate::table::{Row, made, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("artifacts/callback_arity", "refused: *", Scene::describes),
        row("artifacts/core_module", "refused: *", Scene::describes),
        row("artifacts/export_missing", "refused: *", Scene::describes),
        row(
            "artifacts/export_of_another_type",
            "description: `describe` failed: *",
            Scene::describes,
        ),
        row("artifacts/invalid_code", "refused: *", Scene::describes),
        row("artifacts/no_worker", "refused: *", Scene::describes),
        row("artifacts/unknown_import", "refused: *", Scene::describes),
        row(
            "artifacts/wasi_of_preview_1",
            "refused: *",
            Scene::describes,
        ),
        made(
            "artifacts/empty",
            "Is a file of no bytes",
            "refused: it is not WebAssembly",
            |scene| bytes(scene, Vec::new()),
        ),
        made(
            "artifacts/text",
            "Is a file of text",
            "refused: it is not WebAssembly",
            |scene| bytes(scene, b"#!/bin/sh\nrm -rf /\n".into()),
        ),
        made(
            "artifacts/header_only",
            "Is the header of a component and nothing else",
            "refused: it exports nothing*",
            |scene| bytes(scene, HEADER.into()),
        ),
        made(
            "artifacts/version_of_the_future",
            "Is a component of a version that there is not yet",
            "refused: *",
            |scene| bytes(scene, b"\0asm\xff\0\x01\0".into()),
        ),
        made(
            "artifacts/truncated",
            "Is a component that ends too early, at a hundred places",
            "refused 100, described 0",
            truncated,
        ),
        made(
            "artifacts/flipped",
            "Is a component with one bit changed, at forty places",
            "refused *, described *",
            flipped,
        ),
        made(
            "artifacts/huge_file",
            "Is a file larger than the host reads",
            "refused: it has 314572800 bytes; at most 268435456 are allowed",
            huge_file,
        ),
        made(
            "artifacts/huge_section",
            "Has a section that says it is four gigabytes long",
            "refused: *",
            |scene| bytes(scene, [HEADER, b"\0\xff\xff\xff\xff\x0f\x01a"].concat()),
        ),
        made(
            "artifacts/huge_count",
            "Says that four billion types follow",
            "refused: *",
            |scene| bytes(scene, [HEADER, b"\x07\x05\xff\xff\xff\xff\x0f"].concat()),
        ),
        made(
            "artifacts/overlong_number",
            "Has a number of more bytes than numbers have",
            "refused: *",
            |scene| bytes(scene, [HEADER, b"\0\x80\x80\x80\x80\x80\x80\x01a"].concat()),
        ),
        made(
            "artifacts/nested_components",
            "Is a component in a component, a thousand times over",
            "refused: *",
            |scene| bytes(scene, nested(1_000)),
        ),
        made(
            "artifacts/nested_types",
            "Has a type that is a list of a list, ten thousand times over",
            "refused: *",
            |scene| text(scene, lists(10_000)),
        ),
        made(
            "artifacts/many_functions",
            "Has twenty thousand functions",
            "refused: *",
            |scene| text(scene, functions(20_000)),
        ),
        made(
            "artifacts/many_components",
            "Has five thousand components",
            "refused: *",
            |scene| {
                text(
                    scene,
                    format!("(component {})", "(component)".repeat(5_000)),
                )
            },
        ),
        made(
            "artifacts/many_imports",
            "Imports twenty thousand functions",
            "refused: *",
            |scene| text(scene, imports(20_000)),
        ),
        made(
            "artifacts/many_locals",
            "Has a function of fifty thousand locals",
            "refused: *",
            |scene| {
                text(
                    scene,
                    in_module(&format!("(func (local {}))", "i64 ".repeat(50_000))),
                )
            },
        ),
        made(
            "artifacts/more_locals_than_may_be",
            "Has a function of four billion locals",
            "refused: *",
            |scene| bytes(scene, many_locals()),
        ),
        made(
            "artifacts/branch_table",
            "Has a jump to a hundred thousand targets",
            "refused: *",
            |scene| {
                text(
                    scene,
                    in_module(&format!(
                        "(func (param i32) (block (br_table {} (local.get 0))))",
                        "0 ".repeat(100_000)
                    )),
                )
            },
        ),
        made(
            "artifacts/nested_blocks",
            "Has a function of ten thousand blocks in each other",
            "refused: *",
            |scene| {
                text(
                    scene,
                    in_module(&format!(
                        "(func {}{})",
                        "block ".repeat(10_000),
                        "end ".repeat(10_000)
                    )),
                )
            },
        ),
        made(
            "artifacts/instance_bomb",
            "Instantiates twice what instantiates twice, sixty-four times over",
            "refused: its parts instantiate each other too often",
            |scene| text(scene, instance_bomb(64)),
        ),
        made(
            "artifacts/many_instances",
            "Instantiates two thousand modules",
            "refused: *",
            |scene| {
                text(
                    scene,
                    format!(
                        "(component (core module $m) {})",
                        "(core instance (instantiate $m))".repeat(2_000)
                    ),
                )
            },
        ),
        made(
            "artifacts/manifest_malformed",
            "Has a manifest that is no JSON",
            "refused: *",
            |scene| manifest(scene, b"{\"version\":".to_vec()),
        ),
        made(
            "artifacts/manifest_escape",
            "Has a manifest that requests what clears the screen",
            "refused: *",
            |scene| {
                manifest(
                    scene,
                    b"{\"version\":1,\"name\":\"a\",\"requests\":{\"\\u001b[2J\":\"\"}}".to_vec(),
                )
            },
        ),
        made(
            "artifacts/manifest_huge",
            "Has a manifest of sixteen megabytes",
            "refused: *",
            |scene| manifest(scene, vec![b' '; 16 << 20]),
        ),
        made(
            "artifacts/manifest_deep",
            "Has a manifest that is nested thirty thousand times",
            "refused: *",
            |scene| manifest(scene, vec![b'['; 30_000]),
        ),
        made(
            "artifacts/cache_swapped",
            "Puts the code of another component into its place in the cache",
            "compiled again: *",
            |scene| cache(scene, swap),
        ),
        made(
            "artifacts/cache_changed",
            "Changes one bit of every entry of the cache",
            "compiled again: *",
            |scene| cache(scene, change),
        ),
        made(
            "artifacts/cache_truncated",
            "Cuts every entry of the cache in half",
            "compiled again: *",
            |scene| cache(scene, truncate),
        ),
        made(
            "artifacts/cache_key",
            "Puts a key of its own into the place of the key of the cache",
            "compiled again: *",
            cache_key,
        ),
    ]
}

/// What every component begins with.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// Loads `wasm` and lets it describe itself.
async fn bytes(scene: Scene, wasm: Vec<u8>) -> String {
    match LoadedComponent::from_bytes(scene.engine(), "attack.wasm", wasm) {
        Ok(loaded) => described(&loaded).await,
        Err(error) => not_started(&error),
    }
}

async fn described(loaded: &LoadedComponent) -> String {
    match loaded.describe(&Budget::default()).await {
        Ok(classes) => format!("described: {}", classes[0].id()),
        Err(error) => not_started(&error),
    }
}

async fn text(scene: Scene, text: String) -> String {
    bytes(scene, wat::parse_str(&text).unwrap()).await
}

/// A component that is well, to be spoilt; a small one.
fn whole() -> Vec<u8> {
    std::fs::read(PROBE_SYNC).unwrap()
}

/// On an engine without a cache, where what is compiled is thrown away.
async fn spoilt(variants: impl Iterator<Item = Vec<u8>>) -> String {
    let engine = Engine::new(EngineOptions {
        pool_instances: Some(4),
        ..EngineOptions::new(Compiling::Here)
    })
    .unwrap();
    let (mut refused, mut described) = (0, 0);
    for wasm in variants {
        match LoadedComponent::from_bytes(&engine, "attack.wasm", wasm) {
            Ok(loaded) => match loaded.describe(&Budget::default()).await {
                Ok(_) => described += 1,
                Err(_) => refused += 1,
            },
            Err(_) => refused += 1,
        }
    }
    format!("refused {refused}, described {described}")
}

async fn truncated(_scene: Scene) -> String {
    let wasm = whole();
    let step = wasm.len() / 100;
    spoilt((0..100).map(|n| wasm[..n * step].to_vec())).await
}

/// Most changes are refused; what one does to code that is never run, nobody can tell.
async fn flipped(_scene: Scene) -> String {
    let wasm = whole();
    let step = wasm.len() / 40;
    let flipped = (0..40).map(|n| {
        let mut wasm = wasm.clone();
        wasm[n * step + n] ^= 1 << (n % 8);
        wasm
    });
    spoilt(flipped).await
}

async fn huge_file(scene: Scene) -> String {
    let path = scene.dir().join("huge.wasm");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(300 << 20)
        .unwrap();
    match LoadedComponent::from_file(scene.engine(), &path) {
        Ok(loaded) => described(&loaded).await,
        Err(error) => not_started(&error),
    }
}

fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(HEADER.to_vec(), |inner, _| {
        let mut outer = [HEADER, b"\x04"].concat();
        let mut length = inner.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(inner);
        outer
    })
}

fn lists(depth: usize) -> String {
    let next = |n| format!("(type $t{} (list $t{n}))", n + 1);
    format!(
        "(component (type $t0 (list u8)) {})",
        (0..depth).map(next).collect::<String>()
    )
}

fn functions(count: usize) -> String {
    let one =
        |n| format!("(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const {n})))");
    in_module(&(0..count).map(one).collect::<String>())
}

fn imports(count: usize) -> String {
    let one = |n| format!("(import \"f{n}\" (func))");
    format!("(component {})", (0..count).map(one).collect::<String>())
}

fn in_module(fields: &str) -> String {
    format!("(component (core module {fields}))")
}

fn many_locals() -> Vec<u8> {
    let function = b"\x01\xff\xff\xff\xff\x0f\x7f\x0b";
    let code = [&[1, function.len() as u8][..], function].concat();
    let module = [
        &b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a"[..],
        &[code.len() as u8],
        &code,
    ]
    .concat();
    [HEADER, &[1, module.len() as u8], &module].concat()
}

fn instance_bomb(depth: usize) -> String {
    let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for n in 0..depth {
        text += &format!(
            "(component $c{} (alias outer $top $c{n} (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))",
            n + 1
        );
    }
    format!("(component $top {text} (instance (instantiate $c{depth})))")
}

async fn manifest(scene: Scene, json: Vec<u8>) -> String {
    let name = b"external-worker:manifest";
    let mut length = 1 + name.len() + json.len();
    let mut wasm = whole();
    wasm.push(0);
    while length >= 0x80 {
        wasm.push(length as u8 | 0x80);
        length >>= 7;
    }
    wasm.push(length as u8);
    wasm.push(name.len() as u8);
    wasm.extend(name);
    wasm.extend(json);
    bytes(scene, wasm).await
}

/// Loads two components through a cache in `dir`.
async fn through(dir: &Path) -> String {
    let cache = Some(CompileCache::open(dir).unwrap());
    let options = EngineOptions {
        cache,
        pool_instances: Some(4),
        ..EngineOptions::new(Compiling::Here)
    };
    let engine = Engine::new(options).unwrap();
    let mut ids = Vec::new();
    for component in [PROBE_SYNC, external_worker_artifacts::PROBE_TRAPS] {
        let loaded = LoadedComponent::from_file(&engine, Path::new(component)).unwrap();
        ids.push(described(&loaded).await);
    }
    ids.join(", ")
}

/// Fills a cache, spoils it and loads through it again.
async fn cache(scene: Scene, spoil: fn(&[std::path::PathBuf])) -> String {
    let dir = scene.dir().join("cache");
    let before = through(&dir).await;
    let entries = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let code: Vec<_> = entries.filter(|path| path.extension().is_some()).collect();
    spoil(&code);
    let after = through(&dir).await;
    if before == after {
        format!("compiled again: {after}")
    } else {
        format!("{before}, then {after}")
    }
}

fn swap(entries: &[std::path::PathBuf]) {
    let aside = entries[0].with_extension("aside");
    std::fs::rename(&entries[0], &aside).unwrap();
    std::fs::rename(&entries[1], &entries[0]).unwrap();
    std::fs::rename(&aside, &entries[1]).unwrap();
}

fn change(entries: &[std::path::PathBuf]) {
    for entry in entries {
        let mut code = std::fs::read(entry).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        std::fs::write(entry, code).unwrap();
    }
}

fn truncate(entries: &[std::path::PathBuf]) {
    for entry in entries {
        let code = std::fs::read(entry).unwrap();
        std::fs::write(entry, &code[..code.len() / 2]).unwrap();
    }
}

async fn cache_key(scene: Scene) -> String {
    let dir = scene.dir().join("cache");
    let before = through(&dir).await;
    std::fs::write(dir.join("key"), [7; 32]).unwrap();
    let after = through(&dir).await;
    if before == after {
        format!("compiled again: {after}")
    } else {
        format!("{before}, then {after}")
    }
}
