//! Who is asked for the addresses of a name.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{MAX_NAME_LIFETIME, MIN_NAME_LIFETIME, NAME_LIFETIME};

type Ask = dyn Fn(&str) -> io::Result<Answer> + Send + Sync;

/// The addresses of a name, and for how long they are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// How long they hold; it is bounded by [`MIN_NAME_LIFETIME`] and [`MAX_NAME_LIFETIME`].
    pub lifetime: Duration,
}

/// Answers with the addresses of a name; it may block. The system does, unless an embedder has one of
/// its own.
///
/// The system's resolver knows what no library of ours would: `/etc/hosts`, `nsswitch.conf`, the names of
/// the local network. It does not tell how long an answer holds, so its answers hold [`NAME_LIFETIME`].
#[derive(Clone)]
pub struct Resolver(Arc<Ask>);

impl Resolver {
    /// A resolver that answers as `ask` does; its answers hold [`NAME_LIFETIME`].
    pub fn new(ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self::with_lifetimes(move |name| {
            Ok(Answer {
                addresses: ask(name)?,
                lifetime: NAME_LIFETIME,
            })
        })
    }

    /// A resolver that says how long its answers hold.
    pub fn with_lifetimes(
        ask: impl Fn(&str) -> io::Result<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// The addresses of `name`.
    ///
    /// # Errors
    /// When nobody knows the name, or nobody answers.
    pub fn ask(&self, name: &str) -> io::Result<Answer> {
        let mut answer = (self.0)(name)?;
        answer.lifetime = answer.lifetime.clamp(MIN_NAME_LIFETIME, MAX_NAME_LIFETIME);
        Ok(answer)
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
