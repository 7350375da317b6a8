//! A websocket to a Worker, as a simple program has one: it asks, and waits for the answer.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One websocket.
pub struct Wire {
    socket: WebSocket<TcpStream>,
    /// No two clients ask by the same id.
    name: uuid::Uuid,
    asked: u64,
}

impl Wire {
    /// Connects to `at`, with a token if there has to be one; `None`: it is not let in, or not in time.
    pub fn open(at: SocketAddr, token: Option<&str>) -> Option<Self> {
        Self::open_within(at, token, PATIENCE)
    }

    /// The same with less patience.
    pub fn open_within(at: SocketAddr, token: Option<&str>, within: Duration) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&at, within).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(within)).ok()?;
        stream.set_write_timeout(Some(within)).ok()?;
        let query = token.map(|token| format!("?token={token}"));
        let url = format!("ws://{at}/{}", query.unwrap_or_default());
        let request = url.into_client_request().ok()?;
        let (socket, _) = tokio_tungstenite::tungstenite::client(request, stream).ok()?;
        Some(Self {
            socket,
            name: uuid::Uuid::new_v4(),
            asked: 0,
        })
    }

    /// Asks for `cmd`: its result, or why there is none.
    pub fn ask(&mut self, cmd: &str, kwargs: Json) -> Result<Json, String> {
        let id = self.send(cmd, kwargs)?;
        let answer = self.until(PATIENCE, |message| {
            let text = message.to_text().ok()?;
            // Most that comes is of no interest, and much of it is long.
            let json: Json = text
                .contains(&id)
                .then(|| serde_json::from_str(text).ok())??;
            (json["id"] == id.as_str()).then_some(json)
        });
        let mut answer = answer.ok_or("no answer")?;
        match answer["type"].as_str() {
            Some("result") => Ok(answer["result"].take()),
            _ => Err(answer["error"].as_str().unwrap_or("an error").to_owned()),
        }
    }

    /// Asks for `cmd` and waits for nothing; the id of the request.
    pub fn send(&mut self, cmd: &str, kwargs: Json) -> Result<String, String> {
        self.asked += 1;
        let id = format!("{}-{}", self.name, self.asked);
        let message = json!({ "type": "cmd", "cmd": cmd, "kwargs": kwargs, "id": id });
        let sent = self.socket.send(Message::text(message.to_string()));
        sent.map_err(|error| format!("gone: {error}"))?;
        Ok(id)
    }

    /// Says `text` as it is; what is answered to the request `id`.
    pub fn say(&mut self, text: &str, id: &str) -> Option<String> {
        self.socket.send(Message::text(text.to_owned())).ok()?;
        let id = format!("\"{id}\"");
        self.until(PATIENCE, |message| {
            let text = message.is_text().then(|| message.to_text().ok())??;
            text.contains(&id).then(|| text.to_owned())
        })
    }

    /// The first of the messages that come `within` a while that `wanted` picks.
    pub fn until<T>(
        &mut self,
        within: Duration,
        mut wanted: impl FnMut(&Message) -> Option<T>,
    ) -> Option<T> {
        let begin = Instant::now();
        loop {
            let left = within.checked_sub(begin.elapsed())?;
            let wait = Some(left.max(Duration::from_millis(1)));
            self.socket.get_ref().set_read_timeout(wait).ok()?;
            match self.socket.read() {
                Ok(message) => {
                    if let Some(found) = wanted(&message) {
                        return Some(found);
                    }
                }
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }
}
