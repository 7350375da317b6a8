//! What a component asks for: the manifest that it carries in a custom section.
//!
//! The section may be in the component itself or in a module or component nested in it. The
//! outermost one counts, so that a tool can replace what a compiler wrote.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasm_encoder::{ComponentSection, CustomSection, RawSection};
use wasmparser::{BinaryReaderError, Parser, Payload};

use super::Capability;
use crate::limits::{MAX_MANIFEST_BYTES, MAX_NAME_BYTES, MAX_TEXT_BYTES};
use crate::text::clean_line;

/// The name of the custom section.
pub const SECTION: &str = "external-worker:manifest";
/// The version of the manifest that this host reads.
pub const VERSION: u32 = 1;

/// What a component says of itself before it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub package_version: String,
    /// The capabilities that it asks for, each with its reason.
    pub requests: BTreeMap<Capability, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    version: u32,
    name: String,
    #[serde(default)]
    package_version: String,
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the manifest of a component; one without a manifest asks for nothing.
    ///
    /// # Errors
    /// A sentence, when the bytes are no WebAssembly or the manifest is wrong.
    pub fn read(component: &[u8]) -> Result<Self, String> {
        Ok(Self::read_if_any(component)?.unwrap_or_default())
    }

    /// Reads the manifest of a component; `None`: it has none.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_if_any(component: &[u8]) -> Result<Option<Self>, String> {
        section(component)?.map(Self::parse).transpose()
    }

    /// `component` with this manifest, in the place of the one that it may have.
    ///
    /// # Errors
    /// A sentence, when the bytes are not a component or the manifest is too large.
    pub fn write(&self, component: &[u8]) -> Result<Vec<u8>, String> {
        let mut written = without_section(component)?;
        let section = CustomSection {
            name: SECTION.into(),
            data: self.json()?.into_bytes().into(),
        };
        section.append_to_component(&mut written);
        Ok(written)
    }

    /// The section's content.
    ///
    /// # Errors
    /// A sentence, when the manifest is too large.
    pub fn json(&self) -> Result<String, String> {
        let raw = Raw {
            version: VERSION,
            name: self.name.clone(),
            package_version: self.package_version.clone(),
            requests: self
                .requests
                .iter()
                .map(|(capability, reason)| (capability.name().to_owned(), reason.clone()))
                .collect(),
        };
        let json = serde_json::to_string(&raw).map_err(|err| err.to_string())?;
        Self::parse(json.as_bytes())?;
        Ok(json)
    }

    /// Reads the section's content.
    ///
    /// # Errors
    /// A sentence, when the manifest is wrong.
    pub fn parse(data: &[u8]) -> Result<Self, String> {
        if data.len() > MAX_MANIFEST_BYTES {
            return Err(format!(
                "its manifest is larger than {MAX_MANIFEST_BYTES} bytes"
            ));
        }
        // The parser quotes what it found.
        let wrong = |error: serde_json::Error| clean_line(&error.to_string(), MAX_TEXT_BYTES / 2);
        let raw: Raw = serde_json::from_slice(data)
            .map_err(|error| format!("its manifest is wrong: {}", wrong(error)))?;
        if raw.version != VERSION {
            return Err(format!(
                "its manifest has version {}, and this host reads version {VERSION}",
                raw.version
            ));
        }
        Self::of(&raw.name, &raw.package_version, raw.requests)
    }

    /// The manifest of who is called so and requests these capabilities, each with its reason.
    ///
    /// # Errors
    /// A sentence, when one is not a capability.
    pub fn of(
        name: &str,
        package_version: &str,
        requests: BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let requests = requests
            .into_iter()
            .map(|(name, reason)| match Capability::from_name(&name) {
                Some(capability) => Ok((capability, clean_line(&reason, MAX_TEXT_BYTES))),
                None => Err(format!(
                    "its manifest requests `{}`, which is not a capability of this host; it has: {}",
                    clean_line(&name, MAX_NAME_BYTES),
                    Capability::all_names()
                )),
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            name: clean_line(name, MAX_NAME_BYTES),
            package_version: clean_line(package_version, MAX_NAME_BYTES),
            requests,
        })
    }
}

fn unreadable(error: BinaryReaderError) -> String {
    let problem = clean_line(&error.to_string(), MAX_TEXT_BYTES / 2);
    format!("it cannot be read: {problem}")
}

/// The number of a section, and all of it: the parser takes the end of the bytes for the end of a nested
/// component that claims to be longer.
fn content<'a>(
    payload: &Payload<'_>,
    component: &'a [u8],
) -> Result<Option<(u8, &'a [u8])>, String> {
    let Some((id, range)) = payload.as_section() else {
        return Ok(None);
    };
    match component.get(range) {
        Some(data) => Ok(Some((id, data))),
        None => Err("it cannot be read: it ends within a section".to_owned()),
    }
}

