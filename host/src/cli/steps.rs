//! `--call METHOD --input k=v --configure JSON --turns N …`: what is done with an instance, in the order
//! of the command line. Clap's derive knows no order between two options, so this is written by hand.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

/// Everything that is done, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepArgs(pub Vec<StepArg>);

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepArg {
    /// A call.
    Call(CallArg),
    /// A change of the configuration, as it was typed.
    Configure(String),
    /// So many turns of the loop, without the pauses between them.
    Turns(u32),
    /// A question for the shelves.
    Shelves,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallArg {
    /// A method, or the path of a shelf's node.
    pub node: String,
    /// Its inputs.
    pub inputs: Vec<(String, Given)>,
    /// Whether the inputs go to the guest whatever they are.
    pub unchecked: bool,
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
const TRY: &str = "try";
const INPUT: &str = "input";
const CONFIGURE: &str = "configure";
const TURNS: &str = "turns";
const SHELVES: &str = "shelves";
const HEADING: &str = "Steps, which run in the order in which they are given";

impl Args for StepArgs {
    fn augment_args(command: Command) -> Command {
        let step = |name: &'static str, value: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name(value)
                .action(ArgAction::Append)
                .help_heading(HEADING)
        };
        let call = step(CALL, "METHOD")
            .help("Call this method, or this node of a shelf by its path; may be repeated");
        let try_ = step(TRY, "METHOD").help(
            "Call a method with inputs that may be wrong: unknown, missing or of another type",
        );
        let input = step(INPUT, "NAME=VALUE")
            .value_parser(parse_input)
            .help("An input of the preceding call")
            .long_help(
                "An input of the preceding call. A value that is valid JSON is taken as JSON, and any \
                 other as text, as the type of the input asks; `@file` stands for the content of a \
                 file, and `@@x` for the text `@x`. An array may be typed as \
                 `{\"dtype\": \"u8\", \"shape\": [2, 1], \"data\": [1, 2]}`, or with one element for all \
                 as its `data`, and bytes as `data:image/png;base64,…`",
            );
        let configure = step(CONFIGURE, "JSON")
            .help("Change the configuration: a JSON object with what changes, or `@file`");
        let turns = step(TURNS, "N")
            .value_parser(value_parser!(u32))
            .help("Let the loop run this many turns, without the pauses between them");
        let shelves = Arg::new(SHELVES)
            .long(SHELVES)
            .num_args(0)
            .default_missing_value("")
            .action(ArgAction::Append)
            .help_heading(HEADING)
            .help("Print the paths of the nodes on the worker's shelves");
        command.args([call, try_, input, configure, turns, shelves])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Every value of the option `name`, and where on the command line it is.
fn placed<'a, T: Clone + Send + Sync + 'static>(
    matches: &'a ArgMatches,
    name: &str,
) -> impl Iterator<Item = (usize, &'a T)> {
    let values = matches.get_many::<T>(name).unwrap_or_default();
    matches.indices_of(name).unwrap_or_default().zip(values)
}

impl FromArgMatches for StepArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut steps = Self::default();
        steps.update_from_arg_matches(matches)?;
        Ok(steps)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let call = |node: &String, unchecked| {
            StepArg::Call(CallArg {
                node: node.clone(),
                inputs: Vec::new(),
                unchecked,
            })
        };
        let mut steps: Vec<(usize, StepArg)> = Vec::new();
        steps.extend(placed(matches, CALL).map(|(at, node)| (at, call(node, false))));
        steps.extend(placed(matches, TRY).map(|(at, node)| (at, call(node, true))));
        let configures = placed::<String>(matches, CONFIGURE);
        steps.extend(configures.map(|(at, json)| (at, StepArg::Configure(json.clone()))));
        steps.extend(placed(matches, TURNS).map(|(at, turns)| (at, StepArg::Turns(*turns))));
        let shelves = placed::<String>(matches, SHELVES);
        steps.extend(shelves.map(|(at, _)| (at, StepArg::Shelves)));
        steps.sort_by_key(|(at, _)| *at);
        for (at, input) in placed::<(String, Given)>(matches, INPUT) {
            let before = steps.iter_mut().rev().find(|(step, _)| *step < at);
            let Some((_, StepArg::Call(call))) = before else {
                let name = &input.0;
                let problem = format!("`--input {name}=…` has no `--call METHOD` before it\n");
                return Err(clap::Error::raw(
                    ErrorKind::MissingRequiredArgument,
                    problem,
                ));
            };
            call.inputs.push(input.clone());
        }
        self.0 = steps.into_iter().map(|(_, step)| step).collect();
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

    fn parse(line: &[&str]) -> Result<StepArgs, clap::Error> {
        let command = StepArgs::augment_args(Command::new("test").no_binary_name(true));
        StepArgs::from_arg_matches(&command.try_get_matches_from(line)?)
    }

    #[test]
    fn steps_keep_their_order_and_inputs_belong_to_the_call_before_them() {
        let line = [
            "--call",
            "a",
            "--input",
            "x=1",
            "--input=y=@f",
            "--turns",
            "3",
            "--try=b",
            "--input",
            "x=@@=",
            "--configure",
            "{}",
            "--shelves",
            "--call",
            "c",
        ];
        let StepArgs(steps) = parse(&line).unwrap();
        let text = |text: &str| Given::Text(text.to_owned());
        let call = |node: &str, inputs: &[(&str, Given)], unchecked| {
            let inputs = inputs.iter().cloned();
            StepArg::Call(CallArg {
                node: node.to_owned(),
                inputs: inputs
                    .map(|(name, given)| (name.to_owned(), given))
                    .collect(),
                unchecked,
            })
        };
        let a = [("x", text("1")), ("y", Given::File("f".into()))];
        let expected = [
            call("a", &a, false),
            StepArg::Turns(3),
            call("b", &[("x", text("@="))], true),
            StepArg::Configure("{}".to_owned()),
            StepArg::Shelves,
            call("c", &[], false),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn an_input_without_a_call_or_a_name_is_refused() {
        for line in [
            &["--input", "x=1", "--call", "a"][..],
            &["--call", "a", "--turns", "1", "--input", "x=1"],
        ] {
            let problem = parse(line).unwrap_err().to_string();
            assert!(
                problem.contains("no `--call METHOD` before it"),
                "{problem}"
            );
        }
        for wrong in ["x", "=1", "x=@"] {
            parse(&["--call", "a", "--input", wrong]).unwrap_err();
        }
        assert_eq!(parse(&[]).unwrap(), StepArgs::default());
    }
}
