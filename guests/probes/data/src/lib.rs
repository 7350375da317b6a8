//! Probes the grant `data`: one class through WASI 0.3, which the SDK uses, and one through the standard
//! library and with it WASI 0.2.

use external_worker::data;
use external_worker::files;
use external_worker::prelude::*;

/// The file that both classes count in: a byte for each count.
const COUNT: &str = "count";

/// See the crate.
#[derive(Default)]
pub struct Data {
    /// How often it counted since it started.
    counts: State<i64>,
}

#[external_worker(id = "data")]
impl Data {
    /// Counts one more, in its folder.
    #[node]
    async fn bump(&self) -> Result<i64> {
        files::append(&data::path(COUNT), [b'x']).await?;
        self.counts.update(|counts| *counts += 1);
        self.count().await
    }

    /// How often it ever counted.
    #[node(trigger_on_call = false)]
    async fn count(&self) -> Result<i64> {
        Ok(data::read(COUNT).await?.unwrap_or_default().len() as i64)
    }

    /// How often it counted since it started: what is in its memory.
    #[node]
    fn remembered(&self) -> i64 {
        self.counts.get()
    }

    /// Panics.
    #[node]
    fn trap(&self) -> i64 {
        panic!("the guest gave up");
    }

    /// Replaces a file, all or nothing.
    #[node(trigger_on_call = false)]
    async fn write(&self, name: String, bytes: u32) -> Result<()> {
        data::write(&name, vec![b'x'; bytes as usize]).await
    }

    /// The text of a file, by its whole path.
    #[node(trigger_on_call = false)]
    async fn read(&self, path: String) -> Result<String> {
        files::read_to_string(&path).await
    }

    /// Makes empty files until it may not; says how many.
    #[node(trigger_on_call = false)]
    async fn litter(&self, most: u32) -> String {
        for n in 0..most {
            if let Err(error) = files::write(&data::path(&format!("litter-{n}")), []).await {
                return format!("{n}: {error}");
            }
        }
        format!("{most}: no end")
    }
}

/// See the crate.
#[derive(Default)]
pub struct Data2;

#[external_worker(id = "data2")]
impl Data2 {
    /// Counts one more, in its folder.
    #[node]
    fn bump(&self) -> Result<i64> {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(data::path(COUNT))?;
        file.write_all(b"x")?;
        Ok(file.metadata()?.len() as i64)
    }

    /// Makes a file of `bytes` bytes, or makes it anew.
    #[node(trigger_on_call = false)]
    fn write(&self, name: String, bytes: u32) -> Result<()> {
        Ok(std::fs::write(
            data::path(&name),
            vec![b'x'; bytes as usize],
        )?)
    }

    /// The text of a file, by its whole path.
    #[node(trigger_on_call = false)]
    fn read(&self, path: String) -> Result<String> {
        Ok(std::fs::read_to_string(path)?)
    }
}

export!(Data, Data2; requests: { data: "keeps its count" });
