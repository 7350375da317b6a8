//! The search on machines made of a few shell scripts: which commands run, in which order, and what
//! is said when none helps.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::toolchain::Route;
use crate::toolchain::packages::{self, DebianPackage};

/// Records the commands it is told of.
#[derive(Default)]
struct Commands(Vec<String>);

impl Progress for Commands {
    fn command(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }
    fn note(&mut self, _: &str) {}
    fn diagnostic(&mut self, _: &str) {}
}

/// A machine in a temporary directory, with a rustup-like rustc and nothing else.
struct Fake {
    dir: tempfile::TempDir,
}

impl Fake {
    fn new() -> Self {
        let fake = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fake.program("bin/rustc", &fake.rustc("rust", "1.95.0"));
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        let source = format!("{name}.source");
        self.file(&source, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(&source), fs::Permissions::from_mode(0o755)).unwrap();
        // Another process writes the program: a descriptor of ours would be inherited by what other
        // tests start just then, and a file that is open for writing cannot be run.
        let copied = Command::new("cp")
            .arg(self.path(&source))
            .arg(self.path(name))
            .status();
        assert!(copied.unwrap().success(), "{name}");
    }

    fn rustc(&self, sysroot: &str, version: &str) -> String {
        let sysroot = self.path(sysroot).display().to_string();
        format!(
            "case $1 in -vV) echo 'host: here'; echo 'release: {version}';;\n\
             *) echo {sysroot}; echo {sysroot}/lib/rustlib/{TARGET}/lib;; esac"
        )
    }

    fn linkers(&self) {
        self.program("rust/lib/rustlib/here/bin/wasm-component-ld", "");
        self.program("rust/lib/rustlib/here/bin/gcc-ld/wasm-ld", "");
    }

    fn debian(&self, version: &str) {
        self.program("root/usr/bin/rustc", &self.rustc("root/usr", version));
        self.file("root/usr/lib/rustlib/src/rust/library/std/Cargo.toml", "");
        self.file("root/usr/lib/wasm32-wasi/libc.a", "");
    }

    /// What `command` does to this machine: touch one file, with its directory.
    fn touch(&self, name: &str) -> String {
        let path = self.path(name);
        let dir = path.parent().unwrap().display().to_string();
        format!("/bin/mkdir -p {dir}; : > {}", path.display())
    }

    fn machine(&self) -> Machine {
        Machine {
            dir: self.dir.path().to_owned(),
            path: OsString::from(self.path("bin")),
            root: self.path("root"),
            may_install: true,
            is_root: true,
            lock: self.path("lock"),
            rustup_time: Duration::from_secs(60),
            apt_time: Duration::from_secs(60),
        }
    }
}

const INSTALLED_STD: &str = "rust/lib/rustlib/wasm32-wasip2/lib/libstd-1.rlib";

fn search(machine: &Machine) -> (Result<Toolchain, Error>, Vec<String>) {
    search_for(machine, Choice::Auto)
}

fn search_for(machine: &Machine, choice: Choice) -> (Result<Toolchain, Error>, Vec<String>) {
    let mut commands = Commands::default();
    let found = find(machine, choice, &mut commands);
    (found, commands.0)
}

