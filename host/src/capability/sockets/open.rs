//! Counts open sockets: each is charged when it is created or accepted, and given back when its
//! handle and the last of its streams are gone, because until then its descriptor is open.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::capability::grants::Lease;
use crate::limits::{Exhausted, Held, Ledger, Resource};

/// A charge for one socket and its descriptor, shared by everything that keeps that open.
pub(super) type Charge = Arc<Charged>;

/// What one socket costs, and by which grant it is open.
#[derive(Debug)]
pub(super) struct Charged {
    _held: [Held; 2],
    /// Not there before it is connected, or listens.
    lease: OnceLock<Arc<Lease>>,
}

impl Charged {
    /// Whether its grant is gone.
    pub(super) fn is_cut(&self) -> bool {
        self.lease.get().is_some_and(|lease| lease.is_cut())
    }
}

/// The open sockets of one instance. Clones share the count.
#[derive(Debug, Clone)]
pub(super) struct Open {
    ledger: Arc<Ledger>,
    charges: Arc<Mutex<Charges>>,
}

#[derive(Debug, Default)]
struct Charges {
    by_handle: BTreeMap<u32, Charge>,
    /// For accepted sockets whose handles are not known yet. One is as good as another.
    accepted: Vec<Charge>,
}

impl Open {
    pub(super) fn new(ledger: &Arc<Ledger>) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            charges: Arc::default(),
        }
    }

    /// Charges a socket that is about to be created.
    pub(super) fn charge(&self) -> Result<Charge, Exhausted> {
        let socket = self.ledger.hold(Resource::Sockets, 1)?;
        let descriptor = self.ledger.hold(Resource::Descriptors, 1)?;
        Ok(Arc::new(Charged {
            _held: [socket, descriptor],
            lease: OnceLock::new(),
        }))
    }

    /// Charges `bytes` of memory for as long as the result lives.
    pub(super) fn memory(&self, bytes: u64) -> Result<Held, Exhausted> {
        self.ledger.hold(Resource::Memory, bytes)
    }

    /// Charges a connection that a listening socket has just accepted.
    pub(super) fn accept(&self) -> Result<(), Exhausted> {
        let charge = self.charge()?;
        self.lock().accepted.push(charge);
        Ok(())
    }

    /// Keeps `charge` until the socket with this handle is dropped.
    pub(super) fn keep(&self, handle: u32, charge: Charge) {
        self.lock().by_handle.insert(handle, charge);
    }

    /// The socket with this handle is open by `lease` from now on.
    pub(super) fn lease(&self, handle: u32, lease: &Arc<Lease>) {
        if let Some(charge) = self.share(handle) {
            // Once only: a socket is connected or listens, and stays so.
            let _ = charge.lease.set(Arc::clone(lease));
        }
    }

    /// By what the socket with this handle is open.
    pub(super) fn lease_of(&self, handle: u32) -> Option<Arc<Lease>> {
        let charges = self.lock();
        charges.by_handle.get(&handle)?.lease.get().cloned()
    }

    /// The charge of a connection at `local`, for a stream that outlives its handle. One that came in is open by the
    /// lease of who listens there.
    pub(super) fn share_connection(
        &self,
        handle: u32,
        local: Option<SocketAddr>,
    ) -> Option<Charge> {
        let charge = self.share(handle)?;
        if charge.lease.get().is_none()
            && let Some(lease) = local.and_then(|local| self.listener_at(local))
        {
            let _ = charge.lease.set(lease);
        }
        Some(charge)
    }

    fn listener_at(&self, local: SocketAddr) -> Option<Arc<Lease>> {
        let charges = self.lock();
        let mut leases = charges.by_handle.values().filter_map(|it| it.lease.get());
        let lease = leases.find(|lease| lease.listens_at(local));
        lease.cloned()
    }

    /// The charge of a socket, for a stream that outlives its handle.
    pub(super) fn share(&self, handle: u32) -> Option<Charge> {
        let mut charges = self.lock();
        if let Some(charge) = charges.by_handle.get(&handle) {
            return Some(Arc::clone(charge));
        }
        let charge = charges.accepted.pop()?;
        charges.by_handle.insert(handle, Arc::clone(&charge));
        Some(charge)
    }

    /// The handle is gone.
    pub(super) fn drop_handle(&self, handle: u32) {
        let mut charges = self.lock();
        if charges.by_handle.remove(&handle).is_none() {
            charges.accepted.pop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Charges> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Budget;

    fn open(sockets: u32) -> (Open, Arc<Ledger>) {
        let ledger = Ledger::new(&Budget {
            sockets,
            ..Budget::default()
        });
        (Open::new(&ledger), ledger)
    }

    #[test]
    fn a_socket_counts_until_its_handle_and_its_streams_are_gone() {
        let (open, ledger) = open(1);
        let charge = open.charge().unwrap();
        open.keep(3, charge);
        let stream = open.share(3).unwrap();
        open.drop_handle(3);
        assert_eq!(ledger.used(Resource::Sockets), 1);
        open.charge().unwrap_err();
        drop(stream);
        assert_eq!(ledger.used(Resource::Sockets), 0);
    }

    #[test]
    fn an_accepted_socket_counts_from_the_start_and_whatever_its_handle() {
        let (open, ledger) = open(2);
        open.accept().unwrap();
        open.accept().unwrap();
        open.accept().unwrap_err();
        let stream = open.share(7).unwrap();
        assert!(Arc::ptr_eq(&stream, &open.share(7).unwrap()));
        drop(stream);
        open.drop_handle(8);
        assert_eq!(ledger.used(Resource::Sockets), 1);
        open.drop_handle(7);
        assert_eq!(ledger.used(Resource::Sockets), 0);
    }
}
