//! Files, devices, TCP ports and signals: what the kernel decides by landlock.

use std::collections::BTreeSet;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, make_bitflags,
};

use super::reach::NAMES;
use super::{ConfineError, Reach};
use crate::capability::reach::is_every;

/// What is asked of the kernel, as far as it can; what older ones lack is in [`missing`].
const NEWEST: ABI = ABI::V7;

impl From<RulesetError> for ConfineError {
    fn from(error: RulesetError) -> Self {
        Self::Landlock(error.to_string())
    }
}

/// Leaves `reach` to this thread and those that it starts; new privileges are gone, too.
pub(super) fn restrict(reach: &Reach, allow_weaker: bool) -> Result<(), ConfineError> {
    let status = rules(reach)?.restrict_self()?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::NotEnforced if !allow_weaker => Err(ConfineError::NoLandlock),
        _ => {
            let missing = missing(&status);
            tracing::warn!(
                "the kernel is too old for full isolation; it does not isolate: {missing}"
            );
            Ok(())
        }
    }
}

fn rules(reach: &Reach) -> Result<RulesetCreated, ConfineError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    let ports = [
        (AccessNet::ConnectTcp, &reach.connect),
        (AccessNet::BindTcp, &reach.bind),
    ];
    // Who keeps the process does both for it, and is not held by this.
    let none = BTreeSet::new();
    let left = ports.map(|(access, ports)| match reach.is_brokered {
        true => (access, Some(&none)),
        false => (access, (!is_every(ports)).then_some(ports)),
    });
    for (access, _) in left.iter().filter(|(_, ports)| ports.is_some()) {
        ruleset = ruleset.handle_access(*access)?;
    }
    let mut rules = ruleset.create()?;
    for (access, ports) in left {
        rules = allow_ports(rules, access, ports.into_iter().flatten())?;
    }
    let update = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let make = make_bitflags!(AccessFs::{
        MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir | Refer
    });
    let paths = [
        (&reach.read, read),
        (&reach.write, read | update | make),
        (&reach.update, update),
    ];
    for (paths, access) in paths {
        for path in paths {
            rules = allow_path(rules, path, access)?;
        }
    }
    // Where names lead is no tenant's secret: one that asks for its sockets may be granted a name at any time.
    if reach.names || reach.is_brokered {
        for path in NAMES {
            rules = allow_path(rules, path.as_ref(), read)?;
        }
    }
    if !reach.is_brokered {
        for path in &reach.devices {
            rules = allow_path(rules, path, device)?;
        }
    }
    Ok(rules)
}

fn allow_ports<'a>(
    mut rules: RulesetCreated,
    access: AccessNet,
    ports: impl Iterator<Item = &'a u16>,
) -> Result<RulesetCreated, ConfineError> {
    for port in ports {
        rules = rules.add_rule(NetPort::new(*port, access))?;
    }
    Ok(rules)
}

/// What is not there is not reached: it may come later, and be anything.
fn allow_path(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, ConfineError> {
    let Ok(fd) = PathFd::new(path) else {
        tracing::debug!(
            "{} does not exist, so it stays out of reach",
            path.display()
        );
        return Ok(rules);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    Ok(rules.add_rule(PathBeneath::new(fd, access))?)
}

/// What each version of landlock brought, for kernels that are older.
fn missing(status: &RestrictionStatus) -> String {
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        _ => ABI::Unsupported,
    };
    let brought: BTreeSet<(ABI, &str)> = [
        (ABI::V1, "files of the host (Linux 5.13)"),
        (ABI::V3, "truncating files that are read-only (6.2)"),
        (ABI::V4, "TCP ports (6.7)"),
        (ABI::V5, "requests to devices (6.10)"),
        (ABI::V6, "signals to other processes (6.12)"),
    ]
    .into();
    let missing = brought.into_iter().filter(|(since, _)| *since > abi);
    missing.map(|(_, what)| what).collect::<Vec<_>>().join(", ")
}
