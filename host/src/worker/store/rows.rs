//! From things to rows and back.

use rusqlite::{Connection, Transaction, params};
use serde_json::Value as Json;

use super::{Document, Loaded, SavedInstance, SavedPackage};
use crate::json;
use crate::limits::MAX_NAME_BYTES;
use crate::text;

/// A thing to write, or with `None` to delete.
pub(super) enum Row<'a> {
    Node(&'a str, Option<Json>),
    Document(Document, Option<Json>),
    Instance(&'a str, Option<SavedInstance>),
    StoreData(&'a str, Option<Vec<u8>>),
    Package(&'a str, Option<SavedPackage>),
    Meta(&'a str, Option<Json>),
}

impl Document {
    pub(super) const ALL: [Self; 3] = [Self::Edges, Self::Groups, Self::Properties];

    fn name(self) -> &'static str {
        match self {
            Self::Edges => "edges",
            Self::Groups => "groups",
            Self::Properties => "properties",
        }
    }
}

impl Row<'_> {
    /// Updates keep a row's place, so that what is read comes in the order in which it was made.
    pub(super) fn write(&self, to: &Transaction<'_>) -> rusqlite::Result<()> {
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<()> {
            to.prepare_cached(sql)?.execute(values).map(drop)
        };
        match self {
            Self::Node(id, Some(json)) => run(
                "INSERT INTO node(id, json) VALUES (?1, ?2)
                 ON CONFLICT(id) DO UPDATE SET json = excluded.json",
                params![id, json::to_text(json)],
            ),
            Self::Node(id, None) => run("DELETE FROM node WHERE id = ?1", params![id]),
            Self::Document(document, Some(json)) => run(
                "INSERT OR REPLACE INTO document(name, json) VALUES (?1, ?2)",
                params![document.name(), json::to_text(json)],
            ),
            Self::Document(document, None) => run(
                "DELETE FROM document WHERE name = ?1",
                params![document.name()],
            ),
            Self::Instance(uuid, Some(instance)) => run(
                "INSERT INTO instance(uuid, class_id, module, name, config, paused)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT(uuid) DO UPDATE SET class_id = excluded.class_id,
                 module = excluded.module, name = excluded.name, config = excluded.config,
                 paused = excluded.paused",
                params![
                    uuid,
                    instance.class_id,
                    instance.module,
                    instance.name,
                    json::to_text(&instance.config),
                    instance.paused
                ],
            ),
            Self::Instance(uuid, None) => {
                run("DELETE FROM instance WHERE uuid = ?1", params![uuid])
            }
            // An instance that went between the two questions takes its state with it.
            Self::StoreData(uuid, Some(state)) => run(
                "INSERT OR REPLACE INTO instance_state(uuid, state)
                 SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)",
                params![uuid, state],
            ),
            Self::StoreData(uuid, None) => {
                run("DELETE FROM instance_state WHERE uuid = ?1", params![uuid])
            }
            Self::Package(name, Some(package)) => run(
                "INSERT OR REPLACE INTO package(name, version, digest, source)
                 VALUES (?1, ?2, ?3, ?4)",
                params![name, package.version, package.digest, package.source],
            ),
            Self::Package(name, None) => run("DELETE FROM package WHERE name = ?1", params![name]),
            Self::Meta(key, Some(value)) => run(
                "INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)",
                params![key, json::to_text(value)],
            ),
            Self::Meta(key, None) => run("DELETE FROM meta WHERE key = ?1", params![key]),
        }
    }
}

/// Reads everything. A row that cannot be read is a problem of that row only.
pub(super) fn load(from: &Connection) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut problems = Vec::new();
    for (key, value) in texts(from, "SELECT key, value FROM meta")? {
        let value = readable(&mut problems, "fact", &key, &value);
        loaded.meta.extend(value.map(|value| (key, value)));
    }
    for (id, json) in texts(from, "SELECT id, json FROM node ORDER BY seq")? {
        loaded
            .nodes
            .extend(readable(&mut problems, "node", &id, &json));
    }
    for (name, json) in texts(from, "SELECT name, json FROM document")? {
        let json = readable(&mut problems, "document", &name, &json);
        match Document::ALL
            .into_iter()
            .find(|document| document.name() == name)
        {
            Some(Document::Edges) => loaded.edges = json,
            Some(Document::Groups) => loaded.groups = json,
            Some(Document::Properties) => loaded.properties = json,
            None => {}
        }
    }
    loaded.instances = instances(from, &mut problems)?;
    loaded.instance_states = from
        .prepare("SELECT uuid, state FROM instance_state")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    loaded.packages = from
        .prepare("SELECT name, version, digest, source FROM package")?
        .query_map([], |row| {
            Ok(SavedPackage {
                name: row.get(0)?,
                version: row.get(1)?,
                digest: row.get(2)?,
                source: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    loaded.problems = problems;
    Ok(loaded)
}

fn texts(from: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
    from.prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn instances(
    from: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<Vec<SavedInstance>> {
    let mut found = Vec::new();
    let mut statement = from.prepare(
        "SELECT uuid, class_id, module, name, config, paused FROM instance ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let uuid: String = row.get(0)?;
        let config: String = row.get(4)?;
        if let Some(config) = readable(problems, "instance", &uuid, &config) {
            found.push(SavedInstance {
                uuid,
                class_id: row.get(1)?,
                module: row.get(2)?,
                name: row.get(3)?,
                config,
                paused: row.get(5)?,
            });
        }
    }
    Ok(found)
}

fn readable(problems: &mut Vec<String>, kind: &str, name: &str, json: &str) -> Option<Json> {
    let parsed = json::parse(json.as_bytes());
    parsed
        .map_err(|problem| {
            let name = text::clean_line(name, MAX_NAME_BYTES);
            problems.push(format!(
                "the saved {kind} `{name}` cannot be read: {problem}"
            ));
        })
        .ok()
}
