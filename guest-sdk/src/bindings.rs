//! The only `generate!`s: what `wit/` says, as Rust. Nothing else in the crate names the component
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

/// The optional interface in a world of its own: only a component whose `export!` names it exports
/// it, and that is how the host knows that there is state.
pub mod state {
    wit_bindgen::generate!({
        path: "../wit",
        inline: r#"
            package external-worker:sdk;

            world state {
                export funcnodes:external-worker/state@0.2.0;
            }
        "#,
        world: "external-worker:sdk/state",
        with: {
            "funcnodes:external-worker/types@0.2.0": crate::bindings::funcnodes::external_worker::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_state",
        default_bindings_module: "external_worker::__private::bindings::state",
        runtime_path: "::external_worker::__private::wit_bindgen::rt",
    });
}
