//! From the contract's line settings to the terminal's, and proof that the device took them: a
//! terminal accepts a request of which it can do only a part.

use std::os::fd::AsFd;

use rustix::termios::{
    ControlModes, InputModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::device::Fault;
use crate::bindings::serial::{DataBits, FlowControl, Parity, Settings, StopBits};

/// How far the real speed may be from the one that was asked for: a UART samples a frame of ten
/// bits and is wrong in the last one from 5 % on, both sides together.
const SPEED_TOLERANCE_PERCENT: u64 = 2;

/// Puts the terminal into raw mode with these settings, or leaves it as it was.
pub(super) fn apply(fd: impl AsFd + Copy, settings: &Settings) -> Result<(), Fault> {
    let before = tcgetattr(fd).map_err(Fault::of_use)?;
    let mut wanted = before.clone();
    wanted.make_raw();
    wanted.special_codes[SpecialCodeIndex::VMIN] = 1;
    wanted.special_codes[SpecialCodeIndex::VTIME] = 0;
    wanted.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    set_frame(&mut wanted, settings);
    set_flow(&mut wanted, settings.flow_control);
    set_speed(&mut wanted, settings.baud_rate)?;
    tcsetattr(fd, OptionalActions::Now, &wanted).map_err(Fault::of_use)?;
    let taken = tcgetattr(fd)
        .map_err(Fault::of_use)
        .and_then(|is| check(&is, &wanted, settings));
    if taken.is_err() {
        // The first error is the one to tell.
        let _ = tcsetattr(fd, OptionalActions::Now, &before);
    }
    taken
}

fn set_frame(termios: &mut Termios, settings: &Settings) {
    let modes = &mut termios.control_modes;
    modes.remove(ControlModes::CSIZE | ControlModes::CMSPAR);
    modes.insert(match settings.data_bits {
        DataBits::Five => ControlModes::CS5,
        DataBits::Six => ControlModes::CS6,
        DataBits::Seven => ControlModes::CS7,
        DataBits::Eight => ControlModes::CS8,
    });
    modes.set(
        ControlModes::CSTOPB,
        matches!(settings.stop_bits, StopBits::Two),
    );
    modes.set(
        ControlModes::PARENB,
        !matches!(settings.parity, Parity::None),
    );
    modes.set(ControlModes::PARODD, matches!(settings.parity, Parity::Odd));
    termios
        .input_modes
        .set(InputModes::INPCK, !matches!(settings.parity, Parity::None));
}

fn set_flow(termios: &mut Termios, flow: FlowControl) {
    let software = matches!(flow, FlowControl::Software);
    termios
        .input_modes
        .set(InputModes::IXON | InputModes::IXOFF, software);
    termios
        .control_modes
        .set(ControlModes::CRTSCTS, matches!(flow, FlowControl::Hardware));
}

fn set_speed(termios: &mut Termios, baud_rate: u32) -> Result<(), Fault> {
    // Speed 0 does not set a speed: it hangs the line up.
    if baud_rate == 0 {
        return Err(no_speed());
    }
    termios
        .set_speed(baud_rate)
        .map_err(|_| Fault::Unsupported(format!("this host cannot do {baud_rate} baud")))
}

/// Why there is no line at speed 0.
pub(super) fn no_speed() -> Fault {
    Fault::Unsupported("the baud rate must be at least 1".to_owned())
}

/// Whether what the terminal `is` agrees with what was `wanted`.
fn check(is: &Termios, wanted: &Termios, settings: &Settings) -> Result<(), Fault> {
    let differs =
        |modes: ControlModes| (is.control_modes & modes) != (wanted.control_modes & modes);
    let unsupported =
        |what: String| Err(Fault::Unsupported(format!("the device cannot do {what}")));
    if differs(ControlModes::CSIZE) {
        return unsupported(format!("{} data bits", data_bits(settings.data_bits)));
    }
    if differs(ControlModes::PARENB | ControlModes::PARODD) {
        return unsupported(format!("{} parity", parity(settings.parity)));
    }
    if differs(ControlModes::CSTOPB) {
        return unsupported(stop_bits(settings.stop_bits).to_owned());
    }
    if differs(ControlModes::CRTSCTS) {
        return unsupported("hardware flow control".to_owned());
    }
    let (asked, real) = (u64::from(settings.baud_rate), u64::from(is.output_speed()));
    if asked.abs_diff(real) * 100 > asked * SPEED_TOLERANCE_PERCENT {
        return unsupported(format!("{asked} baud, only {real}"));
    }
    Ok(())
}

const fn data_bits(bits: DataBits) -> u8 {
    match bits {
        DataBits::Five => 5,
        DataBits::Six => 6,
        DataBits::Seven => 7,
        DataBits::Eight => 8,
    }
}

const fn parity(parity: Parity) -> &'static str {
    match parity {
        Parity::None => "no",
        Parity::Odd => "odd",
        Parity::Even => "even",
    }
}

const fn stop_bits(bits: StopBits) -> &'static str {
    match bits {
        StopBits::One => "one stop bit",
        StopBits::Two => "two stop bits",
    }
}
