//! Whether a request has a body is known only once the guest has begun it or ended it, and what the
//! head says depends on it: a request without a body is none of chunks, and one with a body that nobody
//! measured is, whatever its method.
//!
//! So a request waits for the beginning of its body, for a second at most. A head that promises chunks
//! where none come is refused by many servers.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};
use wasmtime_wasi_io::bytes::Bytes;

use crate::limits::HTTP_BODY_BEGINS_TIMEOUT;

/// The request, with the head that fits its body; waits for the guest to begin that, but not for long:
/// it may want to hear the server first.
pub(super) async fn begin(request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    let (mut head, mut body) = request.into_parts();
    let first = if body.is_end_stream() {
        Ok(None)
    } else {
        timeout(HTTP_BODY_BEGINS_TIMEOUT, first_frame(&mut body)).await
    };
    let body = match first {
        Err(_not_yet) => body,
        Ok(None) => {
            without_body(&mut head);
            Empty::new().map_err(|never| match never {}).boxed_unsync()
        }
        Ok(Some(first)) => {
            with_body(&mut head);
            let first = Some(first?);
            Begun { first, rest: body }.boxed_unsync()
        }
    };
    Ok(Request::from_parts(head, body))
}

/// The first part that is there, if any comes.
async fn first_frame(body: &mut WasiBody) -> Option<Result<Frame<Bytes>, Error>> {
    loop {
        let frame = body.frame().await?;
        let is_empty = |frame: &Frame<Bytes>| frame.data_ref().is_some_and(Bytes::is_empty);
        if !frame.as_ref().is_ok_and(is_empty) {
            return Some(frame);
        }
    }
}

/// Where a body belongs to the method, that there is none is said.
fn without_body(head: &mut Parts) {
    let expects_one = [Method::POST, Method::PUT, Method::PATCH].contains(&head.method);
    if expects_one && !head.headers.contains_key(CONTENT_LENGTH) {
        let none = HeaderValue::from_static("0");
        head.headers.insert(CONTENT_LENGTH, none);
    }
}

/// The library sends no body along with methods that seldom have one, unless the head says so.
fn with_body(head: &mut Parts) {
    if !head.headers.contains_key(CONTENT_LENGTH) {
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(TRANSFER_ENCODING, chunked);
    }
}

/// A body whose first part is there already.
struct Begun {
    first: Option<Frame<Bytes>>,
    rest: WasiBody,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What the head says counts.
        SizeHint::default()
    }
}
