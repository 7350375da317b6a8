//! Probes the grant `files`: one class through WASI 0.3, which the SDK uses, and one through the
//! standard library and with it WASI 0.2.

use external_worker::files;
use external_worker::prelude::*;

/// See the crate.
#[derive(Default)]
pub struct Files;

#[external_worker(id = "files")]
impl Files {
    /// The text of a file.
    #[node(trigger_on_call = false)]
    async fn read(&self, path: String) -> Result<String> {
        files::read_to_string(&path).await
    }

    /// Makes a file of `bytes` bytes, or makes it anew.
    #[node(trigger_on_call = false)]
    async fn write(&self, path: String, bytes: u32) -> Result<()> {
        files::write(&path, vec![b'x'; bytes as usize]).await
    }

    /// Adds to a file.
    #[node(trigger_on_call = false)]
    async fn append(&self, path: String, bytes: u32) -> Result<()> {
        files::append(&path, vec![b'x'; bytes as usize]).await
    }

    /// Makes empty files until it may not; says how many.
    #[node(trigger_on_call = false)]
    async fn litter(&self, dir: String, most: u32) -> String {
        for n in 0..most {
            if let Err(error) = files::write(&format!("{dir}/litter-{n}"), []).await {
                return format!("{n}: {error}");
            }
        }
        format!("{most}: no end")
    }

    /// The names in a folder.
    #[node(trigger_on_call = false)]
    async fn list(&self, path: String) -> Result<Vec<String>> {
        Ok(files::list(&path)
            .await?
            .into_iter()
            .map(|entry| entry.name)
            .collect())
    }

    /// Removes a file.
    #[node(trigger_on_call = false)]
    async fn remove(&self, path: String) -> Result<()> {
        files::remove_file(&path).await
    }

    /// Renames.
    #[node(trigger_on_call = false)]
    async fn rename(&self, from: String, to: String) -> Result<()> {
        files::rename(&from, &to).await
    }
}

/// See the crate.
#[derive(Default)]
pub struct Files2 {
    kept: State<Vec<std::fs::File>>,
}

#[external_worker(id = "files2")]
impl Files2 {
    /// The text of a file.
    #[node(trigger_on_call = false)]
    fn read(&self, path: String) -> Result<String> {
        Ok(std::fs::read_to_string(path)?)
    }

    /// The names in a folder.
    #[node(trigger_on_call = false)]
    fn list(&self, path: String) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    /// Makes a file of `bytes` bytes, or makes it anew.
    #[node(trigger_on_call = false)]
    fn write(&self, path: String, bytes: u32) -> Result<()> {
        Ok(std::fs::write(path, vec![b'x'; bytes as usize])?)
    }

    /// Opens a file for reading and cuts it short in the same breath.
    #[node(trigger_on_call = false)]
    fn truncate(&self, path: String) -> Result<()> {
        std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(path)?;
        Ok(())
    }

    /// Stretches a file without writing to it.
    #[node(trigger_on_call = false)]
    fn stretch(&self, path: String, bytes: u64) -> Result<()> {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        Ok(file.set_len(bytes)?)
    }

    /// A hard link.
    #[node(trigger_on_call = false)]
    fn link(&self, from: String, to: String) -> Result<()> {
        Ok(std::fs::hard_link(from, to)?)
    }

    /// Opens a file again and again and keeps it open; says how often it could.
    #[node(trigger_on_call = false)]
    fn hoard(&self, path: String, most: u32) -> i64 {
        let opened = (0..most).map_while(|_| std::fs::File::open(&path).ok());
        let kept: Vec<_> = opened.collect();
        let count = kept.len() as i64;
        self.kept.set(kept);
        count
    }

    /// Closes them.
    #[node(trigger_on_call = false)]
    fn let_go(&self) {
        self.kept.take();
    }
}

/// Writes for as long as it runs: a byte at each turn of its loop.
#[derive(Default)]
pub struct Writer;

#[external_worker(id = "writer", loop_delay_ms = 1)]
impl Writer {
    async fn r#loop(&self) -> Result<()> {
        files::append("/data/written", [b'x']).await
    }

    /// How it is configured is all that it knows.
    #[node]
    fn alive(&self) -> bool {
        true
    }
}

export!(Files, Files2, Writer; requests: { files: "it probes them" });
