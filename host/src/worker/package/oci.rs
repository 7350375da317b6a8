//! Taking a module from an OCI registry.
//!
//! Three requests of the distribution protocol: the manifest, one layer, and a token where the
//! registry asks for one. Whatever a registry answers is bounded before it is read, and checked
//! against its digest before it is used. Plain HTTP goes to this machine and nowhere else: not by a
//! redirect, not for a token.

mod session;

use std::fmt;

use serde::Deserialize;

use super::reference::is_digest;
use super::{OciReference, PackageProblem};
use crate::limits::{
    MAX_ARCHIVE_BYTES, MAX_COMPONENT_BYTES, MAX_NAME_BYTES, MAX_OCI_LAYERS, OCI_PULL_TIMEOUT,
};
use crate::text;

use self::session::Session;

/// The media type of a layer that is one component.
const COMPONENT: &str = "application/wasm";
/// The media types of a layer that is a module's zip archive.
const MODULE: [&str; 2] = ["application/vnd.funcnodes.module.v1+zip", "application/zip"];

/// A user of a registry.
#[derive(Clone)]
pub struct OciLogin {
    /// The name.
    pub user: String,
    /// The password, or a token in its place.
    pub password: String,
}

impl fmt::Debug for OciLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciLogin").finish_non_exhaustive()
    }
}

/// What was in a registry.
pub(super) enum Pulled {
    /// A zip archive with a module.
    Module(Vec<u8>),
    /// One component.
    Component(Vec<u8>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest {
    schema_version: u32,
    #[serde(default)]
    layers: Option<Vec<Layer>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

/// Takes what a reference refers to, and says which that was: the reference, pinned by its digest.
pub(super) async fn pull(
    reference: &OciReference,
    login: Option<&OciLogin>,
) -> Result<(Pulled, String), PackageProblem> {
    let failed = |problem: String| PackageProblem::Registry {
        reference: reference.to_string(),
        problem,
    };
    let pulling = tokio::time::timeout(OCI_PULL_TIMEOUT, pull_now(reference, login));
    let late = || {
        failed(format!(
            "it took more than {} s",
            OCI_PULL_TIMEOUT.as_secs()
        ))
    };
    pulling.await.map_err(|_| late())?.map_err(failed)
}

async fn pull_now(
    reference: &OciReference,
    login: Option<&OciLogin>,
) -> Result<(Pulled, String), String> {
    let mut session = Session::new(reference, login)?;
    let (manifest, digest) = session.manifest().await?;
    let layer = layer(&manifest)?;
    let limit = match layer.media_type.as_str() {
        COMPONENT => MAX_COMPONENT_BYTES,
        _ => MAX_ARCHIVE_BYTES,
    };
    if layer.size > limit {
        let size = layer.size;
        return Err(format!(
            "it has {size} bytes, more than the {limit} allowed"
        ));
    }
    let content = session.blob(&layer.digest, layer.size).await?;
    let pulled = match layer.media_type.as_str() {
        COMPONENT => Pulled::Component(content),
        _ => Pulled::Module(content),
    };
    Ok((pulled, reference.pinned(&digest).to_string()))
}

/// The one layer of a manifest that is a module.
fn layer(manifest: &[u8]) -> Result<Layer, String> {
    // Not in the parser's words: they quote what they found.
    let manifest: ImageManifest =
        serde_json::from_slice(manifest).map_err(|_| "its manifest cannot be read".to_owned())?;
    if manifest.schema_version != 2 {
        return Err("its manifest has an unknown version".to_owned());
    }
    let layers = manifest
        .layers
        .ok_or("it is an index of images, not a module; name the one to take by its digest")?;
    if layers.len() > MAX_OCI_LAYERS {
        return Err(format!("it has more than {MAX_OCI_LAYERS} layers"));
    }
    let kinds: Vec<String> = layers
        .iter()
        .map(|layer| text::clean_line(&layer.media_type, MAX_NAME_BYTES))
        .collect();
    let is_module = |layer: &Layer| {
        let kind = layer.media_type.as_str();
        kind == COMPONENT || MODULE.contains(&kind)
    };
    let mut modules = layers.into_iter().filter(is_module);
    match (modules.next(), modules.next()) {
        (Some(layer), None) if is_digest(&layer.digest) => Ok(layer),
        (Some(_), None) => Err("its layer has no SHA-256 digest".to_owned()),
        (Some(_), Some(_)) => Err("it has more than one layer that is a module".to_owned()),
        (None, _) => Err(format!(
            "none of its layers is a module ({COMPONENT} or {}); it has: {}",
            MODULE.join(" or "),
            kinds.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_one_layer_can_be_the_module() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let layer_of =
            |kind: &str, digest: &str| json!({"mediaType": kind, "digest": digest, "size": 3});
        let wasm = layer_of(COMPONENT, &digest);
        let other = layer_of("text/\u{1b}[2Jplain", &digest);
        let of = |layers: serde_json::Value| {
            let manifest = json!({"schemaVersion": 2, "layers": layers}).to_string();
            layer(manifest.as_bytes())
        };
        assert_eq!(of(json!([other, wasm])).unwrap().size, 3);
        assert!(of(json!([layer_of(MODULE[0], &digest)])).is_ok());
        let table = [
            (of(json!([wasm, wasm])), "more than one"),
            (of(json!([other])), "none of its layers"),
            (of(json!([])), "none of its layers"),
            (
                of(json!([layer_of(COMPONENT, "sha256:../../x")])),
                "SHA-256",
            ),
            (of(json!(vec![other; 1000])), "layers"),
            (layer(br#"{"schemaVersion": 2, "manifests": []}"#), "index"),
            (layer(br#"{"schemaVersion": 1, "layers": []}"#), "version"),
            (layer(b"s3cr3t"), "cannot be read"),
        ];
        for (result, part) in table {
            let problem = result.err().expect(part);
            assert!(
                problem.contains(part) && !problem.contains('\u{1b}'),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_login_does_not_print_its_password() {
        let login = OciLogin {
            user: "user".to_owned(),
            password: "s3cr3t".to_owned(),
        };
        assert!(!format!("{login:?}").contains("s3cr3t"));
    }
}
