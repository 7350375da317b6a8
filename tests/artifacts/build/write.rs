//! Writes the Rust source that tests see.

use std::fmt::Write;

use crate::attack::Attack;
use crate::guest::{Guest, Kind};

/// Constants, the list of all and one macro for each kind.
pub fn source(guests: &[Guest], attacks: &[Attack]) -> String {
    let mut source = String::new();
    for guest in guests {
        constant(&mut source, guest);
    }
    all(&mut source, guests);
    for kind in Kind::ALL {
        let of_kind = guests.iter().filter(|guest| guest.kind == kind);
        let names: Vec<&str> = of_kind.map(|guest| guest.name.as_str()).collect();
        foreach(&mut source, &kind.to_string(), "guest of this kind", &names);
    }
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

fn foreach(source: &mut String, kind: &str, what: &str, names: &[&str]) {
    line(
        source,
        &format!("/// Calls `$mac!(name);` for each {what}, in alphabetical order."),
    );
    line(source, "#[macro_export]");
    line(source, &format!("macro_rules! foreach_{kind} {{"));
    line(source, "    ($mac:ident) => {");
    for name in names {
        line(source, &format!("        $mac!({name});"));
    }
    line(source, "    };");
    line(source, "}");
}

fn line(source: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(source, "{text}");
}
