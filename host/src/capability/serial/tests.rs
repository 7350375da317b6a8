//! Devices against a real pseudo-terminal: the far end is the instrument.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::claim::Claim;
use super::device::{Device, Fault};
use super::find;
use super::ioctl::Output;
use crate::bindings::serial::{DataBits, FlowControl, Parity, Settings, StopBits};
use crate::engine::Opener;

/// Long enough for anything that happens at all.
const LONG: Duration = Duration::from_secs(30);

const SETTINGS: Settings = Settings {
    baud_rate: 9600,
    data_bits: DataBits::Eight,
    parity: Parity::None,
    stop_bits: StopBits::One,
    flow_control: FlowControl::None,
};

struct Pty {
    instrument: std::fs::File,
    path: PathBuf,
}

fn pty() -> Pty {
    let (instrument, path) = super::pseudo_terminal().unwrap();
    Pty { instrument, path }
}

async fn open(pty: &Pty) -> Arc<Device> {
    Arc::new(
        Device::open(&pty.path, SETTINGS, &Opener::default())
            .await
            .unwrap(),
    )
}

async fn read(device: &Arc<Device>) -> Result<Vec<u8>, Fault> {
    let reader = device.reader()?;
    let mut bytes = [0; 64];
    let count = poll_fn(|cx| reader.poll_read(cx, &mut bytes)).await?;
    Ok(bytes[..count].to_vec())
}

#[tokio::test]
async fn bytes_go_both_ways_unchanged() {
    let mut pty = pty();
    let device = open(&pty).await;
    let everything: Vec<u8> = (0..=255).collect();

    pty.instrument.write_all(&everything).unwrap();
    let mut got = Vec::new();
    while got.len() < everything.len() {
        got.extend(read(&device).await.unwrap());
    }
    assert_eq!(got, everything);

    device.write(&everything, LONG).await.unwrap();
    device.drain(LONG).await.unwrap();
    let mut got = vec![0; everything.len()];
    pty.instrument.read_exact(&mut got).unwrap();
    assert_eq!(got, everything);
}

#[tokio::test]
async fn a_waiting_read_sees_what_comes_later() {
    let mut pty = pty();
    let device = open(&pty).await;
    let late = async { pty.instrument.write_all(b"late").unwrap() };
    let (got, ()) = tokio::join!(read(&device), late);
    assert_eq!(got.unwrap(), b"late");
}

#[tokio::test]
async fn what_is_not_taken_in_time_times_out() {
    let pty = pty();
    let device = open(&pty).await;
    let more_than_any_buffer = vec![b'x'; 1024 * 1024];
    let sent = device
        .write(&more_than_any_buffer, Duration::from_millis(10))
        .await;
    assert!(matches!(sent, Err(Fault::Timeout)), "{sent:?}");
}

#[tokio::test]
async fn a_device_is_open_once_and_free_again_when_closed() {
    let pty = pty();
    let first = open(&pty).await;
    let second = Device::open(&pty.path, SETTINGS, &Opener::default()).await;
    assert!(matches!(second, Err(Fault::Busy)), "{second:?}");
    first.close();
    open(&pty).await;
}

#[tokio::test]
async fn a_device_that_another_process_locked_is_busy() {
    let pty = pty();
    let other = std::fs::File::open(&pty.path).unwrap();
    other.lock().unwrap();
    let opened = Device::open(&pty.path, SETTINGS, &Opener::default()).await;
    assert!(matches!(opened, Err(Fault::Busy)), "{opened:?}");
    // A failed attempt leaves nothing claimed.
    let device = find::device_number(&pty.path).unwrap();
    assert!(Claim::take(device).is_some());
}

#[tokio::test]
async fn closing_ends_a_read_that_waits() {
    let pty = pty();
    let device = open(&pty).await;
    let (got, ()) = tokio::join!(read(&device), async { device.close() });
    assert!(matches!(got, Err(Fault::Closed)), "{got:?}");
}

