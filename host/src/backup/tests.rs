//! Copies of directories that nobody has: what comes back, what is left out, and what of an archive is not believed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use tempfile::TempDir;

use super::tar::Writer;
use super::*;
use crate::worker::store;

/// Workers that nobody has.
struct AtRest;

impl Workers for AtRest {
    fn hold(&self, place: &Place) -> Result<Held, LeaveOut> {
        match place.name.as_deref() {
            Some("silent") => Err(LeaveOut::This("its Worker does not answer".to_owned())),
            Some("asked") => Ok(Held::Snapshot),
            _ => Ok(Held::AtRest(Some(store::hold(&place.dir).unwrap()))),
        }
    }
}

fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn what(data: &Path) -> What<'_> {
    What {
        at: 1_700_000_000,
        data: data.to_owned(),
        control: None,
        workers: &AtRest,
        audit: None,
        secrets: None,
    }
}

fn archive(what: What<'_>, dir: &TempDir) -> PathBuf {
    let path = dir.path().join("backup.tar");
    create(what, fs::File::create(&path).unwrap()).unwrap();
    path
}

fn to(dir: &TempDir) -> Places {
    Places {
        data: dir.path().join("back/data"),
        audit: None,
        secrets: None,
    }
}

/// Every file below a directory, with what is in it.
fn all(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(dir).unwrap();
            let path = path.to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn what_is_kept_comes_back_and_what_is_nobodys_does_not() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let deep = format!("lab/files/{}/{}", "d".repeat(200), "f".repeat(200));
    let kept = [
        ("lab/state.db", "state"),
        ("lab/state.db-wal", "log"),
        ("lab/policy.toml", "clocks = true"),
        ("lab/policies/m.toml", ""),
        ("lab/folders/1/a name\nof two lines", "x"),
        ("lab/folders/1/empty", ""),
        (deep.as_str(), "deep"),
        ("lab-2/policy.toml", ""),
        ("asked/policy.toml", ""),
    ];
    for (path, content) in kept {
        write(data.join(path), content);
    }
    fs::create_dir_all(data.join("lab/files/empty folder")).unwrap();
    write(data.join("asked/state.db"), "being written");
    write(data.join("asked/state.db-wal"), "being written");
    write(data.join("asked/snapshot.db"), "as it was");
    write(data.join("silent/state.db"), "nobody knows");
    for nobodys in [
        "lab/lock",
        "lab/snapshot.db",
        "lab/cache/code",
        "lab/.arriving-x/m.wasm",
        "no-worker/x",
        "stray",
    ] {
        write(data.join(nobodys), "nobody's");
    }
    symlink("/etc/passwd", data.join("lab/files/link")).unwrap();
    symlink("/etc", data.join("lab/policies/way")).unwrap();
    let _socket = UnixListener::bind(data.join("lab/files/socket")).unwrap();
    write(dir.path().join("database"), "tenants");
    write(dir.path().join("audit/000001.jsonl"), "1\n");
    write(dir.path().join("audit/000002.jsonl"), "2\n3\nhalf a li");
    write(dir.path().join("audit/head.json"), "head");
    write(dir.path().join("audit/key"), "the log's");
    write(dir.path().join("audit/lock"), "");
    write(dir.path().join("secrets/00000001/lab.age"), "old");
    write(dir.path().join("secrets/00000002/id"), "id");
    write(dir.path().join("secrets/00000002/lab.age"), "locked");
    write(dir.path().join("secrets/00000002/key"), "the key");
    write(dir.path().join("secrets/key.txt"), "the key");

    let archive = archive(
        What {
            control: Some(fs::File::open(dir.path().join("database")).unwrap()),
            audit: Some(dir.path().join("audit")),
            secrets: Some(dir.path().join("secrets")),
            ..what(&data)
        },
        &dir,
    );
    let to = Places {
        // In the data directory, as some have it.
        audit: Some(dir.path().join("back/data/.audit")),
        secrets: Some(dir.path().join("back/secrets")),
        ..to(&dir)
    };
    let summary = restore(&archive, &to).unwrap();
    assert_eq!(summary, verify(&archive).unwrap());
    assert_eq!(summary.workers, ["asked", "lab", "lab-2"]);
    assert!(summary.control && summary.audit && summary.secrets && summary.lacks_a_worker());
    let left_out = |path: &str| {
        let found = summary.left_out.iter().find(|it| it.path == path);
        found
            .unwrap_or_else(|| panic!("{path}: {summary:?}"))
            .why
            .clone()
    };
    assert_eq!(left_out("data/silent"), "its Worker does not answer");
    assert_eq!(left_out("data/lab/files/link"), "it is a link");
    assert_eq!(left_out("data/lab/policies/way"), "it is a link");
    assert_eq!(left_out("data/lab/files/socket"), "it is a socket");
    assert_eq!(summary.left_out_count, 4);

    let mut expected: Vec<_> = kept
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec()))
        .collect();
    expected.push(("asked/state.db".to_owned(), b"as it was".to_vec()));
    expected.push(("control.db".to_owned(), b"tenants".to_vec()));
    expected.sort();
    let mut found = all(&to.data);
    found.retain(|(path, _)| !path.starts_with(".audit/"));
    assert_eq!(found, expected);
    assert!(to.data.join("lab/files/empty folder").is_dir());
    let audit = [
        ("000001.jsonl", "1\n"),
        ("000002.jsonl", "2\n3\n"),
        ("head.json", "head"),
        ("key", "the log's"),
    ];
    let audit = audit.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
    assert_eq!(all(&to.audit.unwrap()), audit);
    let secrets = [("00000002/id", "id"), ("00000002/lab.age", "locked")];
    let secrets = secrets.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
    assert_eq!(all(&to.secrets.unwrap()), secrets);
    let mode = |path: &str| {
        let found = fs::metadata(to.data.join(path)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!(
        (mode("lab"), mode("."), mode("lab/state.db")),
        (0o700, 0o700, 0o600)
    );
    // What was copied is not left beside what it was copied of.
    assert_eq!(fs::read(data.join("asked/snapshot.db")).unwrap(), b"");
}

#[test]
fn a_worker_alone_is_all_of_its_directory() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    write(data.join("state.db"), "state");
    write(data.join("files/state.db"), "only a file");
    let archive = archive(what(&data), &dir);
    let summary = restore(&archive, &to(&dir)).unwrap();
    assert_eq!(summary.workers, [String::new()]);
    assert!(!summary.control && !summary.lacks_a_worker());
    assert_eq!(all(&to(&dir).data).len(), 2);
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = create(what(&empty), std::io::sink());
    assert!(
        matches!(nothing, Err(BackupError::NoData(_))),
        "{nothing:?}"
    );
}

