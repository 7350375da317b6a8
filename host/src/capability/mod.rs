//! What a guest can reach of the world, a module for each capability.
//!
//! Each is a [`Provider`], and stands once in the list below, of which everything is made that has to know
//! all of them: the state of an instance, what is linked, what a confined process reaches, what is
//! simulated, what cannot be had twice. Only what is granted is linked, so a component that imports more
//! fails to load before any of it runs; what is linked puts every single use to
//! [`decide`](crate::policy::decide) and charges what it holds to the instance's [`Ledger`]. Only files in
//! here open devices, sockets and files for guests.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;
use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::engine::{Opener, Resolver, StandIns, Trust};
use crate::error::Result;
use crate::limits::{Ledger, Resource, TABLE_ENTRIES_PER_HANDLE, TABLE_ENTRIES_TO_BEGIN_WITH};
use crate::policy::{Access, Audit, Capability, Denial, Granted, Policy, decide};

pub mod clocks;
pub mod data;
pub mod env;
pub mod files;
pub mod grants;
pub mod http;
pub mod names;
mod provider;
pub mod random;
pub mod reach;
pub mod secrets;
pub mod serial;
pub mod sockets;
pub mod stdio;

pub use provider::{Devices, Provider, StandIn};
pub use reach::Reach;
pub use secrets::Secrets;
pub use stdio::{LineSink, Stdio};

use grants::{Closing, Grants, Lease, Opened};
use names::Names;

/// What is needed to set up the capabilities of one instance.
#[derive(Clone)]
pub struct Prepare {
    /// The instance.
    pub instance: Uuid,
    /// What it may do, and what it has open because of that.
    pub grants: Arc<Grants>,
    /// What it uses.
    pub ledger: Arc<Ledger>,
    /// Where its denials are written down.
    pub audit: Arc<dyn Audit>,
    /// Where what it prints goes.
    pub stdio: Arc<dyn LineSink>,
    /// Who is asked for the addresses of names.
    pub resolver: Resolver,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Who opens devices and folders that this process may not open.
    pub opener: Opener,
    /// What stands in for devices, where there are none.
    pub stand_ins: Option<Arc<dyn StandIns>>,
    /// Where its own folder is, if it may have one.
    pub folder: Arc<data::Folder>,
    /// What is filled into its requests, where its grants say so.
    pub secrets: Secrets,
}

impl fmt::Debug for Prepare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepare")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// What every capability asks before it does something, and where a no is written down.
#[derive(Debug, Clone)]
pub struct Guard {
    grants: Arc<Grants>,
    audit: Arc<dyn Audit>,
    /// What the instance uses.
    pub ledger: Arc<Ledger>,
    /// Where the names led that it asked for.
    names: Names,
}

impl Guard {
    /// The guard of an instance.
    pub fn new(cx: &Prepare) -> Self {
        Self {
            grants: Arc::clone(&cx.grants),
            audit: Arc::clone(&cx.audit),
            ledger: Arc::clone(&cx.ledger),
            names: Names::new(cx.resolver.clone()),
        }
    }

    /// What is granted at this moment.
    pub fn granted(&self) -> Arc<Granted> {
        self.grants.now()
    }

    /// The lease of something that was just opened, which `closing` closes; a denial is audited.
    ///
    /// # Errors
    /// When the policy has changed since that was asked for, and denies it now. It is closed then.
    pub fn lease(&self, opened: Opened, closing: Closing) -> Result<Arc<Lease>, Denial> {
        self.grants
            .lease(opened, closing)
            .inspect_err(|denial| self.audit.denied(denial))
    }

    /// Whether `access` is allowed; the answer is audited.
    ///
    /// # Errors
    /// When it is not allowed.
    pub fn check(&self, access: &Access<'_>) -> Result<(), Denial> {
        match self.ask(access) {
            Ok(()) => self.audit.allowed(access),
            Err(denial) => {
                self.audit.denied(&denial);
                return Err(denial);
            }
        }
        Ok(())
    }

    /// Writes down that something is denied which the policy alone does not decide.
    pub fn deny(&self, denial: &Denial) {
        self.audit.denied(denial);
    }

    /// Whether `access` is allowed, for what strangers cause and would flood the audit with.
    ///
    /// # Errors
    /// When it is not allowed.
    pub fn ask(&self, access: &Access<'_>) -> Result<(), Denial> {
        decide(&self.granted(), access)
    }
}

