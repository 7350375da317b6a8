//! Sends one request: asks the policy, connects to an address that it allows, speaks TLS where the
//! scheme says so, and hands the response on, within the time and the budgets that there are.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::sync::WaitForCancellationFutureOwned;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};
use wasmtime_wasi_io::bytes::Bytes;

use super::begin::begin;
use super::secret::Exchange;
use super::target::{Target, origin_form};
use super::{Answer, Driver};
use crate::capability::grants::{Closing, Lease};
use crate::capability::names::{LookupError, Names};
use crate::capability::{Guard, Prepare, Secrets};
use crate::engine::{StandIns, Trust};
use crate::limits::{
    Exhausted, HTTP_BETWEEN_BYTES_TIMEOUT, HTTP_CONNECT_TIMEOUT, HTTP_CONNECTION_BYTES,
    HTTP_FIRST_BYTE_TIMEOUT, Held, Resource,
};
use crate::policy::Access;
use crate::policy::grant::Scheme;

/// Sends the requests of one instance.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    guard: Guard,
    names: Names,
    trust: Trust,
    stand_ins: Option<Arc<dyn StandIns>>,
    secrets: Secrets,
}

/// What a request in flight costs, until both its body and its connection are gone.
type Charge = Arc<[Held; 3]>;

impl Sender {
    pub(super) fn new(guard: &Guard, cx: &Prepare) -> Self {
        Self {
            guard: guard.clone(),
            names: guard.names.clone(),
            trust: cx.trust.clone(),
            stand_ins: cx.stand_ins.clone(),
            secrets: cx.secrets.clone(),
        }
    }

    pub(super) async fn send(
        &self,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Answer {
        // A tunnel would carry what nobody can check.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let target = Target::of(request.uri())?;
        *request.uri_mut() = origin_form(request.uri())?;
        request
            .headers_mut()
            .insert(header::HOST, target.host_header()?);
        self.check(&Access::Request(target.request(request.method().as_str())))?;
        let method = request.method().clone();
        let (guard, headers) = (&self.guard, request.headers_mut());
        let mut secrets = Exchange::begin(guard, &self.secrets, &target, &method, headers)?;
        let charge = self.charge()?;

        let limit = shortest(options.connect_timeout, HTTP_CONNECT_TIMEOUT);
        let connecting = async {
            let way = self.way(&target, &method).await?;
            let (sender, driver) = handshake(way.stream).await?;
            Ok((sender, driver, way.lease, way.address))
        };
        let connecting = async {
            let connected = timeout(limit, connecting).await;
            connected.map_err(|_| Error::ConnectionTimeout)?
        };
        let (connected, mut request) = tokio::try_join!(connecting, begin(request))?;
        let (mut sender, mut driver, lease, address) = connected;
        if let Some(address) = address {
            let names = self.names.of(address);
            secrets.leads_to(address, &names, request.headers_mut())?;
        }
        secrets.fill(request.headers_mut(), address)?;

        let limit = shortest(options.first_byte_timeout, HTTP_FIRST_BYTE_TIMEOUT);
        let answered = async {
            let sent = timeout(limit, sender.send_request(request));
            let answered = drive(&mut driver, sent).await;
            let answered = answered.map_err(|_| Error::ConnectionReadTimeout)?;
            answered.map_err(Error::from)
        };
        let response = unless_cut(lease.as_deref(), answered).await?;

        let between = shortest(options.between_bytes_timeout, HTTP_BETWEEN_BYTES_TIMEOUT);
        let (driver_charge, driver_lease) = (Arc::clone(&charge), lease.clone());
        let driver: Driver = Box::new(async move {
            let _charge = driver_charge;
            unless_cut(driver_lease.as_deref(), driver.finish()).await
        });
        let response = response.map(|body| Timed::boxed(body, between, charge, lease));
        Ok((secrets.redact(response)?, driver))
    }

    fn check(&self, access: &Access<'_>) -> Result<(), Error> {
        self.guard
            .check(access)
            .map_err(|_| Error::HttpRequestDenied)
    }

    fn charge(&self) -> Result<Charge, Error> {
        let ledger = &self.guard.ledger;
        let socket = ledger
            .hold(Resource::Sockets, 1)
            .map_err(|_| Error::ConnectionLimitReached)?;
        let descriptor = ledger
            .hold(Resource::Descriptors, 1)
            .map_err(|_| Error::ConnectionLimitReached)?;
        let memory = ledger
            .hold(Resource::Memory, HTTP_CONNECTION_BYTES)
            .map_err(|exhausted: Exhausted| Error::InternalError(Some(exhausted.to_string())))?;
        Ok(Arc::new([socket, descriptor, memory]))
    }

    /// A way to the target, through TLS where its scheme says so. Who stands in for it has no certificate,
    /// and needs none.
    async fn way(&self, target: &Target, method: &Method) -> Result<Way, Error> {
        if let Some(stand_ins) = &self.stand_ins {
            return Ok(Way {
                stream: Box::new(stand_ins.connect(target.scheme.label())),
                lease: None,
                address: None,
            });
        }
        let (stream, address) = self.connect(target, method).await?;
        let opened = target.opened(method, address);
        let lease = self.guard.lease(opened, Closing::Watched);
        let lease = lease.map_err(|_| Error::HttpRequestDenied)?;
        let stream: Box<dyn Stream> = match target.scheme {
            Scheme::Http => Box::new(stream),
            Scheme::Https => unless_cut(Some(&lease), secured(target, stream, &self.trust)).await?,
        };
        Ok(Way {
            stream,
            lease: Some(lease),
            address: Some(address),
        })
    }

    /// Connects to the first address of the target that is allowed and answers.
    async fn connect(
        &self,
        target: &Target,
        method: &Method,
    ) -> Result<(TcpStream, IpAddr), Error> {
        let mut refused = Error::DestinationNotFound;
        for address in self.addresses(target, method).await? {
            match TcpStream::connect(SocketAddr::new(address, target.port)).await {
                Ok(stream) => return Ok((stream, address)),
                Err(err) => refused = connect_error(&err),
            }
        }
        Err(refused)
    }

    async fn addresses(&self, target: &Target, method: &Method) -> Result<Vec<IpAddr>, Error> {
        let all = match target.address {
            Some(address) => vec![address],
            None => self
                .names
                .resolve(&target.host)
                .await
                .map_err(lookup_error)?,
        };
        let request = target.request(method.as_str());
        let to = |address: &IpAddr| Access::RequestTo {
            request,
            address: *address,
        };
        let (allowed, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|address| self.guard.ask(&to(address)).is_ok());
        match rest.first() {
            // Nothing is left: the audit learns why of the first.
            Some(address) if allowed.is_empty() => self.check(&to(address)).map(|()| allowed),
            _ => Ok(allowed),
        }
    }
}

/// What comes of `work`, for as long as it is granted.
async fn unless_cut<R>(
    lease: Option<&Lease>,
    work: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    let Some(lease) = lease else {
        return work.await;
    };
    tokio::select! {
        biased;
        () = lease.until_cut() => Err(Error::HttpRequestDenied),
        done = work => done,
    }
}

/// What the guest asks for, but no longer than there is.
fn shortest(asked: Option<Duration>, limit: Duration) -> Duration {
    asked.map_or(limit, |asked| asked.min(limit))
}

fn lookup_error(err: LookupError) -> Error {
    let rcode = match err {
        LookupError::Timeout => return Error::DnsTimeout,
        LookupError::Unknown => "the name has no address",
        LookupError::Exhausted => "the instance has looked up as many names as it may",
    };
    Error::DnsError {
        rcode: Some(rcode.to_owned()),
        info_code: None,
    }
}

fn connect_error(err: &io::Error) -> Error {
    match err.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::DestinationUnavailable,
    }
}

