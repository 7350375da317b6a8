//! The command that repeats a case.

use serde_json::json;

use super::case::{Case, Manner, Step};
use super::{Devices, Subject};
use crate::instance::description::Class;
use crate::text;

/// Length from which a text that is one character again and again is not written out.
const LONG: usize = 200;

impl Case {
    /// The command that does the same with the component of `subject`.
    pub(super) fn command(&self, subject: &Subject, class: &Class) -> String {
        let mut words = vec!["ewh".to_owned(), "run".to_owned()];
        words.push(quoted(&subject.file));
        words.push(match (&subject.devices, self.manner) {
            (Devices::Real { policy }, _) => format!("--policy {}", quoted(policy)),
            (Devices::Scripted { dir, .. }, Manner::Scripted) => {
                format!("--simulate --devices {} --seed {}", quoted(dir), self.seed)
            }
            (_, Manner::Alike(behaviour)) => {
                format!("--simulate={} --seed {}", behaviour.name(), self.seed)
            }
            (Devices::Simulated, Manner::Scripted) => format!("--simulate --seed {}", self.seed),
        });
        words.push(format!("--class {}", class.id()));
        if self.config != json!({}) {
            words.push(format!("--config {}", quoted(&self.config.to_string())));
        }
        if self.is_loopless {
            words.push("--no-loop".to_owned());
        }
        for step in &self.steps {
            step.write(&mut words);
        }
        if self.rounds > 1 {
            words.push(format!("--repeat {}", self.rounds));
        }
        words.join(" ")
    }
}

impl Step {
    fn write(&self, words: &mut Vec<String>) {
        match self {
            Self::Turns(turns) => words.push(format!("--turns {turns}")),
            Self::Shelves => words.push("--shelves".to_owned()),
            Self::Configure(patch) => {
                words.push(format!("--configure {}", quoted(&patch.to_string())));
            }
            Self::Call {
                path,
                inputs,
                is_wrong,
                ..
            } => {
                let option = if *is_wrong { "--try" } else { "--call" };
                words.push(format!("{option} {}", quoted(path)));
                for (name, value) in inputs {
                    words.push(format!("--input {}", input(name, value)));
                }
            }
        }
    }
}

/// `name=value` as one word of a shell.
fn input(name: &str, value: &str) -> String {
    match again(value) {
        Some((c, count)) => {
            let name = quoted(&format!("{name}="));
            format!(r#"{name}"$(head -c {count} /dev/zero | tr '\0' {c})""#)
        }
        // What a terminal shows otherwise would not be what was tried.
        None if value.starts_with(['"', '[', '{']) => {
            quoted(&format!("{name}={}", text::harmless_json(value)))
        }
        None => quoted(&format!("{name}={value}")),
    }
}

/// The letter that a long text consists of, with quotes or without, and how often; both are read alike.
fn again(text: &str) -> Option<(char, usize)> {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let inner = inner.unwrap_or(text);
    let first = inner.chars().next()?;
    let is_one = inner.len() >= LONG && inner.chars().all(|c| c == first);
    (is_one && first.is_ascii_alphabetic()).then_some((first, inner.len()))
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("a/b.wasm"), "a/b.wasm");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn an_input_is_what_a_shell_makes_of_it() {
        let long = "x".repeat(1_000);
        let longest = format!("\"{long}\"");
        for (value, read) in [
            ("[1, 2]", "[1, 2]"),
            (r#""it's\u0000""#, r#""it's\u0000""#),
            ("\"\u{202e}\"", r#""\u202e""#),
            (&longest, &*long),
        ] {
            let script = format!("printf %s {}", input("the name", value));
            assert!(script.len() < 100, "{script}");
            let said = Command::new("sh").args(["-c", &script]).output().unwrap();
            let said = String::from_utf8(said.stdout).unwrap();
            assert_eq!(said, format!("the name={read}"));
        }
        assert_eq!(again(&"ab".repeat(LONG)), None);
        assert_eq!(again(&"1".repeat(LONG)), None);
    }
}
