//! The only `generate!`: what `wit/` says, as Rust. Nothing else in the crate names the component
//! model's ABI, so a change of the contract is felt here first.
#![allow(
    missing_docs,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code; the documentation is in wit/"
)]

wit_bindgen::generate!({
    path: "../wit",
    world: "external-worker",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "external_worker::__private::bindings",
    runtime_path: "::external_worker::__private::wit_bindgen::rt",
});
