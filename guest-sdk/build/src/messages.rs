//! Reads cargo's `--message-format=json`, one object a line.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::Error;

/// What a line of cargo's means for a build.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// The compiler has something to say.
    Diagnostic(String),
    /// A `cdylib` of the package at `manifest` was written to `wasm`.
    Component { manifest: PathBuf, wasm: PathBuf },
    /// Nothing that matters here.
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Rendered,
    },
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Rendered {
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Understands one line. What is no JSON object was printed by something else, such as a procedural
/// macro, and is not a message.
pub(crate) fn parse(line: &str) -> Result<Message, Error> {
    if !line.starts_with('{') {
        return Ok(Message::Other);
    }
    let line: Line = serde_json::from_str(line).map_err(|source| Error::Protocol { source })?;
    Ok(match line {
        Line::CompilerMessage { message } => {
            message.rendered.map_or(Message::Other, Message::Diagnostic)
        }
        Line::CompilerArtifact {
            manifest_path,
            target,
            filenames,
        } => component(manifest_path, &target, filenames),
        Line::Other => Message::Other,
    })
}

fn component(manifest: PathBuf, target: &Target, filenames: Vec<PathBuf>) -> Message {
    let wasm = filenames
        .into_iter()
        .find(|f| f.extension().is_some_and(|ext| ext == "wasm"));
    match wasm {
        Some(wasm) if target.kind.iter().any(|kind| kind == "cdylib") => {
            Message::Component { manifest, wasm }
        }
        _ => Message::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cdylib_is_a_component() {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/g#0.1.0",
            "manifest_path":"/w/g/Cargo.toml","target":{"kind":["cdylib"],"name":"g"},
            "filenames":["/t/release/g.d","/t/release/g.wasm"],"fresh":false}"#;
        let expected = Message::Component {
            manifest: "/w/g/Cargo.toml".into(),
            wasm: "/t/release/g.wasm".into(),
        };
        assert_eq!(parse(line).unwrap(), expected);
    }

    #[test]
    fn a_dependency_is_not() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/s/Cargo.toml",
            "target":{"kind":["rlib"]},"filenames":["/t/deps/libstd.rlib"]}"#;
        assert_eq!(parse(line).unwrap(), Message::Other);
    }

    #[test]
    fn diagnostics_come_rendered() {
        let line =
            r#"{"reason":"compiler-message","message":{"rendered":"error: no\n","code":null}}"#;
        assert_eq!(
            parse(line).unwrap(),
            Message::Diagnostic("error: no\n".into())
        );
    }

    #[test]
    fn the_rest_is_let_pass() {
        for line in [
            "",
            "hello",
            r#"{"reason":"build-finished","success":true}"#,
            r#"{"reason":"new"}"#,
        ] {
            assert_eq!(parse(line).unwrap(), Message::Other, "{line}");
        }
        assert!(parse(r#"{"reason":"compiler-artifact"}"#).is_err());
    }
}
