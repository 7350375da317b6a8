//! One cargo build of guests, from the request to components that were looked at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::command;
use crate::component::{WasmKind, wasm_kind};
use crate::environment;
use crate::error::Error;
use crate::messages::{self, Message};
use crate::progress::Progress;
use crate::project::{Package, Workspace};
use crate::remap::Remap;
use crate::toolchain::{TARGET, Toolchain, cargo_home};

/// Variables that make small components quickly, for who builds many and debugs none: as
/// [`BuildRequest::env`] they win over the profile in the workspace's `Cargo.toml`. Names of
/// functions stay, so that a trap's backtrace can be read.
pub const SMALL_PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
];

/// Variables for who builds again and again: the dev profile, as quick to build as to load. Optimised a
/// little, since what is not takes longer to compile than this takes; with lines, for backtraces.
pub const QUICK_PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"),
    ("CARGO_PROFILE_DEV_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_DEV_INCREMENTAL", "true"),
];

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// A directory with a `Cargo.toml`: of a package, or of a workspace.
    pub dir: PathBuf,
    /// Packages of the workspace; none: what cargo builds by default in `dir`.
    pub packages: Vec<String>,
    /// The release profile; else the dev profile.
    pub release: bool,
    /// Where cargo builds; `None`: where it would anyhow. Relative to the current directory.
    pub target_dir: Option<PathBuf>,
    /// Further variables for cargo.
    pub env: Vec<(String, String)>,
    /// Further arguments for `cargo build`.
    pub extra_args: Vec<OsString>,
    /// Diagnostics with colours.
    pub color: bool,
    /// Without cargo's own status lines on standard error.
    pub quiet: bool,
}

impl BuildRequest {
    /// A release build of what is in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            packages: Vec::new(),
            release: true,
            target_dir: None,
            env: Vec::new(),
            extra_args: Vec::new(),
            color: false,
            quiet: false,
        }
    }

    /// The dev profile, with the variables of [`QUICK_PROFILE`].
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.release = false;
        let pairs = QUICK_PROFILE.iter();
        self.env
            .extend(pairs.map(|&(name, value)| (name.to_owned(), value.to_owned())));
        self
    }

    /// With the variables of [`SMALL_PROFILE`].
    #[must_use]
    pub fn small(mut self) -> Self {
        let pairs = SMALL_PROFILE
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        self.env.extend(pairs);
        self
    }
}

/// A component that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The package it comes from.
    pub package: String,
    /// The component.
    pub path: PathBuf,
}

impl Toolchain {
    /// Builds the guests of `request` and returns their components, sorted by package.
    pub fn build(
        &self,
        request: &BuildRequest,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Artifact>, Error> {
        let mut request = request.clone();
        if let Some(dir) = &mut request.target_dir {
            *dir = std::path::absolute(&*dir).map_err(Error::io("find", &*dir))?;
        }
        let request = &request;
        let workspace = Workspace::load(&request.dir)?;
        for name in &request.packages {
            makes_component(workspace.package(name)?)?;
        }
        self.fetch_before_remapping(request, progress)?;
        let mut cargo = self.cargo(&request.dir);
        cargo.args(arguments(request)).args(self.arguments());
        cargo
            .arg("--config")
            .arg(rustflags(&self.flags(request, &workspace)));
        cargo.envs(request.env.iter().map(|(name, value)| (name, value)));
        progress.command(&self.typed(request));
        let built = run(cargo, &what(request), progress)?;
        artifacts(built, request, &workspace)
    }

    /// `cargo` in `dir` with this toolchain, for `build`, `check` or whatever else.
    fn cargo(&self, dir: &Path) -> Command {
        let mut cargo = Command::new("cargo");
        environment::clean(&mut cargo);
        self.prepare(&mut cargo);
        cargo.current_dir(dir).stdin(Stdio::null());
        cargo
    }

    /// The remapped directories are part of the flags, and changed flags build everything again: so
    /// the registry's directory must be there before the first build, not because of it.
    fn fetch_before_remapping(
        &self,
        request: &BuildRequest,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        if cargo_home().is_none_or(|home| home.join("registry/src").is_dir()) {
            return Ok(());
        }
        let mut cargo = self.cargo(&request.dir);
        cargo.args(["fetch", "--target", TARGET]);
        progress.command(&command::display(&cargo));
        run(cargo, "the list of dependencies", progress).map(|_| ())
    }

    fn flags(&self, request: &BuildRequest, workspace: &Workspace) -> Vec<OsString> {
        let mut remap = Remap::default();
        if let Some(home) = std::env::home_dir() {
            remap.add(&home, "/home");
        }
        if let Some(home) = cargo_home() {
            remap.add_cargo_home(&home);
        }
        if let Some(sources) = self.std_sources() {
            remap.add(sources, "/rust");
        }
        for dir in workspace
            .packages
            .iter()
            .flat_map(|package| &package.path_dependencies)
        {
            if !dir.starts_with(&workspace.root) {
                remap.add(dir, "/dependency");
            }
        }
        remap.add(
            request
                .target_dir
                .as_ref()
                .unwrap_or(&workspace.target_directory),
            "/target",
        );
        remap.add(&workspace.root, "/worker");
        let mut flags = self.rustflags();
        flags.extend(remap.flags());
        flags
    }

    /// The build as a person would type it: the remapping is left out, being long and not needed.
    fn typed(&self, request: &BuildRequest) -> String {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments(request).into_iter().filter(|arg| {
            arg.to_str()
                .is_none_or(|arg| !arg.starts_with("--message-format"))
        }));
        cargo.args(self.arguments());
        let variables = self
            .variables()
            .into_iter()
            .map(|(name, value)| format!("{name}={value} "));
        let dir = command::quote(request.dir.as_os_str());
        let variables: String = variables.collect();
        format!("cd {dir} && {variables}{}", command::display(&cargo))
    }
}

