//! A host of several tenants, in a process of its own, that says where each of them is served.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::house::{EWH, cache};

/// It, until it is dropped.
pub struct Tenants {
    process: Child,
    lines: Receiver<String>,
}

impl Tenants {
    /// Serves the tenants of `dir/tenants.toml`, whose data are below `dir/data`.
    pub fn serve(dir: &Path, isolation: &str) -> Self {
        let mut process = Command::new(EWH)
            .args(["serve", "--json", "--isolation", isolation, "--tenants"])
            .arg(dir.join("tenants.toml"))
            .arg("--data")
            .arg(dir.join("data"))
            .env("EWH_CACHE_DIR", cache())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.join("said")).unwrap())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let (told, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output.take(1 << 20)).lines();
            for line in lines.map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        Self { process, lines }
    }

    /// Where `tenant` is served; `None`: it is not, or not `within` that time.
    pub fn announced(&mut self, tenant: &str, within: Duration) -> Option<SocketAddr> {
        let begin = Instant::now();
        loop {
            let left = within.checked_sub(begin.elapsed())?;
            let line = self.lines.recv_timeout(left).ok()?;
            let said: Json = serde_json::from_str(&line).unwrap_or_default();
            if said["tenant"] == tenant {
                return place(&said);
            }
        }
    }

    /// Where two tenants are served, in whichever order they are announced.
    #[allow(dead_code, reason = "a benchmark uses it")]
    pub fn both_announced(
        &mut self,
        tenants: [&str; 2],
        within: Duration,
    ) -> Option<[SocketAddr; 2]> {
        let begin = Instant::now();
        let mut places = [None; 2];
        while let [None, _] | [_, None] = places {
            let left = within.checked_sub(begin.elapsed())?;
            let line = self.lines.recv_timeout(left).ok()?;
            let said: Json = serde_json::from_str(&line).unwrap_or_default();
            for (tenant, known) in tenants.iter().zip(&mut places) {
                if said["tenant"] == *tenant {
                    *known = place(&said);
                }
            }
        }
        Some([places[0]?, places[1]?])
    }
}

fn place(said: &Json) -> Option<SocketAddr> {
    let place = said["url"].as_str()?.strip_prefix("ws://")?;
    place.split('/').next()?.parse().ok()
}

impl Drop for Tenants {
    fn drop(&mut self) {
        // It is asked first: its tenants' processes end with it.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.process.wait();
    }
}
