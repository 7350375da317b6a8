//! HTTP requests that the pages of a test answer.

use std::cell::RefCell;
use std::time::Duration;

use super::{FutureReader, StreamReader, wit_future, wit_stream};
use crate::bindings::wasi::http::types::{
    ErrorCode, HeaderError, Method, RequestOptionsError, Scheme,
};
use crate::testing::bench::{self, Sent};
use crate::testing::clock::Sleep;

type Headers = Vec<(String, Vec<u8>)>;
type Trailers = FutureReader<Result<Option<Fields>, ErrorCode>>;

/// Headers.
pub(crate) struct Fields(Headers);

impl Fields {
    pub(crate) fn from_list(headers: &[(String, Vec<u8>)]) -> Result<Self, HeaderError> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_wrong = |(name, value): &(String, Vec<u8>)| {
            name.is_empty() || !name.bytes().all(is_token) || value.iter().any(u8::is_ascii_control)
        };
        if headers.iter().any(is_wrong) {
            return Err(HeaderError::InvalidSyntax);
        }
        Ok(Self(headers.to_vec()))
    }

    pub(crate) fn copy_all(&self) -> Headers {
        self.0.clone()
    }
}

/// Time-outs.
pub(crate) struct RequestOptions(RefCell<Option<Duration>>);

impl RequestOptions {
    pub(crate) fn new() -> Self {
        Self(RefCell::default())
    }

    fn set(&self, nanoseconds: Option<u64>) -> Result<(), RequestOptionsError> {
        self.0.replace(nanoseconds.map(Duration::from_nanos));
        Ok(())
    }

    pub(crate) fn set_connect_timeout(&self, time: Option<u64>) -> Result<(), RequestOptionsError> {
        self.set(time)
    }

    pub(crate) fn set_first_byte_timeout(
        &self,
        time: Option<u64>,
    ) -> Result<(), RequestOptionsError> {
        self.set(time)
    }

    pub(crate) fn set_between_bytes_timeout(
        &self,
        time: Option<u64>,
    ) -> Result<(), RequestOptionsError> {
        self.set(time)
    }
}

struct Target {
    method: Method,
    scheme: Scheme,
    authority: String,
    path: String,
}

/// A request.
pub(crate) struct Request {
    headers: Fields,
    contents: RefCell<Option<StreamReader<u8>>>,
    options: Option<RequestOptions>,
    target: RefCell<Target>,
}

impl Request {
    pub(crate) fn new(
        headers: Fields,
        contents: Option<StreamReader<u8>>,
        _: Trailers,
        options: Option<RequestOptions>,
    ) -> (Self, FutureReader<Result<(), ErrorCode>>) {
        let target = Target {
            method: Method::Get,
            scheme: Scheme::Https,
            authority: String::new(),
            path: String::new(),
        };
        let request = Self {
            headers,
            contents: RefCell::new(contents),
            options,
            target: RefCell::new(target),
        };
        (request, wit_future::ready(Ok(())))
    }

    pub(crate) fn set_method(&self, method: &Method) -> Result<(), ()> {
        let wrong = |name: &String| name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic());
        if matches!(method, Method::Other(name) if wrong(name)) {
            return Err(());
        }
        self.target.borrow_mut().method = method.clone();
        Ok(())
    }

    pub(crate) fn set_scheme(&self, scheme: Option<&Scheme>) -> Result<(), ()> {
        self.target.borrow_mut().scheme = scheme.ok_or(())?.clone();
        Ok(())
    }

    pub(crate) fn set_authority(&self, authority: Option<&str>) -> Result<(), ()> {
        let authority = authority.filter(|text| !text.is_empty() && !text.contains(' '));
        self.target.borrow_mut().authority = authority.ok_or(())?.to_owned();
        Ok(())
    }

    pub(crate) fn set_path_with_query(&self, path: Option<&str>) -> Result<(), ()> {
        let path = path.filter(|text| !text.bytes().any(|b| b.is_ascii_control() || b == b' '));
        self.target.borrow_mut().path = path.ok_or(())?.to_owned();
        Ok(())
    }

    /// `https://host/path`, without the `/` where that is all of the path.
    fn urls(&self) -> (String, String) {
        let target = self.target.borrow();
        let scheme = match &target.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Other(other) => other,
        };
        let (authority, path) = (&target.authority, &target.path);
        let url = format!("{scheme}://{authority}{path}");
        let short = url.strip_suffix('/').unwrap_or(&url).to_owned();
        (url, short)
    }
}

fn method_name(method: &Method) -> String {
    match method {
        Method::Other(name) => name.clone(),
        known => format!("{known:?}")
            .rsplit("::")
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase(),
    }
}

pub(crate) async fn send(request: Request) -> Result<Response, ErrorCode> {
    let contents = request.contents.take();
    let body = match contents {
        Some(contents) => contents.collect().await,
        None => Vec::new(),
    };
    let method = method_name(&request.target.borrow().method);
    let (url, short) = request.urls();
    let bench = bench::current();
    let sent = Sent {
        method: method.clone(),
        url: url.clone(),
        headers: request.headers.copy_all(),
        body,
    };
    bench.sent.borrow_mut().push(sent);
    let page = bench
        .answer(&method, &url)
        .or_else(|text| bench.answer(&method, &short).map_err(|_| text))
        .map_err(|text| ErrorCode::InternalError(Some(text)))?;
    let (takes, limit) = (
        Duration::from_millis(page.delay_ms),
        request.options.and_then(|options| options.0.take()),
    );
    if let Some(limit) = limit.filter(|limit| *limit < takes) {
        Sleep::new(limit).await;
        return Err(ErrorCode::ConnectionReadTimeout);
    }
    Sleep::new(takes).await;
    let headers = page.headers.into_iter();
    Ok(Response {
        status: page.status,
        headers: headers.map(|(name, value)| (name, value.0)).collect(),
        body: page.body.0,
    })
}

/// A response.
pub(crate) struct Response {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn get_status_code(&self) -> u16 {
        self.status
    }

    pub(crate) fn get_headers(&self) -> Fields {
        Fields(self.headers.clone())
    }

    pub(crate) fn consume_body(
        this: Self,
        _: FutureReader<Result<(), ErrorCode>>,
    ) -> (StreamReader<u8>, Trailers) {
        let (mut writer, reader) = wit_stream::new();
        writer.give(this.body);
        (reader, wit_future::ready(Ok(None)))
    }
}
