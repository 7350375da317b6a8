//! A serial instrument: a thermometer that answers `*IDN?`, `TEMP?`, `UNIT C` and `UNIT F`, each a
//! line, on a port that the operator granted.
//!
//! The loop reads it; nodes answer from what was read last, or ask. When the instrument is
//! unplugged, turns fail and wait longer, until it is there again.

use std::collections::VecDeque;
use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serial::{Port, Settings};

/// Longest answer of the instrument.
const MAX_LINE: usize = 256;
/// Readings that are kept.
const MAX_HISTORY: usize = 1000;

/// A scale of temperature.
#[derive(Clone, Copy, PartialEq, NodeEnum)]
pub enum Unit {
    /// Celsius.
    C,
    /// Fahrenheit.
    F,
}

/// Which port, and how it is read.
#[config]
pub struct ThermometerConfig {
    /// The port, by the name that the operator gave it.
    #[config(default = "thermometer")]
    port: String,
    /// Symbols per second.
    #[config(default = 9600, ge = 300, le = 4_000_000)]
    baud_rate: u32,
    /// Pause between two readings, in seconds.
    #[config(default = 1.0, ge = 0.05, le = 3600.0)]
    interval_s: f64,
    /// C or F.
    #[config(default = "C", pattern = "^[CF]$")]
    unit: String,
}

/// The instrument. One command at a time is on the line.
#[derive(Default)]
pub struct Thermometer {
    port: Lock<Option<Port>>,
    history: State<VecDeque<f64>>,
}

#[external_worker(id = "thermometer", title = "Thermometer", config = ThermometerConfig)]
impl Thermometer {
    async fn start(context: Context<ThermometerConfig>) -> Result<Self> {
        let _ = context;
        Ok(Self::default())
    }

    async fn r#loop(&self) -> Result<()> {
        self.set_loop_delay(Duration::from_secs_f64(self.config().interval_s));
        self.read_temperature().await.map(drop)
    }

    /// The next command opens the port as the configuration now says.
    async fn update_config(&self) {
        *self.port.lock().await = None;
        self.history.update(VecDeque::clear);
    }

    async fn stop(&self) {
        *self.port.lock().await = None;
    }

    /// What the instrument calls itself.
    #[node(trigger_on_call = false)]
    async fn identify(&self) -> Result<String> {
        self.ask("*IDN?").await
    }

    /// Reads the temperature now.
    #[node(trigger_on_call = false, default_render_options = { "data": { "src": "out" } })]
    async fn read_temperature(&self) -> Result<f64> {
        let answer = self.ask("TEMP?").await?;
        let reading: f64 = answer
            .parse()
            .map_err(|_| Error::unavailable(format!("no temperature: {answer}")))?;
        self.history.update(|history| {
            history.truncate(MAX_HISTORY - 1);
            history.push_front(reading);
        });
        Ok(reading)
    }

    /// The last readings, newest first.
    #[node(trigger_on_call = false)]
    fn history(&self) -> Result<NdArray<f64>> {
        let readings: Vec<f64> = self
            .history
            .with(|history| history.iter().copied().collect());
        NdArray::new([readings.len()], readings)
    }

    /// Switches the scale until the configuration changes.
    #[node]
    async fn set_unit(&self, unit: Unit) -> Result<()> {
        self.ask(if unit == Unit::F { "UNIT F" } else { "UNIT C" })
            .await
            .map(drop)
    }

    async fn ask(&self, command: &str) -> Result<String> {
        let mut slot = self.port.lock().await;
        let answer = self.exchange(&mut slot, command).await;
        // After any error it is unknown what is still on its way: begin anew.
        if answer.is_err() {
            *slot = None;
        }
        answer
    }

    async fn exchange(&self, slot: &mut Option<Port>, command: &str) -> Result<String> {
        if slot.is_none() {
            let config = self.config();
            let port = Port::open(&config.port, Settings::new(config.baud_rate)).await?;
            port.set_timeout(Duration::from_secs(2));
            say(&port, &format!("UNIT {}", config.unit)).await?;
            log::info!("the thermometer on `{}` is there", config.port);
            *slot = Some(port);
        }
        match slot {
            Some(port) => say(port, command).await,
            None => Err(Error::unavailable("the port is closed")),
        }
    }
}

async fn say(port: &Port, command: &str) -> Result<String> {
    port.write_all(format!("{command}\r\n").as_bytes()).await?;
    let line = port.read_until(b'\n', MAX_LINE).await?;
    let line = String::from_utf8_lossy(&line).trim().to_owned();
    match line.strip_prefix("ERR") {
        Some(problem) => Err(Error::unavailable(format!("the instrument says:{problem}"))),
        None => Ok(line),
    }
}

export!(Thermometer; requests: { serial: "reads the thermometer" });

#[cfg(test)]
mod tests {
    use external_worker::testing::{Bench, Line, Running};

    use super::*;

    fn instrument() -> Line {
        Line::new()
            .answers("UNIT C\r\n", "OK\r\n")
            .answers("*IDN?\r\n", "ACME T1\r\n")
            .answers("TEMP?\r\n", "21.5\r\n")
            .answers("TEMP?\r\n", "21.6\r\n")
    }

    fn started(instrument: Line) -> Running<Thermometer> {
        let bench = Bench::new();
        bench.serial("thermometer", instrument);
        bench.start(json!({})).unwrap()
    }

    #[test]
    fn the_loop_reads_once_a_second() {
        let worker = started(instrument());
        assert_eq!(worker.run_for(Duration::from_millis(2500)).ended, 3);
        let history: NdArray<f64> = worker.call("history", ()).unwrap().one().unwrap();
        assert_eq!(history.data(), [21.6, 21.6, 21.5]);
        let name: String = worker.call("identify", ()).unwrap().one().unwrap();
        assert_eq!(name, "ACME T1");
    }

    #[test]
    fn an_instrument_that_was_unplugged_is_opened_again() {
        let worker = started(instrument().hangs_up_after(2));
        worker.turn().unwrap();
        worker.turn().unwrap_err();
        worker.turn().unwrap();
        assert_eq!(worker.bench().not_understood("thermometer"), b"");
    }

    #[test]
    fn what_the_instrument_refuses_is_an_error() {
        let worker = started(instrument().answers("UNIT F\r\n", "ERR no such unit\r\n"));
        let refused = worker.call("set_unit", json!({"unit": "F"})).unwrap_err();
        assert_eq!(refused.message(), "the instrument says: no such unit");
    }
}
