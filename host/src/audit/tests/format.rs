//! Verifying with nothing but what the documentation of the format says.

use super::*;

const CONTEXT: &str = "external-worker-host 2026-11-29 audit log, chain of lines";
const HEAD_CONTEXT: &str = "external-worker-host 2026-11-29 audit log, seal of the head";
/// `,"chain":"`, 64 digits, `"}` and the newline.
const END: usize = 77;

fn hash_of(line: &str) -> [u8; 32] {
    let digits = &line[line.len() - 67..line.len() - 3];
    *blake3::Hash::from_hex(digits).unwrap().as_bytes()
}

#[test]
fn the_format_is_the_one_that_is_documented() {
    let dir = temp();
    write(dir.path(), &small_files(), 20);
    let key = fs::read_to_string(dir.path().join("key")).unwrap();
    assert_eq!(key.len(), 65);
    let material = *blake3::Hash::from_hex(key.trim_end()).unwrap().as_bytes();
    let chain_key = blake3::derive_key(CONTEXT, &material);
    let files = u32::try_from(check(dir.path(), None).unwrap().files).unwrap();
    let mut before = [0; 32];
    let mut due = 1;
    for line in (1..=files).flat_map(|number| lines(&path(dir.path(), number))) {
        let body = &line[..line.len() - END];
        assert_eq!(&line[body.len()..body.len() + 10], ",\"chain\":\"");
        let hashed = [&before, body.as_bytes()].concat();
        let hash = blake3::keyed_hash(&chain_key, &hashed);
        assert_eq!(hash.as_bytes(), &hash_of(&line));
        before = *hash.as_bytes();
        if !body.starts_with("{\"audit\":1,\"log\":\"") {
            assert!(
                body.starts_with(&format!("{{\"seq\":{due},\"at\":\"2")),
                "{body}"
            );
            due += 1;
        }
    }
    assert_eq!(due, 22);
    let head = fs::read_to_string(dir.path().join("head.json")).unwrap();
    let (body, seal) = head.split_once(",\"seal\":\"").unwrap();
    let hash = blake3::keyed_hash(
        &blake3::derive_key(HEAD_CONTEXT, &material),
        body.as_bytes(),
    );
    assert_eq!(seal, format!("{}\"}}\n", hash.to_hex()));
    let last = blake3::Hash::from_bytes(before).to_hex();
    assert!(
        body.ends_with(&format!(",\"seq\":21,\"last\":\"{last}\"")),
        "{body}"
    );
}
