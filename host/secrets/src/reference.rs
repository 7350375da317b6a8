//! References to secrets in the configurations of guests, so that no configuration file has the secret itself.
//!
//! # What one looks like
//!
//! Where a value would stand, stands an object with one member, whose name nobody's configuration has:
//!
//! ```json
//! {"server": "db.example", "password": {"$secret": "db-password"}}
//! ```
//!
//! An object, and not a text such as `secret:db-password`: any text can be somebody's password. A schema wants a text
//! there, so references are resolved before a configuration is checked against its schema.
//!
//! # Where one may stand
//!
//! Only at a [`Place`] that the schema marks as secret, or below one. Elsewhere the value would be shown, logged and
//! exported, so there a reference is an error, and so is an object that has `$secret` and is no reference.
//!
//! # What the caller has to do
//!
//! Keep the configuration with its references; resolve a copy for the guest, and [`wipe`] it when the guest has it.
//! Values of `serde_json` are not wiped by themselves, and what a text was copied to is not wiped at all.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::name::{MAX_NAME_BYTES, shown};
use crate::{Secret, SecretName};

/// The one member of a reference.
pub const MEMBER: &str = "$secret";
/// How deep a configuration with references may be.
pub const MAX_DEPTH: usize = 128;
/// References in one configuration.
pub const MAX_REFERENCES: usize = 256;

/// A place that a schema marks as secret: a JSON pointer (RFC 6901), in which `*` stands for every member of an object
/// and every item of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Each,
}

/// A text is no pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a place in a configuration: write it as /server/password or /servers/*/password"
)]
pub struct PlaceError(String);

/// Why references are not resolved. Nothing here has anything of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It stands where the value would be shown.
    #[error(
        "the configuration refers to a secret at {at}, where a value is not kept secret. Refer to secrets only where \
         the schema marks one"
    )]
    NotSecret {
        /// Where, as a JSON pointer.
        at: String,
    },
    /// It is no reference, and must not be taken for something else.
    #[error(
        "the configuration has `{MEMBER}` at {at}, and it is no reference. Write {{\"{MEMBER}\": \"NAME\"}} and nothing else"
    )]
    Malformed {
        /// Where, as a JSON pointer.
        at: String,
    },
    /// There is no such secret, or it is not granted.
    #[error(
        "the configuration refers at {at} to the secret {name}, which is not there, or not granted"
    )]
    Unknown {
        /// Where, as a JSON pointer.
        at: String,
        /// The secret.
        name: SecretName,
    },
    /// Its bytes are no text, so JSON cannot have it.
    #[error("the secret {name} is not UTF-8, so it cannot stand in a configuration")]
    NotText {
        /// The secret.
        name: SecretName,
    },
    /// The configuration is too deep to be looked through.
    #[error("the configuration is more than {MAX_DEPTH} values deep")]
    TooDeep,
    /// It has too many.
    #[error("the configuration has more than {MAX_REFERENCES} references to secrets")]
    TooMany,
}

/// The references in a configuration, each where it may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References(Vec<Reference>);

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    /// The members and items on the way to it.
    path: Vec<String>,
    name: SecretName,
}

impl Place {
    /// Reads a pointer such as `/servers/*/password`. The empty one is the whole configuration.
    ///
    /// # Errors
    /// When it is not empty and begins with something else than `/`, or has `~` before anything but `0` and `1`.
    pub fn parse(pointer: &str) -> Result<Self, PlaceError> {
        if pointer.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let wrong = || PlaceError(shown(pointer.as_bytes()));
        let steps = pointer.strip_prefix('/').ok_or_else(wrong)?;
        let steps = steps.split('/').map(|step| match step {
            "*" => Some(Step::Each),
            step => unescaped(step).map(Step::Name),
        });
        steps.collect::<Option<_>>().map(Self).ok_or_else(wrong)
    }

    /// Whether `path` is this place, or below it.
    fn covers(&self, path: &[String]) -> bool {
        let is_passed = |(step, name): (&Step, &String)| match step {
            Step::Each => true,
            Step::Name(wanted) => wanted == name,
        };
        self.0.len() <= path.len() && self.0.iter().zip(path).all(is_passed)
    }
}

impl References {
    /// Finds all references in a configuration.
    ///
    /// # Errors
    /// When one stands where the schema marks no secret, is malformed, or there are too many.
    pub fn find(config: &Value, secret: &[Place]) -> Result<Self, ReferenceError> {
        let mut search = Search {
            secret,
            path: Vec::new(),
            found: Vec::new(),
        };
        search.look(config)?;
        Ok(Self(search.found))
    }

