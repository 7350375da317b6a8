//! What the tests talk to, from Debian: installed like the toolchain, before the first test runs.

use external_worker_build::{DebianPackage, Stderr, prepare_packages};

const PACKAGES: [DebianPackage; 5] = [
    DebianPackage {
        name: "redis-server",
        check: &["redis-server", "--version"],
    },
    DebianPackage {
        name: "docker-registry",
        check: &["docker-registry", "--version"],
    },
    DebianPackage {
        name: "python3-venv",
        check: &["python3", "-c", "import ensurepip, venv"],
    },
    DebianPackage {
        name: "nodejs",
        check: &["node", "--version"],
    },
    DebianPackage {
        name: "npm",
        check: &["npm", "--version"],
    },
];

/// Installs them; where that cannot be, the tests that need them say so by failing.
pub fn prepare() {
    if let Err(error) = prepare_packages(&PACKAGES, &mut Stderr::default()) {
        for line in error.to_string().lines() {
            println!("cargo::warning={line}");
        }
    }
}