/// A byte stream in the clear or through TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A way to a target.
struct Way {
    stream: Box<dyn Stream>,
    /// By which grant it is open; none: it leads to who stands in.
    lease: Option<Arc<Lease>>,
    /// Where it leads; none: to who stands in.
    address: Option<IpAddr>,
}

type Connection = http1::Connection<TokioIo<Box<dyn Stream>>, WasiBody>;

async fn secured(
    target: &Target,
    stream: TcpStream,
    trust: &Trust,
) -> Result<Box<dyn Stream>, Error> {
    let name = match target.address {
        Some(address) => ServerName::from(address),
        None => {
            ServerName::try_from(target.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?
        }
    };
    let config = trust.client().map_err(|problem| {
        tracing::warn!("TLS is not available to guests: {problem}");
        Error::ConfigurationError
    })?;
    let connector = TlsConnector::from(config);
    Ok(Box::new(
        connector.connect(name, stream).await.map_err(Error::Tls)?,
    ))
}

async fn handshake(
    stream: Box<dyn Stream>,
) -> Result<(http1::SendRequest<WasiBody>, Driving), Error> {
    let buffer = usize::try_from(HTTP_CONNECTION_BYTES / 2).unwrap_or(usize::MAX);
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(buffer)
        .handshake(TokioIo::new(stream))
        .await?;
    Ok((sender, Driving(Some(connection))))
}

/// A connection that has to be polled for anything to move, and not once it has ended.
struct Driving(Option<Connection>);

impl Driving {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        let Some(connection) = &mut self.0 else {
            return Poll::Ready(Ok(()));
        };
        let ended = ready!(Pin::new(connection).poll(cx));
        self.0 = None;
        Poll::Ready(ended)
    }

    async fn finish(mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll(cx))
            .await
            .map_err(Error::from)
    }
}

/// Waits for `work`, which needs the connection to move. How the connection ends shows in `work`.
async fn drive<W: Future>(driver: &mut Driving, work: W) -> W::Output {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| {
        let _ = driver.poll(cx);
        work.as_mut().poll(cx)
    })
    .await
}

/// A response's body, with a limit on the time between its parts.
struct Timed {
    body: Incoming,
    between: Duration,
    late: Pin<Box<Sleep>>,
    /// Whether the server is waited for; time that the guest takes does not count.
    waiting: bool,
    /// Ready when its grant is gone.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _lease: Option<Arc<Lease>>,
    _charge: Charge,
}

impl Timed {
    fn boxed(
        body: Incoming,
        between: Duration,
        charge: Charge,
        lease: Option<Arc<Lease>>,
    ) -> WasiBody {
        let late = Box::pin(sleep_until(after(between)));
        Self {
            body,
            between,
            late,
            waiting: false,
            cut: lease.as_ref().map(|lease| Box::pin(lease.until_cut())),
            _lease: lease,
            _charge: charge,
        }
        .boxed_unsync()
    }

    fn is_cut(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(cut) = &mut self.cut else {
            return false;
        };
        if cut.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.cut = None;
        true
    }
}

fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.is_cut(cx) {
            return Poll::Ready(Some(Err(Error::HttpRequestDenied)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.waiting = false;
                Poll::Ready(frame.map(|frame| frame.map_err(Error::from)))
            }
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    let latest = after(self.between);
                    self.late.as_mut().reset(latest);
                }
                ready!(self.late.as_mut().poll(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
