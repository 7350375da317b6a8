//! Writes the Rust source that tests see.

use std::fmt::Write;
use std::path::Path;

use crate::attack::Attack;
use crate::guest::Guest;

/// The toolchain, constants, the list of all and the list of attacks.
pub fn source(toolchain: &str, guests: &[Guest], raw: &Path, attacks: &[Attack]) -> String {
    let mut source = String::new();
    line(&mut source, "/// What the guests were built with.");
    line(
        &mut source,
        &format!("pub const TOOLCHAIN: &str = {toolchain:?};"),
    );
    for guest in guests {
        constant(&mut source, guest);
    }
    let raw = raw.display().to_string();
    line(&mut source, "/// The file of the worker that no SDK made.");
    line(&mut source, &format!("pub const RAW: &str = {raw:?};"));
    all(&mut source, guests);
    list(&mut source, attacks);
    source
}

fn constant(source: &mut String, guest: &Guest) {
    let (name, kind) = (&guest.name, guest.kind);
    let path = guest.path.display().to_string();
    line(source, &format!("/// The file of the {kind} `{name}`."));
    line(
        source,
        &format!("pub const {}: &str = {path:?};", name.to_uppercase()),
    );
}

fn all(source: &mut String, guests: &[Guest]) {
    line(source, "/// Every guest that is a crate, and its file.");
    line(source, "pub const ALL: &[(&str, &str)] = &[");
    for guest in guests {
        line(
            source,
            &format!("    ({:?}, {}),", guest.name, guest.name.to_uppercase()),
        );
    }
    line(source, "];");
}

fn list(source: &mut String, attacks: &[Attack]) {
    line(source, "/// Every attack, in alphabetical order.");
    line(source, "pub const ATTACKS: &[Attack] = &[");
    for attack in attacks {
        let (name, tries) = (&attack.name, &attack.tries);
        let component = attack.component.display().to_string();
        line(
            source,
            &format!(
                "    Attack {{ name: {name:?}, tries: {tries:?}, component: {component:?} }},"
            ),
        );
    }
    line(source, "];");
}

fn line(source: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(source, "{text}");
}
