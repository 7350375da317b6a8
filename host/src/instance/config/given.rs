//! Secrets in a configuration: what is kept has references to them, and the guest gets their values.
//!
//! Where a reference may stand is not looked up in the schema: a mark is put in its place, and if that would leave the
//! host, so would the secret. So what keeps secrets in ([`super::redact`]) says also where they may be.

use std::collections::{BTreeMap, BTreeSet};

use external_worker_secrets::reference::{MEMBER, Place, ReferenceError, References, wipe};
use external_worker_secrets::{Secret, SecretName};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::error::{HostError, Result};

/// Who knows secrets that a configuration may have.
pub type Known<'a> = &'a dyn Fn(&SecretName) -> Option<Secret>;

/// A configuration that was checked and completed.
pub struct Checked {
    /// As it is kept and shown: with references.
    pub kept: Json,
    /// With secrets in their places, if it refers to any.
    given: Option<Json>,
    /// Those secrets.
    pub secrets: Vec<SecretName>,
}

impl Checked {
    /// Without a reference.
    pub(super) fn plain(kept: Json) -> Self {
        Self {
            kept,
            given: None,
            secrets: Vec::new(),
        }
    }

    /// As it is kept.
    pub fn into_kept(mut self) -> Json {
        self.kept.take()
    }

    /// As the guest gets it.
    pub fn given(&self) -> &Json {
        self.given.as_ref().unwrap_or(&self.kept)
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        if let Some(given) = &mut self.given {
            wipe(given);
        }
    }
}

/// A configuration in which marks stand for references.
pub(super) struct Marked {
    pub(super) config: Json,
    marks: BTreeMap<String, SecretName>,
}

impl Marked {
    /// `None`: there is no reference.
    ///
    /// # Errors
    /// When there are too many, or what looks like one is none.
    pub(super) fn new(config: &Json) -> Result<Option<Self>> {
        let anywhere = Place::parse("").map_err(|error| HostError::Config(error.to_string()))?;
        let references = References::find(config, &[anywhere]).map_err(wrong)?;
        // Nobody can have written one of them.
        let mark = |name: &SecretName| (Uuid::new_v4().to_string(), name.clone());
        let marks: BTreeMap<_, _> = references.names().map(mark).collect();
        if marks.is_empty() {
            return Ok(None);
        }
        let mut config = config.clone();
        let of_name: BTreeMap<_, _> = marks.iter().map(|(mark, name)| (name, mark)).collect();
        let mark = |name: &SecretName| Secret::copy_from(of_name.get(name)?.as_bytes()).ok();
        references.resolve(&mut config, mark).map_err(wrong)?;
        Ok(Some(Self { config, marks }))
    }

    /// What is wrong if this much of it leaves the host.
    pub(super) fn leaves(&self, public: &Json) -> Result<()> {
        let public = public.to_string();
        let left = self.marks.iter().find(|(mark, _)| public.contains(*mark));
        match left {
            Some((_, name)) => Err(HostError::Config(format!(
                "it refers to the secret {name} where a value is not kept secret; refer to secrets only where the \
                 schema marks one"
            ))),
            None => Ok(()),
        }
    }

    /// With references again.
    pub(super) fn kept(&self) -> Json {
        let mut kept = self.config.clone();
        replace(&mut kept, &|text| {
            let name = self.marks.get(text)?;
            Some(json!({ MEMBER: name.as_str() }))
        });
        kept
    }

    /// With the secrets.
    ///
    /// # Errors
    /// When one is not known.
    pub(super) fn given(&self, known: Known<'_>) -> Result<Checked> {
        let mut values = BTreeMap::new();
        for (mark, name) in &self.marks {
            let unknown = || {
                HostError::Config(format!(
                    "it refers to the secret {name}, which is not there, or not granted under [config] in its policy"
                ))
            };
            let secret = known(name).ok_or_else(unknown)?;
            let value = std::str::from_utf8(secret.expose());
            let value = value.map_err(|_| wrong(ReferenceError::NotText { name: name.clone() }))?;
            values.insert(mark.as_str(), Json::from(value));
        }
        let mut given = self.config.clone();
        replace(&mut given, &|text| values.get(text).cloned());
        values.values_mut().for_each(wipe);
        let secrets: BTreeSet<_> = self.marks.values().cloned().collect();
        Ok(Checked {
            kept: self.kept(),
            given: Some(given),
            secrets: secrets.into_iter().collect(),
        })
    }
}