fn makes_component(package: &Package) -> Result<(), Error> {
    if package.makes_component {
        return Ok(());
    }
    Err(Error::NoComponent {
        package: package.name.clone(),
    })
}

fn arguments(request: &BuildRequest) -> Vec<OsString> {
    let format = if request.color {
        "json-diagnostic-rendered-ansi"
    } else {
        "json"
    };
    let mut arguments: Vec<OsString> = vec![
        "build".into(),
        format!("--message-format={format}").into(),
        "--target".into(),
        TARGET.into(),
    ];
    if request.release {
        arguments.push("--release".into());
    }
    if request.quiet {
        arguments.push("--quiet".into());
    }
    for package in &request.packages {
        arguments.extend(["--package".into(), package.into()]);
    }
    if let Some(dir) = &request.target_dir {
        arguments.extend(["--target-dir".into(), dir.into()]);
    }
    arguments.extend(request.extra_args.iter().cloned());
    arguments
}

/// The flags as one `--config` value. Unlike the variable `RUSTFLAGS` this adds to what the project
/// sets for the target, and takes paths with spaces.
fn rustflags(flags: &[OsString]) -> String {
    let quoted = flags.iter().map(|flag| {
        // A JSON string is a TOML basic string.
        serde_json::Value::from(flag.to_string_lossy()).to_string()
    });
    format!(
        "target.{TARGET}.rustflags=[{}]",
        quoted.collect::<Vec<_>>().join(",")
    )
}

fn what(request: &BuildRequest) -> String {
    match request.packages.as_slice() {
        [] => request.dir.display().to_string(),
        packages => packages.join(", "),
    }
}

/// Every component that a cargo wrote: the manifest and the file.
type Built = Vec<(PathBuf, PathBuf)>;

fn run(mut cargo: Command, what: &str, progress: &mut dyn Progress) -> Result<Built, Error> {
    cargo.stdout(Stdio::piped());
    let mut child = cargo
        .spawn()
        .map_err(|source| command::not_started(&cargo, source))?;
    let read = read(&mut child, progress);
    let status = child.wait().map_err(Error::io("wait for", "cargo"))?;
    let (built, rendered) = read?;
    if status.success() {
        return Ok(built);
    }
    Err(Error::Compile {
        what: what.to_owned(),
        rendered,
    })
}

fn read(child: &mut Child, progress: &mut dyn Progress) -> Result<(Built, String), Error> {
    let (mut built, mut rendered) = (Vec::new(), String::new());
    let Some(stdout) = child.stdout.take() else {
        return Ok((built, rendered));
    };
    for line in BufReader::new(stdout).lines() {
        match messages::parse(&line.map_err(Error::io("read", "cargo's messages"))?)? {
            Message::Diagnostic(text) => {
                progress.diagnostic(&text);
                rendered.push_str(&text);
            }
            Message::Component { manifest, wasm } => built.push((manifest, wasm)),
            Message::Other => {}
        }
    }
    Ok((built, rendered))
}

