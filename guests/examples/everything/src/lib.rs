//! Every option of the SDK in one component: copy what you need.
//!
//! - [`minimal`]: the smallest worker there is;
//! - [`bench`]: configuration, loop, state, nodes with every option, a shelf, events;
//! - [`devices`]: serial ports, TCP, UDP, HTTP and files.
//!
//! A component may hold several classes; each instance of a class is an instance of the whole
//! component with a memory of its own.

mod bench;
mod devices;
mod minimal;

use external_worker::prelude::*;

// The one line that exports. `state` is there because a class has `save` and `restore`. What stands behind `requests` goes into the component's manifest: the
// operator reads the reasons before granting anything, and what is not granted fails with `denied`.
// `log`, `sleep`, `emit` and the rest of what every host gives need no request.
export!(
    bench::Bench,
    devices::Devices,
    minimal::MyWorker;
    state;
    requests: {
        serial: "reads the instrument",
        sockets: "asks a server over TCP and finds instruments over UDP",
        http: "publishes readings",
        files: "collects what is put into /inbox",
    }
);
