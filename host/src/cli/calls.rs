//! `--call METHOD --input k=v …`: calls in the order of the command line, each with the inputs that
//! follow it. Clap's derive knows no order between two options, so this is written by hand.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// All calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallArgs(pub Vec<CallArg>);

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallArg {
    /// A method, or the path of a shelf's node.
    pub node: String,
    /// Its inputs.
    pub inputs: Vec<(String, Given)>,
}

/// What stands behind `k=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A text.
    Text(String),
    /// The content of a file.
    File(PathBuf),
}

const CALL: &str = "call";
const INPUT: &str = "input";
const HEADING: &str = "Calls";

impl Args for CallArgs {
    fn augment_args(command: Command) -> Command {
        let call = Arg::new(CALL)
            .long(CALL)
            .value_name("METHOD")
            .action(ArgAction::Append)
            .help_heading(HEADING)
            .help("Call this method, or this node of a shelf by its path; may be repeated");
        let input = Arg::new(INPUT)
            .long(INPUT)
            .value_name("NAME=VALUE")
            .action(ArgAction::Append)
            .value_parser(parse_input)
            .help_heading(HEADING)
            .help("An input of the call before it")
            .long_help(
                "An input of the call before it. The value is JSON if it is JSON, else text, as \
                 the input's type asks; `@file` is the content of a file, `@@x` the text `@x`",
            );
        command.arg(call).arg(input)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CallArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut calls = Self::default();
        calls.update_from_arg_matches(matches)?;
        Ok(calls)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let calls = matches.get_many::<String>(CALL).unwrap_or_default();
        let mut calls: Vec<(usize, CallArg)> = matches
            .indices_of(CALL)
            .unwrap_or_default()
            .zip(calls)
            .map(|(at, node)| {
                (
                    at,
                    CallArg {
                        node: node.clone(),
                        inputs: Vec::new(),
                    },
                )
            })
            .collect();
        let inputs = matches
            .get_many::<(String, Given)>(INPUT)
            .unwrap_or_default();
        for (at, input) in matches.indices_of(INPUT).unwrap_or_default().zip(inputs) {
            let Some((_, call)) = calls.iter_mut().rev().find(|(call, _)| *call < at) else {
                let name = &input.0;
                let problem = format!("`--input {name}=…` has no `--call METHOD` before it\n");
                return Err(clap::Error::raw(
                    ErrorKind::MissingRequiredArgument,
                    problem,
                ));
            };
            call.inputs.push(input.clone());
        }
        self.0 = calls.into_iter().map(|(_, call)| call).collect();
        Ok(())
    }
}

fn parse_input(text: &str) -> Result<(String, Given), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write NAME=VALUE, such as `mode=fast`")?;
    let given = match value.strip_prefix('@') {
        Some("") => {
            return Err("a file name has to follow the `@`; `@@` is the text `@`".to_owned());
        }
        Some(rest) if rest.starts_with('@') => Given::Text(rest.to_owned()),
        Some(path) => Given::File(path.into()),
        None => Given::Text(value.to_owned()),
    };
    Ok((name.to_owned(), given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<CallArgs, clap::Error> {
        let command = CallArgs::augment_args(Command::new("test").no_binary_name(true));
        CallArgs::from_arg_matches(&command.try_get_matches_from(line)?)
    }

    #[test]
    fn inputs_belong_to_the_call_before_them() {
        let line = [
            "--call",
            "a",
            "--input",
            "x=1",
            "--input=y=@f",
            "--call=b",
            "--input",
            "x=@@=",
        ];
        let CallArgs(calls) = parse(&line).unwrap();
        let [a, b] = calls.as_slice() else {
            panic!("{calls:?}")
        };
        assert_eq!(a.node, "a");
        let text = |text: &str| Given::Text(text.to_owned());
        assert_eq!(
            a.inputs,
            [
                ("x".to_owned(), text("1")),
                ("y".to_owned(), Given::File("f".into())),
            ]
        );
        assert_eq!(b.inputs, [("x".to_owned(), text("@="))]);
    }

    #[test]
    fn an_input_without_a_call_or_a_name_is_refused() {
        let problem = parse(&["--input", "x=1", "--call", "a"])
            .unwrap_err()
            .to_string();
        assert!(
            problem.contains("no `--call METHOD` before it"),
            "{problem}"
        );
        for wrong in ["x", "=1", "x=@"] {
            parse(&["--call", "a", "--input", wrong]).unwrap_err();
        }
        assert_eq!(parse(&[]).unwrap(), CallArgs::default());
    }
}
