//! The world outside, as far as the operator grants it. Every wrapper waits without stopping the
//! loop or other calls, and `?` turns its errors into the worker's.

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serial::{FlowControl, Parity, Port, Settings};
use external_worker::tcp::{TcpListener, TcpStream};
use external_worker::udp::UdpSocket;
use external_worker::{files, http, serial, timeout};

/// Where everything is.
#[config]
pub struct DevicesConfig {
    /// The name that the operator gave the port.
    #[config(default = "instrument")]
    port: String,
    /// `host:port`
    #[config(default = "127.0.0.1:6379")]
    server: String,
    /// Where readings are published.
    #[config(default = "http://127.0.0.1:8080/readings")]
    url: String,
}

#[derive(Default)]
pub struct Devices {
    /// Opened when it is first needed and kept; whoever holds the lock has the port to itself.
    port: Lock<Option<Port>>,
}

/// Talks to an instrument, to servers and to the file system.
#[external_worker(id = "devices", config = DevicesConfig)]
impl Devices {
    /// Asks the instrument a question and waits for its line.
    #[node]
    async fn ask(&self, question: String) -> Result<String> {
        let mut slot = self.port.lock().await;
        let port = match slot.take() {
            Some(port) => port,
            None => self.open().await?,
        };
        port.write_all(format!("{question}\r\n").as_bytes()).await?;
        let answer = port.read_until(b'\n', 256).await;
        // After a failure the port is dropped, so the next question opens it anew.
        if answer.is_ok() {
            *slot = Some(port);
        }
        Ok(String::from_utf8(answer?)?.trim().to_owned())
    }

    async fn open(&self) -> Result<Port> {
        let settings = Settings::new(9600)
            .parity(Parity::None)
            .flow_control(FlowControl::None);
        let port = Port::open(&self.config().port, settings).await?;
        port.set_timeout(Duration::from_millis(500));
        port.set_data_terminal_ready(true)?;
        Ok(port)
    }

    /// The granted ports, and whether each is there.
    #[node]
    fn ports(&self) -> Vec<String> {
        let ports = serial::ports().into_iter();
        ports
            .map(|port| format!("{} {}", port.name, port.present))
            .collect()
    }

    /// Sends a line to the server and gives back its answer.
    #[node]
    async fn request(&self, line: String) -> Result<String> {
        let peer = TcpStream::connect(&self.config().server).await?;
        peer.write_all(format!("{line}\r\n").as_bytes()).await?;
        let answer = timeout(Duration::from_secs(2), peer.read_until(b'\n', 4096)).await?;
        Ok(String::from_utf8(answer)?.trim().to_owned())
    }

    /// Serves one connection: gives back what comes.
    #[node]
    async fn serve_once(&self, address: String) -> Result<usize> {
        let listener = TcpListener::bind(&address).await?;
        log::info!("listening at {}", listener.local_addr()?);
        let peer = listener.accept().await?;
        let data = peer.read_to_end(1 << 20).await?;
        peer.write_all(&data).await?;
        peer.shutdown().await?;
        Ok(data.len())
    }

    /// Sends a datagram and waits for one.
    #[node]
    async fn discover(&self, address: String) -> Result<(String, String)> {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.send_to(b"WHO?", &address).await?;
        let (answer, from) = timeout(Duration::from_secs(1), socket.receive()).await?;
        Ok((
            String::from_utf8_lossy(&answer).into_owned(),
            from.to_string(),
        ))
    }

    /// Publishes a reading and gives back the status and the body of the answer.
    #[node(outputs = [{"name": "status"}, {"name": "body"}])]
    async fn publish(&self, celsius: f64) -> Result<(u16, String)> {
        let answer = http::post(&self.config().url)
            .header("x-instrument", self.name().as_bytes())
            .json(&json!({ "celsius": celsius }))?
            .timeout(Duration::from_secs(5))
            .max_body(64 * 1024)
            .send()
            .await?;
        Ok((answer.status(), answer.text()?))
    }

    /// Reads a page.
    #[node]
    async fn fetch(&self, url: String) -> Result<Bytes> {
        Ok(http::get(url).send().await?.ok()?.into_body().into())
    }

    /// Joins what is in a folder, and removes it.
    #[node]
    async fn collect(&self, #[default("/inbox")] folder: &str) -> Result<(usize, Bytes)> {
        let mut all = Vec::new();
        let mut count = 0;
        for entry in files::list(folder).await? {
            if entry.kind != files::Kind::File {
                continue;
            }
            let path = format!("{folder}/{}", entry.name);
            all.extend(files::read(&path).await?);
            files::remove_file(&path).await?;
            count += 1;
        }
        files::append(&format!("{folder}.log"), format!("{count} files\n")).await?;
        Ok((count, all.into()))
    }

    /// Writes a note and reads it back.
    #[node]
    async fn note(&self, path: String, text: String) -> Result<String> {
        files::write(&path, &text).await?;
        let size = files::metadata(&path).await?.size;
        log::debug!("{path} has {size} bytes");
        files::read_to_string(&path).await
    }
}
