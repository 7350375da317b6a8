//! What a tenant's process asks for while it runs: a grant that comes later takes no other process, and one that is
//! taken away is refused by the supervisor, too.

use std::os::unix::fs::symlink;
use std::path::Path;

use external_worker_artifacts::{PROBE_FILES, PROBE_SERIAL, PROBE_SOCKETS};
use external_worker_host::simulate::Instrument;
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};

use super::grants::{ask, echo, tell, text, write};
use super::{Client, Host, Serving, add, data_of};

/// How often something is tried again that takes its time.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Longer than it takes until policies are looked at again.
const LOOKS_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);

type Worker = (String, &'static str);

/// What comes out of a node once nothing is wrong any more.
async fn until_granted(
    client: &mut Client,
    worker: &Worker,
    name: &str,
    inputs: &[(&str, Json)],
) -> Json {
    let granted = async {
        loop {
            match ask(client, worker, name, inputs).await {
                Ok(value) => return value,
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    timeout(PATIENCE, granted).await.unwrap()
}

/// A grant of a socket of this machine.
fn grant(direction: &str, port: u16) -> String {
    format!(
        "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"{direction}\"\nhost = \"127.0.0.1\"\nports = [{port}]\n"
    )
}

/// A line, and where it is to go.
fn line(port: u16) -> [(&'static str, Json); 2] {
    let address = text(&format!("127.0.0.1:{port}"));
    [("address", address), ("line", text("hello"))]
}

/// That the process of the tenant is the one that it was, also when whoever keeps it has looked at the policies again.
async fn is_still(host: &mut Host, serving: &Serving) {
    let again = timeout(LOOKS_WITHIN, host.next()).await;
    assert!(again.is_err(), "another process serves");
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.pid)).unwrap();
    assert!(!status.contains("State:\tZ"), "{status}");
}

#[tokio::test]
async fn a_port_that_is_granted_later_is_reached_and_one_that_is_taken_away_is_not() {
    let data = tempfile::tempdir().unwrap();
    let ((first, _), (second, _)) = (echo().await, echo().await);
    data_of(data.path(), "lab", "sockets", PROBE_SOCKETS);
    write(data.path(), "sockets", &grant("connect", first));
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    for class in ["sockets", "sockets2"] {
        let worker = (add(&mut client, "sockets", class).await, class);
        write(data.path(), "sockets", &grant("connect", first));
        until_granted(&mut client, &worker, "exchange", &line(first)).await;
        let refused = ask(&mut client, &worker, "exchange", &line(second)).await;
        assert!(refused.unwrap_err().to_lowercase().contains("denied"));
        write(data.path(), "sockets", &grant("connect", second));
        let answer = until_granted(&mut client, &worker, "exchange", &line(second)).await;
        assert!(answer.as_str().unwrap().contains("hello"), "{answer}");
        let refused = ask(&mut client, &worker, "exchange", &line(first)).await;
        assert!(refused.unwrap_err().to_lowercase().contains("denied"));
        let listen = [("address", text("127.0.0.1:0"))];
        ask(&mut client, &worker, "listen", &listen)
            .await
            .unwrap_err();
        let both = grant("connect", second) + &grant("bind", 0);
        write(data.path(), "sockets", &both);
        until_granted(&mut client, &worker, "listen", &listen).await;
    }
    is_still(&mut host, &serving).await;
}

#[tokio::test]
async fn a_serial_port_that_comes_later_or_again_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let port = data.path().join("port");
    data_of(data.path(), "lab", "serial", PROBE_SERIAL);
    let granted = |name: &str, device: &Path| {
        let device = device.display();
        format!("[[serial]]\nname = \"{name}\"\ndevice = \"{device}\"\n")
    };
    write(data.path(), "serial", &granted("bench", &port));
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    let worker = (add(&mut client, "serial", "serial").await, "serial");
    let open = |name: &str| [("name", text(name)), ("baud_rate", json!(9600))];
    let question = [("line", text("*IDN?")), ("ms", json!(5000))];
    tell(&mut client, &worker, "open", &open("bench")).await;
    ask(&mut client, &worker, "ask", &question)
        .await
        .unwrap_err();
    // Each is another device at the same path.
    for _ in 0..2 {
        let instrument = Instrument::plug_in().unwrap();
        let _ = std::fs::remove_file(&port);
        symlink(instrument.path(), &port).unwrap();
        tell(&mut client, &worker, "open", &open("bench")).await;
        let answer = ask(&mut client, &worker, "ask", &question).await.unwrap();
        assert!(answer.as_str().unwrap().contains("THERMOMETER"), "{answer}");
        tell(&mut client, &worker, "close", &[]).await;
    }
    let instrument = Instrument::plug_in().unwrap();
    let device = Path::new(instrument.path());
    let more = granted("bench", &port) + &granted("more", device);
    write(data.path(), "serial", &more);
    let opened = async {
        loop {
            tell(&mut client, &worker, "open", &open("more")).await;
            match ask(&mut client, &worker, "ask", &question).await {
                Ok(answer) => return answer,
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    let answer = timeout(PATIENCE, opened).await.unwrap();
    assert!(answer.as_str().unwrap().contains("THERMOMETER"), "{answer}");
    is_still(&mut host, &serving).await;
}

/// A grant of a folder, as which the guest sees it.
fn folder(place: &Path, guest: &str, more: &str) -> String {
    let place = place.display();
    format!("[[files]]\nhost = \"{place}\"\nguest = \"{guest}\"\n{more}")
}

#[tokio::test]
async fn a_folder_that_is_granted_later_takes_no_other_process_and_one_that_is_taken_away_does() {
    let data = tempfile::tempdir().unwrap();
    let places = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [first, read, written] = places.each_ref().map(tempfile::TempDir::path);
    std::fs::write(read.join("hello"), "hello").unwrap();
    // What is there is counted, whatever it is called.
    let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"odd \xff");
    std::fs::create_dir_all(written.join::<&std::ffi::OsStr>(odd).join("deep")).unwrap();
    data_of(data.path(), "lab", "files", PROBE_FILES);
    let before = folder(first, "/first", "mode = \"rw\"\n");
    write(data.path(), "files", &before);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    let mut workers = Vec::new();
    // More than may ask at once.
    for class in ["files", "files2"].repeat(6) {
        workers.push((add(&mut client, "files", class).await, class));
    }
    let more = "mode = \"rw\"\nquota = \"1 MiB\"\n";
    let after = before.clone() + &folder(read, "/read", "") + &folder(written, "/written", more);
    write(data.path(), "files", &after);
    for worker in &workers {
        let (_, class) = worker;
        let hello = [("path", text("/read/hello"))];
        let said = until_granted(&mut client, worker, "read", &hello).await;
        assert_eq!(said, "hello");
        let path = text(&format!("/written/{class}"));
        let some = [("path", path.clone()), ("bytes", json!(100))];
        tell(&mut client, worker, "write", &some).await;
        let found = std::fs::read(written.join(class)).unwrap();
        assert_eq!(found.len(), 100);
        ask(&mut client, worker, "read", &[("path", path)])
            .await
            .unwrap();
        // More than the quota has room for, and more than may be done there.
        for (path, bytes) in [("/written/large", 2 << 20), ("/read/new", 1)] {
            let some = [("path", text(path)), ("bytes", json!(bytes))];
            tell(&mut client, worker, "write", &some).await;
        }
        assert!(!read.join("new").exists());
    }
    let moved = [
        ("from", text("/written/files")),
        ("to", text("/written/moved")),
    ];
    tell(&mut client, &workers[0], "rename", &moved).await;
    assert!(written.join("moved").exists() && !written.join("files").exists());
    let removed = [("path", text("/written/moved"))];
    tell(&mut client, &workers[0], "remove", &removed).await;
    assert!(!written.join("moved").exists());
    is_still(&mut host, &serving).await;
    write(data.path(), "files", &before);
    let second = host.next().await;
    assert_ne!(second.pid, serving.pid);
}

#[tokio::test]
async fn the_first_name_that_is_granted_takes_no_other_process() {
    let data = tempfile::tempdir().unwrap();
    let (port, _) = echo().await;
    data_of(data.path(), "lab", "sockets", PROBE_SOCKETS);
    write(data.path(), "sockets", &grant("bind", 0));
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    let worker = (add(&mut client, "sockets", "sockets").await, "sockets");
    let named = "[[sockets]]\nprotocol = \"tcp\"\nhost = \"example.com\"\nports = [80]\n";
    let both = named.to_owned() + &grant("connect", port);
    write(data.path(), "sockets", &both);
    until_granted(&mut client, &worker, "exchange", &line(port)).await;
    is_still(&mut host, &serving).await;
}
