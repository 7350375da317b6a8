//! The attacks in WebAssembly's text format: what no compiler would make.
//!
//! A file that begins its code with `(component` or `(module` is assembled as it is; it may well be no
//! component. Any other is a part of the core module of a worker: `skeleton.wat` has what such a module
//! needs, and what the file has itself is left out of it. Its imports and exports have short names:
//! `"host"` is the interface `host`, `"timer"` the interface `timer`, `"worker#call"` the function of the interface `worker`. It has debug
//! information, with the lines of the file.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wat::GenerateDwarf;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::attack::{self, Attack};

const HOST: &str = "funcnodes:external-worker/host@0.2.0";
const TIMER: &str = "funcnodes:external-worker/timer@0.2.0";
const WORKER: &str = "funcnodes:external-worker/worker@0.2.0";
const WORLD: &str = "external-worker-core-with-timer";

/// What every worker is made of.
struct Skeleton<'a> {
    parts: Vec<&'a str>,
    resolve: Resolve,
    world: WorldId,
}

/// Assembles every attack in the directories of `dir` into `out_dir`, and `raw`, which is no attack but a
/// worker that no SDK made. Returns the attacks, and where the raw one is.
pub fn build(
    dir: &Path,
    raw: &Path,
    wit: &Path,
    out_dir: &Path,
) -> Result<(Vec<Attack>, PathBuf), Box<dyn Error>> {
    let text = fs::read_to_string(dir.join("skeleton.wat"))?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let skeleton = Skeleton {
        parts: text.split("\n\n").collect(),
        resolve,
        world,
    };
    fs::create_dir_all(out_dir)?;
    let mut attacks = Vec::new();
    for file in attack::files(dir, "wat")? {
        let name = attack::name(&file);
        let text = fs::read_to_string(&file)?;
        let tries = attack::first_sentence(&text, ";;");
        let wasm = skeleton
            .assemble(&name, &text)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let component = out_dir.join(name.replace('/', "-")).with_extension("wasm");
        fs::write(&component, wasm)?;
        attacks.push(Attack {
            name,
            tries,
            component,
        });
    }
    let component = out_dir.join("raw.wasm");
    let wasm = skeleton.assemble("raw", &fs::read_to_string(raw)?)?;
    fs::write(&component, wasm)?;
    Ok((attacks, component))
}

impl Skeleton<'_> {
    fn assemble(&self, name: &str, text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let begins = |start| text.lines().any(|line: &str| line.starts_with(start));
        if begins("(component") || begins("(module") {
            return Ok(wat::parse_str(text)?);
        }
        let rest = self.parts.iter().filter(|part| {
            let export = part
                .split_once("(export \"")
                .and_then(|(_, rest)| rest.split_once('"'));
            export.is_none_or(|(name, _)| !text.contains(&format!("{name}\"")))
        });
        let rest: String = rest.copied().collect::<Vec<_>>().join("\n");
        // The lines stay what they are.
        let module = format!("(module {text}\n{rest}\n)")
            .replace("\"host\"", &format!("\"{HOST}\""))
            .replace("\"timer\"", &format!("\"{TIMER}\""))
            .replace("[export]worker\"", &format!("[export]{WORKER}\""))
            .replace("worker#", &format!("{WORKER}#"));
        let file = format!("guests/hostile/wat/{name}.wat");
        let mut wasm = wat::Parser::new()
            .generate_dwarf(GenerateDwarf::Lines)
            .parse_str(Some(Path::new(&file)), &module)?;
        embed_component_metadata(&mut wasm, &self.resolve, self.world, StringEncoding::UTF8)?;
        let mut encoder = ComponentEncoder::default();
        let encoded = encoder.module(&wasm).and_then(|encoder| encoder.encode());
        // Its first sentence alone says little.
        Ok(encoded.map_err(|error| format!("{error:#}"))?)
    }
}
