//! A watcher: looks into a granted folder at each turn of its loop, and emits an event for every
//! file that came, changed or went.

use std::collections::BTreeMap;
use std::time::Duration;

use external_worker::files::{self, Kind};
use external_worker::prelude::*;

/// Largest file that a node reads.
const MAX_FILE: u64 = 1 << 20;

/// Which folder.
#[config]
pub struct WatcherConfig {
    /// The folder, as the guest sees it: the `guest` of the operator's grant, or below.
    #[config(default = "/watched")]
    dir: String,
    /// Pause between two looks, in seconds.
    #[config(default = 0.5, ge = 0.05, le = 3600.0)]
    interval_s: f64,
}

/// What the folder looked like last.
#[derive(Default)]
pub struct FolderWatcher {
    seen: State<BTreeMap<String, u64>>,
    changes: State<i64>,
}

#[external_worker(id = "folder_watcher", title = "Folder watcher", config = WatcherConfig)]
impl FolderWatcher {
    async fn r#loop(&self) -> Result<()> {
        let config = self.config();
        self.set_loop_delay(Duration::from_secs_f64(config.interval_s));
        let now = look(&config.dir).await?;
        let before = self.seen.replace(now.clone());
        for (name, size) in &now {
            match before.get(name) {
                None => self.tell("file_added", name)?,
                Some(old) if old != size => self.tell("file_changed", name)?,
                Some(_) => {}
            }
        }
        for name in before.keys().filter(|name| !now.contains_key(*name)) {
            self.tell("file_removed", name)?;
        }
        Ok(())
    }

    fn update_config(&self) {
        self.seen.take();
    }

    /// The files that are there, by name.
    #[node(trigger_on_call = false)]
    fn list(&self) -> Vec<String> {
        self.seen.with(|seen| seen.keys().cloned().collect())
    }

    /// How many files there are, and how many changes there were.
    #[node(trigger_on_call = false, outputs = [{ "name": "files" }, { "name": "changes" }])]
    fn count(&self) -> (i64, i64) {
        (self.seen.with(BTreeMap::len) as i64, self.changes.get())
    }

    /// The text of a file of the folder.
    #[node]
    async fn read(&self, name: String) -> Result<String> {
        let path = format!("{}/{name}", self.config().dir);
        let size = files::metadata(&path).await?.size;
        if size > MAX_FILE {
            return Err(Error::invalid_input(format!(
                "`{name}` has {size} bytes; that is too much"
            )));
        }
        files::read_to_string(&path).await
    }

    fn tell(&self, event: &str, name: &str) -> Result<()> {
        self.changes.update(|changes| *changes += 1);
        self.emit(event, json!({ "name": name }))
    }
}

/// Name and size of every file in `dir`.
async fn look(dir: &str) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in files::list(dir).await? {
        let path = format!("{dir}/{}", entry.name);
        let is_file = entry.kind == Kind::File;
        // It may have gone since.
        if let (true, Ok(metadata)) = (is_file, files::metadata(&path).await) {
            found.insert(entry.name, metadata.size);
        }
    }
    Ok(found)
}

export!(FolderWatcher; requests: { files: "looks into the folder that it watches" });
