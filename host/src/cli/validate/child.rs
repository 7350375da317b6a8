//! Compiling and running a component to check it, in a process of its own: what it takes of memory and
//! time ends that process, and is a finding.
//!
//! The parent starts itself as `ewh validate-one`, writes the component to its standard input, and reads
//! lines of JSON from its standard output: what each check found, as soon as it came to its end. So what
//! is known is kept when a later check ends the process.
//!
//! Compiling is where a small file can do harm, and to run a component in order to check it is to run
//! it. So the process limits itself before it reads a byte of one. It ends with its parent.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::super::error::Exit;
use super::super::program::this_program;
use super::super::shown;
use super::line::{UnderWay, heard, under_way};
use super::verdict::Check;
use super::{Level, Trial};
use crate::cli::remote::TOKEN_VARIABLE;
use crate::limits;
use crate::registry::SECRET_VARIABLES;
use crate::validate::finding::{self, Finding};

/// How the process came to its end.
enum Ended {
    By(ExitStatus),
    /// It did not, and was ended.
    Late,
    /// It could not be had.
    Never(io::Error),
}

/// Makes the checks from [`Level::Load`] up to that of the trial, of the component of these bytes, which is
/// called `name`, in a process of its own. `arguments` are those of the cache; `told` hears how far it is.
pub(super) async fn check(
    name: &Path,
    bytes: &[u8],
    trial: &Trial,
    arguments: &[OsString],
    told: &(dyn Fn(UnderWay) + Sync),
) -> Vec<Check> {
    let begin = Instant::now();
    let mut said = Vec::new();
    let ended = match run(name, bytes, trial, arguments, &mut said, told).await {
        Ok(ended) => ended,
        Err(error) => Ended::Never(error),
    };
    let (mut checks, failed) = heard(&said);
    checks.retain(|check| check.level > Level::Static && check.level <= trial.level);
    checks.dedup_by_key(|check| check.level);
    let took: Duration = checks.iter().map(|check| check.time).sum();
    for level in [Level::Load, Level::Exercise] {
        if level > trial.level || checks.iter().any(|check| check.level == level) {
            continue;
        }
        let is_over = checks
            .iter()
            .any(|check| check.skipped.is_some() || ends(check));
        checks.push(match &ended {
            _ if is_over => Check::skipped(level, "the check before it did not come to its end"),
            Ended::By(status) if status.success() => {
                Check::skipped(level, "it does not start before what was found is mended")
            }
            _ => {
                let finding = missing(level, &ended, failed.as_deref(), trial);
                Check::new(level, begin.elapsed().saturating_sub(took), vec![finding])
            }
        });
    }
    let is_well = matches!(&ended, Ended::By(status) if status.success());
    if let (false, Some(last)) = (is_well || checks.iter().any(ends), checks.last_mut()) {
        let finding = missing(last.level, &ended, failed.as_deref(), trial);
        last.findings.push(finding);
    }
    checks
}

/// Whether no check follows this one, since the process is no more.
fn ends(check: &Check) -> bool {
    let codes = [
        &finding::CHECK_DIED,
        &finding::TOO_COSTLY,
        &finding::NOT_CHECKED,
    ];
    let mut findings = check.findings.iter();
    findings.any(|finding| codes.contains(&finding.code))
}

async fn run(
    name: &Path,
    bytes: &[u8],
    trial: &Trial,
    arguments: &[OsString],
    said: &mut Vec<u8>,
    told: &(dyn Fn(UnderWay) + Sync),
) -> io::Result<Ended> {
    let mut child = command(name, trial, arguments)?.spawn()?;
    let most = trial.limit.saturating_mul(limits::CHECK_PATIENCE);
    if let Ok(ended) = timeout(most, talk(&mut child, bytes, said, told)).await {
        return Ok(Ended::By(ended?));
    }
    child.kill().await?;
    Ok(Ended::Late)
}

async fn talk(
    child: &mut Child,
    bytes: &[u8],
    said: &mut Vec<u8>,
    told: &(dyn Fn(UnderWay) + Sync),
) -> io::Result<ExitStatus> {
    let (to_child, from_child) = (child.stdin.take(), child.stdout.take());
    let write = async {
        if let Some(mut to_child) = to_child {
            // One that ends before it has read everything says why.
            let _ = to_child.write_all(bytes).await;
        }
    };
    let read = async {
        let Some(mut from_child) = from_child else {
            return Ok(());
        };
        let mut before = 0;
        while before < limits::MAX_CHECKED_BYTES && from_child.read_buf(said).await? > 0 {
            if let Some(at) = under_way(said, before) {
                told(at);
            }
            before = said.len();
        }
        Ok::<_, io::Error>(())
    };
    let ((), read) = tokio::join!(write, read);
    read?;
    child.wait().await
}

