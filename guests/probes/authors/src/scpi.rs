//! An oscilloscope on the network. Its address is that of the laboratory, and stands in the configuration.

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::sleep;
use external_worker::tcp::TcpStream;
use external_worker::timeout;

const MAX_LINE: usize = 64 * 1024;
const TRIES: u32 = 3;

/// Where the instrument is.
#[config]
pub struct ScpiConfig {
    /// Its address.
    #[config(default = "192.168.1.50")]
    host: String,
    /// Its port.
    #[config(default = 5025, ge = 1, le = 65535)]
    port: u32,
    /// Longest wait for an answer, in seconds.
    #[config(default = 5.0, ge = 0.1, le = 60.0)]
    timeout_s: f64,
}

/// The instrument.
#[derive(Default)]
pub struct Scpi {
    line: Lock<Option<TcpStream>>,
}

#[external_worker(id = "scpi", title = "Oscilloscope", config = ScpiConfig, loop_delay_ms = 2000)]
impl Scpi {
    /// Asks whether an operation ended.
    async fn r#loop(&self) -> Result<()> {
        self.ask("*OPC?").await.map(drop)
    }

    async fn update_config(&self) {
        *self.line.lock().await = None;
    }

    async fn stop(&self) {
        *self.line.lock().await = None;
    }

    /// What it calls itself.
    #[node]
    async fn identify(&self) -> Result<String> {
        self.ask("*IDN?").await
    }

    /// The voltage of a channel.
    #[node]
    async fn measure(&self, channel: i64) -> Result<f64> {
        if !(1..=4).contains(&channel) {
            return Err(Error::invalid_input("channel: there are channels 1 to 4"));
        }
        let answer = self.ask(&format!("MEAS:VOLT? CH{channel}")).await?;
        answer
            .parse()
            .map_err(|_| Error::unavailable(format!("no voltage: {answer:?}")))
    }

    /// Measures so many times, with a pause between.
    #[node]
    async fn sweep(&self, points: i64, pause_ms: i64) -> Result<NdArray<f64>> {
        let points = points.clamp(0, 100);
        let pause = Duration::from_millis(pause_ms.clamp(0, 60_000).unsigned_abs());
        let mut all = Vec::new();
        for _ in 0..points {
            sleep(pause).await;
            all.push(self.measure(1).await?);
        }
        NdArray::new([all.len()], all)
    }

    async fn ask(&self, command: &str) -> Result<String> {
        let limit = Duration::from_secs_f64(self.config().timeout_s);
        let mut slot = self.line.lock().await;
        let mut tried = 0;
        loop {
            let answer = timeout(limit, self.exchange(&mut slot, command)).await;
            if answer.is_err() {
                *slot = None;
            }
            tried += 1;
            if answer.is_ok() || tried == TRIES {
                return answer;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn exchange(&self, slot: &mut Option<TcpStream>, command: &str) -> Result<String> {
        if slot.is_none() {
            let config = self.config();
            let address = format!("{}:{}", config.host, config.port);
            *slot = Some(TcpStream::connect(&address).await?);
        }
        let Some(line) = slot else {
            return Err(Error::unavailable("there is no connection"));
        };
        line.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = line.read_until(b'\n', MAX_LINE).await?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}
