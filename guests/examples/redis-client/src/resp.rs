//! RESP, the protocol of Redis, as far as the client needs it.

use external_worker::prelude::*;
use external_worker::tcp::TcpStream;

/// Longest line and longest value that a server may send.
const MAX_BYTES: usize = 1 << 20;

/// What a server answers.
pub enum Reply {
    /// A short text.
    Status(String),
    /// A number.
    Integer(i64),
    /// A value.
    Bulk(Vec<u8>),
    /// No such key.
    Nothing,
    /// The server refuses.
    Error(String),
}

impl Reply {
    /// The server's own error as an error.
    pub fn into_result(self) -> Result<Self> {
        match self {
            Self::Error(text) => Err(Error::unavailable(format!("the server says: {text}"))),
            reply => Ok(reply),
        }
    }

    /// The reply as a text.
    pub fn text(self) -> Result<String> {
        match self {
            Self::Status(text) => Ok(text),
            Self::Integer(number) => Ok(number.to_string()),
            Self::Bulk(bytes) => {
                String::from_utf8(bytes).map_err(|_| Error::internal("the value is no text"))
            }
            Self::Nothing => Ok(String::new()),
            Self::Error(text) => Err(Error::unavailable(text)),
        }
    }
}

/// An open connection.
pub struct Connection(TcpStream);

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> Result<Self> {
        TcpStream::connect(address).await.map(Self)
    }

    /// Sends a command and waits for its reply.
    pub async fn command(&self, parts: &[&[u8]]) -> Result<Reply> {
        let mut request = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            request.extend(format!("${}\r\n", part.len()).into_bytes());
            request.extend_from_slice(part);
            request.extend_from_slice(b"\r\n");
        }
        self.0.write_all(&request).await?;
        self.reply().await
    }

    async fn reply(&self) -> Result<Reply> {
        let line = self.0.read_until(b'\n', MAX_BYTES).await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let Some(rest) = line.get(1..) else {
            return Err(broken(&line));
        };
        match line.as_bytes().first() {
            Some(b'+') => Ok(Reply::Status(rest.to_owned())),
            Some(b'-') => Ok(Reply::Error(rest.to_owned())),
            Some(b':') => rest.parse().map(Reply::Integer).map_err(|_| broken(&line)),
            Some(b'$') if rest == "-1" => Ok(Reply::Nothing),
            Some(b'$') => {
                let length = rest.parse().ok().filter(|length| *length <= MAX_BYTES);
                let length = length.ok_or_else(|| broken(&line))?;
                let mut value = self.0.read_exact(length + 2).await?;
                value.truncate(length);
                Ok(Reply::Bulk(value))
            }
            _ => Err(broken(&line)),
        }
    }
}

fn broken(line: &str) -> Error {
    Error::internal(format!("this is no RESP: {line:?}"))
}
