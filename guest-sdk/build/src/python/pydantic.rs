//! The pydantic that the runtime has: the real one, whose core is compiled for WebAssembly once on a machine, or the
//! small one of this program where nothing here compiles it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command;
use crate::error::Error;
use crate::lock::lock;
use crate::progress::Progress;

/// The variable that chooses the small one, where it says `small`.
pub const PYDANTIC: &str = "EWH_PYDANTIC";

/// It takes some minutes, and much longer beside other work.
const BUILD_TIME: Duration = Duration::from_secs(1800);
/// The status of a build that says that nothing here compiles for WebAssembly.
const CANNOT: i32 = 3;

/// Whether the small one is asked for.
pub(super) fn is_small() -> bool {
    std::env::var_os(PYDANTIC).is_some_and(|choice| choice == "small")
}

/// The folder that the runtime takes its pydantic from. The packages are in `sdk`, the tools in `bin`; what was
/// compiled is kept in `kept`.
pub(super) fn find(
    sdk: &Path,
    bin: &Path,
    kept: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, Error> {
    let small = sdk.join("fallback");
    if is_small() {
        return Ok(small);
    }
    let waiting = "waiting for another process that compiles pydantic";
    let _lock = lock(&kept.join("lock"), waiting, progress)?;
    let site = kept.join("site");
    let mut build = Command::new(bin.join("python"));
    build.arg(sdk.join("runtime/build_pydantic.py"));
    build.arg("--out").arg(&site);
    build.arg("--work").arg(kept.join("work"));
    build.arg("--componentize").arg(bin.join("componentize-py"));
    // What the runtime is made of is tried by making it.
    build.arg("--no-trial");
    progress.command(&command::display(&build));
    match command::run(build, BUILD_TIME) {
        Ok(_) => {
            // What it was compiled in is large, and of no more use.
            let _ = fs::remove_dir_all(kept.join("work"));
            Ok(site)
        }
        Err(error) => {
            let why = match &error {
                Error::Command {
                    code: Some(CANNOT),
                    output,
                    ..
                } => output.lines().next().unwrap_or_default().to_owned(),
                other => other.to_string(),
            };
            let why = why.trim_start_matches("error: ");
            progress.note(&format!(
                "the small pydantic of this program takes the place of the real one, which cannot be compiled: {why}"
            ));
            Ok(small)
        }
    }
}
