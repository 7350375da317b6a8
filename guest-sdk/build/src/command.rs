//! Runs a helper program for a bounded time and keeps what it said.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Lines of a failed program's output that go into the error.
const TAIL_LINES: usize = 12;

/// Where `program` is, if anywhere on the path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    in_one_of(&std::env::var_os("PATH")?, program)
}

/// Where `program` is, if in one of the directories that `path` lists.
pub(crate) fn in_one_of(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// A program that ended well.
pub(crate) struct Output {
    pub(crate) stdout: String,
}

/// Runs `command` to its end, or kills it when `limit` has passed. Failing is an error that holds
/// the end of what the program printed.
pub(crate) fn run(mut command: Command, limit: Duration) -> Result<Output, Error> {
    let line = display(&command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|source| not_started(&command, source))?;
    let (stdout, stderr) = match read_until(&mut child, Instant::now() + limit) {
        Some(output) => output,
        None => {
            end(&mut child, &line)?;
            let status = format!("no end after {} s", limit.as_secs());
            return Err(Error::Command {
                command: line,
                status,
                code: None,
                output: String::new(),
            });
        }
    };
    let status = child.wait().map_err(Error::io("wait for", &line))?;
    if status.success() {
        return Ok(Output { stdout });
    }
    Err(failed(line, status, &format!("{stdout}{stderr}")))
}

fn failed(command: String, status: ExitStatus, output: &str) -> Error {
    Error::Command {
        command,
        status: status.to_string(),
        code: status.code(),
        output: tail(output, TAIL_LINES),
    }
}

pub(crate) fn not_started(command: &Command, source: io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    Error::NoRust { program, source }
}

/// Both pipes, read by a thread each: a program that fills one while the other is read would hang.
/// `None` when the time was up first; the threads end when the pipes close.
fn read_until(child: &mut Child, deadline: Instant) -> Option<(String, String)> {
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let left = |now: Instant| deadline.saturating_duration_since(now);
    let stdout = stdout.recv_timeout(left(Instant::now())).ok()?;
    let stderr = stderr.recv_timeout(left(Instant::now())).ok()?;
    Some((stdout, stderr))
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        // Nobody listens any more when the time was up.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

fn end(child: &mut Child, line: &str) -> Result<(), Error> {
    child.kill().map_err(Error::io("end", line))?;
    child.wait().map_err(Error::io("wait for", line))?;
    Ok(())
}

/// The command as one would type it.
pub(crate) fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quote).collect::<Vec<_>>().join(" ")
}

/// One word as one would type it.
pub(crate) fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.into_iter().skip(from).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_can_be_typed() {
        let mut command = Command::new("cargo");
        command.args([
            "build",
            "--config",
            "a=['b c']",
            "",
            "-Zbuild-std=std,panic_abort",
        ]);
        let expected = r"cargo build --config 'a=['\''b c'\'']' '' -Zbuild-std=std,panic_abort";
        assert_eq!(display(&command), expected);
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
        assert_eq!(tail("", 2), "");
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_keeps_what_was_printed() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo why >&2; exit 3"]);
        let error = run(command, Duration::from_secs(60))
            .err()
            .map(|error| error.to_string());
        let error = error.unwrap();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("\n  out\n  why"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_without_end_is_ended() {
        let mut endless = Command::new("sh");
        endless.args(["-c", "while :; do :; done"]);
        let error = run(endless, Duration::from_millis(20)).err().unwrap();
        assert!(error.to_string().contains("no end after"), "{error}");
    }
}