#[test]
fn what_is_too_much_is_left_out_and_nothing_else_is() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    write(data.join("state.db"), "state");
    let deep = "d/".repeat(crate::limits::MAX_BACKUP_DEPTH);
    fs::create_dir_all(data.join("files").join(deep)).unwrap();
    let sparse = |name: &str| {
        let file = fs::File::create(data.join("files").join(name)).unwrap();
        file.set_len(crate::limits::MAX_BACKUP_HOLES + (1 << 20))
            .unwrap();
    };
    sparse("sparse");
    write(data.join("files/z"), "last");
    let archive = archive(what(&data), &dir);
    assert!(fs::metadata(&archive).unwrap().len() < 1 << 20);
    let summary = restore(&archive, &to(&dir)).unwrap();
    assert_eq!(summary.left_out.len(), 2, "{summary:?}");
    assert_eq!(fs::read(to(&dir).data.join("files/z")).unwrap(), b"last");
}

#[test]
fn a_file_that_becomes_shorter_is_filled_up() {
    let mut parts = Vec::new();
    let each = |part: &[u8]| {
        parts.extend_from_slice(part);
        Ok(())
    };
    let (is_whole, hash) = super::walk::exactly(&mut &b"abc"[..], 1 << 20, each).unwrap();
    assert!(!is_whole && parts.len() == 1 << 20 && parts.starts_with(b"abc\0"));
    assert_eq!(hash, blake3::hash(&parts));
}

#[test]
fn every_byte_counts() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    write(data.join("lab/state.db"), "state");
    write(data.join("lab/files/a"), "a".repeat(600));
    symlink("/", data.join("lab/files/link")).unwrap();
    let archive = archive(what(&data), &dir);
    let whole = fs::read(&archive).unwrap();
    verify(&archive).unwrap();
    let broken = dir.path().join("broken.tar");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&broken, changed).unwrap();
        assert!(verify(&broken).is_err(), "{at}");
        if at % 500 == 0 {
            restore(&broken, &to(&dir)).unwrap_err();
        }
    }
    for end in (0..whole.len()).step_by(100) {
        fs::write(&broken, &whole[..end]).unwrap();
        let error = verify(&broken).unwrap_err();
        assert!(matches!(error, BackupError::Broken(_)), "{end}: {error}");
        restore(&broken, &to(&dir)).unwrap_err();
    }
    fs::write(&broken, [&whole[..], b"x"].concat()).unwrap();
    verify(&broken).unwrap_err();
    // Nothing is left of any of them.
    assert!(all(&dir.path().join("back")).is_empty());
    assert_eq!(fs::read_dir(dir.path().join("back")).unwrap().count(), 0);
}

