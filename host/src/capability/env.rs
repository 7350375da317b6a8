//! Environment variables, and the rest of a command line's world: no arguments, a closed standard
//! input, standard output and error into the instance's log.
//!
//! All of it is always linked, because standard libraries import it in every component; without a
//! grant there are no variables.

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::cli::{WasiCli, WasiCliCtx, WasiCliCtxView};
use wasmtime_wasi::{WasiCtx, p2, p3};

use super::stdio::{Printer, Stdio};
use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach};
use crate::policy::{Capability, EnvGrant, Policy};

/// Variables and standard streams of one instance.
pub struct State {
    ctx: WasiCliCtx,
}

/// The capability.
pub struct Env;

impl Provider for Env {
    const CAPABILITY: Capability = Capability::Env;

    type State = State;

    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        let variables = variables(guard.granted().env.as_ref(), |name| {
            std::env::var(name).ok()
        });
        let mut wasi = WasiCtx::builder()
            .envs(&variables)
            .stdout(Printer::new(Stdio::Out, Arc::clone(&cx.stdio)))
            .stderr(Printer::new(Stdio::Err, Arc::clone(&cx.stdio)))
            .build();
        State {
            ctx: std::mem::take(wasi.cli()),
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, _: bool) -> wasmtime::Result<()> {
        use p2::bindings::cli as cli2;
        use p3::bindings::cli as cli3;
        cli2::exit::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::environment::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::stdin::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::stdout::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::stderr::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::terminal_input::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::terminal_output::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::terminal_stdin::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::terminal_stdout::add_to_linker::<T, WasiCli>(linker, view)?;
        cli2::terminal_stderr::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::exit::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::environment::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::stdin::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::stdout::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::stderr::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::terminal_input::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::terminal_output::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::terminal_stdin::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::terminal_stdout::add_to_linker::<T, WasiCli>(linker, view)?;
        cli3::terminal_stderr::add_to_linker::<T, WasiCli>(linker, view)
    }

    /// The host hands the values over; the process has them from its beginning.
    fn reach(_: &Policy, _: &mut Reach) {}

    fn grant(_: &Devices, policy: &mut Policy) {
        policy.env = Some(EnvGrant::default());
    }
}

fn view<T: CapabilityView>(data: &mut T) -> WasiCliCtxView<'_> {
    let capabilities = data.capabilities();
    WasiCliCtxView {
        ctx: &mut capabilities.env.ctx,
        table: &mut capabilities.table,
    }
}

/// The variables that a grant comes to. What is written in the policy wins over what is inherited.
fn variables(
    grant: Option<&EnvGrant>,
    of_host: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let Some(grant) = grant else {
        return Vec::new();
    };
    let inherited = grant
        .inherit
        .iter()
        .filter(|name| !grant.vars.contains_key(*name))
        .filter_map(|name| of_host(name).map(|value| (name.clone(), value)));
    let written = grant
        .vars
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    written.chain(inherited).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_sees_the_granted_variables_and_no_others() {
        let of_host = |name: &str| match name {
            "HOME" => Some("/home/operator".to_owned()),
            "SECRET" => Some("secret".to_owned()),
            _ => None,
        };
        assert!(variables(None, of_host).is_empty());
        let grant = EnvGrant {
            vars: [
                ("A".to_owned(), "b".to_owned()),
                ("HOME".to_owned(), "/".to_owned()),
            ]
            .into(),
            inherit: vec!["HOME".into(), "MISSING".into()],
        };
        let seen = variables(Some(&grant), of_host);
        assert_eq!(
            seen,
            [("A".into(), "b".into()), ("HOME".into(), "/".into())]
        );
    }
}
