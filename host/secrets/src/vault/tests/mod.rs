//! A vault as its users see it; `crash` ends it anywhere, `hostile` changes its files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::testing::{Numbers, dir, name, same, secret, tenant};

mod crash;
mod hostile;
pub(super) mod tape;

fn now(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Names, values and versions, to compare.
type Values = Vec<(String, Vec<u8>, u64)>;
/// Of all tenants.
type All = Vec<(String, Values)>;

fn values(vault: &Vault, of: &str) -> Values {
    let secrets = vault.read(&tenant(of)).unwrap();
    let value = |(name, entry): (&SecretName, &Entry)| {
        (
            name.to_string(),
            entry.secret.expose().to_vec(),
            entry.version,
        )
    };
    secrets.iter().map(value).collect()
}

fn all(vault: &Vault) -> All {
    let tenants = vault.tenants().unwrap();
    let of = |tenant: TenantName| (tenant.to_string(), values(vault, tenant.as_str()));
    tenants.into_iter().map(of).collect()
}

/// A vault with two tenants.
fn filled(dir: &Path) -> (Vault, Key) {
    let key = Key::generate();
    let mut vault = Vault::create(dir, same(&key)).unwrap();
    for (of, called, value) in [
        ("lab", "api", "first value"),
        ("lab", "pw", "second value"),
        ("b.2", "api", "third value"),
    ] {
        vault
            .set(&tenant(of), name(called), secret(value), now(1))
            .unwrap();
    }
    (vault, key)
}

#[test]
fn secrets_are_there_again_with_their_versions_and_times() {
    let dir = dir();
    let (mut vault, key) = filled(dir.path());
    let lab = tenant("lab");
    let version = vault.set(&lab, name("api"), secret(b"\0\xff"), now(7));
    assert_eq!(version.unwrap(), 3);
    assert!(vault.remove(&lab, &name("pw")).unwrap());
    assert!(!vault.remove(&lab, &name("pw")).unwrap());
    let version = vault.set(&lab, name("pw"), secret("x"), now(9)).unwrap();
    assert_eq!(version, 5, "a version is never used again");
    let before = all(&vault);
    drop(vault);

    let vault = Vault::open(dir.path(), key).unwrap();
    assert_eq!(all(&vault), before);
    let secrets = vault.read(&lab).unwrap();
    let entry = secrets.get(&name("api")).unwrap();
    assert_eq!((entry.version, entry.changed), (3, now(7)));
    assert_eq!(entry.secret.expose(), b"\0\xff");
    assert_eq!((secrets.len(), secrets.changes()), (2, 5));
    assert!(secrets.secret(&name("other")).is_none());
    assert!(vault.read(&tenant("nobody")).unwrap().is_empty());
    assert_eq!(format!("{secrets:?}"), "TenantSecrets(2 secrets)");
    let shown = format!("{vault:?}");
    assert!(!shown.contains("AGE-SECRET"), "{shown}");
}

#[test]
fn one_process_has_a_vault() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let again = |key| Vault::open(dir.path(), key);
    assert!(matches!(again(same(&key)), Err(VaultError::InUse(_))));
    let create = Vault::create(dir.path(), same(&key));
    assert!(matches!(create, Err(VaultError::InUse(_))));
    drop(vault);
    assert!(again(same(&key)).is_ok());
    let create = Vault::create(dir.path(), key);
    assert!(matches!(create, Err(VaultError::AlreadyThere(_))));
    let wrong = again(Key::generate()).unwrap_err();
    assert!(matches!(wrong, VaultError::OtherKey(_)), "{wrong}");
    assert!(wrong.to_string().contains("do not open with this key"));
}