/// Whether anything refers to a secret.
pub fn refers(config: &Json) -> bool {
    match config {
        Json::Object(members) => members.contains_key(MEMBER) || members.values().any(refers),
        Json::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

/// What a guest says its configuration is, with references where `kept` has them and it says just what they stand for.
pub(super) fn referring(said: &Json, kept: &Json, known: Known<'_>) -> Json {
    match (said, kept) {
        (Json::String(said), Json::Object(members)) if members.contains_key(MEMBER) => {
            let name = members.get(MEMBER).and_then(Json::as_str);
            let secret = name
                .and_then(|name| name.parse().ok())
                .and_then(|name| known(&name));
            match secret {
                Some(secret) if secret.expose() == said.as_bytes() => kept.clone(),
                _ => Json::String(said.clone()),
            }
        }
        (Json::Object(said), Json::Object(kept)) => {
            let members = said.iter().map(|(name, value)| {
                let kept = kept.get(name).unwrap_or(&Json::Null);
                (name.clone(), referring(value, kept, known))
            });
            Json::Object(members.collect())
        }
        (Json::Array(said), Json::Array(kept)) => {
            let kept = kept.iter().chain(std::iter::repeat(&Json::Null));
            let items = said.iter().zip(kept);
            Json::Array(
                items
                    .map(|(said, kept)| referring(said, kept, known))
                    .collect(),
            )
        }
        _ => said.clone(),
    }
}

fn wrong(error: ReferenceError) -> HostError {
    HostError::Config(error.to_string())
}

/// Puts something else in the place of texts. A configuration with references is not deep.
fn replace(value: &mut Json, with: &dyn Fn(&str) -> Option<Json>) {
    match value {
        Json::String(text) => {
            if let Some(new) = with(text) {
                *value = new;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| replace(item, with)),
        Json::Object(members) => members
            .values_mut()
            .for_each(|member| replace(member, with)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigSchema;
    use super::*;

    const SECRET: &str = "t0ps3cr3t";

    fn known(name: &SecretName) -> Option<Secret> {
        let is_known = name.as_str() == "key";
        is_known.then(|| Secret::copy_from(SECRET.as_bytes()).unwrap())
    }

    fn schema() -> ConfigSchema {
        let schema = json!({"type": "object", "properties": {
            "mode": {"type": "string", "default": "a"},
            "token": {"type": "string", "export": false, "minLength": 5},
            "servers": {"type": "array", "items": {"properties": {
                "host": {"type": "string", "default": "h"},
                "password": {"type": "string", "export": false}}}},
        }});
        ConfigSchema::new(&schema.to_string(), &[]).unwrap()
    }

    fn reference(name: &str) -> Json {
        json!({ MEMBER: name })
    }

    #[test]
    fn the_guest_gets_the_secret_and_all_else_keeps_the_reference() {
        let patch =
            json!({"token": reference("key"), "servers": [{}, {"password": reference("key")}]});
        let checked = schema().checked(&json!({}), &patch, &known).unwrap();
        assert_eq!(checked.kept["token"], reference("key"));
        assert_eq!(checked.kept["servers"][1]["password"], reference("key"));
        assert!(!checked.kept.to_string().contains(SECRET));
        assert_eq!(checked.given()["token"], SECRET);
        let server = json!({"host": "h", "password": SECRET});
        assert_eq!(checked.given()["servers"], json!([{"host": "h"}, server]));
        assert_eq!(checked.given()["mode"], "a", "it is completed");
        assert_eq!(checked.secrets.len(), 1);
        let form = schema().for_its_form(&checked.kept);
        assert_eq!(form["token"], reference("key"));
        let public = schema().without_secrets(&checked.kept);
        assert!(!public.to_string().contains(MEMBER), "{public}");
    }

    #[test]
    fn a_secret_is_given_only_where_it_stays_and_only_if_it_is_granted() {
        for (patch, problem) in [
            (json!({"mode": reference("key")}), "not kept secret"),
            (
                json!({"servers": [{"host": reference("key")}]}),
                "not kept secret",
            ),
            (json!({"token": reference("other")}), "not granted"),
            (json!({"token": {MEMBER: "key", "more": 1}}), "no reference"),
            (json!({"token": {MEMBER: 1}}), "no reference"),
            (json!({"token": [reference("key")]}), "token"),
        ] {
            let refused = schema().checked(&json!({}), &patch, &known);
            let error = refused
                .map(|checked| checked.kept.clone())
                .unwrap_err()
                .to_string();
            assert!(error.contains(problem), "{patch}: {error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }

    #[test]
    fn what_the_guest_says_of_a_secret_becomes_a_reference_again() {
        let kept = json!({"token": reference("key"), "servers": [{"password": reference("key")}]});
        let said = json!({"token": SECRET, "servers": [{"password": "another"}, {}], "mode": "b"});
        let referring = referring(&said, &kept, &known);
        let expected = json!({"token": reference("key"),
            "servers": [{"password": "another"}, {}], "mode": "b"});
        assert_eq!(referring, expected);
    }
}
