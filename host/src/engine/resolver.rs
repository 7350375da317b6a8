//! Who is asked for the addresses of a name.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;

type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Answers with the addresses of a name; it may block. The system does, unless an embedder has one of
/// its own.
#[derive(Clone)]
pub struct Resolver(Arc<Ask>);

impl Resolver {
    /// A resolver that answers as `ask` does.
    pub fn new(ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// The addresses of `name`.
    ///
    /// # Errors
    /// When nobody knows the name, or nobody answers.
    pub fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        (self.0)(name)
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(|name| {
            let found = (name, 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