fn command(name: &Path, trial: &Trial, arguments: &[OsString]) -> io::Result<Command> {
    let mut command = Command::new(this_program()?);
    let spelled = |value: Option<clap::builder::PossibleValue>| {
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    command
        .arg("validate-one")
        .args(arguments)
        .args(["--parent", &std::process::id().to_string()])
        .args(["--level", &spelled(trial.level.to_possible_value())])
        .arg("--devices")
        .arg(trial.devices.written())
        .args(["--seed", &trial.seed.to_string()])
        .args(["--memory", &trial.memory.as_u64().to_string()])
        .args(["--cpu", &format!("{}s", trial.cpu.as_secs())])
        .args(["--limit", &format!("{}s", trial.limit.as_secs_f64())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What a terminal tells everybody, the parent answers.
        .process_group(0)
        .kill_on_drop(true);
    // It runs a stranger's code.
    for name in SECRET_VARIABLES.into_iter().chain([TOKEN_VARIABLE]) {
        command.env_remove(name);
    }
    if let Some(least) = trial.min_reached {
        command.args(["--min-reached", &least.to_string()]);
    }
    if let Some(policy) = &trial.policy {
        command.arg("--policy").arg(policy);
    }
    command.arg("--").arg(name);
    Ok(command)
}

/// Why a check did not come to its end.
fn missing(level: Level, ended: &Ended, failed: Option<&str>, trial: &Trial) -> Finding {
    let code = match level {
        Level::Exercise => &finding::CHECK_DIED,
        Level::Static | Level::Load => &finding::TOO_COSTLY,
    };
    let what = match level {
        Level::Exercise => "the process that ran it",
        Level::Static | Level::Load => "the process that compiled it",
    };
    match ended {
        Ended::Never(error) => not_checked(&format!("no process could check it: {error}")),
        Ended::By(status) if is_refusal(*status) => {
            not_checked(failed.unwrap_or("the process that checked it did not say why"))
        }
        Ended::Late => Finding::new(
            code,
            format!(
                "{what} was ended, since it went on for {} times the limit of {}",
                limits::CHECK_PATIENCE,
                shown::duration(trial.limit)
            ),
            "raise --limit if it is known to need more",
        ),
        Ended::By(status) => {
            let (memory, cpu) = (trial.memory, shown::duration(trial.cpu));
            let fix = match level {
                Level::Exercise => {
                    "do not run it; raise --memory or --cpu if it is known to need more"
                }
                Level::Static | Level::Load => {
                    "make its functions smaller, or raise --memory or --cpu"
                }
            };
            let limits = format!("the limits are {memory} of memory and {cpu} of processor time");
            Finding::new(code, format!("{what} ended with {status}; {limits}"), fix)
        }
    }
}

/// Whether it ended with one of the documented codes: it was able to say what went wrong.
fn is_refusal(status: ExitStatus) -> bool {
    let code = status.code();
    code.is_some_and(|code| Exit::ALL.iter().any(|exit| i32::from(exit.code()) == code))
}

fn not_checked(problem: &str) -> Finding {
    let fix = "mend that, and check it again";
    Finding::new(&finding::NOT_CHECKED, problem, fix)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::super::super::devices::DevicesArg;
    use super::*;

    fn trial() -> Trial {
        Trial {
            policy: None,
            level: Level::Exercise,
            devices: DevicesArg::Simulated,
            seed: 0,
            min_reached: None,
            memory: limits::CHECK_MEMORY,
            cpu: Duration::from_secs(300),
            limit: limits::CHECK_LIMIT,
        }
    }

    #[test]
    fn a_check_that_did_not_come_to_its_end_says_why() {
        let (killed, refused) = (ExitStatus::from_raw(9), ExitStatus::from_raw(2 << 8));
        for (level, ended, code, part) in [
            (Level::Load, Ended::By(killed), "too-costly", "SIGKILL"),
            (Level::Exercise, Ended::By(killed), "check-died", "SIGKILL"),
            (Level::Load, Ended::Late, "too-costly", "2 times the limit"),
            (
                Level::Exercise,
                Ended::Late,
                "check-died",
                "2 times the limit",
            ),
            (Level::Load, Ended::By(refused), "not-checked", "no place"),
            (
                Level::Load,
                Ended::Never(io::ErrorKind::OutOfMemory.into()),
                "not-checked",
                "out of memory",
            ),
        ] {
            let finding = missing(level, &ended, Some("there was no place"), &trial());
            assert_eq!(finding.code.name, code);
            assert!(finding.problem.contains(part), "{}", finding.problem);
        }
    }
}