fn artifacts(
    built: Built,
    request: &BuildRequest,
    workspace: &Workspace,
) -> Result<Vec<Artifact>, Error> {
    let mut found = BTreeMap::new();
    for package in &workspace.packages {
        let manifest = package.dir.join("Cargo.toml");
        if let Some((_, path)) = built.iter().find(|(built, _)| *built == manifest) {
            check(path)?;
            found.insert(package.name.clone(), path.clone());
        }
    }
    for package in &request.packages {
        if !found.contains_key(package) {
            return Err(Error::NoComponent {
                package: package.clone(),
            });
        }
    }
    if found.is_empty() {
        return Err(Error::NoComponent {
            package: what(request),
        });
    }
    Ok(found
        .into_iter()
        .map(|(package, path)| Artifact { package, path })
        .collect())
}

fn check(path: &Path) -> Result<(), Error> {
    match wasm_kind(path)? {
        WasmKind::Component => Ok(()),
        found => Err(Error::NotAComponent {
            path: path.to_owned(),
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_follow_the_request() {
        let mut request = BuildRequest::new("w");
        request.packages = vec!["a".into(), "b".into()];
        request.target_dir = Some("t".into());
        request.extra_args = vec!["--locked".into()];
        let expected = "build --message-format=json --target wasm32-wasip2 --release \
                        --package a --package b --target-dir t --locked";
        assert_eq!(arguments(&request).join(" ".as_ref()), expected);
    }

    #[test]
    fn flags_are_a_toml_list() {
        let flags = [
            "-Lnative=/a b".into(),
            r#"--remap-path-prefix=/"\=/x"#.into(),
        ];
        let expected =
            r#"target.wasm32-wasip2.rustflags=["-Lnative=/a b","--remap-path-prefix=/\"\\=/x"]"#;
        assert_eq!(rustflags(&flags), expected);
    }

    #[test]
    fn small_profile_reaches_cargo() {
        let request = BuildRequest::new("w").small();
        let opt_level = request
            .env
            .iter()
            .find(|(name, _)| name.ends_with("OPT_LEVEL"));
        assert_eq!(opt_level.map(|(_, value)| value.as_str()), Some("s"));
    }

    fn workspace(dir: &Path) -> Workspace {
        let package = Package {
            name: "guest".into(),
            dir: dir.to_owned(),
            makes_component: true,
            path_dependencies: Vec::new(),
        };
        Workspace {
            root: dir.to_owned(),
            target_directory: dir.to_owned(),
            packages: vec![package],
        }
    }

    fn built(dir: &Path, bytes: &[u8]) -> Built {
        let wasm = dir.join("guest.wasm");
        std::fs::write(&wasm, bytes).unwrap();
        vec![(dir.join("Cargo.toml"), wasm)]
    }

    #[test]
    fn components_are_named_by_package() {
        let dir = tempfile::tempdir().unwrap();
        let built = built(dir.path(), b"\0asm\x0d\0\x01\0");
        let request = BuildRequest::new(dir.path());
        let expected = Artifact {
            package: "guest".into(),
            path: dir.path().join("guest.wasm"),
        };
        assert_eq!(
            artifacts(built, &request, &workspace(dir.path())).unwrap(),
            [expected]
        );
    }

    #[test]
    fn a_core_module_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let built = built(dir.path(), b"\0asm\x01\0\0\0");
        let request = BuildRequest::new(dir.path());
        let error = artifacts(built, &request, &workspace(dir.path())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("is a core module, not a WebAssembly component")
        );
    }

    #[test]
    fn nothing_built_says_how_to_make_a_component() {
        let dir = tempfile::tempdir().unwrap();
        let mut request = BuildRequest::new(dir.path());
        request.packages = vec!["guest".into()];
        let error = artifacts(Vec::new(), &request, &workspace(dir.path())).unwrap_err();
        assert!(
            error.to_string().contains("crate-type = [\"cdylib\"]"),
            "{error}"
        );
    }
}
