//! What is on the line: `RUN CW 250*5E` and a carriage return, with a checksum over what is before the star.
//!
//! The pump answers each command with a line of the same kind that begins with the command's first word, so that
//! an answer that comes late is not taken for another one.

use external_worker::prelude::*;

/// Longest line.
pub const MAX_LINE: usize = 64;
/// The end of each line.
pub const END: u8 = b'\r';

/// Which way the rollers turn.
#[derive(Clone, Copy, Debug, PartialEq, NodeEnum)]
pub enum Direction {
    /// With the clock.
    #[node_enum(value = "CW")]
    Clockwise,
    /// Against the clock.
    #[node_enum(value = "CCW")]
    Counterclockwise,
}

/// What the pump does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turning {
    /// Whether it is switched on.
    pub on: bool,
    /// Which way.
    pub direction: Direction,
    /// Revolutions per minute, which it takes in tenths.
    pub rpm: f64,
}

impl Turning {
    /// The command that makes it so.
    pub fn command(&self) -> String {
        let direction = self.direction.value();
        let tenths = self.rpm * 10.0;
        match self.on {
            true => format!("RUN {direction} {tenths:.0}"),
            false => "HALT".to_owned(),
        }
    }

    /// What the answer to `STATE` says: `STATE ON CW 250`.
    pub fn read(answer: &str) -> Result<Self> {
        let words: Vec<_> = answer.split(' ').collect();
        let [_, on, direction, tenths] = *words.as_slice() else {
            return Err(Error::unavailable(format!("no state: {answer}")));
        };
        let on = match on {
            "ON" => true,
            "OFF" => false,
            _ => return Err(Error::unavailable(format!("neither on nor off: {answer}"))),
        };
        let direction = match direction {
            "CW" => Direction::Clockwise,
            "CCW" => Direction::Counterclockwise,
            _ => return Err(Error::unavailable(format!("no direction: {answer}"))),
        };
        let tenths: u32 = tenths.parse()?;
        Ok(Self {
            on,
            direction,
            rpm: f64::from(tenths) / 10.0,
        })
    }
}

/// A line with its checksum and its end.
pub fn seal(text: &str) -> Vec<u8> {
    let sum = checksum(text.as_bytes());
    format!("{text}*{sum:02X}\r").into_bytes()
}

/// The text of a line whose checksum is right.
pub fn open(line: &[u8]) -> Result<&str> {
    let wrong = || Error::unavailable(format!("garbled: {}", line.escape_ascii()));
    let line = line.strip_suffix(&[END]).ok_or_else(wrong)?;
    let text = std::str::from_utf8(line).map_err(|_| wrong())?;
    let (text, sum) = text.rsplit_once('*').ok_or_else(wrong)?;
    let sum = u8::from_str_radix(sum, 16).map_err(|_| wrong())?;
    (sum == checksum(text.as_bytes()))
        .then_some(text)
        .ok_or_else(wrong)
}

/// Each byte is added after what there is was turned by a bit, so that two bytes that changed places are noticed.
fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.rotate_left(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_can_be_opened_and_what_was_garbled_cannot() {
        let line = seal("RUN CW 250");
        assert_eq!(open(&line).unwrap(), "RUN CW 250");
        for at in 0..line.len() {
            let mut garbled = line.clone();
            garbled[at] ^= 1;
            assert!(open(&garbled).is_err(), "{}", garbled.escape_ascii());
        }
        let swapped = [&b"RUN CW 520"[..], &line[10..]].concat();
        assert!(open(&swapped).is_err());
        assert!(open(b"").is_err());
    }

    #[test]
    fn a_state_is_read() {
        let state = Turning::read("STATE ON CCW 255").unwrap();
        assert_eq!(
            state,
            Turning {
                on: true,
                direction: Direction::Counterclockwise,
                rpm: 25.5
            }
        );
        assert_eq!(state.command(), "RUN CCW 255");
        for wrong in ["STATE", "STATE ON UP 1", "STATE YES CW 1", "STATE ON CW -1"] {
            assert!(Turning::read(wrong).is_err(), "{wrong}");
        }
    }
}
