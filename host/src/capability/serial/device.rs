//! One open serial device. Nothing here blocks a runtime thread: bytes move without waiting, and
//! requests that a driver may take its time for run on a thread of the blocking pool.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open};
use rustix::io::{Errno, ioctl_fionread};
use rustix::termios::{QueueSelector, ioctl_tiocexcl, ioctl_tiocnxcl, isatty, tcdrain, tcflush};
use tokio::io::unix::AsyncFd;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::claim::Claim;
use super::find::device_number;
use super::ioctl::{self, Output};
use super::settings;
use super::stand_in::Plug;
use crate::bindings::serial::{LineState, Settings};
use crate::engine::Opener;

/// Times that one poll tries again when the kernel says "ready" and then "not yet".
const POLL_ROUNDS: u32 = 4;

/// Why a device did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// There is no such device now.
    #[error("the device is not there")]
    NotFound,
    /// Somebody has it.
    #[error("the device is in use")]
    Busy,
    /// Not in time.
    #[error("the device did not answer in time")]
    Timeout,
    /// It went away.
    #[error("the device is gone")]
    Gone,
    /// The port was closed.
    #[error("the port is closed")]
    Closed,
    /// Its grant is gone.
    #[error("the port is not granted any more")]
    Revoked,
    /// It cannot do this.
    #[error("{0}")]
    Unsupported(String),
    /// The host may not, or the driver failed.
    #[error("the device failed: {0}")]
    Failed(#[source] io::Error),
}

impl Fault {
    /// What an error means while opening a device.
    fn of_open(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NXIO | Errno::NODEV => Self::NotFound,
            Errno::BUSY | Errno::AGAIN => Self::Busy,
            other => Self::Failed(other.into()),
        }
    }

    /// What an error means once the device is open.
    pub(super) fn of_use(error: impl Into<io::Error>) -> Self {
        let error = error.into();
        match Errno::from_io_error(&error) {
            Some(Errno::IO | Errno::NXIO | Errno::NODEV | Errno::BADF | Errno::PIPE) => Self::Gone,
            Some(Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {
                Self::Unsupported("the device cannot do that".to_owned())
            }
            _ => Self::Failed(error),
        }
    }
}

/// The descriptor, and the claim on the device that lives exactly as long.
#[derive(Debug)]
struct Line {
    fd: OwnedFd,
    _claim: Claim,
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Line {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // What has not left by now is thrown away: else `close` waits for a peer that may never
        // take it. Exclusiveness is a mark on the terminal, and can outlive the descriptor.
        let _ = tcflush(&self.fd, QueueSelector::OFlush);
        let _ = ioctl_tiocnxcl(&self.fd);
        // A process that is being started has this descriptor, too, until it runs its program: the lock would stay
        // for so long, and the port be in use by nobody.
        let _ = flock(&self.fd, FlockOperation::Unlock);
    }
}

/// What is at the other side of the port.
#[derive(Debug)]
enum Way {
    /// A terminal of this machine.
    Terminal(AsyncFd<Arc<Line>>),
    /// A device that stands in for one.
    StandIn(Plug),
}

/// Why a device is closed.
#[derive(Debug, Clone, Copy)]
enum Closed {
    /// By who had it.
    Dropped,
    /// Its grant is gone.
    Revoked,
}

impl From<Closed> for Fault {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Dropped => Self::Closed,
            Closed::Revoked => Self::Revoked,
        }
    }
}

#[derive(Debug)]
struct Shared {
    way: Option<Way>,
    /// Why there is no way any more.
    closed: Closed,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    In,
    Out,
}

