//! Through WASI 0.2, whose waiting stops the whole worker.

use std::net::SocketAddr;

use external_worker::prelude::*;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::{OutgoingDatagram, UdpSocket};
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// See the crate.
#[derive(Default)]
pub struct Sockets2 {
    listener: State<Option<TcpSocket>>,
    kept: State<Vec<Connection>>,
    raw: State<Vec<TcpSocket>>,
}

/// Streams before their socket: children go first.
struct Connection(InputStream, OutputStream, TcpSocket);

#[external_worker(id = "sockets2")]
impl Sockets2 {
    /// Connects, and says to whom.
    #[node(trigger_on_call = false)]
    fn connect(&self, address: String) -> Result<String> {
        let connection = connect(&address)?;
        Ok(format!(
            "{:?}",
            connection.2.remote_address().map_err(error)?
        ))
    }

    /// Connects, sends a line, and gives back the line that comes.
    #[node(trigger_on_call = false)]
    fn exchange(&self, address: String, line: String) -> Result<String> {
        let connection = connect(&address)?;
        let line = format!("{line}\n");
        connection
            .1
            .blocking_write_and_flush(line.as_bytes())
            .map_err(stream_error)?;
        read_line(&connection.0)
    }

    /// Connects and keeps the connection.
    #[node(trigger_on_call = false)]
    fn keep(&self, address: String) -> Result<i64> {
        let connection = connect(&address)?;
        Ok(self.kept.update(|kept| {
            kept.push(connection);
            kept.len() as i64
        }))
    }

    /// Lets all kept connections and sockets go.
    #[node(trigger_on_call = false)]
    fn let_go(&self) {
        self.kept.update(Vec::clear);
        self.raw.update(Vec::clear);
        self.listener.update(|listener| *listener = None);
    }

    /// Creates sockets until none is given, keeps them, and says how many and why no more.
    #[node(trigger_on_call = false)]
    fn flood(&self, most: u32) -> String {
        self.raw.update(|raw| {
            for _ in 0..most {
                match create_tcp_socket(IpAddressFamily::Ipv4) {
                    Ok(socket) => raw.push(socket),
                    Err(code) => return format!("{}: {code:?}", raw.len()),
                }
            }
            format!("{}: no end", raw.len())
        })
    }

    /// Listens, and says where.
    #[node(trigger_on_call = false)]
    fn listen(&self, address: String) -> Result<String> {
        let address = parse(&address)?;
        let socket = create_tcp_socket(family(address)).map_err(error)?;
        socket
            .start_bind(&instance_network(), to_wasi(address))
            .map_err(error)?;
        socket.finish_bind().map_err(error)?;
        socket.start_listen().map_err(error)?;
        socket.finish_listen().map_err(error)?;
        let place = match socket.local_address().map_err(error)? {
            IpSocketAddress::Ipv4(v4) => v4.port,
            IpSocketAddress::Ipv6(v6) => v6.port,
        };
        self.listener.update(|listener| *listener = Some(socket));
        Ok(place.to_string())
    }

    /// Takes the next connection, keeps it, and gives back its first line.
    #[node(trigger_on_call = false)]
    fn accept(&self) -> Result<String> {
        let (socket, input, output) = self.listener.update(|listener| {
            let listener = listener.as_ref().ok_or("nothing listens")?;
            listener.subscribe().block();
            listener.accept().map_err(error)
        })?;
        let line = read_line(&input);
        self.kept
            .update(|kept| kept.push(Connection(input, output, socket)));
        line
    }

    /// The addresses of a name.
    #[node(trigger_on_call = false)]
    fn look_up(&self, name: String) -> Result<Vec<String>> {
        let stream = resolve_addresses(&instance_network(), &name).map_err(error)?;
        let mut found = Vec::new();
        loop {
            match stream.resolve_next_address() {
                Ok(Some(address)) => found.push(format!("{address:?}")),
                Ok(None) => return Ok(found),
                Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
                Err(code) => return Err(error(code)),
            }
        }
    }

    /// Sends a datagram from a free port and gives back what is answered.
    #[node(trigger_on_call = false)]
    fn datagram(&self, address: String, text: String) -> Result<String> {
        datagram(&address, text, false)
    }

    /// Connects a datagram socket, which is no way around the rules for sending.
    #[node(trigger_on_call = false)]
    fn datagram_connected(&self, address: String, text: String) -> Result<String> {
        datagram(&address, text, true)
    }

    /// Creates datagram sockets until none is given, and says how many and why no more.
    #[node(trigger_on_call = false)]
    fn flood_datagrams(&self, most: u32) -> String {
        let mut sockets: Vec<UdpSocket> = Vec::new();
        for _ in 0..most {
            match create_udp_socket(IpAddressFamily::Ipv4) {
                Ok(socket) => sockets.push(socket),
                Err(code) => return format!("{}: {code:?}", sockets.len()),
            }
        }
        format!("{}: no end", sockets.len())
    }
}

fn connect(address: &str) -> Result<Connection> {
    let address = parse(address)?;
    let socket = create_tcp_socket(family(address)).map_err(error)?;
    socket
        .start_connect(&instance_network(), to_wasi(address))
        .map_err(error)?;
    let (input, output) = loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            done => break done.map_err(error)?,
        }
    };
    Ok(Connection(input, output, socket))
}

fn datagram(address: &str, text: String, connected: bool) -> Result<String> {
    let address = parse(address)?;
    let socket = create_udp_socket(family(address)).map_err(error)?;
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    socket
        .start_bind(&instance_network(), to_wasi(any))
        .map_err(error)?;
    socket.finish_bind().map_err(error)?;
    let peer = to_wasi(address);
    let (incoming, outgoing) = socket.stream(connected.then_some(peer)).map_err(error)?;
    while outgoing.check_send().map_err(error)? == 0 {
        outgoing.subscribe().block();
    }
    let remote_address = (!connected).then_some(peer);
    outgoing
        .send(&[OutgoingDatagram {
            data: text.into_bytes(),
            remote_address,
        }])
        .map_err(error)?;
    loop {
        if let Some(datagram) = incoming.receive(1).map_err(error)?.pop() {
            return Ok(String::from_utf8(datagram.data)?);
        }
        incoming.subscribe().block();
    }
}

fn read_line(input: &InputStream) -> Result<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.extend(input.blocking_read(1).map_err(stream_error)?);
    }
    Ok(String::from_utf8(line)?.trim_end().to_owned())
}

fn parse(address: &str) -> Result<SocketAddr> {
    address
        .parse()
        .map_err(|_| Error::invalid_input("an address and a port are needed"))
}

fn family(address: SocketAddr) -> IpAddressFamily {
    if address.is_ipv4() {
        IpAddressFamily::Ipv4
    } else {
        IpAddressFamily::Ipv6
    }
}

fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: v4.port(),
            address: v4.ip().octets().into(),
        }),
        SocketAddr::V6(v6) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: v6.port(),
            flow_info: v6.flowinfo(),
            address: v6.ip().segments().into(),
            scope_id: v6.scope_id(),
        }),
    }
}

fn error(code: ErrorCode) -> Error {
    match code {
        ErrorCode::AccessDenied => Error::denied("access denied"),
        ErrorCode::NewSocketLimit | ErrorCode::OutOfMemory => Error::busy(format!("{code:?}")),
        other => Error::unavailable(format!("{other:?}")),
    }
}

fn stream_error(error: StreamError) -> Error {
    Error::unavailable(match error {
        StreamError::Closed => "the stream is closed".to_owned(),
        StreamError::LastOperationFailed(error) => error.to_debug_string(),
    })
}