/// An archive with these members and a manifest that names them, as somebody would make it who knows how.
fn forged(dir: &TempDir, members: &[(&str, Option<&str>)]) -> PathBuf {
    forged_with(dir, r#"{"backup":1,"host":"0.1.0","at":7}"#, members)
}

fn forged_with(dir: &TempDir, head: &str, members: &[(&str, Option<&str>)]) -> PathBuf {
    let mut tar = Writer::new(Vec::new(), 7);
    let mut lines = manifest::Lines::new().unwrap();
    let members = [(HEAD, Some(head))]
        .into_iter()
        .chain(members.iter().copied());
    for (path, content) in members {
        let line = match content {
            None => {
                tar.folder(path).unwrap();
                manifest::Line::Folder {
                    path: path.to_owned(),
                }
            }
            Some(content) => {
                tar.file(path, content.len() as u64).unwrap();
                tar.content(content.as_bytes()).unwrap();
                tar.end_file().unwrap();
                manifest::Line::File {
                    path: path.to_owned(),
                    size: content.len() as u64,
                    blake3: blake3::hash(content.as_bytes()).to_hex().to_string(),
                }
            }
        };
        lines.add(&line).unwrap();
    }
    let (mut all, bytes, hash) = lines.end().unwrap();
    let last = manifest::end(hash).unwrap();
    tar.file(MANIFEST, bytes + last.len() as u64).unwrap();
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut all, &mut content).unwrap();
    tar.content(&content).unwrap();
    tar.content(&last).unwrap();
    tar.end_file().unwrap();
    let path = dir.path().join("forged.tar");
    fs::write(&path, tar.finish().unwrap()).unwrap();
    path
}

#[test]
fn no_archive_leads_elsewhere_or_has_anything_twice() {
    let dir = TempDir::new().unwrap();
    let good = [
        ("data", None),
        ("data/lab", None),
        ("data/lab/x", Some("x")),
    ];
    restore(&forged(&dir, &good), &to(&dir)).unwrap();
    fs::remove_dir_all(to(&dir).data).unwrap();
    let bad: &[&[(&str, Option<&str>)]] = &[
        &[("data", None), ("data/..", None), ("data/../x", Some("x"))],
        &[("data", None), ("data/../../x", Some("x"))],
        &[("/data", None)],
        &[("data", None), ("data//x", Some("x"))],
        &[("data", None), ("data/x", Some("x")), ("data/x", Some("y"))],
        &[("data", None), ("data/b", None), ("data/a", None)],
        &[
            ("data", None),
            ("data/x", Some("x")),
            ("data/x/y", Some("y")),
        ],
        &[("data", None), ("data/a/b", Some("x"))],
        &[("data", Some("x"))],
        &[("data", None), ("elsewhere", None)],
        &[("data", None), ("elsewhere/x", Some("x"))],
        &[("lab", None), ("lab/x", Some("x"))],
        &[],
    ];
    for members in bad {
        let archive = forged(&dir, members);
        let error = restore(&archive, &to(&dir)).unwrap_err();
        assert!(!to(&dir).data.exists(), "{members:?}: {error}");
    }
    let newer = forged_with(&dir, r#"{"backup":2,"else":[]}"#, &good);
    let error = restore(&newer, &to(&dir)).unwrap_err();
    assert!(matches!(error, BackupError::Newer { found: 2 }), "{error}");
    let others = [r#"{"backup":1}"#, "{", r#"{"backup":"1"}"#];
    for head in others {
        restore(&forged_with(&dir, head, &good), &to(&dir)).unwrap_err();
    }
    assert_eq!(fs::read_dir(dir.path().join("back")).unwrap().count(), 0);
    assert!(!dir.path().join("x").exists());
}

#[test]
fn what_is_there_already_stays() {
    let dir = TempDir::new().unwrap();
    let good = [("data", None), ("data/x", Some("x"))];
    let archive = forged(&dir, &good);
    write(to(&dir).data.join("mine"), "mine");
    let error = restore(&archive, &to(&dir)).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty(_)), "{error}");
    assert_eq!(all(&to(&dir).data).len(), 1);
    fs::remove_file(to(&dir).data.join("mine")).unwrap();
    let with_audit = Places {
        audit: Some(dir.path().join("back/audit")),
        ..to(&dir)
    };
    let error = restore(&archive, &with_audit).unwrap_err();
    assert!(error.to_string().contains("has no audit log"), "{error}");
    assert!(all(&dir.path().join("back")).is_empty());
    // An empty one is as good as none.
    restore(&archive, &to(&dir)).unwrap();
    assert_eq!(all(&to(&dir).data).len(), 1);
}
