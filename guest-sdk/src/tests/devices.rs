//! The SDK's capabilities on a bench: scripted ports, connections, peers, pages and folders.

use crate::ErrorCode;
use crate::prelude::*;
use crate::serial::{Buffer, Port, Settings};
use crate::tcp::{TcpListener, TcpStream};
use crate::testing::{Bench, Line, Page, advance, block_on, now};
use crate::timeout;
use crate::udp::UdpSocket;
use crate::{data, files, http, serial};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_serial_device_answers_in_turn_late_and_hangs_up() {
    let bench = Bench::new();
    let meter = Line::new()
        .greets("ready\n")
        .answers("V?\n", "1.5\n")
        .answers("V?\n", "1.6\n")
        .after(Duration::from_millis(300))
        .answers([0x01, 0x03], [0xff, 0x00, 0x0d])
        .hangs_up_after(4);
    bench.serial("meter", meter);
    block_on(async {
        let port = Port::open("meter", Settings::new(9600)).await.unwrap();
        assert!(bench.is_open("meter"));
        let again = Port::open("meter", Settings::new(9600))
            .await
            .err()
            .unwrap();
        assert_eq!(again.code(), ErrorCode::Busy);
        assert_eq!(port.read_line(64).await.unwrap(), "ready");

        port.write_all(b"V?").await.unwrap();
        assert!(port.poll(64).await.unwrap().is_empty(), "it is not all yet");
        port.write_all(b"\nV?\n").await.unwrap();
        assert_eq!(port.read_line(64).await.unwrap(), "1.5");
        let before = now();
        port.set_timeout(Duration::from_millis(100));
        let late = port.read_line(64).await.unwrap_err();
        assert_eq!(late.message(), "port \"meter\": timed out");
        port.set_timeout(SECOND);
        assert_eq!(port.read_line(64).await.unwrap(), "1.6");
        assert_eq!(now() - before, Duration::from_millis(300));

        port.write_all(b"what?\x01\x03").await.unwrap();
        assert_eq!(bench.not_understood("meter"), b"what?");
        assert_eq!(port.read_exact(2).await.unwrap(), [0xff, 0x00]);
        let short = port.read_exact(2).await.unwrap_err();
        assert_eq!(short.code(), ErrorCode::Unavailable);
        assert_eq!(port.read(9).await.unwrap(), [0x0d], "nothing is lost");

        port.write_all(b"V?\n").await.unwrap();
        assert_eq!(port.read_line(64).await.unwrap(), "1.6", "the last goes on");
        let gone = port.read(1).await.unwrap_err();
        assert_eq!(gone.message(), "port \"meter\": the device went away");
        port.write_all(b"V?\n").await.unwrap_err();
        drop(port);
        let port = Port::open("meter", Settings::new(9600)).await.unwrap();
        port.clear(Buffer::Input).await.unwrap();
        assert!(port.poll(9).await.unwrap().is_empty());
    });
    assert_eq!(bench.heard("meter"), b"V?\nV?\nwhat?\x01\x03V?\n");
}

#[test]
fn a_serial_stream_brings_what_a_device_says_by_itself() {
    let bench = Bench::new();
    bench
        .serial(
            "gps",
            Line::new()
                .says(SECOND, "$A\r\n")
                .says(2 * SECOND, "$B\r\n"),
        )
        .serial("gone", Line::new().refuses());
    let ports = serial::ports().into_iter();
    let ports: Vec<_> = ports.map(|port| (port.name, port.present)).collect();
    assert_eq!(ports, [("gone".into(), false), ("gps".into(), true)]);
    block_on(async {
        Port::open("gone", Settings::new(4800)).await.err().unwrap();
        let port = Port::open("gps", Settings::new(4800)).await.unwrap();
        let receiver = port.receive().unwrap();
        assert_eq!(port.read(1).await.unwrap_err().code(), ErrorCode::Busy);
        assert_eq!(receiver.read_line(9).await.unwrap(), "$A");
        assert_eq!(receiver.read_exact(2).await.unwrap(), b"$B");
        assert_eq!(now(), 2 * SECOND);
        drop(receiver);
        assert_eq!(port.read(9).await.unwrap(), b"\r\n");
        port.send(b"bye".to_vec()).await.unwrap();
    });
    assert_eq!(bench.heard("gps"), b"bye");
}

