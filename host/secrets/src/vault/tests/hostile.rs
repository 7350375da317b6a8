//! Files that were cut off, changed, moved, brought from elsewhere, or written without the key.

use super::*;

fn fault(vault: &Vault, of: &str) -> Fault {
    match vault.read(&tenant(of)) {
        Err(VaultError::Broken { fault, file }) => {
            assert!(file.ends_with(format!("00000001/{of}.age")));
            fault
        }
        other => panic!("{other:?}"),
    }
}

fn file(vault: &Vault, of: &str) -> PathBuf {
    vault.files.path().join(format!("{of}.age"))
}

#[test]
fn a_file_that_is_torn_anywhere_does_not_open() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let whole = fs::read(file(&vault, "lab")).unwrap();
    for end in 0..whole.len() {
        let fault = seal::open(&key, &whole[..end]).unwrap_err();
        let is_known = matches!(fault, Fault::Torn | Fault::NotEncrypted | Fault::Changed);
        assert!(is_known, "{end}: {fault}");
    }
    for end in [0, 10, 300, whole.len() - 1] {
        fs::write(file(&vault, "lab"), &whole[..end]).unwrap();
        fault(&vault, "lab");
    }
    // The other tenant is none the worse.
    assert_eq!(values(&vault, "b.2").len(), 1);
}

#[test]
fn a_byte_that_is_changed_anywhere_is_seen() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let mut bytes = fs::read(file(&vault, "lab")).unwrap();
    for at in 0..bytes.len() {
        for change in [1, 0x20, 0x80] {
            bytes[at] ^= change;
            seal::open(&key, &bytes).unwrap_err();
            bytes[at] ^= change;
        }
    }
    seal::open(&key, &bytes).unwrap();
    bytes.push(0);
    assert_eq!(seal::open(&key, &bytes).unwrap_err(), Fault::Changed);
    let last = bytes.len() - 2;
    bytes.truncate(last + 1);
    bytes[last] ^= 1;
    fs::write(file(&vault, "lab"), &bytes).unwrap();
    assert_eq!(fault(&vault, "lab"), Fault::Changed);
}

#[test]
fn a_changed_id_keeps_the_vault_shut() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let path = vault.files.path().join("id");
    let id = fs::read(&path).unwrap();
    drop(vault);
    let mut changed = id.clone();
    for at in (0..id.len()).step_by(37).chain([id.len() - 1]) {
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        Vault::open(dir.path(), same(&key)).unwrap_err();
        changed[at] ^= 1;
    }
    fs::remove_file(&path).unwrap();
    Vault::open(dir.path(), same(&key)).unwrap_err();
    // The file of a tenant is no id, and an id is no tenant's file.
    fs::copy(dir.path().join("00000001/lab.age"), &path).unwrap();
    Vault::open(dir.path(), same(&key)).unwrap_err();
    fs::write(&path, &id).unwrap();
    fs::write(dir.path().join("00000001/x.age"), &id).unwrap();
    let vault = Vault::open(dir.path(), key).unwrap();
    assert_eq!(fault(&vault, "x"), Fault::Malformed);
}

#[test]
fn files_stay_where_they_were_written() {
    let (one, two) = (dir(), dir());
    let (vault, key) = filled(one.path());
    fs::copy(file(&vault, "lab"), file(&vault, "b.2")).unwrap();
    assert_eq!(fault(&vault, "b.2"), Fault::OtherTenant("lab".to_owned()));

    let mut other = Vault::create(two.path(), same(&key)).unwrap();
    let lab = tenant("lab");
    other.set(&lab, name("api"), secret("x"), now(1)).unwrap();
    fs::copy(file(&other, "lab"), file(&vault, "lab")).unwrap();
    assert_eq!(fault(&vault, "lab"), Fault::OtherVault);

    other.rotate(Key::generate()).unwrap();
    fs::copy(file(&other, "lab"), file(&vault, "lab")).unwrap();
    assert_eq!(fault(&vault, "lab"), Fault::OtherKey);
}

#[test]
fn who_has_only_the_public_key_cannot_write_secrets() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let recipient = key.identity().to_public();
    let forge = |content: &[u8]| {
        let forged = age::encrypt(&recipient, content).unwrap();
        fs::write(file(&vault, "lab"), forged).unwrap();
        fault(&vault, "lab")
    };
    assert_eq!(forge(b"lab"), Fault::Forged);
    let secrets = TenantSecrets::default();
    let mut content = content::write(&vault.id, &tenant("lab"), &secrets);
    content.resize(1024, 0);
    assert_eq!(forge(&content), Fault::Forged);
    content[12] = 2;
    assert_eq!(forge(&content), Fault::Version(2));
    assert_eq!(forge(&content[..14]), Fault::Malformed);
}

#[test]
fn what_is_no_plain_file_of_ours_is_not_followed() {
    let dir = dir();
    let (vault, key) = filled(dir.path());
    let path = file(&vault, "lab");
    fs::write(
        &path,
        vec![0; seal::file_bytes(content::MAX_CONTENT_BYTES) + 1],
    )
    .unwrap();
    assert_eq!(fault(&vault, "lab"), Fault::TooLong);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(file(&vault, "b.2"), &path).unwrap();
    let linked = vault.read(&tenant("lab"));
    assert!(matches!(linked, Err(VaultError::Io { .. })), "{linked:?}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let folder = vault.read(&tenant("lab"));
    assert!(matches!(folder, Err(VaultError::Io { .. })), "{folder:?}");
    fs::remove_dir(&path).unwrap();
    fs::write(vault.files.path().join("-x.age"), "nobody's").unwrap();
    assert_eq!(vault.tenants().unwrap(), [tenant("b.2")]);
    drop(vault);
    fs::create_dir(dir.path().join("0000002")).unwrap();
    fs::create_dir(dir.path().join("00000000")).unwrap();
    Vault::open(dir.path(), key).unwrap();
}

/// Whoever can write content that passes has the key; it must not make the host fall over all the same.
#[test]
fn content_that_makes_no_sense_is_an_error() {
    let (id, lab, key) = (VaultId::default(), tenant("lab"), Key::generate());
    let mut secrets = TenantSecrets::default();
    secrets.set(name("api"), secret("value"), now(1)).unwrap();
    let good = content::write(&id, &lab, &secrets);
    let mut numbers = Numbers(3);
    let mut right = 0;
    for _ in 0..4000 {
        let mut bytes = good.clone();
        for _ in 0..=numbers.below(3) {
            let at = seal::HEAD_BYTES + numbers.below(bytes.len() - seal::HEAD_BYTES);
            bytes[at] = numbers.bytes(1, &[0, 1, 4, 64, 65, 255])[0];
        }
        let body = bytes.len() + 8 - seal::HEAD_BYTES;
        bytes.truncate(seal::HEAD_BYTES + numbers.below(body));
        right += usize::from(content::read(&bytes, &id, &lab).is_ok());
    }
    assert!(right < 1000, "{right}");
    let sealed = seal::seal(&key, good).unwrap();
    let plain = seal::open(&key, &sealed).unwrap();
    assert_eq!(content::read(&plain, &id, &lab).unwrap().len(), 1);
    content::read_id(&plain).unwrap_err();
}
