//! Modules that somebody brings to a managed tenant: validated by this program again, in a process of its own that ends,
//! and put among those of the tenant whole or not at all. Nothing of a module is read in this process.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use external_worker_control::model::{Code, Installed, Problem, Upload};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::folder::{Folder, make, of_host};
use crate::cli::program::this_program;
use crate::limits;
use crate::tenant::question::unavailable;
use crate::text::clean_line;
use crate::worker::modules::package;
use crate::worker::{Disk, OverQuota, Quotas, measure};

/// What a module may be: a component, a script, a wheel.
const ENDINGS: [&str; 3] = ["wasm", "py", "whl"];

/// What `ewh validate --json` says.
#[derive(Deserialize)]
struct Report {
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    severity: String,
    place: String,
    problem: String,
    fix: String,
}

impl Finding {
    /// What is wrong, where, and what to do about it.
    fn line(&self) -> String {
        let at = if self.place.is_empty() { "" } else { " at " };
        format!("{}{at}{}; {}", self.problem, self.place, self.fix)
    }
}

/// Validates `upload`, and installs it if no error is found and the tenant has room for it.
pub(super) async fn install(
    folder: Folder,
    upload: Upload,
    quotas: Quotas,
) -> Result<Installed, Problem> {
    let module = name_of(&upload.file)?;
    let (of, file) = (folder.clone(), upload.file.clone());
    let taking = tokio::task::spawn_blocking(move || {
        admit(&of, &upload, &quotas)
            .map_err(|over| Problem::new(Code::OverQuota, over.to_string()))?;
        take_in(&of, &upload).map_err(|error| of_host(&error))
    });
    let taken = taking.await.map_err(|_ending| unavailable())??;
    let place = folder.local_workers().join(&file);
    let findings = validate(taken.path().join(&file)).await?;
    let (errors, rest): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.severity == "error");
    let said = |findings: Vec<Finding>| {
        let lines = findings.iter().take(limits::MAX_FINDINGS_SHOWN);
        let lines = lines.map(|it| clean_line(&it.line(), limits::MAX_SHOWN_CHARS * 8));
        lines.collect::<Vec<_>>()
    };
    if !errors.is_empty() {
        return Err(Problem::new(Code::Invalid, said(errors).join("; ")));
    }
    let from = taken.path().join(&file);
    let moving = tokio::task::spawn_blocking(move || {
        let moved = std::fs::rename(from, place);
        drop(taken);
        moved
    });
    let moved = moving.await.map_err(|_ending| unavailable())?;
    moved.map_err(|error| of_host(&error))?;
    Ok(Installed {
        module,
        findings: said(rest),
    })
}

/// The name of the module in the file `name`.
fn name_of(name: &str) -> Result<String, Problem> {
    let wrong = || {
        Problem::new(
            Code::Invalid,
            "a module is a file such as thermometer.wasm, thermometer.py or thermometer.whl",
        )
    };
    let (module, ending) = name.rsplit_once('.').ok_or_else(wrong)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    let begins_well = module.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_short = name.len() <= limits::MAX_NAME_BYTES;
    if ENDINGS.contains(&ending) && begins_well && is_short && module.chars().all(is_plain) {
        return Ok(module.to_owned());
    }
    Err(wrong())
}

/// Whether there is room for it.
fn admit(folder: &Folder, upload: &Upload, quotas: &Quotas) -> Result<(), OverQuota> {
    if !folder.local_workers().join(&upload.file).exists() {
        quotas.check_modules(count(folder))?;
    }
    let disk = Disk::of(quotas);
    if quotas.disk.is_some() {
        disk.changed(measure(folder.data()), 0);
    }
    disk.check(u64::try_from(upload.bytes.len()).unwrap_or(u64::MAX))
}

