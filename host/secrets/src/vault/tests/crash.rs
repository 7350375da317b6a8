//! The host dies between any two changes of a disk, and the disk forgets what it may.

use super::super::disk::Op;
use super::tape::{copy, crashes};
use super::*;

/// The secrets of a copy of a vault that a key opens, if it does.
fn opened(dir: &Path, key: &Key) -> Option<All> {
    let apart = crate::testing::dir();
    copy(dir, apart.path());
    match Vault::open(apart.path(), same(key)) {
        Ok(vault) => Some(all(&vault)),
        Err(VaultError::OtherKey(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A copy of a vault's directory as it is now.
fn before(vault: &Vault) -> tempfile::TempDir {
    let before = crate::testing::dir();
    copy(vault.path(), before.path());
    vault.root.tape.take();
    before
}

/// What was done to a vault since [`before`], as if it had been done there.
fn done(vault: &Vault, before: &Path) -> Vec<Op> {
    let place = |path: PathBuf| before.join(path.strip_prefix(vault.path()).unwrap());
    let ops = vault.root.tape.take().into_iter();
    ops.map(|op| match op {
        Op::Create(path) => Op::Create(place(path)),
        Op::Write(path, bytes) => Op::Write(place(path), bytes),
        Op::SyncFile(path) => Op::SyncFile(place(path)),
        Op::Rename(from, to) => Op::Rename(place(from), place(to)),
        Op::MakeDir(path) => Op::MakeDir(place(path)),
        Op::Remove(path) => Op::Remove(place(path)),
        Op::RemoveDir(path) => Op::RemoveDir(place(path)),
        Op::SyncDir(path) => Op::SyncDir(place(path)),
    })
    .collect()
}

#[test]
fn a_rotation_that_is_cut_off_anywhere_can_be_finished() {
    let dir = dir();
    let (mut vault, old) = filled(dir.path());
    let new = Key::generate();
    let kept = all(&vault);
    let before = before(&vault);
    vault.rotate(same(&new)).unwrap();
    let ops = done(&vault, before.path());
    assert!(ops.len() > 15);
    let mut outcomes = [0, 0];
    crashes(before.path(), &ops, |begun, dir| {
        let with_old = opened(dir, &old);
        let with_new = opened(dir, &new);
        let is_new = with_new.is_some();
        assert_ne!(with_old.is_some(), is_new, "after {begun}");
        assert_eq!(with_old.or(with_new).as_ref(), Some(&kept), "after {begun}");
        outcomes[usize::from(is_new)] += 1;

        let finished = Vault::finish_rotation(dir, same(&new), same(&old)).unwrap();
        assert_eq!(all(&finished), kept);
        drop(finished);
        opens_nothing(dir, &old);
        assert_eq!(opened(dir, &new).as_ref(), Some(&kept));
        if begun == ops.len() {
            assert!(is_new);
        }
    });
    assert!(outcomes[0] > 10 && outcomes[1] > 10, "{outcomes:?}");
}

#[test]
fn opening_with_the_key_in_force_is_enough_to_finish() {
    let dir = dir();
    let (mut vault, old) = filled(dir.path());
    let new = Key::generate();
    let before = before(&vault);
    vault.rotate(same(&new)).unwrap();
    let ops = done(&vault, before.path());
    crashes(before.path(), &ops, |_, dir| {
        for (key, other) in [(&old, &new), (&new, &old)] {
            if let Ok(vault) = Vault::open(dir, same(key)) {
                drop(vault);
                opens_nothing(dir, other);
            }
        }
    });
}

#[test]
fn a_change_that_is_cut_off_leaves_the_old_or_the_new() {
    type Change = fn(&mut Vault);
    let changes: [Change; 4] = [
        |vault| {
            let value = secret(vec![b'v'; 5000]);
            let set = vault.set(&tenant("lab"), name("api"), value, now(2));
            set.unwrap();
        },
        |vault| {
            let set = vault.set(&tenant("another"), name("api"), secret("x"), now(2));
            set.unwrap();
        },
        |vault| assert!(vault.remove(&tenant("lab"), &name("pw")).unwrap()),
        |vault| vault.erase(&tenant("b.2")).unwrap(),
    ];
    let dir = dir();
    let (mut vault, key) = filled(dir.path());
    for change in changes {
        let old = all(&vault);
        let before = before(&vault);
        change(&mut vault);
        let (new, ops) = (all(&vault), done(&vault, before.path()));
        let mut outcomes = [0, 0];
        crashes(before.path(), &ops, |begun, dir| {
            let now = opened(dir, &key).unwrap();
            assert!(now == old || now == new, "after {begun}");
            outcomes[usize::from(now == new)] += 1;
            if begun == ops.len() {
                assert!(now == new, "it returned before it was on disk");
            }
            drop(Vault::open(dir, same(&key)).unwrap());
            let mut files = fs::read_dir(dir.join("00000001")).unwrap();
            let is_new = |file: &Path| file.extension().is_some_and(|last| last == "new");
            assert!(files.all(|file| !is_new(&file.unwrap().path())));
        });
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    }
}

#[test]
fn a_vault_that_was_half_made_can_be_made() {
    let dir = dir();
    let key = Key::generate();
    let vault = Vault::create(dir.path(), same(&key)).unwrap();
    let empty = crate::testing::dir();
    let ops = done(&vault, empty.path());
    crashes(empty.path(), &ops, |begun, dir| {
        let made = match Vault::open(dir, same(&key)) {
            Err(VaultError::NotThere(_)) => {
                assert!(begun < ops.len(), "it returned before it was on disk");
                Vault::create(dir, same(&key))
            }
            opened => opened,
        };
        assert!(all(&made.unwrap()).is_empty(), "after {begun}");
    });
}

#[test]
fn a_disk_that_fails_leaves_a_vault_that_goes_on() {
    let dir = dir();
    let (mut vault, mut key) = filled(dir.path());
    let mut kept = all(&vault);
    let lab = tenant("lab");
    for fails_after in 0.. {
        vault.root.tape.allow(Some(fails_after));
        let new = Key::generate();
        let rotated = vault.rotate(same(&new));
        vault.root.tape.allow(None);
        let is_over = rotated.is_ok();
        match rotated {
            Ok(()) | Err(VaultError::HalfRotated { .. }) => key = new,
            Err(error) => assert!(matches!(error, VaultError::Io { .. }), "{error}"),
        }
        assert_eq!(all(&vault), kept, "{fails_after}");
        vault
            .set(&lab, name("n"), secret(fails_after.to_string()), now(1))
            .unwrap();
        kept = all(&vault);
        drop(vault);
        vault = Vault::open(dir.path(), same(&key)).unwrap();
        assert_eq!(all(&vault), kept, "{fails_after}");
        if is_over {
            break;
        }
    }
    for fails_after in 0.. {
        vault.root.tape.allow(Some(fails_after));
        let set = vault.set(&lab, name("n"), secret("new"), now(1));
        vault.root.tape.allow(None);
        if set.is_ok() {
            break;
        }
        let secrets = vault.read(&lab).unwrap();
        let value = secrets.secret(&name("n")).unwrap().expose().to_vec();
        let renamed = fails_after > 3;
        assert_eq!(value == b"new", renamed, "{fails_after}");
    }
}
