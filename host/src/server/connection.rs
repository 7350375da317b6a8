//! One websocket: reads requests as fast as their answers are taken, writes what waits, and ends
//! when either end wants to, or when the other takes nothing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Shared;
use super::clients::Seat;
use super::outbox::{Next, Outbox};
use super::protocol;
use super::session::{Destination, Session};
use crate::limits;

/// How writing ended.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// The client was told that this is the end.
    All,
    /// It is gone, or takes nothing.
    NoMore,
}

/// Serves one client until it leaves.
pub async fn serve(socket: WebSocket, shared: Arc<Shared>, seat: Seat) {
    let (sink, mut stream) = socket.split();
    let outbox = &*seat.outbox;
    // Unasked: the web UI sends nothing before it heard something.
    outbox.answer(protocol::pong(), None);
    let destination = Destination::Client(Arc::clone(&seat.outbox));
    let session = Session::new(shared, seat.id, destination);
    let mut writing = pin!(write(sink, outbox));
    let written = tokio::select! {
        written = &mut writing => written,
        why = read(&mut stream, &session, outbox) => match why {
            None => Written::NoMore,
            Some(why) => {
                outbox.close(why);
                let last = timeout(limits::GOODBYE_DEADLINE, writing).await;
                last.unwrap_or(Written::NoMore)
            }
        },
    };
    if written == Written::All {
        // The client's own goodbye; to leave before it would cut off what it has not read yet.
        let rest = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(limits::GOODBYE_DEADLINE, rest).await;
    }
}

/// Reads until the client leaves, or until there is a reason to send it away.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    session: &Arc<Session>,
    outbox: &Outbox,
) -> Option<CloseFrame> {
    let open = Arc::new(Semaphore::new(limits::MAX_REQUESTS));
    loop {
        let permit = Arc::clone(&open).acquire_owned().await.ok();
        outbox.room().await;
        match stream.next().await? {
            Ok(Message::Text(text)) if text.len() > limits::MAX_MESSAGE_BYTES => {
                outbox.answer(protocol::error(&too_long(), None), permit);
            }
            Ok(Message::Text(text)) => session.receive(&text, permit),
            Ok(Message::Binary(_)) => {
                let problem = "binary messages are not understood; send JSON as text";
                outbox.answer(protocol::error(problem, None), permit);
            }
            // The library answers them; after a close it says that there is no more.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
            Err(error) => return refuse(error, outbox),
        }
    }
}

fn too_long() -> String {
    format!(
        "the message has more than {} bytes; send it to POST /message/",
        limits::MAX_MESSAGE_BYTES
    )
}

/// What to say to a client that cannot be read on; `None` when it is not there any more.
fn refuse(error: axum::Error, outbox: &Outbox) -> Option<CloseFrame> {
    use tungstenite::Error;
    let (code, problem) = match error.into_inner().downcast_ref::<Error>()? {
        Error::Capacity(_) => (close_code::SIZE, too_long()),
        Error::Utf8(_) => (close_code::INVALID, "a text message is UTF-8".to_owned()),
        Error::Protocol(_) => return None,
        _ => return None,
    };
    outbox.answer(protocol::error(&problem, None), None);
    Some(CloseFrame {
        code,
        reason: "see the last message".into(),
    })
}

/// Sends what waits, many messages at a time where there are many.
async fn write(mut sink: SplitSink<WebSocket, Message>, outbox: &Outbox) -> Written {
    loop {
        let next = match outbox.try_next() {
            Some(next) => next,
            None => {
                if !is_taken(sink.flush(), 0).await {
                    return Written::NoMore;
                }
                outbox.next().await
            }
        };
        match next {
            Next::Message(message, _permit) => {
                let size = size(&message);
                if !is_taken(sink.feed(message), size).await {
                    return Written::NoMore;
                }
            }
            Next::Close(why) => {
                let is_told = is_taken(sink.send(Message::Close(Some(why))), 0).await;
                return if is_told {
                    Written::All
                } else {
                    Written::NoMore
                };
            }
        }
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Whether the client takes it, in a time that its size allows for.
async fn is_taken(sending: impl Future<Output = Result<(), axum::Error>>, size: usize) -> bool {
    let seconds = (size as u64) / limits::CLIENT_BYTES_PER_SECOND;
    let patience = limits::CLIENT_STALL.saturating_add(Duration::from_secs(seconds));
    match timeout(patience, sending).await {
        Ok(sent) => sent.is_ok(),
        Err(_elapsed) => {
            tracing::info!("a client took nothing for {patience:?} and is closed");
            false
        }
    }
}
