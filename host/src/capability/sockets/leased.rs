//! The streams of a connection of WASI 0.2, which say why they are closed once its grant is gone.

use std::io;
use std::sync::Arc;

use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};
use wasmtime_wasi_io::bytes::Bytes;

use crate::capability::grants::Lease;

/// What is read or written for as long as there is a grant.
pub(super) struct Leased<S> {
    stream: S,
    lease: Arc<Lease>,
}

impl<S> Leased<S> {
    pub(super) fn new(stream: S, lease: &Arc<Lease>) -> Self {
        let lease = Arc::clone(lease);
        Self { stream, lease }
    }

    /// What came of something, which is a denial where the grant is gone.
    fn unless_cut<R>(&self, came: StreamResult<R>) -> StreamResult<R> {
        match self.lease.is_cut() {
            true => {
                let denied = io::Error::from(io::ErrorKind::PermissionDenied);
                Err(StreamError::LastOperationFailed(denied.into()))
            }
            false => came,
        }
    }
}

#[async_trait]
impl Pollable for Leased<DynInputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[async_trait]
impl InputStream for Leased<DynInputStream> {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let read = self.stream.read(size);
        self.unless_cut(read)
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for Leased<DynOutputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[async_trait]
impl OutputStream for Leased<DynOutputStream> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.unless_cut(Ok(()))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        let flushed = self.stream.flush();
        self.unless_cut(flushed)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let room = self.stream.check_write();
        self.unless_cut(room)
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}