/// The content of the outermost manifest section.
fn section(component: &[u8]) -> Result<Option<&[u8]>, String> {
    let mut depth = 0_usize;
    let mut found: Option<(usize, &[u8])> = None;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(unreadable)?;
        content(&payload, component)?;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(custom) if custom.name() == SECTION => match found {
                Some((at, _)) if at < depth => {}
                Some((at, _)) if at == depth => {
                    return Err(format!("it has two sections `{SECTION}` side by side"));
                }
                _ => found = Some((depth, custom.data())),
            },
            _ => {}
        }
    }
    Ok(found.map(|(_, data)| data))
}

/// `component` without a manifest of its own; those of nested ones stay, and count no more once the
/// outer one has another.
fn without_section(component: &[u8]) -> Result<Vec<u8>, String> {
    let mut written = wasm_encoder::Component::HEADER.to_vec();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(unreadable)?;
        match &payload {
            Payload::Version { encoding, .. }
                if depth == 0 && *encoding != wasmparser::Encoding::Component =>
            {
                return Err("it is a core module, not a component".to_owned());
            }
            Payload::CustomSection(custom) if depth == 0 && custom.name() == SECTION => continue,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0
            && let Some((id, data)) = content(&payload, component)?
        {
            RawSection { id, data }.append_to_component(&mut written);
        }
        if matches!(
            payload,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. }
        ) {
            depth += 1;
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leb(mut value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            out.push(if value == 0 { low } else { low | 0x80 });
            if value == 0 {
                return out;
            }
        }
    }

    fn section_bytes(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id][..], &leb(content.len()), content].concat()
    }

    fn custom(json: &str) -> Vec<u8> {
        let content = [&leb(SECTION.len())[..], SECTION.as_bytes(), json.as_bytes()].concat();
        section_bytes(0, &content)
    }

    fn module(json: &str) -> Vec<u8> {
        [b"\0asm\x01\0\0\0", &custom(json)[..]].concat()
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0", &sections.concat()[..]].concat()
    }

    #[test]
    fn what_ends_within_a_nested_component_has_no_manifest_and_gets_none() {
        let inner = module(INNER);
        let claimed = leb(inner.len() + 1024);
        let cut = component(&[[&[1][..], &claimed, &inner].concat()]);
        let ends = Err("it cannot be read: it ends within a section".to_owned());
        assert_eq!(Manifest::read_if_any(&cut), ends);
        let manifest = Manifest::parse(OUTER.as_bytes()).unwrap();
        assert_eq!(manifest.write(&cut).map(drop), ends.map(drop));
    }

    const INNER: &str =
        r#"{"version":1,"name":"inner","package-version":"1","requests":{"serial":"to read"}}"#;
    const OUTER: &str = r#"{"version":1,"name":"outer"}"#;

    #[test]
    fn the_outermost_manifest_counts() {
        let inner = section_bytes(1, &module(INNER));
        let manifest = Manifest::read(&component(std::slice::from_ref(&inner))).unwrap();
        assert_eq!(manifest.name, "inner");
        assert_eq!(manifest.requests[&Capability::Serial], "to read");
        for both in [
            [inner.clone(), custom(OUTER)],
            [custom(OUTER), inner.clone()],
        ] {
            assert_eq!(Manifest::read(&component(&both)).unwrap().name, "outer");
        }
        assert!(Manifest::read(&component(&[inner.clone(), inner])).is_err());
        assert_eq!(
            Manifest::read(&component(&[])).unwrap(),
            Manifest::default()
        );
    }

    #[test]
    fn a_written_manifest_takes_the_place_of_the_old_one_and_changes_nothing_else() {
        let inner = section_bytes(1, &module(INNER));
        let other = section_bytes(0, &[&[4], &b"note"[..], b"kept"].concat());
        let before = component(&[custom(OUTER), inner.clone(), other.clone()]);
        let manifest = Manifest {
            name: "new".to_owned(),
            package_version: "2".to_owned(),
            requests: BTreeMap::from([(Capability::Clocks, "to wait".to_owned())]),
        };
        let after = manifest.write(&before).unwrap();
        assert_eq!(Manifest::read(&after).unwrap(), manifest);
        assert!(after.starts_with(&component(&[inner, other])));
        manifest.write(&module(INNER)).unwrap_err();
        manifest.write(b"nonsense").unwrap_err();
    }

    #[test]
    fn a_wrong_manifest_is_one_sentence() {
        let table = [
            (r#"{"version":2,"name":"a"}"#, "version 2"),
            (
                r#"{"version":1,"name":"a","requests":{"serail":""}}"#,
                "`serail`",
            ),
            (r#"{"version":1,"name":"a","request":{}}"#, "request"),
            ("nonsense", "wrong"),
        ];
        for (json, part) in table {
            let problem = Manifest::parse(json.as_bytes()).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
        let huge = format!("{}{}", " ".repeat(MAX_MANIFEST_BYTES), OUTER);
        Manifest::parse(huge.as_bytes()).unwrap_err();
        Manifest::read(b"\0asm").unwrap_err();
        Manifest::read(b"not wasm at all").unwrap_err();
    }
}