#[test]
fn what_is_not_plugged_in_says_how() {
    Bench::new();
    block_on(async {
        let port = Port::open("dmm", Settings::new(9600)).await.err().unwrap();
        assert_eq!(
            port.message(),
            "opening port \"dmm\": the port \"dmm\" is not there in this test; plug it in with \
             `bench.serial(\"dmm\", Line::new())`"
        );
        let texts = [
            TcpStream::connect("10.0.0.1:502").await.err().unwrap(),
            TcpStream::connect("meter.example:502").await.err().unwrap(),
            http::get("https://lab.example/t")
                .send()
                .await
                .err()
                .unwrap(),
            files::read("/data/a").await.err().unwrap(),
        ];
        let parts = [
            "`bench.tcp(\"10.0.0.1:502\", Line::new())`",
            "`bench.tcp(\"meter.example:PORT\", Line::new())`",
            "`bench.page(Page::new(\"GET\", \"https://lab.example/t\"))`",
            "`bench.folder(\"/data\", path)`",
        ];
        for (error, part) in texts.iter().zip(parts) {
            assert!(error.message().contains(part), "{error}");
        }
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let peer = socket.send_to(b"x", "10.0.0.1:1").await.unwrap_err();
        assert!(
            peer.message().contains("`bench.udp(\"10.0.0.1:1\""),
            "{peer}"
        );
    });
}

#[test]
fn a_server_is_found_by_name_and_ends_its_connection() {
    let bench = Bench::new();
    let echo = Line::new()
        .answers("PING\r\n", "+PONG\r\nrest")
        .hangs_up_after(1);
    bench
        .tcp("cache.example:6379", echo)
        .tcp("[::1]:7", Line::new().refuses());
    block_on(async {
        let peer = TcpStream::connect("cache.example:6379").await.unwrap();
        assert_eq!(peer.peer_addr().unwrap().port(), 6379);
        assert!(peer.local_addr().unwrap().port() > 0);
        let early = timeout(SECOND, peer.read_line(9)).await.unwrap_err();
        assert_eq!(early.message(), "nothing came of it within 1s");
        peer.write_all(b"PING\r\n").await.unwrap();
        assert_eq!(peer.read_line(9).await.unwrap(), "+PONG");
        assert_eq!(peer.read_to_end(9).await.unwrap(), b"rest");
        peer.write_all(b"PING\r\n").await.ok();
        let closed = peer.write_all(b"PING\r\n").await.unwrap_err();
        assert_eq!(closed.code(), ErrorCode::Unavailable);

        let refused = TcpStream::connect("[::1]:7").await.err().unwrap();
        assert!(refused.message().contains("nobody listens"), "{refused}");
    });
    drop(bench);
}

#[test]
fn callers_come_in_the_order_in_which_they_were_plugged_in() {
    let bench = Bench::new();
    bench
        .caller(4000, Line::new().greets("one\n"))
        .caller(4000, Line::new().greets("two\n"));
    block_on(async {
        let listener = TcpListener::bind("0.0.0.0:4000").await.unwrap();
        for name in ["one", "two"] {
            let peer = listener.accept().await.unwrap();
            assert_eq!(peer.read_line(9).await.unwrap(), name);
            peer.write_all(b"hello\n").await.unwrap();
            peer.shutdown().await.unwrap();
        }
        let nobody = async { listener.accept().await.map(drop) };
        timeout(SECOND, nobody).await.unwrap_err();
    });
}

#[test]
fn datagrams_are_answered_as_a_whole() {
    let bench = Bench::new();
    let peer = Line::new()
        .answers("WHO?", "me")
        .after(Duration::from_millis(50));
    bench.udp("meter.example:4001", peer);
    block_on(async {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.connect("meter.example:4001").await.unwrap();
        socket.send(b"WHO?WHO?").await.unwrap();
        socket.send(b"WHO?").await.unwrap();
        let (answer, from) = timeout(SECOND, socket.receive()).await.unwrap();
        assert_eq!((answer.as_slice(), from.port()), (&b"me"[..], 4001));
        timeout(SECOND, socket.receive()).await.unwrap_err();
    });
    assert_eq!(bench.not_understood("meter.example:4001"), b"WHO?WHO?");
}

