//! What is plugged into the machine: a thermometer on a pty for each tenant, which can be unplugged and plugged in
//! again at the same path, and a Redis, which can be killed.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use external_worker_host::simulate::Instrument;

use crate::host::ends_with_us;
use crate::stage::Stage;

const STARTS: Duration = Duration::from_secs(30);

/// A port of the machine, as udev has one: a name that stays, and leads to what is plugged in now.
pub struct Port {
    path: PathBuf,
    instrument: Option<Instrument>,
}

impl Port {
    pub fn new(path: PathBuf) -> Self {
        let mut port = Self {
            path,
            instrument: None,
        };
        port.plug_in();
        port
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn unplug(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        self.instrument = None;
    }

    pub fn plug_in(&mut self) {
        let instrument = Instrument::plug_in().unwrap();
        let aside = self.path.with_extension("new");
        symlink(instrument.path(), &aside).unwrap();
        std::fs::rename(aside, &self.path).unwrap();
        self.instrument = Some(instrument);
    }
}

/// A Redis that keeps nothing, always at the same port.
pub struct Service {
    pub port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

impl Service {
    pub fn new(dir: PathBuf) -> Self {
        let any = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = any.local_addr().unwrap().port();
        std::fs::create_dir_all(&dir).unwrap();
        Self {
            port,
            dir,
            process: None,
        }
    }

    /// Starts it, and waits until it listens; `false`: it does not, which is said.
    pub fn start(&mut self, stage: &Stage) -> bool {
        let mut process = Command::new("redis-server");
        process
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        ends_with_us(&mut process);
        self.process = Some(process.spawn().unwrap());
        let port = self.port;
        stage.until("redis-server", STARTS, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
