//! Who may do what with the tenants of a host, and how they ask for it.
//!
//! This crate runs no guest, reads no graph and opens no device: it knows wasmtime no more than an operator's browser
//! does. It keeps who has which [`token`] in which [`role`], and has done what they ask for by a [`Supervisor`],
//! whose words are those of [`model`].
//!
//! [`Control`] is what is kept and done; [`router`] is how strangers ask for it.

pub mod access;
mod api;
pub mod console;
mod control;
pub mod limits;
pub mod model;
mod numbers;
pub mod role;
mod store;
pub mod supervisor;
mod text;
pub mod token;

pub use access::Place;
pub use api::{BASE, document, router, routes};
pub use control::{Action, Changed, Config, Control, Step};
pub use role::Role;
pub use store::{AtRest, FILE as DATABASE, StoreError};
pub use supervisor::Supervisor;
