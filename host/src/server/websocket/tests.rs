//! Frames as clients send them, and as they get them.

use std::time::Duration;

use tokio::io::{DuplexStream, duplex};

use super::*;

const FIN: u8 = 0x80;
const GRACE: Duration = Duration::from_millis(50);

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    let mask = [1, 2, 3, 4];
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = Vec::new();
    let header = FrameHeader {
        mask: Some([1, 2, 3, 4]),
        ..FrameHeader::default()
    };
    header.format(length, &mut head).unwrap();
    head[0] = first;
    head
}

fn reader(buffer: usize) -> (DuplexStream, Reader<DuplexStream>, Arc<Arrivals>) {
    let (there, here) = duplex(buffer);
    let arrivals = Arc::<Arrivals>::default();
    let reader = Reader::new(here, Vec::new(), Arc::clone(&arrivals));
    (there, reader, arrivals)
}

fn text(received: Received) -> String {
    match received {
        Received::Text(text, _) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_come_whole_in_whatever_pieces_they_are_sent() {
    let (mut there, mut reader, _) = reader(7);
    let long = "é".repeat(100_000);
    let (start, end) = long.as_bytes().split_at(33_333);
    let sent = [
        frame(FIN | 1, b"one"),
        frame(1, start),
        frame(FIN | 9, b"ping"),
        frame(0, b""),
        frame(FIN, end),
        frame(FIN | 2, b"\0"),
        frame(FIN | 8, b""),
    ]
    .concat();
    let sending = tokio::spawn(async move {
        there.write_all(&sent).await.unwrap();
        there
    });
    assert_eq!(text(reader.next().await.unwrap()), "one");
    let ping = reader.next().await.unwrap();
    assert!(matches!(ping, Received::Ping(bytes) if bytes == "ping"));
    assert!(text(reader.next().await.unwrap()) == long);
    assert!(matches!(reader.next().await, Ok(Received::Binary)));
    assert!(matches!(reader.next().await, Ok(Received::Close(None))));
    drop(sending.await.unwrap());
    assert!(matches!(reader.next().await, Err(Broken::Gone)));
}

#[tokio::test]
async fn a_message_takes_memory_as_it_comes_and_not_as_it_is_announced() {
    let (mut there, mut reader, _) = reader(1 << 20);
    let announced = head(FIN | 1, limits::MAX_MESSAGE_BYTES as u64);
    there.write_all(&announced).await.unwrap();
    there.write_all(&[b'x'; 100_000]).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(50), reader.next());
    assert!(waiting.await.is_err());
    let capacity = reader.message.unwrap().payload.capacity();
    assert!((100_000..=200_000).contains(&capacity), "{capacity}");
}

#[tokio::test]
async fn what_does_not_come_at_a_rate_ends_however_it_is_sent() {
    for piece in [frame(0, b""), frame(0, b" "), frame(FIN | 9, b"")] {
        let (mut there, mut reader, _) = reader(1 << 20);
        reader.arrivals = Arc::new(Arrivals::with_grace(GRACE));
        there.write_all(&frame(1, b"{")).await.unwrap();
        let feeding = tokio::spawn(async move {
            while there.write_all(&piece).await.is_ok() {
                tokio::time::sleep(GRACE / 10).await;
            }
        });
        let ended = loop {
            match reader.next().await {
                Ok(Received::Ping(_)) => {}
                other => break other,
            }
        };
        assert!(matches!(ended, Err(Broken::Late(Late::Slow))), "{ended:?}");
        drop(reader);
        feeding.await.unwrap();
    }
}

#[tokio::test]
async fn between_messages_a_client_may_be_silent() {
    let (mut there, mut reader, _) = reader(100);
    reader.arrivals = Arc::new(Arrivals::with_grace(GRACE));
    for _ in 0..3 {
        there.write_all(&frame(FIN | 1, b"{}")).await.unwrap();
        assert_eq!(text(reader.next().await.unwrap()), "{}");
        let silence = tokio::time::timeout(3 * GRACE, reader.next());
        assert!(silence.await.is_err());
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_kept_and_what_is_far_too_long_ends_it() {
    let (mut there, mut reader, _) = reader(1 << 20);
    let sending = tokio::spawn(async move {
        let half = vec![b' '; limits::MAX_MESSAGE_BYTES];
        there.write_all(&frame(1, &half)).await.unwrap();
        there.write_all(&frame(FIN, b" ")).await.unwrap();
        let far = head(FIN | 1, limits::MAX_FRAME_BYTES as u64 + 1);
        there.write_all(&far).await.unwrap();
        there
    });
    assert!(matches!(reader.next().await, Ok(Received::LongText)));
    assert!(matches!(reader.next().await, Err(Broken::TooLong)));
    drop(sending.await);
}

#[tokio::test]
async fn what_is_sent_is_what_a_client_reads() {
    let (here, there) = duplex(1 << 20);
    let mut writer = Writer::new(here);
    let large = "x".repeat(WRITE_BYTES + 1);
    writer.feed(Message::Text("a".into())).await.unwrap();
    writer
        .feed(Message::Text(large.as_str().into()))
        .await
        .unwrap();
    writer
        .feed(Message::Close(Some(close(1001, "bye"))))
        .await
        .unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    let mut there = there;
    let mut bytes = Vec::new();
    there.read_to_end(&mut bytes).await.unwrap();
    let mut expected = b"\x81\x01a".to_vec();
    expected.extend_from_slice(&[0x81, 126]);
    expected.extend_from_slice(&(large.len() as u16).to_be_bytes());
    expected.extend_from_slice(large.as_bytes());
    expected.extend_from_slice(b"\x88\x05\x03\xe9bye");
    assert!(bytes == expected);
}
