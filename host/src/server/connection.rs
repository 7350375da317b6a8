//! One websocket: reads requests as fast as their answers are taken, writes what waits, and ends
//! when either end wants to, or when the other takes nothing.

use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, close_code};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Shared;
use super::auth::Pass;
use super::clients::Seat;
use super::load::{self, Load};
use super::outbox::{Next, Outbox};
use super::protocol;
use super::refusal::Code;
use super::session::{Destination, Session};
use super::websocket::{Broken, Reader, Received, Writer, close};
use super::wire::Wire;
use crate::limits;

/// The end of a connection whose token has ended. Codes from 4000 on are an application's own; this one is for a
/// websocket what the status 401 is for a request, so that a client knows that to connect again is of no use.
const UNAUTHORIZED: u16 = 4401;

/// How writing ended.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// The client was told that this is the end.
    All,
    /// It is gone, or takes nothing.
    NoMore,
}

/// Serves one client until it leaves.
pub async fn serve(upgraded: Upgraded, shared: Arc<Shared>, seat: Seat, pass: Pass) {
    let Ok(connection) = upgraded.downcast::<TokioIo<Wire>>() else {
        // Nothing else is listened on.
        return;
    };
    let (from, to) = tokio::io::split(connection.io.into_inner());
    let begun = connection.read_buf.to_vec();
    let mut reader = Reader::new(from, begun, Arc::clone(&shared.arrivals));
    let outbox = &*seat.outbox;
    // Unasked: the web UI sends nothing before it heard something.
    outbox.answer(protocol::pong(), None);
    let destination = Destination::Client(Arc::clone(&seat.outbox));
    let session = Session::new(shared, seat.id, destination, pass.clone());
    let mut writing = pin!(write(Writer::new(to), outbox));
    let written = tokio::select! {
        written = &mut writing => written,
        () = outbox.is_given_up() => Written::NoMore,
        () = pass.ended() => {
            outbox.cut(close(UNAUTHORIZED, "the token does not hold any more"));
            let last = timeout(limits::LEAVE_DEADLINE, &mut writing).await;
            last.unwrap_or(Written::NoMore)
        }
        why = read(&mut reader, &session, outbox) => match why {
            None => Written::NoMore,
            Some(why) => {
                outbox.close(why);
                let last = timeout(limits::GOODBYE_DEADLINE, &mut writing).await;
                last.unwrap_or(Written::NoMore)
            }
        },
    };
    if written == Written::All {
        // The client's own goodbye; to leave before it would cut off what it has not read yet.
        let _ = timeout(limits::GOODBYE_DEADLINE, reader.drain()).await;
    }
}

/// Reads until the client leaves, or until there is a reason to send it away.
async fn read(
    reader: &mut Reader<impl AsyncRead + Unpin>,
    session: &Arc<Session>,
    outbox: &Outbox,
) -> Option<CloseFrame> {
    let open = Arc::new(Semaphore::new(limits::MAX_REQUESTS));
    let small = load::small();
    loop {
        let permit = Arc::clone(&open).acquire_owned().await.ok();
        outbox.room().await;
        let problem = match reader.next().await {
            Ok(Received::Text(text, arrival)) => match Load::of(&text, arrival, &small).await {
                Ok(load) => {
                    session.receive(text, permit, load).await;
                    continue;
                }
                Err(problem) => problem,
            },
            Ok(Received::LongText) => too_long(),
            Ok(Received::Binary) => {
                "binary messages are not understood; send JSON as text".to_owned()
            }
            Ok(Received::Ping(payload)) => {
                outbox.pong(payload);
                continue;
            }
            Ok(Received::Pong) => continue,
            Ok(Received::Close(code)) => {
                return Some(close(code.unwrap_or(close_code::NORMAL), ""));
            }
            Err(broken) => return refuse(broken, outbox),
        };
        outbox.answer(protocol::error(Code::Malformed, &problem, None), permit);
    }
}

fn too_long() -> String {
    format!(
        "the message has more than {} bytes; send it to POST /message/",
        limits::MAX_MESSAGE_BYTES
    )
}

/// What to say to a client that cannot be read on; `None` when it is not there any more.
fn refuse(broken: Broken, outbox: &Outbox) -> Option<CloseFrame> {
    let (code, problem) = match broken {
        Broken::Gone => return None,
        Broken::TooLong => (close_code::SIZE, too_long()),
        Broken::NotText => (
            close_code::INVALID,
            "a text message has to be UTF-8".to_owned(),
        ),
        Broken::Late(late) => (close_code::AGAIN, format!("the message is refused: {late}")),
    };
    outbox.answer(protocol::error(Code::Malformed, &problem, None), None);
    Some(close(code, "see the last message"))
}

/// Sends what waits, many messages at a time where there are many. A client that takes too little is an
/// error of the connection.
async fn write(mut writer: Writer<impl AsyncWrite + Unpin>, outbox: &Outbox) -> Written {
    loop {
        let next = match outbox.try_next() {
            Some(next) => next,
            None if writer.flush().await.is_err() => return Written::NoMore,
            None => outbox.next().await,
        };
        match next {
            Next::Message(message, _permit) => {
                if writer.feed(message).await.is_err() {
                    return Written::NoMore;
                }
            }
            Next::Close(why) => {
                let close = axum::extract::ws::Message::Close(Some(why));
                let is_told = writer.feed(close).await.is_ok() && writer.end().await.is_ok();
                return if is_told {
                    Written::All
                } else {
                    Written::NoMore
                };
            }
        }
    }
}
