//! What a reference leads to: a manifest with layers, one of which is the module, or an index of
//! manifests, one of which is chosen.

use serde::Deserialize;

use super::digest::Digest;
use crate::limits::{MAX_NAME_BYTES, MAX_OCI_LAYERS, MAX_OCI_MANIFESTS};
use crate::text;

/// Everything that is understood here, in the order in which it is preferred.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// The media types of a layer that is one component: today's, and those of tools before it.
const COMPONENT: [&str; 4] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];
/// The media types of a layer that is a module's zip archive.
const MODULE: [&str; 2] = ["application/vnd.funcnodes.module.v1+zip", "application/zip"];
/// The media types of a manifest's configuration that say what the layers are.
const CONFIGURATION: [&str; 1] = ["application/vnd.wasm.config.v0+json"];

/// What was found.
pub(super) enum Manifest {
    /// One thing, in layers.
    Layers(Vec<Layer>),
    /// Several things to choose from.
    Index(Vec<Entry>),
}

/// A layer, as a manifest describes it.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Component,
    Module,
    Other,
}

/// A manifest, as an index describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(default)]
    artifact_type: Option<String>,
    digest: String,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u32,
    #[serde(default)]
    layers: Option<Vec<RawLayer>>,
    #[serde(default)]
    manifests: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLayer {
    media_type: String,
    digest: String,
    size: u64,
}

/// Reads either kind.
pub(super) fn read(manifest: &[u8]) -> Result<Manifest, String> {
    // Not in the parser's words: they quote what they found.
    let raw: Raw =
        serde_json::from_slice(manifest).map_err(|_| "its manifest cannot be read".to_owned())?;
    if raw.schema_version != 2 {
        return Err("its manifest has an unknown version".to_owned());
    }
    match (raw.layers, raw.manifests) {
        (Some(layers), None) => layers_of(layers).map(Manifest::Layers),
        (None, Some(entries)) if entries.len() > MAX_OCI_MANIFESTS => Err(format!(
            "it is an index of more than {MAX_OCI_MANIFESTS} manifests"
        )),
        (None, Some(entries)) => Ok(Manifest::Index(entries)),
        // It would be one thing to us and another to whoever looked at it before.
        (Some(_), Some(_)) => Err("its manifest is an index, but also has layers".to_owned()),
        (None, None) => Err("its manifest has neither layers nor manifests".to_owned()),
    }
}

fn layers_of(layers: Vec<RawLayer>) -> Result<Vec<Layer>, String> {
    if layers.len() > MAX_OCI_LAYERS {
        return Err(format!("it has more than {MAX_OCI_LAYERS} layers"));
    }
    let kinds: Vec<_> = layers
        .iter()
        .map(|layer| shown(&layer.media_type))
        .collect();
    let read = layers.into_iter().map(|layer| {
        let kind = Kind::of(&layer.media_type);
        let digest = Digest::parse(&layer.digest);
        match digest {
            Some(digest) => Ok(Layer {
                kind,
                digest,
                size: layer.size,
            }),
            None => Err("a layer of it has no SHA-256 or SHA-512 digest".to_owned()),
        }
    });
    let read: Vec<_> = read.collect::<Result<_, _>>()?;
    if read.iter().all(|layer| layer.kind == Kind::Other) {
        return Err(format!(
            "none of its layers is a module ({} or {}); it has: {}",
            COMPONENT.join(" or "),
            MODULE.join(" or "),
            kinds.join(", ")
        ));
    }
    Ok(read)
}

impl Kind {
    fn of(media_type: &str) -> Self {
        if COMPONENT.contains(&media_type) {
            Self::Component
        } else if MODULE.contains(&media_type) {
            Self::Module
        } else {
            Self::Other
        }
    }
}

/// The one layer that is a module.
pub(super) fn module(layers: Vec<Layer>) -> Result<Layer, String> {
    let mut modules = layers.into_iter().filter(|layer| layer.kind != Kind::Other);
    match (modules.next(), modules.next()) {
        (Some(layer), None) => Ok(layer),
        (None, _) => Err("none of its layers is a module".to_owned()),
        (Some(_), Some(_)) => Err("it has more than one layer that is a module".to_owned()),
    }
}

impl Entry {
    /// The digest and the size of the manifest.
    pub(super) fn content(&self) -> Result<(Digest, u64), String> {
        let digest = Digest::parse(&self.digest);
        let digest =
            digest.ok_or("its index names a manifest without a digest that this host knows")?;
        Ok((digest, self.size))
    }

    fn is_for_wasm(&self) -> bool {
        self.platform.as_ref().is_some_and(|platform| {
            let Platform { os, architecture } = platform;
            architecture.starts_with("wasm") && (os.is_empty() || os.starts_with("wasi"))
        })
    }

    fn is_module(&self) -> bool {
        let kind = self.artifact_type.as_deref();
        kind.is_some_and(|kind| Kind::of(kind) != Kind::Other || CONFIGURATION.contains(&kind))
    }

    /// Whether it can be what is wanted, as far as the index tells: builders put statements about what
    /// they built beside it, for a platform that is none.
    fn is_candidate(&self) -> bool {
        self.platform
            .as_ref()
            .is_none_or(|platform| platform.os != "unknown")
    }