#[test]
fn pages_are_given_in_turn_and_requests_are_kept() {
    let bench = Bench::new();
    bench
        .page(Page::get("https://lab.example/", "[1]"))
        .page(Page::get("https://lab.example/", "[2]").header("etag", "b"))
        .page(Page::post("https://lab.example/t?x=1", "").status(503))
        .page(Page::new("PUT", "https://lab.example/slow").after(10 * SECOND));
    block_on(async {
        for expected in [1, 2, 2] {
            let answer = http::get("https://lab.example").send().await.unwrap();
            assert_eq!(answer.json::<[u8; 1]>().unwrap(), [expected]);
        }
        let post = http::post("https://lab.example/t?x=1").header("a", "b");
        let failed = post.json(&json!([1])).unwrap().send().await.unwrap().ok();
        assert!(failed.unwrap_err().message().contains("503"));
        let slow = http::request("PUT", "https://lab.example/slow").timeout(SECOND);
        slow.send().await.unwrap_err();
        assert_eq!(now(), SECOND);
    });
    let sent = bench.requests();
    assert_eq!(sent.len(), 5);
    assert_eq!((&*sent[3].method, &*sent[3].body), ("POST", &b"[1]"[..]));
    assert!(sent[3].headers.contains(&("a".into(), b"b".to_vec())));
}

#[test]
fn a_folder_of_this_machine_is_the_workers() {
    let dir = std::env::temp_dir().join(format!("external-worker-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    Bench::new().folder("/data", &dir);
    block_on(async {
        files::write("/data/a.txt", "one\n").await.unwrap();
        files::append("/data/a.txt", "two\n").await.unwrap();
        files::create_folder("/data/b").await.unwrap();
        files::rename("/data/a.txt", "/data/b/c.txt").await.unwrap();
        assert_eq!(
            files::read_to_string("/data/b/c.txt").await.unwrap(),
            "one\ntwo\n"
        );
        assert_eq!(files::read_at("/data/b/c.txt", 4, 2).await.unwrap(), b"tw");
        assert_eq!(files::list("/data/b").await.unwrap()[0].name, "c.txt");
        assert_eq!(files::metadata("/data/b/c.txt").await.unwrap().size, 8);
        assert!(!files::exists("/data/a.txt").await.unwrap());
        let outside = files::read("/data/../etc/passwd").await.unwrap_err();
        assert_eq!(outside.code(), ErrorCode::Denied);
        files::remove_folder("/data/b").await.unwrap_err();
        files::remove_file("/data/b/c.txt").await.unwrap();
        files::remove_folder("/data/b").await.unwrap();
    });
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_folder_of_its_own_is_there_for_the_next_instance_and_goes_with_the_bench() {
    let bench = Bench::new();
    block_on(async {
        let nothing = data::read("count").await.unwrap_err();
        assert_eq!(nothing.code(), ErrorCode::Denied, "nobody gave it");
    });
    let folder = bench.data();
    assert_eq!(bench.data(), folder);
    block_on(async {
        assert_eq!(data::read("count").await.unwrap(), None);
        data::write("count", "1").await.unwrap();
        data::write("count", "2").await.unwrap();
        assert_eq!(data::read("count").await.unwrap().unwrap(), b"2");
        let names = files::list(data::FOLDER).await.unwrap();
        assert_eq!(names.len(), 1, "{names:?}");
        data::write("nowhere/count", "1").await.unwrap_err();
    });
    assert_eq!(std::fs::read(folder.join("count")).unwrap(), b"2");
    drop(bench);
    Bench::new();
    assert!(!folder.exists());
}

#[test]
fn the_clock_of_a_new_bench_begins_at_zero() {
    advance(SECOND);
    Bench::new();
    assert_eq!(now(), Duration::ZERO);
}
