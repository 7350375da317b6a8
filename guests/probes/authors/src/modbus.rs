//! A temperature controller on a serial line with even parity, as Modbus RTU has it.

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serial::{Buffer, Parity, Port, Settings};
use external_worker::sleep;

const READ: u8 = 3;
const WRITE: u8 = 6;

/// Which line, and which unit on it.
#[config]
pub struct ModbusConfig {
    /// The port, by the name that the operator gave it.
    #[config(default = "controller")]
    port: String,
    /// The unit.
    #[config(default = 1, ge = 1, le = 247)]
    unit: u32,
    /// How often a request is sent that nobody answers.
    #[config(default = 3, ge = 1, le = 10)]
    tries: u32,
}

/// The controller.
#[derive(Default)]
pub struct Modbus {
    port: Lock<Option<Port>>,
}

#[external_worker(id = "modbus", title = "Controller", config = ModbusConfig, loop_delay_ms = 1000)]
impl Modbus {
    async fn r#loop(&self) -> Result<()> {
        self.temperature().await.map(drop)
    }

    async fn stop(&self) {
        *self.port.lock().await = None;
    }

    /// The temperature, in degrees.
    #[node]
    async fn temperature(&self) -> Result<f64> {
        let raw = self.registers(0, 1).await?;
        let raw = raw.first().copied().unwrap_or_default();
        Ok(f64::from(raw.cast_signed()) / 10.0)
    }

    /// Registers of the unit.
    #[node]
    async fn read(&self, address: i64, count: i64) -> Result<Vec<i64>> {
        let address =
            u16::try_from(address).map_err(|_| Error::invalid_input("address: from 0 to 65535"))?;
        let count = u16::try_from(count)
            .ok()
            .filter(|count| (1..=125).contains(count))
            .ok_or_else(|| Error::invalid_input("count: from 1 to 125"))?;
        let all = self.registers(address, count).await?;
        Ok(all.into_iter().map(i64::from).collect())
    }

    /// Sets the temperature to reach, in degrees.
    #[node]
    async fn set_point(&self, degrees: f64) -> Result<()> {
        if !(0.0..=400.0).contains(&degrees) {
            return Err(Error::invalid_input("degrees: from 0 to 400"));
        }
        let raw = (degrees * 10.0) as u16;
        let [high, low] = raw.to_be_bytes();
        self.ask(&[WRITE, 0, 1, high, low], 5).await.map(drop)
    }

    async fn registers(&self, address: u16, count: u16) -> Result<Vec<u16>> {
        let [a, b] = address.to_be_bytes();
        let [c, d] = count.to_be_bytes();
        let answer = self
            .ask(&[READ, a, b, c, d], 2 + 2 * usize::from(count))
            .await?;
        let data = answer.get(2..).unwrap_or_default();
        Ok(data
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect())
    }

    /// Sends a request, and waits for an answer with so many bytes besides unit and checksum.
    async fn ask(&self, request: &[u8], length: usize) -> Result<Vec<u8>> {
        let mut slot = self.port.lock().await;
        let mut last = Error::unavailable("nothing was tried");
        for _ in 0..self.config().tries {
            match self.exchange(&mut slot, request, length).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
            *slot = None;
            sleep(Duration::from_millis(500)).await;
        }
        Err(last)
    }

    async fn exchange(
        &self,
        slot: &mut Option<Port>,
        request: &[u8],
        length: usize,
    ) -> Result<Vec<u8>> {
        let unit = self.config().unit as u8;
        if slot.is_none() {
            let settings = Settings::new(19200).parity(Parity::Even);
            let port = Port::open(&self.config().port, settings).await?;
            port.set_timeout(Duration::from_secs(1));
            *slot = Some(port);
        }
        let Some(port) = slot else {
            return Err(Error::unavailable("the port is closed"));
        };
        port.clear(Buffer::Both).await?;
        let mut frame = vec![unit];
        frame.extend_from_slice(request);
        frame.extend_from_slice(&checksum(&frame).to_le_bytes());
        port.write_all(&frame).await?;
        let mut answer = Vec::new();
        while answer.len() < length + 3 {
            answer.extend(port.read(length + 3 - answer.len()).await?);
        }
        let (body, sum) = answer.split_at(answer.len() - 2);
        if checksum(body).to_le_bytes() != sum {
            return Err(Error::unavailable("the checksum is wrong"));
        }
        match body {
            [who, what, ..] if *who == unit && request.first() == Some(what) => {
                Ok(body.get(1..).unwrap_or_default().to_vec())
            }
            _ => Err(Error::unavailable("another unit answered, or refused")),
        }
    }
}

/// The CRC of Modbus.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| match sum & 1 {
            1 => (sum >> 1) ^ 0xa001,
            _ => sum >> 1,
        })
    })
}
