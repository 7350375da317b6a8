use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::database::{MIGRATIONS, open_with};
use super::*;
use crate::limits::{KEEP_ANSWERS, MAX_KEPT};
use crate::role::Role;

/// A file of each format that there was, in order.
const FIXTURES: &[&str] = &[include_str!("fixtures/1.sql")];

fn file(dir: &TempDir, sql: &str) -> PathBuf {
    let path = dir.path().join(FILE);
    let made = Connection::open(&path).unwrap();
    made.execute_batch(sql).unwrap();
    made.close().unwrap();
    path
}

/// The tables and indexes of a file, without how their texts are laid out.
fn schema(file: &Connection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let mut found = file.prepare(sql).unwrap();
    let found = found.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let spaced = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    found.map(|sql| spaced(sql.unwrap())).collect()
}

fn spec(name: &str) -> TenantSpec {
    serde_json::from_value(serde_json::json!({ "name": name })).unwrap()
}

fn key(id: &str, tenant: Option<&str>) -> Key {
    Key {
        id: id.to_owned(),
        role: Role::Owner,
        tenant: tenant.map(str::to_owned),
        expires: Some(5),
        salt: "00".to_owned(),
        hash: "00".to_owned(),
    }
}

fn claim(name: &str, at: u64) -> Claim {
    Claim {
        token: "a".to_owned(),
        name: name.to_owned(),
        tenant: "lab".to_owned(),
        digest: [7; 32],
        at,
    }
}

fn error_of(path: &Path) -> String {
    let opened = open_with(path.to_owned(), MIGRATIONS);
    opened.map(drop).unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_kept_is_there_again_and_nobody_else_reads_it() {
    let dir = TempDir::new().unwrap();
    let (store, loaded) = Store::open(dir.path()).await.unwrap();
    assert!(loaded.tenants.is_empty() && loaded.keys.is_empty());
    let both = [spec("a"), spec("b")].map(Change::PutTenant);
    let keys = [key("1", Some("a")), key("2", Some("b")), key("3", None)].map(Change::PutKey);
    store
        .commit([both.to_vec(), keys.to_vec()].concat())
        .await
        .unwrap();
    let busy = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(busy, StoreError::InUse { .. }), "{busy}");
    store
        .commit(vec![Change::DropTenant("a".to_owned())])
        .await
        .unwrap();
    for name in fs::read_dir(dir.path()).unwrap() {
        let mode = name.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(store);
    let (_, loaded) = Store::open(dir.path()).await.unwrap();
    assert_eq!(loaded.tenants, [spec("b")]);
    assert_eq!(loaded.keys, [key("2", Some("b")), key("3", None)]);
}

#[test]
fn a_file_of_every_format_that_there_was_is_read() {
    assert_eq!(
        FIXTURES.len(),
        MIGRATIONS.len(),
        "each format has a file in `fixtures`"
    );
    for (fixture, steps) in FIXTURES.iter().zip(1..) {
        let dir = TempDir::new().unwrap();
        let path = file(&dir, fixture);
        let then = Connection::open(&path).unwrap();
        let now = Connection::open_in_memory().unwrap();
        for step in &MIGRATIONS[..steps] {
            now.execute_batch(step).unwrap();
        }
        assert_eq!(
            schema(&then),
            schema(&now),
            "a step to format {steps} was changed after it was released"
        );
        for table in ["tenant", "token", "answer"] {
            let count = format!("SELECT count(*) FROM {table}");
            let rows: i64 = then.query_row(&count, [], |row| row.get(0)).unwrap();
            assert_ne!(rows, 0, "{table}");
        }
        then.close().unwrap();
        let (mut database, loaded) = open_with(path, MIGRATIONS).unwrap();
        assert_eq!(loaded.tenants[0].quotas.memory, Some(1 << 30));
        assert_eq!(loaded.keys[0].role, Role::Author);
        let given = Given {
            status: 204,
            body: Some(String::new()),
        };
        let claim = Claim {
            token: "aaaaaaaaaa".to_owned(),
            digest: [0; 32],
            ..claim("once", 2000)
        };
        assert_eq!(database.claim(&claim).unwrap(), Claimed::Answered(given));
    }
}

#[tokio::test]
async fn a_copy_is_made_while_the_file_is_used_and_while_it_is_not() {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(dir.path()).await.unwrap();
    let put = |name: &str| vec![Change::PutTenant(spec(name))];
    store.commit(put("lab")).await.unwrap();
    let tenants = |mut copy: File| {
        let elsewhere = TempDir::new().unwrap();
        let path = elsewhere.path().join(FILE);
        let mut to = File::create(&path).unwrap();
        std::io::copy(&mut copy, &mut to).unwrap();
        open_with(path, MIGRATIONS).unwrap().1.tenants
    };
    let copy = store.copy().await.unwrap();
    store.commit(put("later")).await.unwrap();
    assert_eq!(tenants(copy), [spec("lab")]);
    let held = AtRest::open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(held, StoreError::InUse { .. }), "{held}");
    drop(store);
    let at_rest = AtRest::open(dir.path()).unwrap().unwrap();
    let held = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(held, StoreError::InUse { .. }), "{held}");
    let copy = at_rest.copy().unwrap();
    drop(at_rest);
    assert_eq!(tenants(copy), [spec("lab"), spec("later")]);
    // No copy stays beside it, and none is made of nothing.
    for name in fs::read_dir(dir.path()).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with(FILE) && !name.contains("copy"), "{name}");
    }
    let nothing = TempDir::new().unwrap();
    assert!(AtRest::open(nothing.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0);
}

