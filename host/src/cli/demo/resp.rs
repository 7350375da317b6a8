//! A small server that speaks RESP, Redis's protocol, on loopback: for machines without Redis.
//!
//! It knows `AUTH`, `PING`, `GET`, `SET` and `INCR`.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Most parts of one command, and most bytes of one part.
const MAX: usize = 1024;

type Data = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

/// A server on a free port of 127.0.0.1, until the process ends.
#[derive(Debug)]
pub struct RespServer {
    address: SocketAddr,
}

impl RespServer {
    /// Starts it; who does not say `token` is refused.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(token: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let token = token.as_bytes().to_vec();
        thread::Builder::new()
            .name("resp".to_owned())
            .spawn(move || {
                let data = Data::default();
                for stream in listener.incoming().flatten() {
                    let (data, token) = (Arc::clone(&data), token.clone());
                    thread::spawn(move || serve(&stream, &data, &token));
                }
            })?;
        Ok(Self { address })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

fn serve(mut stream: &TcpStream, data: &Data, token: &[u8]) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut known = false;
    while let Some(command) = read_command(&mut reader)? {
        stream.write_all(&answer(&command, data, token, &mut known))?;
    }
    Ok(())
}

fn read_command(reader: &mut impl BufRead) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Some(parts) = read_length(reader, b'*')? else {
        return Ok(None);
    };
    let mut command = Vec::new();
    for _ in 0..parts {
        let Some(length) = read_length(reader, b'$')? else {
            return Ok(None);
        };
        let mut part = vec![0; length];
        reader.read_exact(&mut part)?;
        reader.read_exact(&mut [0; 2])?;
        command.push(part);
    }
    Ok(Some(command))
}

fn read_length(reader: &mut impl BufRead, sign: u8) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    if reader.take(MAX as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let number = line
        .strip_prefix(&[sign])
        .and_then(|rest| std::str::from_utf8(rest).ok());
    let length = number
        .and_then(|text| text.trim_end().parse().ok())
        .filter(|n| *n <= MAX);
    length
        .map(Some)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn answer(command: &[Vec<u8>], data: &Data, token: &[u8], known: &mut bool) -> Vec<u8> {
    let parts: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
    let Some((name, arguments)) = parts.split_first() else {
        return b"-ERR empty\r\n".to_vec();
    };
    let mut data = data.lock().unwrap_or_else(PoisonError::into_inner);
    match (name.to_ascii_uppercase().as_slice(), arguments) {
        (b"AUTH", [given]) => {
            *known = *given == token;
            if *known {
                b"+OK\r\n".to_vec()
            } else {
                b"-WRONGPASS invalid password\r\n".to_vec()
            }
        }
        _ if !*known => b"-NOAUTH Authentication required.\r\n".to_vec(),
        (b"PING", []) => b"+PONG\r\n".to_vec(),
        (b"GET", [key]) => match data.get(*key) {
            Some(value) => bulk(value),
            None => b"$-1\r\n".to_vec(),
        },
        (b"SET", [key, value]) => {
            data.insert(key.to_vec(), value.to_vec());
            b"+OK\r\n".to_vec()
        }
        (b"INCR", [key]) => {
            let value = data.entry(key.to_vec()).or_insert_with(|| b"0".to_vec());
            let number = std::str::from_utf8(value)
                .ok()
                .and_then(|n| n.parse::<i64>().ok());
            let Some(next) = number.and_then(|n| n.checked_add(1)) else {
                return b"-ERR value is not an integer or out of range\r\n".to_vec();
            };
            *value = next.to_string().into_bytes();
            format!(":{next}\r\n").into_bytes()
        }
        _ => b"-ERR unknown command\r\n".to_vec(),
    }
}

fn bulk(value: &[u8]) -> Vec<u8> {
    let mut answer = format!("${}\r\n", value.len()).into_bytes();
    answer.extend_from_slice(value);
    answer.extend_from_slice(b"\r\n");
    answer
}
