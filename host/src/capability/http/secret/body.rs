//! The body of an answer without secrets, one part after the other. What may be the beginning of a secret is held back
//! until it is known; of a body that breaks off there, it is never handed on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use external_worker_secrets::redact::{Redactions, Redactor};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};
use wasmtime_wasi_io::bytes::Bytes;

use super::redact_headers;
use crate::limits::REDACTED_AT_ONCE_BYTES;

/// A body on its way to a guest.
pub(super) struct Redacted {
    body: WasiBody,
    redactions: Redactions,
    redactor: Redactor,
    /// What came and was not looked through yet.
    came: Bytes,
    /// What comes behind what was held back.
    trailers: Option<HeaderMap>,
    has_ended: bool,
}

impl Redacted {
    pub(super) fn boxed(body: WasiBody, redactions: Redactions) -> WasiBody {
        Self {
            body,
            redactor: redactions.redactor(),
            redactions,
            came: Bytes::new(),
            trailers: None,
            has_ended: false,
        }
        .boxed_unsync()
    }

    /// Looks through a piece of what came. A placeholder is longer than a short secret, so what comes of a large part may
    /// be much larger.
    fn next(&mut self) -> Vec<u8> {
        let length = self.came.len().min(REDACTED_AT_ONCE_BYTES);
        let piece = self.came.split_to(length);
        let mut out = Vec::with_capacity(length);
        self.redactor.push(&piece, &mut out);
        out
    }

    fn end(&mut self) -> Option<Frame<Bytes>> {
        self.has_ended = true;
        let mut out = Vec::new();
        self.redactor.finish(&mut out);
        if out.is_empty() {
            return self.trailers.take().map(Frame::trailers);
        }
        Some(Frame::data(out.into()))
    }
}

impl Body for Redacted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if !self.came.is_empty() {
                let out = self.next();
                if !out.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(out.into()))));
                }
                continue;
            }
            if self.has_ended {
                return Poll::Ready(self.trailers.take().map(|it| Ok(Frame::trailers(it))));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(self.end().map(Ok)),
                Some(Err(error)) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.came = data,
                    Err(frame) => {
                        let Ok(mut trailers) = frame.into_trailers() else {
                            continue;
                        };
                        redact_headers(&mut trailers, &self.redactions);
                        self.trailers = Some(trailers);
                        return Poll::Ready(self.end().map(Ok));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended && self.came.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // Nobody knows before all of it was looked through.
        SizeHint::default()
    }
}