#[test]
fn a_copy_of_an_older_file_is_of_its_format() {
    let dir = TempDir::new().unwrap();
    let before = file(&dir, FIXTURES[0]);
    let copy = AtRest::open(dir.path()).unwrap().unwrap().copy().unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &copy, &mut bytes).unwrap();
    let version = |bytes: &[u8]| u32::from_be_bytes(bytes[60..64].try_into().unwrap());
    assert_eq!(
        (version(&bytes), version(&fs::read(before).unwrap())),
        (1, 1)
    );
}

#[test]
fn each_step_is_done_once_and_one_that_fails_leaves_the_file_as_it_was() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, FIXTURES[0]);
    let add = "ALTER TABLE tenant ADD COLUMN made INTEGER NOT NULL DEFAULT 9;";
    let broken = [
        MIGRATIONS,
        &[add, "ALTER TABLE nothing ADD COLUMN made INTEGER;"],
    ]
    .concat();
    let error = open_with(path.clone(), &broken).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error}");
    let (database, loaded) = open_with(path.clone(), MIGRATIONS).unwrap();
    assert_eq!(loaded.tenants.len(), 1);
    drop(database);
    let whole = [MIGRATIONS, &[add]].concat();
    for _ in 0..2 {
        let (database, loaded) = open_with(path.clone(), &whole).unwrap();
        let sql = "SELECT made FROM tenant";
        let made: i64 = database
            .connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap();
        assert_eq!((made, loaded.tenants.len()), (9, 1));
    }
    let newer = error_of(&path);
    let known = MIGRATIONS.len();
    assert!(
        newer.contains(&format!(
            "has format {}, and this host reads formats up to {known}",
            known + 1
        )),
        "{newer}"
    );
}

#[test]
fn a_file_that_is_not_what_was_written_is_said_to_be_so() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "CREATE TABLE other(a);");
    assert!(error_of(&path).contains("of another program"));
    fs::write(
        &path,
        "no database, but a text that somebody put here".repeat(100),
    )
    .unwrap();
    assert!(error_of(&path).contains("is corrupt"));
    fs::remove_file(&path).unwrap();
    file(&dir, FIXTURES[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert!(
        error_of(&path).contains("is corrupt"),
        "{}",
        error_of(&path)
    );
    fs::remove_file(&path).unwrap();
    file(
        &dir,
        &FIXTURES[0].replace(r#"{"name":"lab""#, r#"{"nam":"lab""#),
    );
    let error = error_of(&path);
    assert!(error.contains("a row of it cannot be read"), "{error}");
}

#[test]
fn an_answer_is_kept_for_its_time_and_there_are_only_so_many() {
    let dir = TempDir::new().unwrap();
    let (mut database, _) = open_with(dir.path().join(FILE), MIGRATIONS).unwrap();
    let mut claimed = |claim: &Claim| database.claim(claim).unwrap();
    assert_eq!(claimed(&claim("x", 1000)), Claimed::First);
    assert_eq!(claimed(&claim("x", 1001)), Claimed::Unknown);
    let other = Claim {
        digest: [8; 32],
        ..claim("x", 1001)
    };
    assert_eq!(claimed(&other), Claimed::Other);
    let given = Given {
        status: 201,
        body: None,
    };
    database.settle(&claim("x", 1000), Some(&given)).unwrap();
    let later = 1000 + KEEP_ANSWERS.as_secs();
    let mut claimed = |claim: &Claim| database.claim(claim).unwrap();
    assert_eq!(claimed(&claim("x", later - 1)), Claimed::Answered(given));
    assert_eq!(claimed(&claim("x", later)), Claimed::First);
    database.settle(&claim("x", later), None).unwrap();
    assert_eq!(database.claim(&claim("x", later)).unwrap(), Claimed::First);
    let fill = |transaction: &rusqlite::Transaction<'_>| {
        let sql =
            "INSERT INTO answer(token, name, tenant, digest, at) VALUES ('b', ?, 'lab', x'', ?)";
        let mut insert = transaction.prepare(sql)?;
        (1..MAX_KEPT).try_for_each(|at| insert.execute((at.to_string(), later as i64)).map(drop))
    };
    database.write(fill).unwrap();
    let mut claimed = |claim: &Claim| database.claim(claim).unwrap();
    assert_eq!(claimed(&claim("y", later)), Claimed::Full);
    let elsewhere = Claim {
        tenant: "other".to_owned(),
        ..claim("z", later)
    };
    assert_eq!(claimed(&elsewhere), Claimed::First);
}