    /// The secrets that are referred to, as often as they are.
    pub fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.0.iter().map(|reference| &reference.name)
    }

    /// Puts the secrets in the places of the references to them, in the configuration in which they were found.
    ///
    /// # Errors
    /// When a secret is not known, or no text. Then the configuration is as it was.
    pub fn resolve(
        &self,
        config: &mut Value,
        mut lookup: impl FnMut(&SecretName) -> Option<Secret>,
    ) -> Result<(), ReferenceError> {
        let mut secrets = Vec::with_capacity(self.0.len());
        for Reference { path, name } in &self.0 {
            let unknown = || ReferenceError::Unknown {
                at: pointer(path),
                name: name.clone(),
            };
            let secret = lookup(name).ok_or_else(unknown)?;
            if std::str::from_utf8(secret.expose()).is_err() {
                return Err(ReferenceError::NotText { name: name.clone() });
            }
            secrets.push(secret);
        }
        for (Reference { path, .. }, secret) in self.0.iter().zip(&secrets) {
            let place = path.iter().try_fold(&mut *config, |at, step| match at {
                Value::Object(members) => members.get_mut(step),
                Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
                _ => None,
            });
            if let (Some(place), Ok(text)) = (place, std::str::from_utf8(secret.expose())) {
                *place = Value::String(text.to_owned());
            }
        }
        Ok(())
    }
}

/// Puts secrets in the places of the references to them, which may stand only where `secret` says.
///
/// # Errors
/// When a reference stands elsewhere, is malformed, or its secret is not known or no text. Then the configuration is as
/// it was.
///
/// ```
/// # use external_worker_secrets::{Secret, SecretName, reference::{Place, resolve}};
/// # use serde_json::json;
/// let mut config = json!({"server": "db", "password": {"$secret": "db-password"}});
/// let lookup = |name: &SecretName| Secret::copy_from(b"hunter2").ok();
/// resolve(&mut config, &[Place::parse("/password")?], lookup)?;
/// assert_eq!(config, json!({"server": "db", "password": "hunter2"}));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve(
    config: &mut Value,
    secret: &[Place],
    lookup: impl FnMut(&SecretName) -> Option<Secret>,
) -> Result<(), ReferenceError> {
    References::find(config, secret)?.resolve(config, lookup)
}

/// Overwrites all texts in a configuration with zeros, but the names of members, and leaves `null`.
pub fn wipe(config: &mut Value) {
    // Without recursion: it is called for what nobody has looked through.
    let mut left = vec![config.take()];
    while let Some(value) = left.pop() {
        match value {
            Value::String(mut text) => text.zeroize(),
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

/// On the way through a configuration.
struct Search<'a> {
    secret: &'a [Place],
    path: Vec<String>,
    found: Vec<Reference>,
}

impl Search<'_> {
    fn look(&mut self, value: &Value) -> Result<(), ReferenceError> {
        if self.path.len() > MAX_DEPTH {
            return Err(ReferenceError::TooDeep);
        }
        match value {
            Value::Object(members) => match members.get(MEMBER) {
                Some(name) => self.found(members, name),
                None => members
                    .iter()
                    .try_for_each(|(name, value)| self.step(name.clone(), value)),
            },
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(at, value)| self.step(at.to_string(), value))
            }
            _ => Ok(()),
        }
    }

    fn step(&mut self, name: String, value: &Value) -> Result<(), ReferenceError> {
        self.path.push(name);
        let looked = self.look(value);
        self.path.pop();
        looked
    }

    fn found(&mut self, members: &Map<String, Value>, name: &Value) -> Result<(), ReferenceError> {
        let at = || pointer(&self.path);
        if !self.secret.iter().any(|place| place.covers(&self.path)) {
            return Err(ReferenceError::NotSecret { at: at() });
        }
        let alone = name.as_str().filter(|_| members.len() == 1);
        let name = alone.and_then(|name| name.parse().ok());
        let name = name.ok_or_else(|| ReferenceError::Malformed { at: at() })?;
        if self.found.len() >= MAX_REFERENCES {
            return Err(ReferenceError::TooMany);
        }
        self.found.push(Reference {
            path: self.path.clone(),
            name,
        });
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Each => f.write_str("/*"),
            Step::Name(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
        })
    }
}

/// A path for an error message, whose steps are a stranger's words.
fn pointer(path: &[String]) -> String {
    const SHOWN: usize = 4 * MAX_NAME_BYTES;
    let mut pointer = String::new();
    for step in path {
        if pointer.len() > SHOWN {
            pointer.push_str("/...");
            break;
        }
        pointer.push('/');
        pointer.push_str(&shown(step.as_bytes()));
    }
    if pointer.is_empty() {
        pointer.push_str("its top");
    }
    pointer
}