#[test]
fn a_directory_without_a_vault_is_left_as_it_is() {
    let dir = dir();
    for path in [dir.path(), &dir.path().join("missing")] {
        let error = Vault::open(path, Key::generate()).unwrap_err();
        assert!(matches!(error, VaultError::NotThere(_)), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn everything_is_its_owners_only() {
    let dir = dir();
    let path = dir.path().join("a/b");
    let (mut vault, key) = filled(&path);
    vault.rotate(same(&key)).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            assert_eq!(mode(&entry), 0o700);
            for file in fs::read_dir(entry).unwrap() {
                assert_eq!(mode(&file.unwrap().path()), 0o600);
                files += 1;
            }
        } else {
            assert_eq!(mode(&entry), 0o600);
        }
    }
    assert_eq!(files, 3);
    drop(vault);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
    let error = Vault::open(&path, key).unwrap_err().to_string();
    assert!(error.contains("mode 770"), "{error}");
}

#[test]
fn a_tenant_has_so_many_secrets_and_bytes_and_no_more() {
    let dir = dir();
    let (lab, key) = (tenant("lab"), Key::generate());
    let mut vault = Vault::create(dir.path(), same(&key)).unwrap();
    let longest = vec![b'x'; crate::secret::MAX_VALUE_BYTES];
    let fit = MAX_TENANT_BYTES / longest.len();
    let mut secrets = TenantSecrets::default();
    for at in 0..fit {
        let called = name(&format!("{at}"));
        secrets.set(called, secret(&longest), now(1)).unwrap();
    }
    vault.replace(&lab, &secrets).unwrap();
    let full = vault.set(&lab, name("more"), secret("x"), now(1));
    let error = full.unwrap_err().to_string();
    assert!(error.contains("4194304 bytes"), "{error}");
    // One in the place of another is no more.
    vault
        .set(&lab, name("0"), secret(&longest), now(1))
        .unwrap();

    let mut many = TenantSecrets::default();
    for at in 0..MAX_SECRETS {
        let called = format!("{at:0>64}");
        many.set(name(&called), secret(called), now(1)).unwrap();
    }
    let full = many.set(name("more"), secret("x"), now(1));
    assert_eq!(full, Err(Excess::Secrets));
    vault.replace(&lab, &many).unwrap();
    assert_eq!(vault.read(&lab).unwrap().len(), MAX_SECRETS);
    many.changes = u64::MAX;
    let first = name(&format!("{:0>64}", 0));
    assert_eq!(many.set(first, secret("x"), now(1)), Err(Excess::Changes));
}

#[test]
fn after_a_rotation_the_old_key_opens_nothing() {
    let dir = dir();
    let (mut vault, old) = filled(dir.path());
    let before = all(&vault);
    let new = Key::generate();
    vault.rotate(same(&new)).unwrap();
    assert_eq!(all(&vault), before);
    let lab = tenant("lab");
    vault.set(&lab, name("later"), secret("v"), now(3)).unwrap();
    let after = all(&vault);
    drop(vault);
    opens_nothing(dir.path(), &old);
    let vault = Vault::finish_rotation(dir.path(), same(&new), old).unwrap();
    assert_eq!(all(&vault), after);
    drop(vault);
    assert_eq!(all(&Vault::open(dir.path(), new).unwrap()), after);
}

/// No file below `dir` is encrypted to `key`.
fn opens_nothing(dir: &Path, key: &Key) {
    let mut files = 0;
    each_file(dir, &mut |path, bytes| {
        files += usize::from(!path.ends_with("lock"));
        assert!(seal::open(key, bytes).is_err(), "{}", path.display());
    });
    assert!(files > 1);
    Vault::open(dir, same(key)).unwrap_err();
}

fn each_file(dir: &Path, see: &mut dyn FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, see);
        } else {
            see(&path, &fs::read(&path).unwrap());
        }
    }
}

#[test]
fn what_is_erased_is_gone_even_if_it_was_broken() {
    let dir = dir();
    let (mut vault, _key) = filled(dir.path());
    fs::write(vault.files.path().join("lab.age"), "nonsense").unwrap();
    vault.read(&tenant("lab")).unwrap_err();
    vault.erase(&tenant("lab")).unwrap();
    vault.erase(&tenant("nobody")).unwrap();
    assert!(vault.read(&tenant("lab")).unwrap().is_empty());
    assert_eq!(vault.tenants().unwrap(), [tenant("b.2")]);
}