/// Makes what has to know every capability of one list.
macro_rules! providers {
    ($($(#[$about:meta])* $name:ident: $provider:ty,)*) => {
        /// The capabilities of one instance: part of its store's data.
        pub struct Capabilities {
            /// Every handle that the guest holds, of all capabilities.
            pub table: ResourceTable,
            $($(#[$about])* pub $name: <$provider as Provider>::State,)*
        }

        impl Capabilities {
            fn with(table: ResourceTable, guard: &Guard, cx: &Prepare) -> Self {
                Self {
                    table,
                    $($name: <$provider>::prepare(guard, cx),)*
                }
            }

            async fn open(&mut self, guard: &Guard, cx: &Prepare) -> Result<()> {
                $(<$provider>::open(&mut self.$name, guard, cx).await?;)*
                Ok(())
            }
        }

        const PROVIDED: &[Capability] = &[$(<$provider>::CAPABILITY),*];

        fn link_those<T: CapabilityView>(
            linker: &mut Linker<T>,
            is_granted: impl Fn(Capability) -> bool,
        ) -> wasmtime::Result<()> {
            link_io(linker)?;
            $(<$provider>::link(linker, is_granted(<$provider>::CAPABILITY))?;)*
            Ok(())
        }

        /// Whether what `capability` gives can be had by one instance at a time only.
        pub fn is_exclusive(capability: Capability) -> bool {
            $((capability == <$provider>::CAPABILITY && <$provider>::IS_EXCLUSIVE) ||)* false
        }

        impl Reach {
            /// Adds what a policy grants.
            pub fn grant(&mut self, policy: &Policy) {
                $(<$provider>::reach(policy, self);)*
            }
        }

        /// What stands in for the devices of `capability` where there are none.
        pub fn stand_in(capability: Capability) -> Option<StandIn> {
            $(if capability == <$provider>::CAPABILITY {
                return <$provider>::STAND_IN;
            })*
            None
        }

        impl Devices {
            /// Grants, of what is `requested`, these devices and what needs none.
            pub fn grant(&self, requested: &[Capability], policy: &mut Policy) {
                $(if requested.contains(&<$provider>::CAPABILITY) {
                    <$provider>::grant(self, policy);
                })*
            }
        }
    };
}

providers! {
    /// Serial ports.
    serial: serial::Serial,
    /// Directories.
    files: files::Files,
    /// Its own folder.
    data: data::Data,
    /// TCP and UDP.
    sockets: sockets::Sockets,
    /// HTTP requests.
    http: http::Http,
    /// The time.
    clocks: clocks::Clocks,
    /// Random bytes.
    random: random::Random,
    /// Environment and standard streams.
    env: env::Env,
}

const _: () = assert!(
    PROVIDED.len() == Capability::ALL.len(),
    "what can be granted is in the list of providers"
);

impl Capabilities {
    /// Sets up what is granted. Nothing is opened yet but directories.
    ///
    /// # Errors
    /// When something that is granted is not there.
    pub async fn prepare(cx: &Prepare) -> Result<Self> {
        let guard = Guard::new(cx);
        let mut capabilities = Self::with(table_of(cx), &guard, cx);
        capabilities.open(&guard, cx).await?;
        Ok(capabilities)
    }

    /// What is granted, with no directory open: nothing, for who is granted nothing.
    pub fn unopened(cx: &Prepare) -> Self {
        Self::with(table_of(cx), &Guard::new(cx), cx)
    }
}

/// The ledger refuses cleanly what counts as a handle; the table, which can only trap, has room for what
/// comes along with each: streams, pollables, errors.
fn table_of(cx: &Prepare) -> ResourceTable {
    let mut table = ResourceTable::new();
    let handles = usize::try_from(cx.ledger.limit(Resource::Handles)).unwrap_or(usize::MAX);
    let entries = handles.saturating_mul(TABLE_ENTRIES_PER_HANDLE);
    table.set_max_capacity(entries.saturating_add(TABLE_ENTRIES_TO_BEGIN_WITH));
    table
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capabilities").finish_non_exhaustive()
    }
}

/// Store data that has capabilities.
pub trait CapabilityView: Send + 'static {
    /// The instance's capabilities.
    fn capabilities(&mut self) -> &mut Capabilities;
}

/// Links what `granted` covers, and what every component may import.
///
/// # Errors
/// When something is linked already.
pub fn link<T: CapabilityView>(linker: &mut Linker<T>, granted: &Granted) -> wasmtime::Result<()> {
    link_those(linker, |capability| granted.grants(capability))
}

/// Links every capability, for a store to which none is granted: each use of one is denied.
///
/// # Errors
/// When something is linked already.
pub fn link_all<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    link_those(linker, |_| true)
}

/// The table alone, for interfaces that need nothing else.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn table<T: CapabilityView>(data: &mut T) -> &mut ResourceTable {
    &mut data.capabilities().table
}

fn link_io<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::io;
    io::error::add_to_linker::<T, Table>(linker, table)?;
    io::poll::add_to_linker::<T, Table>(linker, table)?;
    io::streams::add_to_linker::<T, Table>(linker, table)
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_links_alone_and_all_link_together() {
        let policy: String = Capability::ALL.map(Capability::example).concat();
        link(&mut testing::linker(), &Granted::default()).unwrap();
        link(&mut testing::linker(), &testing::granted(&policy)).unwrap();
        for capability in Capability::ALL {
            link(
                &mut testing::linker(),
                &testing::granted(capability.example()),
            )
            .unwrap();
        }
    }

    #[test]
    fn every_capability_is_provided_once() {
        let mut provided = PROVIDED.to_vec();
        provided.sort_unstable();
        assert_eq!(provided, Capability::ALL);
    }

    #[test]
    fn nothing_is_linked_twice() {
        let mut linker = testing::linker();
        link(&mut linker, &Granted::default()).unwrap();
        link(&mut linker, &Granted::default()).unwrap_err();
    }
}