#[tokio::test]
async fn unplugging_ends_a_read_that_waits_and_everything_after() {
    let Pty { instrument, path } = pty();
    let device = Arc::new(
        Device::open(&path, SETTINGS, &Opener::default())
            .await
            .unwrap(),
    );
    let (got, ()) = tokio::join!(read(&device), async { drop(instrument) });
    assert!(matches!(got, Err(Fault::Gone)), "{got:?}");
    let sent = device.write(b"x", LONG).await;
    assert!(matches!(sent, Err(Fault::Gone)), "{sent:?}");
    let reader = device.reader().unwrap();
    let waited = poll_fn(|cx| reader.poll_available(cx)).await;
    assert!(matches!(waited, Err(Fault::Gone)), "{waited:?}");
}

#[tokio::test]
async fn one_reads_at_a_time() {
    let pty = pty();
    let device = open(&pty).await;
    let first = device.reader().unwrap();
    assert!(matches!(device.reader(), Err(Fault::Busy)));
    drop(first);
    device.reader().unwrap();
}

#[tokio::test]
async fn what_a_terminal_cannot_do_is_said_and_changes_nothing() {
    let mut pty = pty();
    let device = open(&pty).await;
    for (wrong, part) in [
        (
            Settings {
                data_bits: DataBits::Seven,
                ..SETTINGS
            },
            "cannot do 7 data bits",
        ),
        (
            Settings {
                parity: Parity::Even,
                ..SETTINGS
            },
            "cannot do even parity",
        ),
        (
            Settings {
                baud_rate: 0,
                ..SETTINGS
            },
            "baud rate",
        ),
    ] {
        match device.configure(wrong).await {
            Err(Fault::Unsupported(problem)) => assert!(problem.contains(part), "{problem}"),
            other => panic!("{wrong:?} {other:?}"),
        }
    }
    let lines = device.lines().await;
    assert!(matches!(lines, Err(Fault::Unsupported(_))), "{lines:?}");
    let set = device.set_line(Output::Dtr, true).await;
    assert!(matches!(set, Err(Fault::Unsupported(_))), "{set:?}");

    device
        .configure(Settings {
            baud_rate: 115_200,
            ..SETTINGS
        })
        .await
        .unwrap();
    pty.instrument.write_all(b"still here").unwrap();
    assert_eq!(read(&device).await.unwrap(), b"still here");
}

#[tokio::test]
async fn clearing_throws_unread_input_away() {
    let mut pty = pty();
    let device = open(&pty).await;
    pty.instrument.write_all(b"old").unwrap();
    poll_fn(|cx| device.reader().unwrap().poll_available(cx))
        .await
        .unwrap();
    device
        .clear(rustix::termios::QueueSelector::IFlush)
        .await
        .unwrap();
    pty.instrument.write_all(b"new").unwrap();
    assert_eq!(read(&device).await.unwrap(), b"new");
}

#[tokio::test]
async fn only_terminals_are_serial_ports() {
    let opened = Device::open("/dev/null".as_ref(), SETTINGS, &Opener::default()).await;
    assert!(matches!(opened, Err(Fault::Unsupported(_))), "{opened:?}");
    let opened = Device::open("/dev/none".as_ref(), SETTINGS, &Opener::default()).await;
    assert!(matches!(opened, Err(Fault::NotFound)), "{opened:?}");
}

/// A process that is being started has every descriptor of this one until it runs its program.
#[tokio::test]
async fn a_port_that_is_closed_is_free_whoever_is_being_started_meanwhile() {
    use std::os::unix::process::CommandExt;
    let pty = pty();
    let device = open(&pty).await;
    let (mut is_there, there) = std::io::pipe().unwrap();
    let (gate, open_gate) = std::io::pipe().unwrap();
    let starting = std::thread::spawn(move || {
        let mut command = std::process::Command::new("true");
        let wait = move || {
            (&there).write_all(&[0])?;
            (&gate).read_exact(&mut [0])
        };
        // SAFETY: between fork and exec it only writes to and reads from pipes.
        unsafe { command.pre_exec(wait) };
        command.status().unwrap()
    });
    is_there.read_exact(&mut [0]).unwrap();
    drop(device);
    let opened = Device::open(&pty.path, SETTINGS, &Opener::default()).await;
    (&open_gate).write_all(&[0]).unwrap();
    assert!(starting.join().unwrap().success());
    opened.expect("nobody has it");
}
