//! Probes the grant `env`, and where printed lines go.

use external_worker::bindings::wasi::cli::environment;
use external_worker::prelude::*;

/// See the crate.
#[derive(Default)]
pub struct Env;

#[external_worker(id = "env")]
impl Env {
    /// All variables, as the standard library sees them through WASI 0.2.
    #[node(trigger_on_call = false)]
    fn vars2(&self) -> Vec<String> {
        std::env::vars()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// All variables, through WASI 0.3.
    #[node(trigger_on_call = false)]
    fn vars3(&self) -> Vec<String> {
        let vars = environment::get_environment();
        vars.into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Arguments, of which there are none.
    #[node(trigger_on_call = false)]
    fn args(&self) -> Vec<String> {
        std::env::args()
            .chain(environment::get_arguments())
            .collect()
    }

    /// Prints to both streams.
    #[node(trigger_on_call = false)]
    fn print(&self, text: String) {
        println!("{text}");
        eprintln!("{text}");
    }

    /// What comes from standard input, which is nothing.
    #[node(trigger_on_call = false)]
    fn read(&self) -> Result<String> {
        Ok(std::io::read_to_string(std::io::stdin())?)
    }

    /// Ends the process that it is not.
    #[node(trigger_on_call = false)]
    fn exit(&self) {
        std::process::exit(7);
    }
}

export!(Env; requests: { env: "it probes it" });
