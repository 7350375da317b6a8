//! Workers in JavaScript: from a folder with a `package.json` to a component. The compiler comes from npm, and
//! is one of the folder's own development dependencies.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::command::{self, on_path};
use crate::component::{WasmKind, wasm_kind};
use crate::error::Error;
use crate::progress::Progress;
use crate::toolchain::{NO_INSTALL, may_install};

/// The compiler, which has the name of its package.
pub const JS_COMPILER: &str = "componentize-qjs";
/// The version of the compiler that workers here are built with.
pub const JS_COMPILER_VERSION: &str = "0.4.5";

/// What describes the folder.
const MANIFEST: &str = "package.json";
/// Where what is built goes.
const BUILT: &str = "dist";
/// Has no import that waits, of which the compiler makes nothing.
const WORLD: &str = "external-worker-core-with-state";
/// The engine in the component asks the machine for the time, if it may.
const CLOCKS: &str = "clocks";
/// It downloads 40 MB, or finds that it has no network.
const INSTALL_TIME: Duration = Duration::from_secs(300);
/// It takes two seconds.
const COMPILE_TIME: Duration = Duration::from_secs(120);
/// Where the compiler's own libraries were when it was built, which says nothing to anybody and looks like
/// something of the author's; and what is written instead, of the same length.
const STRAY_PATH: &[u8; 20] = b"/home/runner/.cargo/";
const NO_PATH: &[u8; 20] = b"/the-engine-s/cargo/";

/// What the world is made of, as the compiler reads it.
const WIT: [(&str, &str); 6] = [
    ("core.wit", include_str!("../../../wit/core.wit")),
    ("host.wit", include_str!("../../../wit/host.wit")),
    ("state.wit", include_str!("../../../wit/state.wit")),
    ("timer.wit", include_str!("../../../wit/timer.wit")),
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("worker.wit", include_str!("../../../wit/worker.wit")),
];

/// A folder with a worker in JavaScript.
#[derive(Clone, Debug)]
pub struct JsPackage {
    /// Its name, without the scope.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The capabilities that it asks for, each with its reason: `"externalWorker": {"requests": {…}}`.
    pub requests: BTreeMap<String, String>,
    dir: PathBuf,
    main: PathBuf,
    has_compiler: bool,
}

/// The part of a `package.json` that is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    name: String,
    #[serde(default = "first_version")]
    version: String,
    #[serde(default = "worker")]
    main: PathBuf,
    #[serde(default)]
    external_worker: Asked,
    #[serde(default)]
    dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

fn first_version() -> String {
    "0.1.0".to_owned()
}

fn worker() -> PathBuf {
    "worker.js".into()
}

impl JsPackage {
    /// Reads the `package.json` of `dir`.
    ///
    /// # Errors
    /// When it is missing or wrong.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let wrong = |problem: String| Error::WrongPackage {
            path: path.clone(),
            problem,
        };
        let raw: Raw = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let scoped = raw
            .name
            .strip_prefix('@')
            .and_then(|name| name.split_once('/'));
        let name = scoped.map_or(raw.name.as_str(), |(_, name)| name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(wrong(format!("{name:?} is not the name of a package")));
        }
        if !dir.join(&raw.main).is_file() {
            let main = raw.main.display();
            return Err(wrong(format!(
                "it names the file `{main}`, which is not there"
            )));
        }
        let has = |listed: &BTreeMap<_, _>| listed.contains_key(JS_COMPILER);
        Ok(Self {
            name: name.to_owned(),
            has_compiler: has(&raw.dependencies) || has(&raw.dev_dependencies),
            version: raw.version,
            requests: raw.external_worker.requests,
            dir: dir.to_owned(),
            main: raw.main,
        })
    }

    /// Builds the component, after installing the compiler if it is not there, and returns where it is.
    ///
    /// # Errors
    /// When there is no compiler and none can be had, and when the worker does not compile.
    pub fn build(&self, progress: &mut dyn Progress) -> Result<PathBuf, Error> {
        let compiler = self.compiler(progress)?;
        let built = self.dir.join(BUILT);
        write_wit(&built.join("wit"))?;
        let file = format!("{BUILT}/{}.wasm", self.name);
        let component = self.dir.join(&file);
        let mut command = self.command(compiler);
        command.args([
            "--wit",
            &format!("{BUILT}/wit"),
            "--world",
            WORLD,
            "--output",
            &file,
        ]);
        command.arg("--js").arg(&self.main);
        if !self.requests.contains_key(CLOCKS) {
            command.arg("--stub-wasi");
        }
        self.run(command, COMPILE_TIME, progress)?;
        match wasm_kind(&component)? {
            WasmKind::Component => {}
            found => {
                return Err(Error::NotAComponent {
                    path: component,
                    found,
                });
            }
        }
        take_out_stray_paths(&component)?;
        Ok(component)
    }

    fn compiler(&self, progress: &mut dyn Progress) -> Result<PathBuf, Error> {
        let found = self.installed().or_else(|| on_path(JS_COMPILER));
        if let Some(found) = found {
            return needs("node").map(|_| found);
        }
        let missing = |why: String| Error::NoJsCompiler {
            dir: self.dir.clone(),
            is_listed: self.has_compiler,
            why,
        };
        if !self.has_compiler {
            return Err(missing(format!("{MANIFEST} does not list it")));
        }
        if !may_install() {
            return Err(missing(format!(
                "nothing was installed, because {NO_INSTALL} is set"
            )));
        }
        let mut npm = self.command(needs("npm")?);
        npm.args(["install", "--no-audit", "--no-fund"]);
        self.run(npm, INSTALL_TIME, progress)?;
        self.installed()
            .ok_or_else(|| missing("npm did not install it".to_owned()))
    }

    /// The compiler among the packages of this folder, or of one that this one is in.
    fn installed(&self) -> Option<PathBuf> {
        let dir = std::path::absolute(&self.dir).ok()?;
        let mut places = dir
            .ancestors()
            .map(|dir| dir.join("node_modules/.bin").join(JS_COMPILER));
        places.find(|file| file.is_file())
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir);
        command
    }

    fn run(
        &self,
        command: Command,
        limit: Duration,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let dir = command::quote(self.dir.as_os_str());
        progress.command(&format!("cd {dir} && {}", command::display(&command)));
        command::run(command, limit).map(|_| ())
    }
}

