//! What a component needs against what it may have: the intersection, or the list of what is
//! missing, before anything of the component runs.

use std::collections::BTreeMap;
use std::fmt;

use super::manifest::Manifest;
use super::{Capability, Granted, Policy};

/// One import of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The interface, such as `wasi:sockets/tcp@0.2.3`.
    pub interface: String,
    /// Whether it imports functions or resources, and not just types.
    pub callable: bool,
}

/// Capabilities that a component needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingGrants {
    /// What the component calls itself; may be empty.
    pub component: String,
    /// Each capability that is missing.
    pub missing: Vec<Missing>,
}

/// One capability that is missing, and which of the two keys is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub capability: Capability,
    /// The imports that need it; empty when it is only requested.
    pub imports: Vec<String>,
    /// The reason that the manifest gives, when it requests the capability.
    pub requested: Option<String>,
    /// Whether the policy grants it.
    pub granted: bool,
}

/// The capabilities that the component asks for and the policy grants.
///
/// # Errors
/// When the component imports or requests a capability that is not in both.
pub fn check_imports(
    imports: &[Import],
    manifest: &Manifest,
    policy: &Policy,
) -> Result<Granted, MissingGrants> {
    let mut needed: BTreeMap<Capability, Vec<String>> = manifest
        .requests
        .keys()
        .map(|capability| (*capability, Vec::new()))
        .collect();
    for import in imports.iter().filter(|import| import.callable) {
        let interface = import.interface.as_str();
        if let Some(capability) = Capability::of_interface(interface) {
            needed
                .entry(capability)
                .or_default()
                .push(interface.to_owned());
        }
    }
    let missing: Vec<_> = needed
        .into_iter()
        .map(|(capability, imports)| Missing {
            capability,
            imports,
            requested: manifest.requests.get(&capability).cloned(),
            granted: policy.grants(capability),
        })
        .filter(|need| need.requested.is_none() || !need.granted)
        .collect();
    if missing.is_empty() {
        Ok(policy.granted(manifest.requests.keys().copied()))
    } else {
        Err(MissingGrants {
            component: manifest.name.clone(),
            missing,
        })
    }
}

impl MissingGrants {
    /// What is missing, in one line: for who need not be told how to grant it.
    pub fn why(&self) -> String {
        let component = match self.component.as_str() {
            "" => "the component".to_owned(),
            name => format!("the component `{name}`"),
        };
        let missing: Vec<_> = self.missing.iter().map(Missing::to_string).collect();
        format!("{component} may not be loaded: {}", missing.join("; "))
    }
}

impl fmt::Display for MissingGrants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why())?;
        let to_grant: Vec<_> = self
            .missing
            .iter()
            .filter(|m| !m.granted)
            .map(|m| m.capability.example())
            .collect();
        if !to_grant.is_empty() {
            write!(
                f,
                ". To grant it, add to the policy:\n\n{}",
                to_grant.join("\n")
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.capability.name();
        match (&self.requested, self.granted) {
            (Some(reason), _) if reason.is_empty() => {
                write!(f, "it requests `{name}`, which the policy does not grant")
            }
            (Some(reason), _) => {
                write!(
                    f,
                    "it requests `{name}` ({reason}), which the policy does not grant"
                )
            }
            (None, granted) => {
                let imports = self.imports.join(", ");
                write!(
                    f,
                    "it imports {imports} but its manifest does not request `{name}`"
                )?;
                f.write_str(if granted {
                    "; its author has to add the request and build it again"
                } else {
                    ", and the policy does not grant it either; its author has to add the \
                     request and build it again"
                })
            }
        }
    }
}

impl std::error::Error for MissingGrants {}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(interface: &str) -> Import {
        Import {
            interface: interface.into(),
            callable: true,
        }
    }

    fn requesting(capabilities: &[Capability]) -> Manifest {
        Manifest {
            name: "demo".into(),
            requests: capabilities
                .iter()
                .map(|c| (*c, "because".to_owned()))
                .collect(),
            ..Manifest::default()
        }
    }

    fn policy(text: &str) -> Policy {
        Policy::parse(text, "test").unwrap()
    }

    const SERIAL: &str = "[[serial]]\nname = \"t\"\ndevice = \"/dev/ttyS0\"";

    #[test]
    fn a_capability_takes_both_keys() {
        let imports = [import("funcnodes:external-worker/serial@0.2.0")];
        let both = check_imports(
            &imports,
            &requesting(&[Capability::Serial]),
            &policy(SERIAL),
        );
        assert_eq!(both.unwrap().serial.len(), 1);

        let unrequested = check_imports(&imports, &requesting(&[]), &policy(SERIAL)).unwrap_err();
        assert!(unrequested.missing[0].granted);
        assert!(
            unrequested
                .to_string()
                .contains("does not request `serial`")
        );

        let ungranted =
            check_imports(&imports, &requesting(&[Capability::Serial]), &policy("")).unwrap_err();
        let text = ungranted.to_string();
        assert!(
            text.contains("`serial` (because)") && text.contains("[[serial]]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_granted_but_not_requested_is_not_had() {
        let granted = check_imports(&[], &requesting(&[]), &policy(SERIAL)).unwrap();
        assert_eq!(granted, Granted::default());
    }

    #[test]
    fn types_and_ever_present_interfaces_need_no_grant() {
        let types = Import {
            interface: "wasi:sockets/network@0.2.0".into(),
            callable: false,
        };
        let imports = [
            types,
            import("wasi:cli/environment@0.2.6"),
            import("wasi:io/streams@0.2.6"),
            import("wasi:filesystem/preopens@0.2.6"),
            import("wasi:random/insecure-seed@0.2.6"),
            import("funcnodes:external-worker/host@0.2.0"),
        ];
        check_imports(&imports, &requesting(&[]), &policy("")).unwrap();
    }

    #[test]
    fn every_capability_that_is_missing_is_named_once() {
        let imports = [
            import("wasi:sockets/tcp@0.2.0"),
            import("wasi:sockets/udp@0.2.0"),
            import("wasi:http/client@0.3.0"),
        ];
        let requests = requesting(&[Capability::Sockets, Capability::Files]);
        let missing = check_imports(&imports, &requests, &policy("")).unwrap_err();
        let names: Vec<_> = missing
            .missing
            .iter()
            .map(|m| m.capability.name())
            .collect();
        assert_eq!(names, ["files", "sockets", "http"]);
    }

    #[test]
    fn every_example_is_a_policy_that_grants_its_capability() {
        for capability in Capability::ALL {
            let policy = policy(capability.example());
            assert!(policy.grants(capability), "{}", capability.name());
        }
    }
}
