//! A thermometer on a real serial line: the far end of a pty, answering a line protocol.
//!
//! `*IDN?` names it, `TEMP?` reads it, `UNIT C` and `UNIT F` switch it.

use std::io;

use super::Terminal;

/// Longest command line that it listens to.
const MAX_LINE: usize = 64;

/// The instrument. Dropping it unplugs it.
#[derive(Debug)]
pub struct Instrument(Terminal);

impl Instrument {
    /// Plugs one in.
    ///
    /// # Errors
    /// When the system has no pty to give.
    pub fn plug_in() -> io::Result<Self> {
        let mut thermometer = Thermometer::default();
        Terminal::plug_in(move |heard| Some(thermometer.hear(heard))).map(Self)
    }

    /// The device that a host opens.
    pub fn path(&self) -> &str {
        self.0.path()
    }
}

#[derive(Default)]
struct Thermometer {
    command: Vec<u8>,
    fahrenheit: bool,
    readings: u32,
}

impl Thermometer {
    /// What it says to the lines that end in `heard`.
    fn hear(&mut self, heard: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        for byte in heard {
            if !matches!(byte, b'\n' | b'\r') {
                self.command.push(*byte);
                self.command.truncate(MAX_LINE);
                continue;
            }
            let command = std::mem::take(&mut self.command);
            said.extend(self.answer(&command).into_bytes());
        }
        said
    }

    fn answer(&mut self, command: &[u8]) -> String {
        match command {
            b"" => String::new(),
            b"*IDN?" => "ACME,THERMOMETER,1,0.1\r\n".to_owned(),
            b"TEMP?" => {
                self.readings = self.readings.wrapping_add(1);
                // A day's wave, a degree up and down.
                let celsius = 21.5 + (f64::from(self.readings) / 8.0).sin();
                let shown = if self.fahrenheit {
                    celsius * 9.0 / 5.0 + 32.0
                } else {
                    celsius
                };
                format!("{shown:.2}\r\n")
            }
            b"UNIT C" | b"UNIT F" => {
                self.fahrenheit = command.ends_with(b"F");
                "OK\r\n".to_owned()
            }
            _ => "ERR unknown command\r\n".to_owned(),
        }
    }
}