fn unescaped(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(1)?;
        name.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{name, secret};

    fn places(pointers: &[&str]) -> Vec<Place> {
        let place = |pointer: &&str| Place::parse(pointer).unwrap();
        pointers.iter().map(place).collect()
    }

    fn lookup(name: &SecretName) -> Option<Secret> {
        match name.as_str() {
            "pw" => Some(secret("hunter2")),
            "key" => Some(secret("-----BEGIN \u{e9}")),
            "nested" => Some(secret(r#"{"$secret": "pw"}"#)),
            "bytes" => Some(secret(b"\xff")),
            _ => None,
        }
    }

    fn resolved(mut config: Value, pointers: &[&str]) -> Result<Value, ReferenceError> {
        let before = config.clone();
        match resolve(&mut config, &places(pointers), lookup) {
            Ok(()) => Ok(config),
            Err(error) => {
                assert_eq!(config, before);
                Err(error)
            }
        }
    }

    #[test]
    fn references_are_resolved_where_the_schema_marks_a_secret() {
        let config = json!({
            "plain": "secret:pw", "pw": {"$secret": "pw"}, "typed": "{{secret:pw}}",
            "servers": [{"pw": {"$secret": "key"}}, {"pw": "typed"}, {"pw": null}],
            "map": {"x": {"$secret": "pw"}, "y": [{"$secret": "nested"}]},
            "a/b~c": {"$secret": "pw"},
        });
        let pointers = ["/pw", "/servers/*/pw", "/map/*", "/a~1b~0c", "/not/there"];
        let want = json!({
            "plain": "secret:pw", "pw": "hunter2", "typed": "{{secret:pw}}",
            "servers": [{"pw": "-----BEGIN \u{e9}"}, {"pw": "typed"}, {"pw": null}],
            "map": {"x": "hunter2", "y": [r#"{"$secret": "pw"}"#]},
            "a/b~c": "hunter2",
        });
        assert_eq!(resolved(config.clone(), &pointers).unwrap(), want);
        let references = References::find(&config, &places(&pointers)).unwrap();
        let mut names: Vec<_> = references.names().map(SecretName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["key", "nested", "pw", "pw", "pw"]);
        let whole = resolved(json!({"$secret": "pw"}), &[""]).unwrap();
        assert_eq!(whole, json!("hunter2"));
    }

    #[test]
    fn a_reference_elsewhere_is_an_error() {
        let pointers = ["/pw", "/servers/0/pw"];
        for (config, place) in [
            (json!({"user": {"$secret": "pw"}}), "/user"),
            (
                json!({"servers": [{}, {"pw": {"$secret": "pw"}}]}),
                "/servers/1/pw",
            ),
            (json!({"servers": {"$secret": "pw"}}), "/servers"),
            (json!({"\u{1b}[2J": {"$secret": "pw"}}), "/?[2J"),
            (json!({"$secret": "pw"}), "its top"),
            (json!([{"$secret": "pw", "more": 1}]), "/0"),
        ] {
            let at = place.to_owned();
            let error = resolved(config, &pointers).unwrap_err();
            assert_eq!(error, ReferenceError::NotSecret { at });
        }
        // A place is no place for its neighbours.
        let error = resolved(json!({"pwd": {"$secret": "pw"}}), &pointers);
        assert!(matches!(error, Err(ReferenceError::NotSecret { .. })));
    }

    #[test]
    fn what_is_no_reference_is_not_taken_for_anything_else() {
        for wrong in [
            json!({"$secret": "pw", "more": 1}),
            json!({"$secret": 1}),
            json!({"$secret": null}),
            json!({"$secret": ""}),
            json!({"$secret": "a b"}),
            json!({"$secret": {"$secret": "pw"}}),
        ] {
            let error = resolved(json!({"pw": wrong}), &["/pw"]).unwrap_err();
            let at = "/pw".to_owned();
            assert_eq!(error, ReferenceError::Malformed { at });
        }
    }

    #[test]
    fn nothing_is_resolved_by_halves() {
        let config = |other: &str| json!({"a": {"$secret": "pw"}, "b": {"$secret": other}});
        let error = resolved(config("other"), &["/*"]).unwrap_err();
        let (at, other) = ("/b".to_owned(), name("other"));
        assert_eq!(error, ReferenceError::Unknown { at, name: other });
        let error = resolved(config("bytes"), &["/*"]).unwrap_err();
        assert_eq!(
            error,
            ReferenceError::NotText {
                name: name("bytes")
            }
        );
    }

    #[test]
    fn what_is_looked_through_is_bounded() {
        let nest = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(resolved(nest(MAX_DEPTH), &[]).unwrap(), nest(MAX_DEPTH));
        assert_eq!(
            resolved(nest(MAX_DEPTH + 1), &[]),
            Err(ReferenceError::TooDeep)
        );
        let many = vec![json!({"$secret": "pw"}); MAX_REFERENCES + 1];
        assert_eq!(resolved(json!(many), &["/*"]), Err(ReferenceError::TooMany));
        let long = "x".repeat(1000);
        let config = json!({&long: {&long: {&long: {&long: {&long: {"$secret": "pw"}}}}}});
        let error = resolved(config, &[]).unwrap_err().to_string();
        assert!(error.len() < 600, "{error}");
    }

    #[test]
    fn places_are_pointers() {
        for pointer in ["", "/", "/a", "/a/*/b", "/a~1b~0c", "/~01"] {
            assert_eq!(Place::parse(pointer).unwrap().to_string(), pointer);
        }
        for wrong in ["a", "a/b", "/~", "/~2", "/a~", "/~\u{e9}"] {
            Place::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn what_is_wiped_is_empty() {
        let mut config = json!({"a": ["x", {"b": "y"}], "c": 1});
        wipe(&mut config);
        assert_eq!(config, Value::Null);
    }
}