/// An open device. [`Device::close`] takes effect at once, whoever waits on it.
#[derive(Debug)]
pub(super) struct Device {
    shared: Mutex<Shared>,
    reading: AtomicBool,
    draining: Arc<AtomicBool>,
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Device {
    /// Opens and sets up the device at `path`, for nobody else to use.
    pub(super) async fn open(
        path: &Path,
        settings: Settings,
        opener: &Opener,
    ) -> Result<Self, Fault> {
        let (path, opener) = (path.to_owned(), opener.clone());
        let line = on_thread(move || open_line(&path, &settings, &opener)).await?;
        // SAFETY: the descriptor belongs to the line, which closes it when it is dropped, and never
        // changes.
        let line = unsafe { AsyncFd::register(Arc::new(line)) };
        let line = line.map_err(|error| Fault::Failed(error.into()))?;
        Ok(Self::with(Way::Terminal(line)))
    }

    /// The device that stands in for another.
    pub(super) fn stand_in(plug: Plug) -> Self {
        Self::with(Way::StandIn(plug))
    }

    fn with(way: Way) -> Self {
        Self {
            shared: Mutex::new(Shared {
                way: Some(way),
                closed: Closed::Dropped,
                reader: None,
                writer: None,
            }),
            reading: AtomicBool::new(false),
            draining: Arc::new(AtomicBool::new(false)),
            writing: Arc::default(),
        }
    }

    /// Closes the device; whoever waits for it is told that it is gone.
    pub(super) fn close(&self) {
        self.close_because(Closed::Dropped);
    }

    /// Closes the device, whose grant is gone: whoever has it is told that.
    pub(super) fn revoke(&self) {
        self.close_because(Closed::Revoked);
    }

    fn close_because(&self, why: Closed) {
        let (way, wakers) = {
            let mut shared = self.lock();
            if shared.way.is_some() {
                shared.closed = why;
            }
            (
                shared.way.take(),
                [shared.reader.take(), shared.writer.take()],
            )
        };
        if let Some(Way::Terminal(line)) = way {
            // A drain in progress holds the descriptor too, and ends when nothing is left to send.
            let _ = tcflush(line.get_ref(), QueueSelector::OFlush);
        }
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    /// The right to read, unless somebody reads.
    pub(super) fn reader(self: &Arc<Self>) -> Result<Reader, Fault> {
        if self.reading.swap(true, Ordering::AcqRel) {
            return Err(Fault::Busy);
        }
        Ok(Reader {
            device: Arc::clone(self),
        })
    }

    /// The right to write, after those who asked before.
    pub(super) async fn writer(self: &Arc<Self>) -> Writer {
        let turn = Arc::clone(&self.writing).lock_owned().await;
        Writer {
            device: Arc::clone(self),
            _turn: turn,
        }
    }

    /// Writes all of `data` before `timeout` has passed.
    pub(super) async fn write(
        self: &Arc<Self>,
        data: &[u8],
        timeout: Duration,
    ) -> Result<(), Fault> {
        let deadline = Instant::now() + timeout;
        let all = async {
            let writer = self.writer().await;
            let mut rest = data;
            while !rest.is_empty() {
                let sent = poll_fn(|cx| writer.poll_write(cx, rest)).await?;
                rest = rest.get(sent..).unwrap_or_default();
            }
            Ok(())
        };
        timeout_at(deadline, all)
            .await
            .map_err(|_| Fault::Timeout)?
    }

    /// Waits until everything written has left.
    pub(super) async fn drain(&self, timeout: Duration) -> Result<(), Fault> {
        // One thread for each port at most, even when the peer never takes what is sent.
        if self.draining.swap(true, Ordering::AcqRel) {
            return Err(Fault::Busy);
        }
        let over = Flag(Arc::clone(&self.draining));
        if let Some(left) = self.of_stand_in(|_| Ok(())) {
            return left;
        }
        let drained = self.control(move |fd| {
            let _over = over;
            tcdrain(fd).map_err(Fault::of_use)
        });
        tokio::time::timeout(timeout, drained)
            .await
            .map_err(|_| Fault::Timeout)?
    }

    /// Throws away what was not read or not sent.
    pub(super) async fn clear(&self, queue: QueueSelector) -> Result<(), Fault> {
        let cleared = self.of_stand_in(|plug| {
            // What is sent has arrived.
            if queue != QueueSelector::OFlush {
                plug.clear_input();
            }
            Ok(())
        });
        if let Some(cleared) = cleared {
            return cleared;
        }
        self.control(move |fd| tcflush(fd, queue).map_err(Fault::of_use))
            .await
    }

    /// Changes the settings.
    pub(super) async fn configure(&self, settings: Settings) -> Result<(), Fault> {
        if let Some(taken) = self.of_stand_in(|plug| plug.configure(&settings)) {
            return taken;
        }
        self.control(move |fd| settings::apply(fd, &settings)).await
    }

    /// Raises or lowers a control line.
    pub(super) async fn set_line(&self, line: Output, on: bool) -> Result<(), Fault> {
        if let Some(set) = self.of_stand_in(|_| Ok(())) {
            return set;
        }
        self.control(move |fd| ioctl::set_line(fd, line, on).map_err(no_lines))
            .await
    }

    /// Begins or ends a break.
    pub(super) async fn set_break(&self, on: bool) -> Result<(), Fault> {
        if let Some(set) = self.of_stand_in(|_| Ok(())) {
            return set;
        }
        self.control(move |fd| ioctl::set_break(fd, on).map_err(no_lines))
            .await
    }

    /// The input control lines.
    pub(super) async fn lines(&self) -> Result<LineState, Fault> {
        if let Some(lines) = self.of_stand_in(|plug| Ok(plug.lines())) {
            return lines;
        }
        let bits = self
            .control(|fd| ioctl::lines(fd).map_err(no_lines))
            .await?;
        Ok(LineState {
            clear_to_send: bits & libc::TIOCM_CTS != 0,
            data_set_ready: bits & libc::TIOCM_DSR != 0,
            ring_indicator: bits & libc::TIOCM_RNG != 0,
            carrier_detect: bits & libc::TIOCM_CAR != 0,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a request that may take its time.
    async fn control<R: Send + 'static>(
        &self,
        request: impl FnOnce(BorrowedFd<'_>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let line = {
            let shared = self.lock();
            match &shared.way {
                Some(Way::Terminal(line)) => Arc::clone(line.get_ref()),
                Some(Way::StandIn(_)) | None => return Err(shared.closed.into()),
            }
        };
        on_thread(move || request(line.as_fd())).await
    }

    /// What becomes of a request, where a device stands in.
    fn of_stand_in<R>(
        &self,
        request: impl FnOnce(&mut Plug) -> Result<R, Fault>,
    ) -> Option<Result<R, Fault>> {
        match &mut self.lock().way {
            Some(Way::StandIn(plug)) => Some(request(plug)),
            Some(Way::Terminal(_)) | None => None,
        }
    }

    /// Tries `transfer` where a device stands in; `None`: where none does.
    fn poll_stand_in<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        transfer: impl FnOnce(&mut Plug, &mut Context<'_>) -> Poll<Result<R, Fault>>,
    ) -> Option<Poll<Result<R, Fault>>> {
        let mut shared = self.lock();
        let Some(Way::StandIn(plug)) = &mut shared.way else {
            return None;
        };
        let done = transfer(plug, cx);
        if done.is_pending() {
            let waiting = match direction {
                Direction::In => &mut shared.reader,
                Direction::Out => &mut shared.writer,
            };
            *waiting = Some(cx.waker().clone());
        }
        Some(done)
    }

    /// Tries `transfer` now, and again whenever the kernel says that it may do something.
    fn poll_transfer<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut transfer: impl FnMut(BorrowedFd<'_>) -> Result<R, Errno>,
    ) -> Poll<Result<R, Fault>> {
        let mut shared = self.lock();
        let Shared {
            way,
            closed,
            reader,
            writer,
        } = &mut *shared;
        let Some(Way::Terminal(line)) = way else {
            return Poll::Ready(Err((*closed).into()));
        };
        for _ in 0..POLL_ROUNDS {
            match transfer(line.get_ref().as_fd()) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Poll::Ready(Err(Fault::of_use(errno))),
            }
            let ready = match direction {
                Direction::In => line.poll_read_ready(cx),
                Direction::Out => line.poll_write_ready(cx),
            };
            match ready {
                Poll::Ready(Ok(mut ready)) => ready.clear_ready(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Failed(error))),
                Poll::Pending => {
                    let waiting = match direction {
                        Direction::In => reader,
                        Direction::Out => writer,
                    };
                    *waiting = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The right to read from a device; one at a time, so that no two take parts of one answer.
#[derive(Debug)]
pub(super) struct Reader {
    device: Arc<Device>,
}

impl Reader {
    /// How many bytes are there, once there are any.
    pub(super) fn poll_available(&self, cx: &mut Context<'_>) -> Poll<Result<usize, Fault>> {
        let stand_in = Plug::poll_available;
        if let Some(done) = self.device.poll_stand_in(cx, Direction::In, stand_in) {
            return done;
        }
        self.device
            .poll_transfer(cx, Direction::In, |fd| match ioctl_fionread(fd)? {
                0 => Err(Errno::AGAIN),
                some => Ok(usize::try_from(some).unwrap_or(usize::MAX)),
            })
    }

    /// Reads what is there, once there is something.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        let stand_in = |plug: &mut Plug, cx: &mut Context<'_>| plug.poll_read(cx, buffer);
        if let Some(done) = self.device.poll_stand_in(cx, Direction::In, stand_in) {
            return done;
        }
        self.device.poll_transfer(cx, Direction::In, |fd| {
            match rustix::io::read(fd, &mut *buffer)? {
                0 => Err(Errno::IO),
                some => Ok(some),
            }
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.device.reading.store(false, Ordering::Release);
    }
}

/// The turn to write to a device, so that what two calls send is not mixed.
#[derive(Debug)]
pub(super) struct Writer {
    device: Arc<Device>,
    _turn: OwnedMutexGuard<()>,
}

impl Writer {
    /// Writes some of `data`, once the device takes any.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, Fault>> {
        let stand_in = |plug: &mut Plug, cx: &mut Context<'_>| plug.poll_write(cx, data);
        if let Some(done) = self.device.poll_stand_in(cx, Direction::Out, stand_in) {
            return done;
        }
        self.device.poll_transfer(cx, Direction::Out, |fd| {
            match rustix::io::write(fd, data)? {
                0 if !data.is_empty() => Err(Errno::AGAIN),
                some => Ok(some),
            }
        })
    }
}

struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn no_lines(error: io::Error) -> Fault {
    match Fault::of_use(error) {
        Fault::Unsupported(_) => Fault::Unsupported("this port has no control lines".to_owned()),
        other => other,
    }
}

fn open_line(path: &Path, settings: &Settings, opener: &Opener) -> Result<Line, Fault> {
    let device = device_number(path).ok_or(Fault::NotFound)?;
    let claim = Claim::take(device).ok_or(Fault::Busy)?;
    let fd = open_device(path, opener).map_err(Fault::of_open)?;
    // The link may have moved on to another device since it was claimed.
    if fstat(&fd).map_err(Fault::of_open)?.st_rdev != device {
        return Err(Fault::NotFound);
    }
    if !isatty(&fd) {
        return Err(Fault::Unsupported(
            "the granted device is not a serial port".to_owned(),
        ));
    }
    flock(&fd, FlockOperation::NonBlockingLockExclusive).map_err(Fault::of_open)?;
    ioctl_tiocexcl(&fd).map_err(Fault::of_open)?;
    // Only now is it ours, to be left tidy when it is dropped.
    let line = Line { fd, _claim: claim };
    settings::apply(line.fd.as_fd(), settings)?;
    // What came in before the settings were right is noise.
    tcflush(&line.fd, QueueSelector::IFlush).map_err(Fault::of_use)?;
    Ok(line)
}

/// Opens it here, or has it opened by who may.
fn open_device(path: &Path, opener: &Opener) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match open(path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => match opener.open(path) {
            Some(opened) => {
                opened.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::ACCESS))
            }
            None => Err(Errno::ACCESS),
        },
        opened => opened,
    }
}

async fn on_thread<R: Send + 'static>(
    request: impl FnOnce() -> Result<R, Fault> + Send + 'static,
) -> Result<R, Fault> {
    match tokio::task::spawn_blocking(request).await {
        Ok(done) => done,
        Err(_) => Err(Fault::Failed(io::Error::other("the host is shutting down"))),
    }
}
