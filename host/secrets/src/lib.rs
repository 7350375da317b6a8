//! The secrets of a host's tenants: kept encrypted, and given to guests as little as possible.
//!
//! A [`Vault`] is a directory that one process holds. What it gives out are [`Secret`]s, which nothing
//! prints, compares or serialises, and which are wiped from memory when their last owner drops them. A guest gets a
//! secret in one of two ways:
//!
//! - in its configuration, where its schema marks a place as secret: a [reference](mod@reference) is replaced by the value. The
//!   guest then has the secret.
//! - in the headers of its HTTP requests, as a [`placeholder`] that the host fills in on the way out. The guest never
//!   has the secret, and what a server sends back is [redacted](redact).
//!
//! This crate knows no policy: who may have which secret is what its callers answer in a lookup. An answer of `None`
//! means both that there is no such secret and that it is not granted, so that no guest learns which ones there are.
//!
//! # What it does not protect from
//!
//! - Whoever reads the memory of the host, or has its key, has the secrets. [`harden_process`] closes the cheap ways.
//! - Memory may be swapped out. Give the host no swap (`MemorySwapMax=0` in its unit), or encrypt the swap.
//! - Who can write to the disk can put an older copy of a tenant's file in place, or remove it: see [`vault`].

pub mod harden;
pub mod key;
pub mod name;
pub mod placeholder;
pub mod redact;
pub mod reference;
pub mod secret;
pub mod vault;

pub use harden::harden_process;
pub use key::Key;
pub use name::{SecretName, TenantName};
pub use secret::Secret;
pub use vault::Vault;

#[cfg(test)]
mod testing;