/// In the place of what another version wrote.
fn write_wit(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Error::io("empty", dir)(error));
        }
        _ => {}
    }
    WIT.iter()
        .try_for_each(|(name, text)| write(&dir.join(name), text))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    }
    fs::write(path, text).map_err(Error::io("write", path))
}

fn needs(program: &'static str) -> Result<PathBuf, Error> {
    on_path(program).ok_or(Error::NoNode { program })
}

fn take_out_stray_paths(component: &Path) -> Result<(), Error> {
    let mut bytes = fs::read(component).map_err(Error::io("read", component))?;
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..) {
        if let Some(path) = rest
            .first_chunk_mut::<20>()
            .filter(|chunk| *chunk == STRAY_PATH)
        {
            *path = *NO_PATH;
        }
        at += 1;
    }
    fs::write(component, bytes).map_err(Error::io("write", component))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(manifest: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST), manifest).unwrap();
        fs::write(dir.path().join("worker.js"), "").unwrap();
        dir
    }

    #[test]
    fn a_package_says_what_it_is_and_what_it_asks_for() {
        let dir = folder(
            r#"{"name": "@lab/pump", "version": "1.2.3", "private": true,
                "externalWorker": {"requests": {"clocks": "stamps values"}},
                "devDependencies": {"componentize-qjs": "0.4.5"}}"#,
        );
        let package = JsPackage::load(dir.path()).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("pump", "1.2.3")
        );
        assert_eq!(package.requests[CLOCKS], "stamps values");
        assert!(package.has_compiler);
    }

    #[test]
    fn a_wrong_package_is_named() {
        for (manifest, said) in [
            ("{", "EOF"),
            ("{}", "name"),
            (r#"{"name": "../up"}"#, "not the name"),
            (r#"{"name": "@lab/.."}"#, "not the name"),
            (r#"{"name": "a/b/c"}"#, "not the name"),
            (r#"{"name": "a", "main": "nowhere.js"}"#, "nowhere.js"),
            (
                r#"{"name": "a", "externalWorker": {"request": {}}}"#,
                "request",
            ),
        ] {
            let error = JsPackage::load(folder(manifest).path())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(said) && error.contains(MANIFEST),
                "{manifest}: {error}"
            );
        }
    }

    #[test]
    fn the_compiler_is_the_folders_own() {
        let dir = folder(r#"{"name": "a"}"#);
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for file in [MANIFEST, "worker.js"] {
            fs::copy(dir.path().join(file), inner.join(file)).unwrap();
        }
        assert_eq!(JsPackage::load(&inner).unwrap().installed(), None);
        let compiler = dir.path().join("node_modules/.bin").join(JS_COMPILER);
        write(&compiler, "").unwrap();
        assert_eq!(JsPackage::load(&inner).unwrap().installed(), Some(compiler));
    }

    #[test]
    fn a_compiler_that_is_not_listed_is_told_with_what_to_type() {
        let error = Error::NoJsCompiler {
            dir: "w".into(),
            is_listed: false,
            why: "package.json does not list it".to_owned(),
        };
        let typed = "cd w && npm install --save-dev --save-exact componentize-qjs@0.4.5";
        assert!(error.to_string().contains(typed), "{error}");
    }

    #[test]
    fn paths_of_the_compilers_machine_are_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.wasm");
        fs::write(
            &file,
            b"a/home/runner/.cargo/b/home/runner/.cargo/home/me/.cargo",
        )
        .unwrap();
        take_out_stray_paths(&file).unwrap();
        let left = fs::read(&file).unwrap();
        assert_eq!(
            left,
            b"a/the-engine-s/cargo/b/the-engine-s/cargo/home/me/.cargo"
        );
        fs::write(&file, b"").unwrap();
        take_out_stray_paths(&file).unwrap();
    }

    #[test]
    fn the_wit_has_all_that_it_names() {
        let names = |line: &'static str| {
            let (word, rest) = line.trim().split_once(' ')?;
            let names = ["import", "export", "use"].contains(&word);
            names.then(|| rest.split([';', '.']).next().unwrap_or_default())
        };
        let mut named = 0;
        for name in WIT
            .iter()
            .flat_map(|(_, text)| text.lines())
            .filter_map(names)
        {
            let file = format!("{name}.wit");
            assert!(WIT.iter().any(|(there, _)| *there == file), "{file}");
            named += 1;
        }
        assert!(named >= 4, "{named}");
    }
}
