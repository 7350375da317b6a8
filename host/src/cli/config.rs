//! The configuration file of `ewh serve`: a line for each option, so that a service has one place for all of them. What
//! the command line says goes before the environment, and that before the file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Subcommand};
use toml::{Table, Value};

use super::Cli;
use super::error::{CliError, Exit};
use super::files;
use super::output::Output;
use crate::limits::{MAX_POLICY_BYTES, MAX_SHOWN_CHARS};
use crate::policy::nearest;
use crate::text;

/// The command whose options a file may have.
const COMMAND: &str = "serve";
/// Options that no file has, each with what to do instead.
const NOT_HERE: [(&str, &str); 3] = [
    (
        "token",
        "a file that others may read is no place for it; set the environment variable EWH_TOKEN",
    ),
    ("config", "a file does not name another"),
    ("help", "type `ewh serve --help`"),
];

/// Check a configuration file
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with a configuration file, or what `ewh serve --config` would make of it
    Check(CheckCommand),
}

/// Say what is wrong with a configuration file, or what `ewh serve --config` would make of it
#[derive(Debug, Args)]
pub struct CheckCommand {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl ConfigCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let Self::Check(CheckCommand { file }) = self;
        let table = read(&file)?;
        let begun = ["ewh", COMMAND].map(OsString::from);
        let arguments = with_table(begun.to_vec(), &table).map_err(|it| wrong(&file, &it))?;
        parse(&arguments, &file)?;
        for argument in arguments.iter().skip(2) {
            output.print(&argument.to_string_lossy())?;
        }
        Ok(Exit::Ok)
    }
}

/// This command line with what `file` adds to it, and that.
///
/// # Errors
/// When the file cannot be read, or is wrong: where, and what to write instead.
pub(super) fn with_file(arguments: Vec<OsString>, file: &Path) -> Result<(Cli, Table), CliError> {
    let table = read(file)?;
    let arguments = with_table(arguments, &table).map_err(|problem| wrong(file, &problem))?;
    Ok((parse(&arguments, file)?, table))
}

/// What is in a configuration file.
///
/// # Errors
/// When it cannot be read, or is no TOML.
pub(super) fn read(file: &Path) -> Result<Table, CliError> {
    let text = files::read_text(file, "configuration file", MAX_POLICY_BYTES)?;
    let parsed = text::without_mark(&text).parse::<Table>();
    parsed.map_err(|error| wrong(file, error.to_string().trim_end()))
}

fn wrong(file: &Path, problem: &str) -> CliError {
    CliError::Usage(format!("{}: {problem}", file.display()))
}

fn parse(arguments: &[OsString], file: &Path) -> Result<Cli, CliError> {
    let matches = Cli::command().try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| wrong(file, error.to_string().trim_end()))
}

/// `arguments`, and those of `table` that nobody gave otherwise.
fn with_table(mut arguments: Vec<OsString>, table: &Table) -> Result<Vec<OsString>, String> {
    let mut command = Cli::command();
    command.build();
    let matches = command
        .clone()
        .try_get_matches_from(&arguments)
        .map_err(|error| error.to_string())?;
    let Some((COMMAND, given)) = matches.subcommand() else {
        return Err(format!("it is for `ewh {COMMAND}`"));
    };
    let Some(command) = command.find_subcommand(COMMAND) else {
        return Err(format!("there is no `ewh {COMMAND}`"));
    };
    let options: Vec<_> = command
        .get_arguments()
        .filter_map(|option| Some((option.get_long()?, option.get_id().as_str())))
        .collect();
    for (key, value) in table {
        if let Some((_, instead)) = NOT_HERE.iter().find(|(name, _)| name == key) {
            return Err(format!("`{key}` cannot be here: {instead}"));
        }
        let known = options.iter().find(|(long, _)| long == key);
        let Some((_, id)) = known else {
            return Err(unknown(key, options.iter().map(|(long, _)| *long)));
        };
        let is_given = matches!(
            given.value_source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        );
        if !is_given {
            arguments.extend(options_of(key, value)?);
        }
    }
    Ok(arguments)
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    let meant = nearest(key, known).map(|known| format!("; did you mean `{known}`?"));
    let key = text::spelled(key, MAX_SHOWN_CHARS);
    format!(
        "`{key}` is no option of `ewh {COMMAND}`{}",
        meant.unwrap_or_default()
    )
}

fn options_of(key: &str, value: &Value) -> Result<Vec<OsString>, String> {
    let option = |text: &str| OsString::from(format!("--{key}={text}"));
    match value {
        Value::Boolean(true) => Ok(vec![format!("--{key}").into()]),
        Value::Boolean(false) => Ok(Vec::new()),
        Value::String(text) => Ok(vec![option(text)]),
        Value::Integer(number) => Ok(vec![option(&number.to_string())]),
        Value::Float(number) => Ok(vec![option(&number.to_string())]),
        Value::Array(values) if values.iter().all(Value::is_str) => {
            let texts = values.iter().filter_map(Value::as_str);
            Ok(texts.map(option).collect())
        }
        _ => Err(format!(
            "`{key}` has to be a text, a number, true or false, or a list of texts"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(given: &[&str], text: &str) -> Result<Vec<String>, String> {
        let given = ["ewh", "serve"].iter().chain(given).map(OsString::from);
        let all = with_table(given.collect(), &text.parse().unwrap())?;
        let text = |argument: OsString| argument.into_string().unwrap();
        Ok(all.into_iter().skip(2).map(text).collect())
    }

    #[test]
    fn a_file_says_what_nobody_else_does() {
        let file = "port = 9400\nallow-origin = [\"null\", \"http://a.example\"]\nno-cache = true\n\
                    allow-weaker-isolation = false\n";
        assert_eq!(
            merged(&["--port", "1"], file).unwrap(),
            [
                "--port",
                "1",
                "--allow-origin=null",
                "--allow-origin=http://a.example",
                "--no-cache"
            ]
        );
        assert!(
            merged(&[], file)
                .unwrap()
                .contains(&"--port=9400".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (file, part) in [
            ("prot = 1", "did you mean `port`?"),
            ("token = \"x\"", "EWH_TOKEN"),
            ("config = \"x\"", "does not name another"),
            ("port = { a = 1 }", "has to be a text"),
            ("port = [1]", "has to be a text"),
        ] {
            let problem = merged(&[], file).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ewh.toml");
        let check = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let arguments = vec!["ewh".into(), "serve".into()];
            with_file(arguments, &file)
                .map(drop)
                .map_err(|it| it.to_string())
        };
        check("port = 9400").unwrap();
        check("control = \"127.0.0.1:0\"\ntenants = \"a\"").unwrap();
        for (text, part) in [
            ("port = 70000", "70000 is not in 0..=65535"),
            ("port = ", "line 1"),
            ("tenants = \"a\"\nport = 1", "cannot be used with"),
        ] {
            let problem = check(text).unwrap_err();
            assert!(
                problem.contains(part) && problem.contains("ewh.toml"),
                "{problem}"
            );
        }
    }
}
