//! `ewh manifest`: gives a component, whatever language it was written in, the manifest that says
//! what it requests. The Rust SDK writes one at build time; other toolchains have this.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::error::{CliError, Exit};
use super::files;
use super::output::Output;
use crate::limits;
use crate::policy::{Capability, Manifest};
use crate::wasm;

/// Write a component's manifest: its name, its version and the capabilities that it requests
///
/// For components that are not made with the Rust SDK, which does this by itself. The new manifest
/// replaces one that the component already has.
#[derive(Debug, Args)]
pub struct ManifestCommand {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// The package's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The package's version
    #[arg(long, value_name = "VERSION", default_value = "0.1.0")]
    package_version: String,
    /// A capability and why it is needed, such as `serial=reads the instrument`; may be repeated
    #[arg(long = "request", value_name = "CAPABILITY=REASON", value_parser = request)]
    requests: Vec<(Capability, String)>,
    /// The file to write the result to [default: FILE itself]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ManifestCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let component = files::read(&self.component, "component", limits::MAX_COMPONENT_BYTES)?;
        let shown = self.component.display();
        wasm::check_header(&component)
            .map_err(|not| CliError::Usage(format!("`{shown}`: {not}")))?;
        let manifest = Manifest {
            name: self.name,
            package_version: self.package_version,
            requests: BTreeMap::from_iter(self.requests),
        };
        let written = manifest.write(&component).map_err(|problem| {
            CliError::Usage(format!("`{shown}` cannot carry the manifest: {problem}"))
        })?;
        let to = self.output.as_deref().unwrap_or(&self.component);
        files::write(to, &written)?;
        output.print(&to.display().to_string())?;
        Ok(Exit::Ok)
    }
}

fn request(text: &str) -> Result<(Capability, String), String> {
    let (name, reason) = text
        .split_once('=')
        .ok_or("write it as CAPABILITY=REASON, such as `serial=reads the instrument`")?;
    let capability = Capability::from_name(name.trim()).ok_or_else(|| {
        let all = Capability::all_names();
        format!("there is no capability `{name}`; choose one of: {all}")
    })?;
    Ok((capability, reason.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_capability_and_a_reason() {
        let (capability, reason) = request("serial = reads it").unwrap();
        assert_eq!((capability.name(), reason.as_str()), ("serial", "reads it"));
        assert!(request("serial").unwrap_err().contains("CAPABILITY=REASON"));
        assert!(request("serail=x").unwrap_err().contains("serial"));
    }
}
