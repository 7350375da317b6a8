//! Through WASI 0.3.

use external_worker::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use external_worker::bindings::wasi::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket as RawUdp,
};
use external_worker::prelude::*;
use external_worker::tcp::{TcpListener, TcpStream};
use external_worker::udp::UdpSocket;

/// See the crate.
#[derive(Default)]
pub struct Sockets {
    listener: Lock<Option<TcpListener>>,
    datagrams: Lock<Option<UdpSocket>>,
    kept: Lock<Vec<TcpStream>>,
    raw: Lock<Vec<TcpSocket>>,
}

#[external_worker(id = "sockets")]
impl Sockets {
    /// Connects, and says to whom.
    #[node(trigger_on_call = false)]
    async fn connect(&self, address: String) -> Result<String> {
        Ok(TcpStream::connect(&address).await?.peer_addr()?.to_string())
    }

    /// Connects, sends a line, and gives back the line that comes.
    #[node(trigger_on_call = false)]
    async fn exchange(&self, address: String, line: String) -> Result<String> {
        let peer = TcpStream::connect(&address).await?;
        peer.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(String::from_utf8(peer.read_until(b'\n', 64 * 1024).await?)?
            .trim_end()
            .to_owned())
    }

    /// Connects and keeps the connection.
    #[node(trigger_on_call = false)]
    async fn keep(&self, address: String) -> Result<i64> {
        let peer = TcpStream::connect(&address).await?;
        let mut kept = self.kept.lock().await;
        kept.push(peer);
        Ok(kept.len() as i64)
    }

    /// Lets all kept connections and sockets go.
    #[node(trigger_on_call = false)]
    async fn let_go(&self) {
        self.kept.lock().await.clear();
        self.raw.lock().await.clear();
        *self.listener.lock().await = None;
        *self.datagrams.lock().await = None;
    }

    /// Creates sockets until none is given, keeps them, and says how many and why no more.
    #[node(trigger_on_call = false)]
    async fn flood(&self, most: u32) -> String {
        let mut raw = self.raw.lock().await;
        for _ in 0..most {
            match TcpSocket::create(IpAddressFamily::Ipv4) {
                Ok(socket) => raw.push(socket),
                Err(error) => return format!("{}: {}", raw.len(), code(&error)),
            }
        }
        format!("{}: no end", raw.len())
    }

    /// Connects to an IPv4 port of this machine again and again, lets each socket go and keeps only
    /// its stream; says how many times and why no more.
    #[node(trigger_on_call = false)]
    async fn keep_streams(&self, port: u32, most: u32) -> String {
        let mut streams = Vec::new();
        for _ in 0..most {
            let stream = async {
                let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
                socket.connect(local(port)).await?;
                Ok(socket.receive())
            };
            match stream.await {
                Ok(stream) => streams.push(stream),
                Err(error) => return format!("{}: {}", streams.len(), code(&error)),
            }
        }
        format!("{}: no end", streams.len())
    }

    /// Listens, and says where.
    #[node(trigger_on_call = false)]
    async fn listen(&self, address: String) -> Result<String> {
        let listener = TcpListener::bind(&address).await?;
        let place = listener.local_addr()?.to_string();
        *self.listener.lock().await = Some(listener);
        Ok(place)
    }

    /// Takes the next connection, keeps it, and gives back its first line.
    #[node(trigger_on_call = false)]
    async fn accept(&self) -> Result<String> {
        let listener = self.listener.lock().await;
        let listener = listener.as_ref().ok_or("nothing listens")?;
        let peer = listener.accept().await?;
        let line = String::from_utf8(peer.read_until(b'\n', 64 * 1024).await?)?;
        self.kept.lock().await.push(peer);
        Ok(line.trim_end().to_owned())
    }

    /// Listens on a socket that was never bound.
    #[node(trigger_on_call = false)]
    fn listen_unbound(&self) -> Result<()> {
        let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
        socket.listen()?;
        Ok(())
    }

    /// The addresses of a name.
    #[node(trigger_on_call = false)]
    async fn look_up(&self, name: String) -> Result<Vec<String>> {
        match resolve_addresses(name).await {
            Ok(found) => Ok(found.iter().map(|address| format!("{address:?}")).collect()),
            Err(error) => Err(Error::unavailable(format!("{error:?}"))),
        }
    }

    /// Sends a datagram from a free port and gives back what is answered.
    #[node(trigger_on_call = false)]
    async fn datagram(&self, address: String, text: String) -> Result<String> {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.send_to(text.as_bytes(), &address).await?;
        Ok(String::from_utf8(socket.receive().await?.0)?)
    }

    /// Connects a datagram socket, which is no way around the rules for sending.
    #[node(trigger_on_call = false)]
    async fn datagram_connected(&self, address: String, text: String) -> Result<String> {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect(&address).await?;
        socket.send(text.as_bytes()).await?;
        Ok(String::from_utf8(socket.receive().await?.0)?)
    }

    /// Binds a datagram socket, keeps it, and says where.
    #[node(trigger_on_call = false)]
    async fn bind_datagrams(&self, address: String) -> Result<String> {
        let socket = UdpSocket::bind(&address).await?;
        let place = socket.local_addr()?.to_string();
        *self.datagrams.lock().await = Some(socket);
        Ok(place)
    }

    /// The next datagram on the bound socket.
    #[node(trigger_on_call = false)]
    async fn receive_datagram(&self) -> Result<String> {
        let socket = self.datagrams.lock().await;
        let socket = socket.as_ref().ok_or("nothing is bound")?;
        Ok(String::from_utf8(socket.receive().await?.0)?)
    }

    /// Creates datagram sockets until none is given, and says how many and why no more.
    #[node(trigger_on_call = false)]
    fn flood_datagrams(&self, most: u32) -> String {
        let mut sockets = Vec::new();
        for _ in 0..most {
            match RawUdp::create(IpAddressFamily::Ipv4) {
                Ok(socket) => sockets.push(socket),
                Err(error) => return format!("{}: {}", sockets.len(), code(&error)),
            }
        }
        format!("{}: no end", sockets.len())
    }
}

fn local(port: u32) -> IpSocketAddress {
    let port = u16::try_from(port).unwrap_or_default();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port,
        address: (127, 0, 0, 1),
    })
}

fn code(error: &ErrorCode) -> String {
    format!("{error:?}")
}