    fn shown(&self) -> String {
        let of = match (&self.platform, &self.artifact_type) {
            (Some(platform), _) => format!("{}/{}", platform.os, platform.architecture),
            (None, Some(kind)) => kind.clone(),
            (None, None) => "unspecified".to_owned(),
        };
        format!("{} ({})", shown(&self.digest), shown(&of))
    }
}

/// The one of an index that is for WebAssembly: by its platform, else by what it says to be, else
/// because there is no other.
pub(super) fn choose(entries: Vec<Entry>) -> Result<Entry, String> {
    let named: Vec<_> = entries.iter().map(Entry::shown).take(8).collect();
    let mut entries: Vec<_> = entries.into_iter().filter(Entry::is_candidate).collect();
    for is_meant in [Entry::is_for_wasm, Entry::is_module] {
        if entries.iter().any(is_meant) {
            entries.retain(is_meant);
        }
    }
    match (entries.pop(), entries.is_empty()) {
        (Some(entry), true) => Ok(entry),
        (None, _) => Err("it is an index with nothing in it that could be a module".to_owned()),
        (Some(_), false) => Err(format!(
            "it is an index with several possible modules; name one by its digest: {}",
            named.join(", ")
        )),
    }
}

fn shown(text: &str) -> String {
    text::clean_line(text, MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    fn module_of(manifest: Json) -> Result<Layer, String> {
        match read(manifest.to_string().as_bytes())? {
            Manifest::Layers(layers) => module(layers),
            Manifest::Index(entries) => Err(format!("an index of {}", entries.len())),
        }
    }

    fn layer(kind: &str, digest: &str) -> Json {
        json!({"mediaType": kind, "digest": digest, "size": 3})
    }

    #[test]
    fn only_one_layer_can_be_the_module() {
        let other = layer("text/\u{1b}[2Jplain", DIGEST);
        let of = |layers: Json| module_of(json!({"schemaVersion": 2, "layers": layers}));
        for kind in COMPONENT {
            let found = of(json!([other, layer(kind, DIGEST)])).unwrap();
            assert_eq!((found.kind, found.size), (Kind::Component, 3), "{kind}");
        }
        for kind in MODULE {
            assert_eq!(of(json!([layer(kind, DIGEST)])).unwrap().kind, Kind::Module);
        }
        let wasm = layer(COMPONENT[0], DIGEST);
        let elsewhere = layer(COMPONENT[0], "sha256:../../x");
        let table = [
            (of(json!([wasm, wasm])), "more than one"),
            (of(json!([other])), "none of its layers"),
            (of(json!([])), "none of its layers"),
            (of(json!([elsewhere])), "digest"),
            (of(json!(vec![other; 1000])), "layers"),
            (
                module_of(json!({"schemaVersion": 2, "layers": [wasm], "manifests": []})),
                "also has layers",
            ),
            (module_of(json!({"schemaVersion": 2})), "neither"),
            (
                module_of(json!({"schemaVersion": 1, "layers": []})),
                "version",
            ),
            (module_of(json!("s3cr3t")), "cannot be read"),
        ];
        for (result, part) in table {
            let problem = result.expect_err(part);
            assert!(
                problem.contains(part) && !problem.contains('\u{1b}'),
                "{problem}"
            );
        }
    }

    fn chosen(entries: Json) -> Result<u64, String> {
        let index = json!({"schemaVersion": 2, "manifests": entries}).to_string();
        match read(index.as_bytes())? {
            Manifest::Index(entries) => choose(entries).map(|entry| entry.size),
            Manifest::Layers(_) => Err("layers".to_owned()),
        }
    }

    #[test]
    fn of_an_index_the_one_for_webassembly_is_chosen() {
        let entry = |size: u64, more: Json| {
            let mut entry = json!({"mediaType": "x", "digest": DIGEST, "size": size});
            entry
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            entry
        };
        let platform = |size, os: &str, architecture: &str| {
            entry(
                size,
                json!({"platform": {"os": os, "architecture": architecture}}),
            )
        };
        let artifact = |size, kind: &str| entry(size, json!({"artifactType": kind}));
        let linux = || platform(1, "linux", "amd64");
        let about = || platform(2, "unknown", "unknown");
        for (entries, expected) in [
            (
                json!([linux(), platform(7, "wasi", "wasm"), about()]),
                Ok(7),
            ),
            (json!([platform(7, "wasip1", "wasm32"), linux()]), Ok(7)),
            (json!([platform(7, "", "wasm"), linux()]), Ok(7)),
            (
                json!([artifact(7, "application/wasm"), artifact(3, "text/plain")]),
                Ok(7),
            ),
            (json!([artifact(7, CONFIGURATION[0]), linux()]), Ok(7)),
            (json!([entry(7, json!({})), about()]), Ok(7)),
            (
                json!([linux(), platform(3, "linux", "arm64")]),
                Err("linux/arm64"),
            ),
            (
                json!([platform(7, "wasi", "wasm"), platform(8, "wasi", "wasm")]),
                Err("by its digest"),
            ),
            (json!([about()]), Err("nothing in it")),
            (json!([]), Err("nothing in it")),
            (json!(vec![linux(); 1000]), Err("more than")),
        ] {
            match (chosen(entries), expected) {
                (Ok(size), Ok(expected)) => assert_eq!(size, expected),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }
}
