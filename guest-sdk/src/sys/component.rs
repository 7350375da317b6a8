//! In a component: what `wit/` imports.

pub(crate) use wit_bindgen::{FutureReader, StreamRead, StreamReader, StreamResult, StreamWriter};

pub(crate) use crate::bindings::{wit_future, wit_stream};

/// Serial ports.
pub(crate) mod serial {
    pub(crate) use crate::bindings::funcnodes::external_worker::serial::{Port, ports};
}

/// Sockets, and the look-up of names.
pub(crate) mod sockets {
    pub(crate) use crate::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
    pub(crate) use crate::bindings::wasi::sockets::types::{TcpSocket, UdpSocket};
}

/// HTTP requests.
pub(crate) mod http {
    pub(crate) use crate::bindings::wasi::http::client::send;
    pub(crate) use crate::bindings::wasi::http::types::{
        Fields, Request, RequestOptions, Response,
    };
}

/// Folders.
pub(crate) mod files {
    use std::cell::RefCell;
    use std::rc::Rc;

    use crate::bindings::wasi::filesystem::preopens::get_directories;
    pub(crate) use crate::bindings::wasi::filesystem::types::Descriptor;

    /// Folders, and what they are called.
    pub(crate) type Roots = Rc<Vec<(Rc<Descriptor>, String)>>;

    /// What else to say where a folder is missing.
    pub(crate) const MISSING: &str = "";

    /// The granted folders. Asked for once: each answer is a set of handles, which are counted.
    pub(crate) fn roots() -> Roots {
        thread_local! {
            static ROOTS: RefCell<Option<Roots>> = const { RefCell::new(None) };
        }
        ROOTS.with_borrow_mut(|roots| {
            Rc::clone(roots.get_or_insert_with(|| {
                let granted = get_directories().into_iter();
                Rc::new(granted.map(|(root, path)| (Rc::new(root), path)).collect())
            }))
        })
    }
}