#[test]
fn nothing_on_disk_has_a_value_or_a_name() {
    use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

    let dir = dir();
    let (called, value) = ("VERY_secret-name", "a value that is kept");
    let (mut vault, _) = filled(dir.path());
    let lab = tenant("lab");
    let mut unseen: Vec<Vec<u8>> = Vec::new();
    for text in [called, value, "first value", "second value"] {
        let bytes = text.as_bytes();
        unseen.push(bytes.to_vec());
        for encoding in [BASE64, BASE64URL, HEXLOWER, HEXUPPER] {
            // At each of the three places that a byte may have in four letters.
            for shift in 0..3 {
                let bytes = bytes.get(shift..).unwrap();
                let encoded = encoding.encode(bytes);
                unseen.push(encoded.get(..8).unwrap().into());
            }
        }
    }
    let look = |when: &str| {
        each_file(dir.path(), &mut |path, bytes| {
            let path = path.to_str().unwrap();
            for text in &unseen {
                let find = |bytes| memchr::memmem::find(bytes, text);
                assert_eq!(find(path.as_bytes()), None, "{when}: {path}");
                assert_eq!(find(bytes), None, "{when}: {path}");
            }
        });
    };
    vault
        .set(&lab, name(called), secret(value), now(1))
        .unwrap();
    look("set");
    vault.rotate(Key::generate()).unwrap();
    look("rotated");
    vault.root.tape.allow(Some(3));
    vault.rotate(Key::generate()).unwrap_err();
    look("half rotated");
}

#[test]
fn sizes_on_disk_say_little() {
    let dir = dir();
    let (mut vault, key) = filled(dir.path());
    let mut size = |value: usize| {
        let value = secret(vec![1; value]);
        vault
            .set(&tenant("b.2"), name("api"), value, now(1))
            .unwrap();
        let file = fs::read(vault.files.path().join("b.2.age")).unwrap();
        // Around it age puts something of a random length.
        let plain = seal::open(&key, &file).unwrap().len();
        assert!((plain + 200..plain + 800).contains(&file.len()));
        plain
    };
    let short = size(1);
    assert_eq!(size(700), short);
    assert_eq!(size(1500), short + 1024);
}

#[test]
fn what_many_changes_do_is_what_a_map_does() {
    let dir = dir();
    let key = Key::generate();
    let mut vault = Vault::create(dir.path(), same(&key)).unwrap();
    let mut numbers = Numbers(7);
    let mut model = std::collections::BTreeMap::new();
    for round in 0..300 {
        let of = ["a", "b", "c"][numbers.below(3)];
        let called = ["k", "l", "m", "n"][numbers.below(4)];
        if numbers.below(3) == 0 {
            let removed = vault.remove(&tenant(of), &name(called)).unwrap();
            assert_eq!(removed, model.remove(&(of, called)).is_some());
        } else {
            let value = numbers.bytes(2000, b"abc\0\xff");
            let set = vault.set(&tenant(of), name(called), secret(&value), now(round));
            set.unwrap();
            model.insert((of, called), value);
        }
        if round % 100 == 99 {
            vault.rotate(same(&key)).unwrap();
            drop(vault);
            vault = Vault::open(dir.path(), same(&key)).unwrap();
        }
        for of in ["a", "b", "c"] {
            let have = values(&vault, of);
            let have = have.iter().map(|(name, value, _)| (name.as_str(), value));
            let want = model.iter().filter(|((other, _), _)| *other == of);
            let want = want.map(|((_, name), value)| (*name, value));
            assert!(have.eq(want));
        }
    }
}

/// Setting leaves a copy behind, in a buffer of age; reading leaves none.
#[cfg(target_os = "linux")]
#[test]
fn what_is_read_is_in_memory_only_while_somebody_has_it() {
    use crate::testing::{Masked, copies_in_memory};

    let dir = dir();
    let (mut vault, _) = filled(dir.path());
    let (lab, masked) = (tenant("lab"), Masked::random());
    vault
        .set(&lab, name("api"), masked.secret(), now(1))
        .unwrap();
    let left_behind = copies_in_memory(&masked);
    let secrets = vault.read(&lab).unwrap();
    let value = secrets.secret(&name("api")).unwrap().clone();
    drop(secrets);
    assert!(copies_in_memory(&masked) >= 1);
    drop(value);
    assert!(copies_in_memory(&masked) <= left_behind);
}
