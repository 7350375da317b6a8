//! HTTP requests, under the grant `http`.

use std::future::IntoFuture;
use std::time::Duration;

use crate::bindings::wasi::http::types::{ErrorCode, HeaderError, Method, Scheme};
use crate::error::{Error, Result};
use crate::pipe::Incoming;
use crate::sys::http::{self as wit, Fields, RequestOptions};
use crate::sys::{FutureReader, StreamReader, wit_future, wit_stream};
use crate::time::alongside;

/// The largest body that a response may have unless [`Request::max_body`] says otherwise.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A `GET` of `url`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new(Method::Get, url)
}

/// A `POST` to `url`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new(Method::Post, url)
}

/// A request with any other method: `request("PUT", url)`.
pub fn request(method: &str, url: impl Into<String>) -> Request {
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    };
    Request::new(method, url)
}

/// A request that has not been sent yet.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::http;
/// use std::time::Duration;
///
/// async fn publish(celsius: f64) -> Result<String> {
///     let answer = http::post("https://lab.example/readings")
///         .header("authorization", "Bearer s3cr3t")
///         .json(&json!({ "celsius": celsius }))?
///         .timeout(Duration::from_secs(5))
///         .send()
///         .await?
///         .ok()?;
///     answer.text()
/// }
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    timeout: Option<Duration>,
    max_body: usize,
}

impl Request {
    fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body, timeout) = (Vec::new(), None, None);
        Self {
            method,
            url: url.into(),
            headers,
            body,
            timeout,
            max_body: MAX_BODY,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the bytes to send.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets JSON to send, with its content type.
    pub fn json(self, body: &impl serde::Serialize) -> Result<Self> {
        let body = serde_json::to_vec(body)?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Limits how long connecting, the first byte, and each pause between bytes may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits the body of the response; the limit is 16 MiB unless this sets another.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sends the request and reads the whole response. A status such as 404 is a response like any other;
    /// [`Response::ok`] makes it an error. Redirects are not followed.
    pub async fn send(self) -> Result<Response> {
        let url = self.url.clone();
        let sent = self.exchange().await;
        sent.map_err(|error| error.context(url))
    }

    async fn exchange(self) -> Result<Response> {
        let Self {
            method,
            url,
            mut headers,
            body,
            timeout,
            max_body,
        } = self;
        let is_length = |(name, _): &(String, _)| name.eq_ignore_ascii_case("content-length");
        if let Some(body) = &body
            && !headers.iter().any(is_length)
        {
            let length = body.len().to_string();
            headers.push(("content-length".to_owned(), length.into_bytes()));
        }
        let (contents, feeding) = contents(body);
        let (trailers_end, trailers) = wit_future::new(|| Ok(None));
        drop(trailers_end);
        let headers = Fields::from_list(&headers).map_err(header_error)?;
        let options = timeout.map(options).transpose()?;
        let (request, transmitted) = wit::Request::new(headers, contents, trailers, options);
        address(&request, &method, &url)?;
        let answer = alongside(wit::send(request), feeding).await;
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Err(error.into()),
        };
        drop(transmitted);
        read(response, max_body).await
    }
}

/// The body as a stream, and what fills it.
fn contents(body: Option<Vec<u8>>) -> (Option<StreamReader<u8>>, impl Future<Output = ()>) {
    let pipe = body.map(|body| {
        let (writer, reader) = wit_stream::new();
        ((body, writer), reader)
    });
    let (feed, reader) = pipe.unzip();
    let feeding = async move {
        if let Some((body, mut writer)) = feed {
            // What the server did not want to read is not a failure: its answer says why.
            drop(writer.write_all(body).await);
        }
    };
    (reader, feeding)
}

fn options(timeout: Duration) -> Result<RequestOptions> {
    let nanoseconds = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    let set = options
        .set_connect_timeout(nanoseconds)
        .and_then(|()| options.set_first_byte_timeout(nanoseconds))
        .and_then(|()| options.set_between_bytes_timeout(nanoseconds));
    set.map_err(|error| Error::internal(format!("the time-out: {error:?}")))?;
    Ok(options)
}

fn address(request: &wit::Request, method: &Method, url: &str) -> Result<()> {
    let wrong = |()| Error::invalid_input("this is not a URL such as https://host/path?query");
    let (scheme, rest) = url.split_once("://").ok_or(()).map_err(wrong)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => {
            let text = format!("the scheme {other:?} is neither http nor https");
            return Err(Error::invalid_input(text));
        }
    };
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(split);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    request
        .set_method(method)
        .map_err(|()| Error::invalid_input("this is not a method"))?;
    request.set_scheme(Some(&scheme)).map_err(wrong)?;
    request.set_authority(Some(authority)).map_err(wrong)?;
    request.set_path_with_query(Some(&path)).map_err(wrong)
}

async fn read(response: wit::Response, max_body: usize) -> Result<Response> {
    let status = response.get_status_code();
    let headers = response.get_headers().copy_all();
    let (done, result) = wit_future::new(|| Ok(()));
    drop(done);
    let (reader, trailers) = wit::Response::consume_body(response, result);
    let body = Incoming::<ErrorCode>::new(reader, None)
        .read_to_end(max_body)
        .await?;
    ended(trailers).await?;
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// Whether the body was cut short is known only here.
async fn ended(trailers: FutureReader<Result<Option<Fields>, ErrorCode>>) -> Result<()> {
    trailers.into_future().await.map(drop).map_err(Into::into)
}

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the response if its status is 200 to 299, and otherwise an error.
    pub fn ok(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(Error::unavailable(format!(
            "the server answered with status {}",
            self.status
        )))
    }

    /// The first header of this name, in upper or lower case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// All headers.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The bytes.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The body as text, if it is UTF-8.
    pub fn text(self) -> Result<String> {
        Ok(String::from_utf8(self.body)?)
    }

    /// The body as a `T`, if it is the JSON of one.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

fn header_error(error: HeaderError) -> Error {
    Error::invalid_input(match error {
        HeaderError::InvalidSyntax => "a header has a name or a value that is not allowed",
        HeaderError::Forbidden => "a header is set that only the host may set",
        HeaderError::SizeExceeded => "the headers are too large",
        HeaderError::Immutable | HeaderError::Other(_) => "the headers cannot be set",
    })
}

impl From<ErrorCode> for Error {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
                Self::denied("denied; the grant `http` does not cover it")
            }
            ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid => {
                Self::invalid_input(format!("{error:?}"))
            }
            ErrorCode::ConnectionLimitReached => Self::busy("too many connections"),
            ErrorCode::InternalError(Some(text)) => Self::unavailable(text),
            other => Self::unavailable(format!("{other:?}")),
        }
    }
}
