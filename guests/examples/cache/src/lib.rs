//! A cache that many nodes of a graph share: state that lives longer than any call, and a loop that
//! throws out what is too old. Its entries outlive a restart and a new version of the component. It
//! needs no capability at all.

use std::collections::{BTreeMap, HashMap};

use external_worker::prelude::*;
use external_worker::serde_json::{self, Value};

/// Settings of the cache.
#[config]
pub struct CacheConfig {
    /// Entries beyond this push out the oldest.
    #[config(default = 1000, ge = 1, le = 100_000)]
    max_entries: usize,
    /// Turns of the loop that an entry survives without being read.
    #[config(default = 60, ge = 1)]
    max_idle_turns: u64,
}

struct Entry {
    value: Value,
    last_used: u64,
}

/// Keys and values, in memory.
#[derive(Default)]
pub struct Cache {
    entries: State<HashMap<String, Entry>>,
    turn: State<u64>,
    hits: State<i64>,
    misses: State<i64>,
}

#[external_worker(id = "cache", title = "Cache", config = CacheConfig, loop_delay_ms = 1000)]
impl Cache {
    async fn r#loop(&self) {
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        let idle = self.config().max_idle_turns;
        self.entries
            .update(|entries| entries.retain(|_, entry| turn - entry.last_used <= idle));
    }

    fn update_config(&self) {
        self.trim();
    }

    /// Only what another version can surely read: keys and values.
    fn save(&self) -> Result<Vec<u8>> {
        self.entries.with(|entries| {
            let values: BTreeMap<_, _> = entries.iter().map(|(key, e)| (key, &e.value)).collect();
            Ok(serde_json::to_vec(&values)?)
        })
    }

    /// Entries begin anew as if they had just been put there; the configuration may be another.
    fn restore(&self, state: Vec<u8>) -> Result<()> {
        let values: BTreeMap<String, Value> = serde_json::from_slice(&state)?;
        let entry = |(key, value)| {
            (
                key,
                Entry {
                    value,
                    last_used: 0,
                },
            )
        };
        self.entries.set(values.into_iter().map(entry).collect());
        self.trim();
        Ok(())
    }

    /// Keeps a value under a key.
    #[node]
    fn put(&self, key: String, value: Value) {
        let last_used = self.turn.get();
        self.entries
            .update(|entries| entries.insert(key, Entry { value, last_used }));
        self.trim();
    }

    /// The value of a key, or nothing.
    #[node(outputs = [{ "name": "value" }])]
    fn get(&self, key: String) -> Option<Value> {
        let turn = self.turn.get();
        let found = self.entries.update(|entries| {
            entries.get_mut(&key).map(|entry| {
                entry.last_used = turn;
                entry.value.clone()
            })
        });
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.update(|count| *count += 1);
        found
    }

    /// How many entries there are, and how often a key was found and not found.
    #[node(outputs = [{ "name": "entries" }, { "name": "hits" }, { "name": "misses" }])]
    fn stats(&self) -> (i64, i64, i64) {
        (
            self.entries.with(HashMap::len) as i64,
            self.hits.get(),
            self.misses.get(),
        )
    }

    fn trim(&self) {
        let max = self.config().max_entries;
        self.entries.update(|entries| {
            while entries.len() > max {
                let oldest = entries.iter().min_by_key(|(_, entry)| entry.last_used);
                let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                    return;
                };
                entries.remove(&oldest);
            }
        });
    }
}

export!(Cache; state);
