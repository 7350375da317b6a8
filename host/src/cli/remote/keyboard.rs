//! What somebody types at a terminal: a secret that is not shown, a yes, a key. The terminal is as it was afterwards,
//! however that ends.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::sync::mpsc;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::limits::MAX_API_TOKEN_BYTES;

/// Ctrl-C, where it is a key.
pub const INTERRUPT: u8 = 3;
/// Ctrl-D.
const END: u8 = 4;
const ERASE: [u8; 2] = [8, 127];
const ENTER: [u8; 2] = [b'\r', b'\n'];

/// Whether somebody can be asked, and sees what they are asked.
pub fn is_there(output: &Output) -> bool {
    io::stdin().is_terminal() && output.is_live()
}

/// A terminal that shows nothing of what is typed, and gives each key at once.
pub struct Keys {
    before: Termios,
}

impl Keys {
    /// From now on, until this is dropped.
    ///
    /// # Errors
    /// When it is no terminal.
    pub fn take() -> Result<Self, CliError> {
        let machine = |error: rustix::io::Errno| CliError::Machine(error.into());
        let before = tcgetattr(io::stdin()).map_err(machine)?;
        let mut raw = before.clone();
        raw.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw).map_err(machine)?;
        Ok(Self { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to mend.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// What is typed without being shown; none if whoever types gives up.
///
/// # Errors
/// When there is no terminal.
pub fn secret(prompt: &str, output: &Output) -> Result<Option<String>, CliError> {
    let keys = Keys::take()?;
    output.raw(prompt);
    let typed = typed(io::stdin().lock());
    drop(keys);
    output.raw("\n");
    typed.map_err(CliError::Machine)
}

fn typed(input: impl io::BufRead) -> io::Result<Option<String>> {
    let mut typed = Vec::new();
    for byte in input.bytes() {
        match byte? {
            INTERRUPT | END => return Ok(None),
            byte if ENTER.contains(&byte) => break,
            byte if ERASE.contains(&byte) => drop(typed.pop()),
            byte if typed.len() <= MAX_API_TOKEN_BYTES => typed.push(byte),
            _ => {}
        }
    }
    Ok(Some(String::from_utf8_lossy(&typed).into_owned()))
}

/// Whether whoever sits there says yes to `question`.
///
/// # Errors
/// When nothing can be read.
pub fn says_yes(question: &str, output: &Output) -> Result<bool, CliError> {
    output.raw(&format!("{question} [y/N] "));
    let mut line = String::new();
    let input = io::stdin().lock();
    let mut input = input.take(64);
    input.read_line(&mut line).map_err(CliError::Machine)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// The keys that are pressed, until nobody wants them any more.
pub fn pressed() -> mpsc::UnboundedReceiver<u8> {
    let (sender, keys) = mpsc::unbounded_channel();
    let read = move || {
        for key in io::stdin().lock().bytes() {
            let Ok(key) = key else { return };
            if sender.send(key).is_err() {
                return;
            }
        }
    };
    // Without a thread nothing is pressed; signals still end what waits.
    let _ = std::thread::Builder::new()
        .name("ewh-keys".to_owned())
        .spawn(read);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_ends_with_enter_and_can_be_mended() {
        let of = |bytes: &[u8]| typed(bytes).unwrap();
        assert_eq!(of(b"abd\x7fc\rx").as_deref(), Some("abc"));
        assert_eq!(of(b"\x7f\x08\n").as_deref(), Some(""));
        assert_eq!(of(b"ab\x03c\n"), None);
        assert_eq!(of(b"\x04"), None);
        let long = vec![b'a'; 1 << 20];
        assert!(of(&long).unwrap().len() <= MAX_API_TOKEN_BYTES + 1);
    }
}
