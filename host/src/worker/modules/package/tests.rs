//! Packages: what is taken in, what is refused, and what lies where afterwards.

use std::io::{Cursor, Write};
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn manifest(name: &str, version: &str) -> String {
    format!("name = \"{name}\"\nversion = \"{version}\"\ncomponents = [\"parts/a.wasm\"]\n")
}

fn module(name: &str, version: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(MANIFEST), manifest(name, version)).unwrap();
    fs::create_dir(dir.path().join("parts")).unwrap();
    fs::write(dir.path().join("parts/a.wasm"), format!("{name} {version}")).unwrap();
    dir
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn packages() -> (TempDir, Packages) {
    let data = TempDir::new().unwrap();
    let packages = Packages::open(data.path()).unwrap();
    (data, packages)
}

/// Nothing but packages is where packages are.
#[track_caller]
fn is_tidy(packages: &Packages) {
    let left = fs::read_dir(&packages.dir).unwrap().flatten();
    let aside = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(aside.count(), 0);
}

#[test]
fn a_module_from_a_folder_is_the_one_from_an_archive() {
    let (_data, packages) = packages();
    let source = module("demo", "1.2.0");
    let added = packages.add_path(source.path()).unwrap();
    assert!(added.source.contains(source.path().to_str().unwrap()));
    let component = &added.components()[0];
    assert_eq!(fs::read_to_string(component).unwrap(), "demo 1.2.0");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(component), mode(&added.dir)), (0o600, 0o700));
    added.verify().unwrap();

    let text = manifest("demo", "1.2.0");
    let archive = zip(&[("parts/a.wasm", "demo 1.2.0"), (MANIFEST, &text)]);
    let file = source.path().join("demo.zip");
    fs::write(&file, archive).unwrap();
    assert_eq!(packages.add_path(&file).unwrap(), added);
    assert_eq!(packages.list().packages, [added]);
    is_tidy(&packages);
}

#[test]
fn another_content_needs_another_version() {
    let (_data, packages) = packages();
    let source = module("demo", "1.0.0");
    packages.add_path(source.path()).unwrap();
    fs::write(source.path().join("parts/a.wasm"), "other").unwrap();
    let refused = packages.add_path(source.path()).unwrap_err();
    assert!(
        matches!(refused, PackageProblem::Exists { .. }),
        "{refused}"
    );
    is_tidy(&packages);
}

#[test]
fn the_newest_version_is_the_one_that_is_used() {
    let (_data, packages) = packages();
    for version in ["1.9.0", "1.10.0", "1.10.0-rc.1", "0.1.0"] {
        packages.add_path(module("demo", version).path()).unwrap();
    }
    packages.add_path(module("other", "9.0.0").path()).unwrap();
    let version = |name| packages.get(name).map(|p| p.manifest.version.to_string());
    assert_eq!(version("demo").as_deref(), Some("1.10.0"));
    assert_eq!(version("nope"), None);
    let newest = Version::new(1, 10, 0);
    assert!(packages.remove("demo", Some(&newest)).unwrap());
    assert!(!packages.remove("demo", Some(&newest)).unwrap());
    assert_eq!(version("demo").as_deref(), Some("1.10.0-rc.1"));
    assert!(packages.remove("demo", None).unwrap());
    assert_eq!(version("demo"), None);
    assert_eq!(packages.list().packages.len(), 1);
    for name in ["..", "../modules", "", "other/9.0.0"] {
        assert!(!packages.remove(name, None).unwrap(), "{name}");
    }
    is_tidy(&packages);
}

#[test]
fn what_is_no_module_is_refused_and_leaves_nothing() {
    let (_data, packages) = packages();
    let text = manifest("demo", "1.0.0");
    let spoil = |spoil: &dyn Fn(&Path)| {
        let source = module("demo", "1.0.0");
        spoil(source.path());
        packages.add_path(source.path()).unwrap_err().to_string()
    };
    let problems = [
        (
            spoil(&|dir| fs::remove_file(dir.join(MANIFEST)).unwrap()),
            MANIFEST,
        ),
        (
            spoil(&|dir| fs::write(dir.join(MANIFEST), "name = 1").unwrap()),
            "line 1",
        ),
        (
            spoil(&|dir| fs::write(dir.join(MANIFEST), b"\xff").unwrap()),
            "UTF-8",
        ),
        (
            spoil(&|dir| fs::remove_file(dir.join("parts/a.wasm")).unwrap()),
            "does not exist",
        ),
        (
            spoil(&|dir| symlink("/etc/passwd", dir.join("link")).unwrap()),
            "neither a file",
        ),
        (
            spoil(&|dir| fs::write(dir.join("a\\b"), "").unwrap()),
            "character",
        ),
        (
            spoil(&|dir| {
                fs::remove_file(dir.join("parts/a.wasm")).unwrap();
                fs::create_dir(dir.join("parts/a.wasm")).unwrap();
            }),
            "does not exist",
        ),
    ];
    for (problem, part) in problems {
        assert!(problem.contains(part), "{part}: {problem}");
    }
    let record = zip(&[("parts/a.wasm", ""), (MANIFEST, &text), (RECORD, "{}")]);
    packages.add_archive(record, "here".into()).unwrap_err();
    packages
        .add_archive(b"PK".to_vec(), "here".into())
        .unwrap_err();
    let missing = packages.add_path(Path::new("/no/such/module")).unwrap_err();
    assert!(!missing.public().contains("/no"), "{}", missing.public());
    assert!(packages.list().packages.is_empty());
    is_tidy(&packages);
}

#[test]
fn a_changed_or_broken_package_is_noticed_and_hides_no_other() {
    let (_data, packages) = packages();
    let good = packages.add_path(module("good", "1.0.0").path()).unwrap();
    let changed = packages
        .add_path(module("changed", "1.0.0").path())
        .unwrap();
    let broken = packages.add_path(module("broken", "1.0.0").path()).unwrap();
    fs::write(&changed.components()[0], "evil").unwrap();
    fs::remove_file(broken.dir.join(RECORD)).unwrap();
    good.verify().unwrap();
    let found = changed.verify().unwrap_err();
    assert!(matches!(found, PackageProblem::Changed { .. }), "{found}");
    let listed = packages.list();
    assert_eq!(listed.packages.len(), 2);
    assert!(
        listed.problems[0].contains("broken/1.0.0"),
        "{:?}",
        listed.problems
    );
}

#[test]
fn what_a_killed_host_left_behind_is_removed() {
    let (data, packages) = packages();
    let good = packages.add_path(module("good", "1.0.0").path()).unwrap();
    fs::create_dir_all(packages.aside().join("parts")).unwrap();
    assert_eq!(packages.list().packages, [good]);
    Packages::open(data.path()).unwrap().tidy();
    is_tidy(&packages);
    assert_eq!(packages.list().packages.len(), 1);
}
