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
    /// Outputs that become files.
    pub saves: Vec<SaveArg>,
}

/// An output of a call that becomes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveArg {
    /// Its name; without one, the only output there is.
    pub output: Option<String>,
    /// Where to.
    pub file: PathBuf,
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
const SAVE: &str = "save";
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
        let save = step(SAVE, "[OUTPUT=]FILE")
            .value_parser(parse_save)
            .help("Save an output of the preceding call to a file")
            .long_help(
                "Save an output of the preceding call to a file: the only one there is, or the one that is \
                 named. Bytes and text are written as they are, an array as a file of numpy if FILE ends in \
                 .npy, and everything else as JSON. A file that is there already stays, unless --force is \
                 given. A file with `=` in its name follows a `=`, as in `--save =a=b.txt`",
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
        command.args([call, try_, input, save, configure, turns, shelves])
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
                saves: Vec::new(),
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
            let option = || format!("--input {}=…", input.0);
            call_before(&mut steps, at, option)?
                .inputs
                .push(input.clone());
        }
        for (at, save) in placed::<SaveArg>(matches, SAVE) {
            let option = || format!("--save {}", save.file.display());
            call_before(&mut steps, at, option)?
                .saves
                .push(save.clone());
        }
        self.0 = steps.into_iter().map(|(_, step)| step).collect();
        Ok(())
    }
}

/// The call that the option at `at` belongs to.
fn call_before(
    steps: &mut [(usize, StepArg)],
    at: usize,
    option: impl FnOnce() -> String,
) -> Result<&mut CallArg, clap::Error> {
    let before = steps.iter_mut().rev().find(|(step, _)| *step < at);
    match before {
        Some((_, StepArg::Call(call))) => Ok(call),
        _ => Err(clap::Error::raw(
            ErrorKind::MissingRequiredArgument,
            format!("`{}` has no `--call METHOD` before it\n", option()),
        )),
    }
}

fn parse_save(text: &str) -> Result<SaveArg, String> {
    let (output, file) = match text.split_once('=') {
        Some((output, file)) => (Some(output).filter(|name| !name.is_empty()), file),
        None => (None, text),
    };
    if file.is_empty() {
        return Err("write FILE or OUTPUT=FILE, such as `out.png`".to_owned());
    }
    Ok(SaveArg {
        output: output.map(str::to_owned),
        file: file.into(),
    })
}

/// What stands behind `--input`.
///
/// # Errors
/// What to write instead.
pub fn parse_input(text: &str) -> Result<(String, Given), String> {
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
                saves: Vec::new(),
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
    fn what_is_saved_belongs_to_the_call_before_it() {
        let line = [
            "--call=a",
            "--save",
            "x.png",
            "--save=y=b.npy",
            "--save==c=d",
            "--call=b",
        ];
        let StepArgs(steps) = parse(&line).unwrap();
        let save = |output: Option<&str>, file: &str| SaveArg {
            output: output.map(str::to_owned),
            file: file.into(),
        };
        let expected = [
            save(None, "x.png"),
            save(Some("y"), "b.npy"),
            save(None, "c=d"),
        ];
        let saves: Vec<_> = steps
            .iter()
            .map(|step| match step {
                StepArg::Call(call) => call.saves.as_slice(),
                _ => &[],
            })
            .collect();
        assert_eq!(saves, [&expected[..], &[]]);
        for line in [&["--save", "x"][..], &["--call=a", "--save", "x="]] {
            parse(line).unwrap_err();
        }
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
