//! Files of every format that there was are read, with everything in them.

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::super::database::MIGRATIONS;
use super::super::*;

/// What was written in each format that there was, the format first. The texts of the tables are those of their time.
const FIXTURES: &[(usize, &str)] = &[
    (1, include_str!("../fixtures/1.sql")),
    // The format stayed when the JSON in it changed.
    (1, include_str!("../fixtures/1-python.sql")),
];

const UUID: &str = "0f8fad5bd9cb469fa16570867728950e";

fn made(sql: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let file = Connection::open(dir.path().join(FILE)).unwrap();
    file.execute_batch(sql).unwrap();
    file.close().unwrap();
    dir
}

/// The tables and indexes of a file, without how their texts are laid out.
fn schema(file: &Connection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let mut found = file.prepare(sql).unwrap();
    let found = found.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let spaced = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    found.map(|sql| spaced(sql.unwrap())).collect()
}

#[test]
fn each_format_has_a_file_as_it_was_written_then() {
    for format in 1..=MIGRATIONS.len() {
        let of_format = FIXTURES.iter().filter(|(of, _)| *of == format);
        assert_ne!(
            of_format.count(),
            0,
            "format {format} has no file in `fixtures`"
        );
    }
    for (format, sql) in FIXTURES {
        let then = Connection::open_in_memory().unwrap();
        then.execute_batch(sql).unwrap();
        let said: i64 = then
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(usize::try_from(said), Ok(*format));
        let now = Connection::open_in_memory().unwrap();
        for step in &MIGRATIONS[..*format] {
            now.execute_batch(step).unwrap();
        }
        // A step that was released and changed since leads elsewhere.
        assert_eq!(schema(&then), schema(&now), "format {format}");
        let mut tables = then
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for table in tables.map(Result::unwrap) {
            let count = format!("SELECT count(*) FROM {table}");
            let rows: i64 = then.query_row(&count, [], |row| row.get(0)).unwrap();
            assert_ne!(rows, 0, "format {format} has nothing in `{table}`");
        }
    }
}

#[tokio::test]
async fn a_file_of_every_format_that_there_was_is_read_whole_and_once_more() {
    for (at, (_, sql)) in FIXTURES.iter().enumerate() {
        let dir = made(sql);
        for _ in 0..2 {
            let (store, loaded) = Store::open(dir.path()).unwrap();
            check(&loaded, at > 0);
            store.close().await.unwrap();
        }
    }
}

fn check(loaded: &Loaded, is_python: bool) {
    assert_eq!(loaded.problems, [""; 0]);
    assert!(!loaded.created);
    assert_eq!(loaded.meta["name"], json!("bench"));
    assert_eq!(
        loaded.meta["uuid"],
        json!("c9a646d39c614cb7bfcdee2522c8f633")
    );
    assert_eq!(loaded.meta.contains_key("package_dependencies"), is_python);
    let ids: Vec<_> = loaded.nodes.iter().map(|node| node["id"].clone()).collect();
    assert_eq!(ids, ["a1", "b2"]);
    assert_eq!(loaded.nodes[0]["io"]["count"]["default"], 3);
    assert_eq!(
        loaded.nodes[1]["io"]["a"]["default"]["deep"],
        json!([1.5, null, "é"])
    );
    assert_eq!(loaded.edges, Some(json!([["a1", "celsius", "b2", "a"]])));
    let groups = loaded.groups.as_ref().unwrap();
    assert_eq!(groups["g1"]["node_ids"], json!(["b2"]));
    assert_eq!(loaded.properties, Some(json!({"frontend:zoom": 2})));
    let [first, second] = &loaded.instances[..] else {
        panic!("{:?}", loaded.instances)
    };
    assert_eq!(
        (
            &*first.uuid,
            &*first.class_id,
            &*first.module,
            first.name.as_deref(),
            first.paused
        ),
        (
            UUID,
            "thermometer",
            "thermometer-module",
            Some("bench 2"),
            true
        )
    );
    assert_eq!(first.config["token"], "a secret");
    if is_python {
        let text = crate::json::to_text(&first.config);
        for number in ["\"limit\":Infinity", "\"least\":-Infinity", "\"none\":NaN"] {
            assert!(text.replace(": ", ":").contains(number), "{text}");
        }
    } else {
        assert_eq!(first.config["limit"], 1.5);
    }
    assert_eq!(
        (&*second.uuid, &second.name),
        ("6f9619ff8b86d011b42d00c04fc964ff", &None)
    );
    assert_eq!(loaded.instance_states[UUID], b"\0\xffstate");
    let package = SavedPackage {
        name: "pumps".to_owned(),
        version: "1.2.0".to_owned(),
        digest: format!("blake3:{}", "5a".repeat(32)),
        source: "ghcr.io/lab/pumps:1.2.0".to_owned(),
    };
    assert_eq!(loaded.packages, [package]);
}
