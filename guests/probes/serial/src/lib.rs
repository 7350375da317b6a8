//! Probes the grant `serial`.

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serial::{self, Buffer, Port, Settings};

/// See the crate.
#[derive(Default)]
pub struct Serial {
    port: Lock<Option<Port>>,
}

#[external_worker(id = "serial")]
impl Serial {
    /// The names of the ports that it may open.
    #[node(trigger_on_call = false)]
    fn ports(&self) -> Vec<String> {
        serial::ports().into_iter().map(|port| port.name).collect()
    }

    /// Opens a port and keeps it.
    #[node(trigger_on_call = false)]
    async fn open(&self, name: String, baud_rate: u32) -> Result<()> {
        let port = Port::open(&name, Settings::new(baud_rate)).await?;
        *self.port.lock().await = Some(port);
        Ok(())
    }

    /// Closes it.
    #[node(trigger_on_call = false)]
    async fn close(&self) {
        *self.port.lock().await = None;
    }

    /// Sends a line and waits for one, `ms` at most.
    #[node(trigger_on_call = false)]
    async fn ask(&self, line: String, ms: u32) -> Result<String> {
        let slot = self.port.lock().await;
        let port = slot.as_ref().ok_or("the port is closed")?;
        port.set_timeout(Duration::from_millis(ms.into()));
        port.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = port.read_until(b'\n', 256).await?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    /// The same through streams.
    #[node(trigger_on_call = false)]
    async fn stream(&self, line: String) -> Result<String> {
        let slot = self.port.lock().await;
        let port = slot.as_ref().ok_or("the port is closed")?;
        let receiver = port.receive()?;
        port.send(format!("{line}\n").into_bytes()).await?;
        let answer = receiver.read_until(b'\n', 256).await?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    /// Changes the rate, drains, clears and begins and ends a break; the first error, if any.
    #[node(trigger_on_call = false)]
    async fn fiddle(&self, baud_rate: u32) -> Result<()> {
        let slot = self.port.lock().await;
        let port = slot.as_ref().ok_or("the port is closed")?;
        port.configure(Settings::new(baud_rate))?;
        port.drain().await?;
        port.clear(Buffer::Both).await?;
        Ok(())
    }

    /// Reads a control line; a pty has none.
    #[node(trigger_on_call = false)]
    async fn lines(&self) -> Result<bool> {
        let slot = self.port.lock().await;
        let port = slot.as_ref().ok_or("the port is closed")?;
        Ok(port.lines()?.clear_to_send)
    }
}

export!(Serial; requests: { serial: "it probes it" });
