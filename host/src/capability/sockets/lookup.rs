//! Looking up host names: only granted names, and of their addresses only those that some grant
//! reaches.

use std::net::IpAddr;

use super::Rules;
use crate::capability::names::LookupError;
use crate::policy::Access;
use crate::policy::pattern::normal_name;

/// Why a guest gets no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name, or everything that it leads to, is not granted.
    Denied,
    /// That is not a host name.
    Invalid,
    /// The system has no addresses.
    Failed(LookupError),
}

impl Rules {
    /// The addresses of `name` that the instance may reach.
    pub(super) async fn look_up(&self, name: String) -> Result<Vec<IpAddr>, Refusal> {
        if let Some(address) = literal(&name) {
            let access = Access::Resolved {
                name: &name,
                address,
            };
            return match self.guard.check(&access) {
                Ok(()) => Ok(vec![address]),
                Err(_) => Err(Refusal::Denied),
            };
        }
        let name = normal_name(&name).ok_or(Refusal::Invalid)?;
        self.guard
            .check(&Access::Lookup { name: &name })
            .map_err(|_| Refusal::Denied)?;
        let addresses = self.names.resolve(&name).await.map_err(Refusal::Failed)?;
        let resolved = |address: &IpAddr| Access::Resolved {
            name: &name,
            address: *address,
        };
        let (reachable, rest): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|address| self.guard.ask(&resolved(address)).is_ok());
        match rest.first() {
            Some(address) if reachable.is_empty() => {
                // Nothing is left: the audit learns why of the first.
                let _ = self.guard.check(&resolved(address));
                Err(Refusal::Denied)
            }
            _ => Ok(reachable),
        }
    }
}

/// An address that is written as one; brackets are accepted around IPv6.
fn literal(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}
