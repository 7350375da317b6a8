//! Through WASI 0.2, whose waiting stops the whole worker.

use external_worker::prelude::*;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

use crate::memory;

/// See the crate.
#[derive(Default)]
pub struct Http2;

#[external_worker(id = "http2")]
impl Http2 {
    /// Sends a request and gives back status and body. The path goes out as it is.
    #[node(trigger_on_call = false)]
    fn ask(&self, method: String, authority: String, path: String) -> Result<String> {
        let response = send(Fields::new(), &method, &authority, &path)?;
        read(&response)
    }

    /// Sends a header and gives back everything that comes: headers, status and body.
    #[node(trigger_on_call = false)]
    fn present(&self, authority: String, header: String, value: String) -> Result<String> {
        let header = Fields::from_list(&[(header, value.into_bytes())]);
        let header = header.map_err(|_| Error::invalid_input("the host takes no such header"))?;
        let response = send(header, "GET", &authority, "/")?;
        let mut all = String::new();
        for (name, value) in response.headers().entries() {
            all.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
        }
        Ok(all + &read(&response)?)
    }

    /// Whether a text is anywhere in its memory; see [`memory::holds`].
    #[node(trigger_on_call = false)]
    fn holds(&self, turned: String) -> bool {
        memory::holds(turned.as_bytes())
    }
}

fn send(headers: Fields, method: &str, authority: &str, path: &str) -> Result<IncomingResponse> {
    let request = OutgoingRequest::new(headers);
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    let refused = |what: &str| Error::invalid_input(format!("the host takes no such {what}"));
    request
        .set_method(&method)
        .map_err(|()| refused("method"))?;
    request
        .set_scheme(Some(&Scheme::Http))
        .map_err(|()| refused("scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(|()| refused("authority"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| refused("path"))?;
    let response = handle(request, None).map_err(error)?;
    response.subscribe().block();
    let response = response
        .get()
        .and_then(Result::ok)
        .ok_or("there is no response")?;
    response.map_err(error)
}

fn read(response: &IncomingResponse) -> Result<String> {
    let status = response.status();
    let body = response.consume().map_err(|()| "there is no body")?;
    let stream = body.stream().map_err(|()| "the body has no stream")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(Error::unavailable(error.to_debug_string()));
            }
        }
    }
    Ok(format!("{status} {}", String::from_utf8(bytes)?))
}

fn error(code: ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied => Error::denied("the request was denied"),
        ErrorCode::ConnectionLimitReached => Error::busy("too many connections"),
        other => Error::unavailable(format!("{other:?}")),
    }
}
