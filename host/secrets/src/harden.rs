//! Taking the cheap ways to a process's memory away.

use std::io;

/// What could not be taken away.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// The limit of core dumps.
    #[error("core dumps of this process cannot be switched off (RLIMIT_CORE): {0}")]
    Core(#[source] io::Error),
    /// The mark that the process may be dumped.
    #[error("other processes cannot be kept from this one's memory (PR_SET_DUMPABLE): {0}")]
    Dumpable(#[source] io::Error),
}

/// Lets this process leave no core dump, and keeps other processes of the same user from its memory (`ptrace`,
/// `/proc/PID/mem`, `/proc/PID/environ`).
///
/// Call it in `main`, before a key is read. On systems other than Linux it only switches off core dumps.
///
/// What a caller has to know:
/// - It is for this process. A program that it starts may leave no core dump either, but can be read again.
/// - The files below `/proc/PID` belong to root from then on. Without root, opening `/proc/self/mem` fails, and so does
///   writing `/proc/self/uid_map`; `/proc/self/fd` goes on working within the process.
/// - Debuggers and profilers need root.
/// - Root reads everything all the same, and swap is not covered.
///
/// # Errors
/// When the system refuses. What was done by then stays done.
pub fn harden_process() -> Result<(), HardenError> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|error| HardenError::Core(error.into()))?;
    refuse_dumps()
}

#[cfg(target_os = "linux")]
fn refuse_dumps() -> Result<(), HardenError> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| HardenError::Dumpable(error.into()))
}

#[cfg(not(target_os = "linux"))]
fn refuse_dumps() -> Result<(), HardenError> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::env;
    use std::process::Command;

    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    const CHILD: &str = "EWH_SECRETS_TEST_HARDENS";
    const NAME: &str = "harden::tests::a_hardened_process_leaves_no_dump";

    /// In a process of its own, or the other tests could not look at their memory.
    #[test]
    fn a_hardened_process_leaves_no_dump() {
        if env::var_os(CHILD).is_none() {
            let mut child = Command::new(env::current_exe().unwrap());
            let ran = child.args(["--exact", NAME]).env(CHILD, "1").output();
            let ran = ran.unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(ran.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        super::harden_process().unwrap();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        let dumpable = dumpable_behavior().unwrap();
        assert_eq!(dumpable, DumpableBehavior::NotDumpable);
    }
}