/// Writes it where it can be moved from; what is not moved goes with the directory.
fn take_in(folder: &Folder, upload: &Upload) -> std::io::Result<tempfile::TempDir> {
    make(&folder.local_workers())?;
    let dir = tempfile::Builder::new()
        .prefix(".arriving-")
        .tempdir_in(folder.data())?;
    let mut file = std::fs::File::create_new(dir.path().join(&upload.file))?;
    file.write_all(&upload.bytes)?;
    file.sync_all()?;
    Ok(dir)
}

/// How many modules there are, installed packages among them.
fn count(folder: &Folder) -> usize {
    let files = std::fs::read_dir(folder.local_workers());
    let files = files.into_iter().flatten().flatten();
    let modules = files.filter(|file| is_module(&file.path())).count();
    modules.saturating_add(package::names(&folder.packages()).len())
}

fn is_module(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

async fn validate(file: PathBuf) -> Result<Vec<Finding>, Problem> {
    let program = this_program().map_err(|error| of_host(&error))?;
    let validating = Command::new(program)
        .arg0("ewh")
        .args(["validate", "--json", "--level", "load", "--"])
        .arg(file)
        // It reads what a stranger has made.
        .env_remove("EWH_SECRETS_KEY")
        .env_remove("CREDENTIALS_DIRECTORY")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let said = timeout(limits::INSTALL_DEADLINE, validating).await;
    let said = said.map_err(|_late| {
        let problem = "it took too long to validate this module";
        Problem::new(Code::Invalid, problem)
    })?;
    let said = said.map_err(|error| of_host(&error))?;
    let report: Report = serde_json::from_slice(&said.stdout).map_err(|_| {
        let problem = "validating this module did not end as it should: \
                       try `ewh validate` on it where it was made";
        Problem::new(Code::Invalid, problem)
    })?;
    let components = report.components.into_iter();
    Ok(components.flat_map(|it| it.findings).collect())
}

/// Removes the files of a module.
pub(super) fn uninstall(folder: &Folder, module: &str) -> Result<(), Problem> {
    let mut is_gone = false;
    for ending in ENDINGS {
        let name = format!("{module}.{ending}");
        if name_of(&name).is_err() {
            continue;
        }
        match std::fs::remove_file(folder.local_workers().join(name)) {
            Ok(()) => is_gone = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(of_host(&error)),
        }
    }
    match is_gone {
        true => Ok(()),
        false => Err(Problem::new(
            Code::NotFound,
            "there is no module of this name that was brought as a file",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_has_to_fit() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::of(root.path(), "lab");
        make(&folder.local_workers()).unwrap();
        let upload = |file: &str| Upload {
            file: file.to_owned(),
            bytes: vec![7; 1 << 20],
        };
        let quotas = Quotas {
            modules: Some(2),
            disk: Some(4 << 20),
            ..Quotas::default()
        };
        let has_room = |file: &str, quotas: &Quotas| admit(&folder, &upload(file), quotas);
        has_room("a.wasm", &quotas).unwrap();
        std::fs::write(folder.local_workers().join("a.wasm"), b"").unwrap();
        make(&folder.packages().join("packed")).unwrap();
        assert_eq!(has_room("b.wasm", &quotas), Err(OverQuota::Modules(2)));
        // One that is there may be brought again.
        has_room("a.wasm", &quotas).unwrap();
        std::fs::write(folder.data().join("large"), vec![7; 4 << 20]).unwrap();
        assert_eq!(has_room("a.wasm", &quotas), Err(OverQuota::Disk(4 << 20)));
        has_room("a.wasm", &Quotas::default()).unwrap();
    }

    #[test]
    fn a_file_is_named_as_a_module_is() {
        assert_eq!(name_of("thermometer.wasm").unwrap(), "thermometer");
        assert_eq!(name_of("a-1.2+b.whl").unwrap(), "a-1.2+b");
        let long = format!("{}.py", "x".repeat(limits::MAX_NAME_BYTES));
        for bad in [
            "", "x", ".wasm", "x.exe", "../x.py", "a/b.py", ".x.py", "-x.py", "x\0.py", &long,
        ] {
            name_of(bad).unwrap_err();
        }
    }
}
