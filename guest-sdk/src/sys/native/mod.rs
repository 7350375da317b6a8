//! On the author's own machine: the same functions, which lead to what the test has plugged in.
//!
//! An import that nothing is plugged in for fails, and its error says what to plug in.

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod serial;
pub(crate) mod sockets;
mod stream;

pub(crate) use self::stream::{
    FutureReader, Source, StreamRead, StreamReader, StreamResult, StreamWriter, wit_future,
    wit_stream,
};
