//! Publishing.
//!
//! [`export!`](macro@crate::export) names the classes of a component, and what it requests from the operator and why:
//!
//! ```
//! use external_worker::prelude::*;
//!
//! #[derive(Default)]
//! struct Logger;
//!
//! #[external_worker(id = "logger")]
//! impl Logger {}
//!
//! export!(Logger; requests: { files: "writes a file a day" });
//! # fn main() {}
//! ```
//!
//! A request is not a permission. The operator writes a policy, and only what is both requested and granted
//! works; `ewh policy check FILE --component C` compares the two.
//!
//! ```console
//! $ cargo test                                              # the tests of the last chapter
//! $ ewh build -o logger.wasm                                # the component
//! $ ewh inspect logger.wasm                                 # what users and operators will see
//! $ ewh validate --level exercise logger.wasm --policy policy.toml
//! $ ewh run logger.wasm --policy policy.toml                # live, in the terminal
//! ```
//!
//! The class id and the names of methods and inputs are what saved graphs refer to: keep them. A class with
//! the hooks `save` and `restore` goes on after an update where it was; see
//! [`#[external_worker]`](macro@crate::external_worker). Components go to any OCI registry with docker's, oras's or
//! wkg's tools, and to a host with `ewh module add REFERENCE`.
