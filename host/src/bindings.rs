//! The only `bindgen!` of the host: WASI's own bindings come from `wasmtime-wasi`, so this world
//! names just what this project defines. What a guest exports is looked up by `instance::exports`:
//! the macro cannot name a function `loop`.

#![allow(
    missing_docs,
    clippy::all,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes_without_reason,
    reason = "generated; the items are documented in wit/"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    inline: r#"
        package external-worker:host;

        world host {
            import funcnodes:external-worker/types@0.2.0;
            import funcnodes:external-worker/host@0.2.0;
            import funcnodes:external-worker/program@0.2.0;
            import funcnodes:external-worker/serial@0.2.0;
            import funcnodes:external-worker/timer@0.2.0;
        }
    "#,
    world: "external-worker:host/host",
    imports: {
        // These ask a driver, which may take its time: they wait without holding a thread.
        "funcnodes:external-worker/serial.[method]port.clear": async | trappable,
        "funcnodes:external-worker/serial.[method]port.configure": async | trappable,
        "funcnodes:external-worker/serial.[method]port.lines": async | trappable,
        "funcnodes:external-worker/serial.[method]port.set-break": async | trappable,
        "funcnodes:external-worker/serial.[method]port.set-data-terminal-ready": async | trappable,
        "funcnodes:external-worker/serial.[method]port.set-request-to-send": async | trappable,
        "funcnodes:external-worker/serial.[method]port.receive": store | trappable,
        // It waits, and lets other instances go on meanwhile.
        "funcnodes:external-worker/host.wait": async | trappable,
        default: trappable,
    },
    with: {
        "funcnodes:external-worker/serial.port": crate::capability::serial::Port,
        "funcnodes:external-worker/host.node": crate::instance::host::NodeHandle,
        "funcnodes:external-worker/host.node-class-handle": crate::instance::host::ClassHandle,
    },
    // What components say of themselves goes from one process to another.
    additional_derives: [Clone, serde::Serialize, serde::Deserialize],
});

pub use funcnodes::external_worker::{host, program, serial, timer, types};