#[test]
fn an_installed_target_is_taken() {
    let fake = Fake::new();
    fake.file(INSTALLED_STD, "");
    fake.linkers();
    fake.debian("1.96.0");
    let (found, commands) = search(&fake.machine());
    assert_eq!(found.unwrap().route(), Route::Installed);
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn a_prepared_debian_is_taken_before_anything_is_fetched() {
    let fake = Fake::new();
    fake.linkers();
    fake.debian("1.96.0");
    fake.program("bin/rustup", "exit 1");
    let (found, commands) = search(&fake.machine());
    let found = found.unwrap();
    assert_eq!(found.route(), Route::BuildStd);
    assert_eq!(
        found.describe(),
        "wasm32-wasip2: rustc 1.96.0, std built from source"
    );
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn what_was_chosen_is_taken_whatever_else_is_there() {
    let fake = Fake::new();
    fake.file(INSTALLED_STD, "");
    fake.linkers();
    fake.debian("1.96.0");
    for route in [Route::Installed, Route::BuildStd] {
        let (found, commands) = search_for(&fake.machine(), Choice::Only(route));
        assert_eq!(found.unwrap().route(), route);
        assert!(commands.is_empty(), "{commands:?}");
    }
}

#[test]
fn what_was_not_chosen_is_not_installed() {
    let fake = Fake::new();
    fake.linkers();
    fake.program("bin/rustup", "exit 1");
    fake.program("bin/apt-get", "exit 1");
    let (found, commands) = search_for(&fake.machine(), Choice::Only(Route::Installed));
    let text = found.unwrap_err().to_string();
    assert!(text.contains("EWH_GUEST_TOOLCHAIN is `rustup`"), "{text}");
    assert_eq!(commands, ["rustup target add wasm32-wasip2"]);

    fake.file(INSTALLED_STD, "");
    fake.program("root/usr/bin/rustc", &fake.rustc("root/usr", "1.96.0"));
    let (found, commands) = search_for(&fake.machine(), Choice::Only(Route::BuildStd));
    let text = found.unwrap_err().to_string();
    assert!(text.contains("EWH_GUEST_TOOLCHAIN is `debian`"), "{text}");
    assert!(!text.contains("is not installed for"), "{text}");
    assert_eq!(commands[0], "apt-get update");
}

#[test]
fn linkers_on_the_path_do_too() {
    let fake = Fake::new();
    fake.program("bin/wasm-component-ld", "");
    fake.program("bin/wasm-ld", "");
    fake.debian("1.96.0");
    let (found, _) = search(&fake.machine());
    assert_eq!(found.unwrap().route(), Route::BuildStd);
}

#[test]
fn rustup_installs_the_target() {
    let fake = Fake::new();
    fake.program("bin/rustup", &fake.touch(INSTALLED_STD));
    let (found, commands) = search(&fake.machine());
    assert_eq!(found.unwrap().route(), Route::Installed);
    assert_eq!(commands, ["rustup target add wasm32-wasip2"]);
}

#[test]
fn apt_installs_what_rustup_could_not() {
    let fake = Fake::new();
    fake.linkers();
    fake.debian("1.96.0");
    fs::remove_file(fake.path("root/usr/lib/wasm32-wasi/libc.a")).unwrap();
    fake.program("bin/rustup", "echo 'error: no network' >&2; exit 1");
    let install = fake.touch("root/usr/lib/wasm32-wasi/libc.a");
    fake.program(
        "bin/apt-get",
        &format!("test $1 = update || {{ {install}; }}"),
    );
    let (found, commands) = search(&fake.machine());
    assert_eq!(found.unwrap().route(), Route::BuildStd);
    let expected = [
        "rustup target add wasm32-wasip2",
        "apt-get update",
        "apt-get install -y --no-install-recommends --no-remove rustc-web rust-web-src wasi-libc",
    ];
    assert_eq!(commands, expected);
}

#[test]
fn when_nothing_helps_the_error_tells_all() {
    let fake = Fake::new();
    fake.linkers();
    fake.program("bin/rustup", "echo 'error: no network' >&2; exit 1");
    let machine = Machine {
        is_root: false,
        ..fake.machine()
    };
    fake.program("bin/apt-get", "");
    let (found, commands) = search(&machine);
    let text = found.unwrap_err().to_string();
    for part in [
        "the target wasm32-wasip2 is not installed for rustc 1.95.0",
        "there is no rustc in /usr/bin",
        "error: no network",
        "takes root",
        "\n  rustup target add wasm32-wasip2",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert_eq!(commands, ["rustup target add wasm32-wasip2"]);
}

#[test]
fn no_apt_and_no_rustup_is_said() {
    let fake = Fake::new();
    fake.linkers();
    let (found, commands) = search(&fake.machine());
    let text = found.unwrap_err().to_string();
    assert!(text.contains("rustup is not installed"), "{text}");
    assert!(text.contains("there is no apt-get"), "{text}");
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn turned_off_installs_nothing() {
    let fake = Fake::new();
    fake.linkers();
    fake.program("bin/rustup", &fake.touch(INSTALLED_STD));
    let machine = Machine {
        may_install: false,
        ..fake.machine()
    };
    let (found, commands) = search(&machine);
    assert!(
        found
            .unwrap_err()
            .to_string()
            .contains("because EWH_NO_INSTALL is set")
    );
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn an_old_system_compiler_is_refused() {
    let fake = Fake::new();
    fake.linkers();
    fake.debian("1.63.0");
    let machine = Machine {
        may_install: false,
        ..fake.machine()
    };
    let text = search(&machine).0.unwrap_err().to_string();
    assert!(
        text.contains("the system's rustc 1.63.0 is older than"),
        "{text}"
    );
}

#[test]
fn without_a_component_linker_packages_are_not_installed() {
    let fake = Fake::new();
    fake.program("bin/apt-get", "");
    let (found, commands) = search(&fake.machine());
    let text = found.unwrap_err().to_string();
    assert!(text.contains("has no wasm-component-ld"), "{text}");
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn no_rust_at_all_says_where_to_get_it() {
    let fake = Fake::new();
    fs::remove_file(fake.path("bin/rustc")).unwrap();
    let text = search(&fake.machine()).0.unwrap_err().to_string();
    assert!(
        text.contains("`rustc` was not found") && text.contains("rustup.rs"),
        "{text}"
    );
}

#[test]
fn of_several_at_once_one_installs() {
    let fake = Fake::new();
    let log = fake.path("log").display().to_string();
    fake.program(
        "bin/rustup",
        &format!("echo ran >> {log}; {}", fake.touch(INSTALLED_STD)),
    );
    let start = Barrier::new(4);
    let one = |machine: Machine| {
        start.wait();
        search(&machine)
            .0
            .map(|toolchain| toolchain.route())
            .unwrap()
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| one(fake.machine())))
            .collect();
        for found in all {
            assert_eq!(found.join().unwrap(), Route::Installed);
        }
    });
    assert_eq!(fs::read_to_string(Path::new(&log)).unwrap(), "ran\n");
}

#[test]
fn packages_that_are_missing_are_installed_and_only_those() {
    const PACKAGES: [DebianPackage; 2] = [
        DebianPackage {
            name: "there",
            check: &["there"],
        },
        DebianPackage {
            name: "missing",
            check: &["missing"],
        },
    ];
    let fake = Fake::new();
    fake.program("bin/there", "");
    let prepare = |machine: &Machine| {
        let mut progress = Commands::default();
        let prepared = packages::prepare(machine, &PACKAGES, &mut progress);
        (prepared, progress.0)
    };
    let forbidden = Machine {
        may_install: false,
        ..fake.machine()
    };
    let (prepared, commands) = prepare(&forbidden);
    let text = prepared.unwrap_err().to_string();
    assert!(
        text.starts_with("missing: missing; EWH_NO_INSTALL"),
        "{text}"
    );
    assert!(commands.is_empty(), "{commands:?}");

    let program = fake.path("bin/missing");
    let install = format!(
        "test $1 = update || {{ printf '#!/bin/sh\\n' > {0}; /bin/chmod +x {0}; }}",
        program.display()
    );
    fake.program("bin/apt-get", &install);
    let (prepared, commands) = prepare(&fake.machine());
    prepared.unwrap();
    let expected = [
        "apt-get update",
        "apt-get install -y --no-install-recommends --no-remove missing",
    ];
    assert_eq!(commands, expected);
}
