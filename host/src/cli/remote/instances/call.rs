//! `ewh instances call`: a method of an external worker, called by hand.

use std::collections::BTreeMap;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::Known;
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::output::Output;
use crate::cli::remote::client::Request;
use crate::cli::remote::{TenantArgs, word};
use crate::cli::steps::{Given, parse_input};
use crate::limits::MIB;

/// Bytes of a file that is an input: what the API takes in all.
const MAX_INPUT_BYTES: u64 = MIB;

/// Call a method of an external worker
#[derive(Debug, Args)]
pub struct CallCommand {
    /// The uuid or the name of the external worker
    instance: String,
    /// The method
    method: String,
    /// An input: a value that is valid JSON is taken as JSON, and any other as text; `@file` stands for the text of a
    /// file, and `@@x` for the text `@x`; may be repeated
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = parse_input)]
    inputs: Vec<(String, Given)>,
    #[command(flatten)]
    of: TenantArgs,
}

/// What a method returned.
#[derive(Serialize, Deserialize)]
struct Returned {
    outputs: BTreeMap<String, Json>,
}

impl CallCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let inputs = inputs(&self.inputs)?;
        let known = Known::find(self.instance, &self.of, output, cache)?;
        let what = known.what(&format!("call `{}` of", self.method));
        let request = Request::post(what, known.route(&["methods", &self.method]));
        let request = request.json(&json!({ "inputs": inputs })).of_guest();
        let returned: Returned = known.remote.ask(request)?;
        if output.is_json() {
            output.print_json(&returned)?;
            return Ok(Exit::Ok);
        }
        for (name, value) in &returned.outputs {
            output.print(&format!("{} = {}", word(name), value_line(value)))?;
        }
        Ok(Exit::Ok)
    }
}

/// A value on one line.
fn value_line(value: &Json) -> String {
    crate::text::clean_line(&value.to_string(), usize::MAX)
}

fn inputs(given: &[(String, Given)]) -> Result<Map<String, Json>, CliError> {
    let mut inputs = Map::new();
    for (name, given) in given {
        let text = match given {
            Given::Text(text) => text.clone(),
            Given::File(path) => {
                files::read_text(path, &format!("input `{name}`"), MAX_INPUT_BYTES)?
            }
        };
        let value = serde_json::from_str(&text).unwrap_or(Json::String(text));
        if inputs.insert(name.clone(), value).is_some() {
            let problem = format!("the input `{name}` is given twice; leave one out");
            return Err(CliError::Usage(problem));
        }
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_else_text() {
        let text = |name: &str, text: &str| (name.to_owned(), Given::Text(text.to_owned()));
        let read = inputs(&[text("a", "1.5"), text("b", "fast"), text("c", "[1]")]).unwrap();
        assert_eq!(Json::Object(read), json!({"a": 1.5, "b": "fast", "c": [1]}));
        let problem = inputs(&[text("a", "1"), text("a", "2")]).unwrap_err();
        assert!(problem.to_string().contains("given twice"), "{problem}");
    }
}
