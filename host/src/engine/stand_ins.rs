//! What stands in for the devices of guests where there are none: the far ends of serial lines, and a server
//! to which every address leads. Capabilities open these instead of the machine's.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use tokio::io::DuplexStream;

/// Why there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLine {
    /// No device has this name, or it hung up.
    #[error("the device is not there")]
    NotFound,
    /// Somebody has it.
    #[error("the device is in use")]
    Busy,
}

/// Devices that are not there.
pub trait StandIns: fmt::Debug + Send + Sync {
    /// Whether a serial line of this name is there.
    fn has_line(&self, name: &str) -> bool;

    /// Whether a serial line of this name may be opened though nobody granted it: it is one that stands in for
    /// whatever is asked for, and is made now if it is not there yet.
    fn makes_line(&self, name: &str) -> bool;

    /// The near end of the serial line `name`. Dropping it closes the port. Called within the runtime of the
    /// instance.
    ///
    /// # Errors
    /// [`NoLine`].
    fn line(&self, name: &str) -> Result<DuplexStream, NoLine>;

    /// Where `name` leads.
    fn addresses(&self, name: &str) -> Vec<IpAddr>;

    /// Who answers, over TCP and UDP, in the place of `asked`; `None`: nobody.
    fn server(&self, asked: SocketAddr) -> Option<SocketAddr>;

    /// A connection for HTTP, which needs no socket; `scheme` is `http` or `https`. Called within the runtime of
    /// the instance.
    fn connect(&self, scheme: &'static str) -> DuplexStream;

    /// What the random bytes follow from.
    fn seed(&self) -> u64;

    /// The time of day, `elapsed` after the instance began to be prepared.
    fn time(&self, elapsed: Duration) -> SystemTime;
}
