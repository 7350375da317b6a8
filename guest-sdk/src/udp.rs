//! UDP, under the grant `sockets`.

use std::net::SocketAddr;

use crate::bindings::wasi::sockets::types::ErrorCode;
use crate::error::{Error, Result};
use crate::net::{family, from_wasi, resolve, to_wasi};
use crate::sys::sockets::UdpSocket as Socket;

/// A datagram socket.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::{timeout, udp::UdpSocket};
/// use std::time::Duration;
///
/// async fn discover() -> Result<String> {
///     let socket = UdpSocket::bind("0.0.0.0:0").await?;
///     socket.send_to(b"WHO?", "192.0.2.7:4001").await?;
///     let (answer, _from) = timeout(Duration::from_secs(1), socket.receive()).await?;
///     Ok(String::from_utf8_lossy(&answer).into_owned())
/// }
/// ```
pub struct UdpSocket {
    socket: Socket,
}

impl UdpSocket {
    /// Receives and sends at `"host:port"`; port 0 lets the operating system choose.
    pub async fn bind(address: &str) -> Result<Self> {
        let doing = |error: Error| error.context(format!("binding to {address}"));
        let addresses = resolve(address).await.map_err(doing)?;
        let address = *addresses.first().ok_or("there is no address to bind to")?;
        let socket = bound(address).map_err(|error| doing(error.into()))?;
        Ok(Self { socket })
    }

    /// Sends one datagram to `"host:port"`.
    pub async fn send_to(&self, data: &[u8], address: &str) -> Result<()> {
        let doing = |error: Error| error.context(format!("sending to {address}"));
        let addresses = resolve(address).await.map_err(doing)?;
        let to = addresses.first().copied().map(to_wasi);
        self.socket
            .send(data.to_vec(), to)
            .await
            .map_err(|error| doing(error.into()))
    }

    /// From now on the socket hears only `"host:port"`, and [`send`](Self::send) sends there.
    pub async fn connect(&self, address: &str) -> Result<()> {
        let doing = |error: Error| error.context(format!("connecting to {address}"));
        let addresses = resolve(address).await.map_err(doing)?;
        let to = *addresses
            .first()
            .ok_or("there is no address to connect to")?;
        self.socket
            .connect(to_wasi(to))
            .map_err(|error| doing(error.into()))
    }

    /// Sends one datagram to the address that the socket is connected to.
    pub async fn send(&self, data: &[u8]) -> Result<()> {
        Ok(self.socket.send(data.to_vec(), None).await?)
    }

    /// Waits for the next datagram, and says where it came from.
    pub async fn receive(&self) -> Result<(Vec<u8>, SocketAddr)> {
        let (data, from) = self.socket.receive().await?;
        Ok((data, from_wasi(from)))
    }

    /// The address on this side.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(from_wasi(self.socket.get_local_address()?))
    }
}

fn bound(address: SocketAddr) -> Result<Socket, ErrorCode> {
    let socket = Socket::create(family(address))?;
    socket.bind(to_wasi(address))?;
    Ok(socket)
}
