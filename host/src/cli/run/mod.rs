//! `ewh run`: one component, one instance, live; what an author runs while writing, and a script
//! that wants one call.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::Value as Json;

use super::error::{CliError, Exit};
use super::output::Output;
use super::steps::{CallArg, Given, StepArg, StepArgs};
use super::{CacheOptions, devices, duration, load};
use crate::component::PreparedComponent;
use crate::executor::Simulated;
use crate::simulate::{Behaviour, Bench};

mod plan;
mod reporter;
mod save;
mod session;

pub(super) use plan::config;

/// Run one external worker and watch it
///
/// Loads the component, starts one instance, takes the steps in their order, and stops it: after
/// `--for`, or after the steps when there is no `--for`, or at Ctrl-C. The log, events, denials
/// and the state of the loop go to standard error, and results of calls to standard output. With
/// `--json` everything goes to standard output, one JSON object per line, each with a `type`.
#[derive(Debug, Args)]
pub struct RunCommand {
    /// The component, such as a file that `ewh build` made
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// The policy that grants capabilities; without one, nothing is granted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Grant what the component requests, with simulated devices that behave in this way. Time is simulated, too,
    /// if there are steps or `--for`: the instance does not wait, it has waited
    #[arg(
        long,
        value_name = "HOW",
        value_parser = behaviour(),
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "echo",
        conflicts_with = "policy"
    )]
    simulate: Option<Behaviour>,
    /// Let the devices that the scripts in this directory describe answer as these say; --simulate says what
    /// others do
    #[arg(long, value_name = "DIR", requires = "simulate")]
    devices: Option<PathBuf>,
    /// The seed of the random choices of simulated devices
    #[arg(long, value_name = "N", default_value_t = 0, requires = "simulate")]
    seed: u64,
    /// The class to run; required if the component has several
    #[arg(long, value_name = "ID")]
    class: Option<String>,
    /// The name of the instance [default: the class id]
    #[arg(long)]
    name: Option<String>,
    /// The configuration, as a JSON object or as `@file`; a field that is left out has its default
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// The instance's own folder, if the policy grants `data`; made if it is not there [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data_folder: Option<PathBuf>,
    /// How long to run, counted from the start: `10s`, `500ms`, `2m`, `1h`
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Keep the loop from turning, to see what calls do without it
    #[arg(long)]
    no_loop: bool,
    /// Take all steps this many times, one round after the other
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    repeat: u32,
    /// Let --save replace files that are there already
    #[arg(long, requires = "save")]
    force: bool,
    #[command(flatten)]
    steps: StepArgs,
}

impl RunCommand {
    /// A call of `method` with one input of the only class of a component, without the loop: what another command is.
    pub(super) fn one_call(
        component: PathBuf,
        policy: Option<PathBuf>,
        method: &str,
        (input, value): (&str, String),
    ) -> Self {
        let call = CallArg {
            node: method.to_owned(),
            inputs: vec![(input.to_owned(), Given::Text(value))],
            unchecked: false,
            saves: Vec::new(),
        };
        Self {
            component,
            policy,
            simulate: None,
            devices: None,
            seed: 0,
            class: None,
            name: None,
            config: None,
            data_folder: None,
            duration: None,
            no_loop: true,
            repeat: 1,
            force: false,
            steps: StepArgs(vec![StepArg::Call(call)]),
        }
    }

    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let policy = load::policy_of_run(self.policy.as_deref(), cache)?;
        let script = self.devices.as_deref().map(devices::scripts).transpose()?;
        let config = plan::config("--config", self.config.as_deref())?;
        let engine = load::engine(cache)?;
        let component = load::component(&engine, &self.component, output)?;
        let preparing = || output.progress("preparing the component");
        let Some(behaviour) = self.simulate else {
            return load::runtime()?.block_on(async {
                let progress = preparing();
                let prepared = component.prepare(&policy).await?;
                drop(progress);
                self.watch(prepared, config, output).await
            });
        };
        let time = self.time().map_err(CliError::Machine)?;
        time.block_on(async {
            let progress = preparing();
            let (budget, executor) = (policy.budget, time.executor());
            let (others, script) = (Some(behaviour), script.unwrap_or_default());
            let bench =
                Bench::new(&component, &budget, others, script, self.seed, executor).await?;
            let prepared = bench.prepare(&component, budget).await?;
            drop(progress);
            self.watch(prepared, config, output).await
        })
    }

    async fn watch(
        &self,
        prepared: PreparedComponent,
        config: Json,
        output: &Output,
    ) -> Result<Exit, CliError> {
        let plan = plan::Plan::new(prepared, self, config)?;
        for note in plan.left_out() {
            output.note(&note);
        }
        session::run(plan, output).await
    }

    /// The time of simulated devices: it does not wait, unless it would go on for ever.
    fn time(&self) -> std::io::Result<Simulated> {
        if self.duration.is_some() || !self.steps.0.is_empty() {
            Simulated::new()
        } else {
            Simulated::at_real_speed()
        }
    }
}

/// Reads how simulated devices answer.
fn behaviour() -> impl TypedValueParser<Value = Behaviour> {
    let known = Behaviour::ALL.map(|it| PossibleValue::new(it.name()).help(it.about()));
    PossibleValuesParser::new(known).map(|name| {
        // One of those that are listed.
        Behaviour::from_name(&name).unwrap_or(Behaviour::Echo)
    })
}
