//! The pump that is on the line: what it understands, what it does, and what it was told.

use std::sync::{Arc, Mutex, MutexGuard};

use external_worker_host::simulate::Terminal;

/// Longest line that it listens to.
const MAX_LINE: usize = 64;

/// A pump on a pty. Dropping it unplugs it.
pub struct Device {
    terminal: Terminal,
    rollers: Arc<Mutex<Rollers>>,
}

#[derive(Default)]
struct Rollers {
    heard: Vec<u8>,
    on: bool,
    direction: String,
    tenths: u32,
    commands: Vec<String>,
}

impl Device {
    pub fn plug_in() -> Self {
        let rollers = Arc::new(Mutex::new(Rollers {
            direction: "CW".to_owned(),
            tenths: 600,
            ..Rollers::default()
        }));
        let heard_by = Arc::clone(&rollers);
        let hear = move |heard: &[u8]| Some(heard_by.lock().unwrap().hear(heard));
        let terminal = Terminal::plug_in(hear).unwrap();
        Self { terminal, rollers }
    }

    fn rollers(&self) -> MutexGuard<'_, Rollers> {
        self.rollers.lock().unwrap()
    }

    pub fn path(&self) -> &str {
        self.terminal.path()
    }

    pub fn is_on(&self) -> bool {
        self.rollers().on
    }

    /// Everything that it was told, for whoever wonders.
    pub fn heard(&self) -> Vec<String> {
        self.rollers().commands.clone()
    }

    /// How often it was told a command that begins so.
    pub fn told(&self, word: &str) -> usize {
        let rollers = self.rollers();
        let told = rollers.commands.iter().filter(|it| it.starts_with(word));
        told.count()
    }
}

impl Rollers {
    /// What it says to the lines that end in `heard`.
    fn hear(&mut self, heard: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        for byte in heard {
            if *byte != b'\r' {
                self.heard.push(*byte);
                self.heard.truncate(MAX_LINE);
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned();
            let answer = match line.rsplit_once('*') {
                Some((command, sum)) if sum == checksum(command) => self.obey(command),
                _ => "? ERR CHECKSUM".to_owned(),
            };
            said.extend(format!("{answer}*{}\r", checksum(&answer)).into_bytes());
        }
        said
    }

    fn obey(&mut self, command: &str) -> String {
        self.commands.push(command.to_owned());
        match *command.split(' ').collect::<Vec<_>>().as_slice() {
            ["RUN", direction @ ("CW" | "CCW"), tenths] => match tenths.parse() {
                Ok(tenths @ 1..=3_000) => {
                    (self.on, self.tenths) = (true, tenths);
                    self.direction = direction.to_owned();
                    "RUN OK".to_owned()
                }
                _ => "RUN ERR RANGE".to_owned(),
            },
            ["HALT"] => {
                self.on = false;
                "HALT OK".to_owned()
            }
            ["STATE"] => {
                let on = if self.on { "ON" } else { "OFF" };
                format!("STATE {on} {} {}", self.direction, self.tenths)
            }
            _ => "? ERR COMMAND".to_owned(),
        }
    }
}

fn checksum(text: &str) -> String {
    let sum = text
        .bytes()
        .fold(0_u8, |sum, byte| sum.rotate_left(1).wrapping_add(byte));
    format!("{sum:02X}")
}
