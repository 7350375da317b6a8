//! A confined process does all that its policies grant: files, variables, a serial port, sockets.

use std::path::Path;

use external_worker_artifacts::{PROBE_ENV, PROBE_FILES, PROBE_SERIAL, PROBE_SOCKETS};
use external_worker_host::cli::Instrument;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::{Client, Host, add, data_of, signal};

/// Runs the node `name` of an external worker once, and gives what came out of it.
async fn ask(
    client: &mut Client,
    worker: &(String, &str),
    name: &str,
    inputs: &[(&str, Json)],
) -> Result<Json, String> {
    let (uuid, class) = worker;
    let added = client.call("add_node", json!({ "id": format!("{class}.{uuid}.{name}") }));
    let node = added.await?["id"].as_str().unwrap().to_owned();
    for (input, value) in inputs {
        let set = json!({ "nid": node, "ioid": input, "value": value, "set_default": true });
        client.call("set_io_value", set).await?;
    }
    if inputs.is_empty() {
        client.call("trigger_node", json!({ "nid": node })).await?;
    }
    let ended = ["triggerdone", "triggerfast", "node_trigger_error"];
    let ended = client.json(|json| {
        json["data"]["node"] == *node && ended.iter().any(|event| json["event"] == *event)
    });
    if let Some(error) = ended.await["data"]["error"].as_str() {
        return Err(error.to_owned());
    }
    let values = client.call("get_ios_values", json!({ "nid": node })).await?;
    Ok(values["out"].clone())
}

fn text(value: &str) -> Json {
    value.into()
}

fn write(data: &Path, module: &str, policy: &str) {
    let policies = data.join("lab/policies");
    std::fs::create_dir_all(&policies).unwrap();
    std::fs::write(policies.join(format!("{module}.toml")), policy).unwrap();
}

/// Answers what it gets with the same, over TCP and UDP.
async fn echo() -> (u16, u16) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ports = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            tokio::spawn(async move {
                let (mut buffer, mut length) = ([0; 1024], 1);
                while length > 0 {
                    length = stream.read(&mut buffer).await.unwrap_or(0);
                    stream.write_all(&buffer[..length]).await.unwrap();
                }
            });
        }
    });
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
            udp.send_to(&buffer[..length], peer).await.unwrap();
        }
    });
    ports
}

#[tokio::test]
async fn files_are_read_and_written_where_they_are_granted() {
    let data = tempfile::tempdir().unwrap();
    let granted = tempfile::tempdir().unwrap();
    std::fs::write(granted.path().join("hello.txt"), "hello").unwrap();
    data_of(data.path(), "lab", "files", PROBE_FILES);
    let host = granted.path().display();
    let policy =
        format!("[[files]]\nhost = \"{host}\"\nguest = \"/data\"\nmode = \"rw\"\nquota = \"1 MiB\"\n");
    write(data.path(), "files", &policy);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let mut client = host.next().await.client().await;
    for class in ["files", "files2"] {
        let worker = (add(&mut client, "files", class).await, class);
        let read = [("path", text("/data/hello.txt"))];
        assert_eq!(ask(&mut client, &worker, "read", &read).await.unwrap(), "hello");
        let file = format!("/data/{class}.txt");
        let write = [("path", text(&file)), ("bytes", json!(100))];
        ask(&mut client, &worker, "write", &write).await.unwrap();
        let outside = [("path", text("/etc/passwd"))];
        ask(&mut client, &worker, "read", &outside).await.unwrap_err();
        let written = granted.path().join(format!("{class}.txt"));
        assert_eq!(std::fs::read(&written).unwrap().len(), 100);
    }
    let worker = (add(&mut client, "files", "files").await, "files");
    let moved = [("from", text("/data/files.txt")), ("to", text("/data/moved.txt"))];
    ask(&mut client, &worker, "rename", &moved).await.unwrap();
    let removed = [("path", text("/data/moved.txt"))];
    ask(&mut client, &worker, "remove", &removed).await.unwrap();
    assert!(!granted.path().join("files.txt").exists());
}

#[tokio::test]
async fn a_serial_port_and_variables_are_there() {
    let data = tempfile::tempdir().unwrap();
    let instrument = Instrument::plug_in().unwrap();
    data_of(data.path(), "lab", "serial", PROBE_SERIAL);
    data_of(data.path(), "lab", "env", PROBE_ENV);
    let device = instrument.path();
    let policy = format!("[[serial]]\nname = \"bench\"\ndevice = \"{device}\"\n");
    write(data.path(), "serial", &policy);
    let policy = "[env]\nvars = { GREETING = \"hello\" }\ninherit = [\"CARGO_MANIFEST_DIR\"]\n";
    write(data.path(), "env", policy);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let mut client = host.next().await.client().await;

    let serial = (add(&mut client, "serial", "serial").await, "serial");
    let open = [("name", text("bench")), ("baud_rate", json!(9600))];
    ask(&mut client, &serial, "open", &open).await.unwrap();
    let question = [("line", text("*IDN?")), ("ms", json!(10_000))];
    let answer = ask(&mut client, &serial, "ask", &question).await.unwrap();
    assert!(answer.as_str().unwrap().contains("THERMOMETER"), "{answer}");
    let rate = [("baud_rate", json!(19_200))];
    ask(&mut client, &serial, "fiddle", &rate).await.unwrap();

    let env = (add(&mut client, "env", "env").await, "env");
    let variables = ask(&mut client, &env, "vars2", &[]).await.unwrap().to_string();
    for variable in ["GREETING=hello", "CARGO_MANIFEST_DIR=/"] {
        assert!(variables.contains(variable), "{variable}: {variables}");
    }
    assert!(!variables.contains("PATH="), "{variables}");
}

#[tokio::test]
async fn sockets_reach_the_granted_ports() {
    let data = tempfile::tempdir().unwrap();
    let (tcp, udp) = echo().await;
    data_of(data.path(), "lab", "sockets", PROBE_SOCKETS);
    let rule = |protocol, direction, host, port| {
        format!(
            "[[sockets]]\nprotocol = \"{protocol}\"\ndirection = \"{direction}\"\n\
             host = \"{host}\"\nports = [{port}]\n"
        )
    };
    let policy = [
        rule("tcp", "connect", "127.0.0.1", tcp),
        rule("udp", "connect", "127.0.0.1", udp),
        rule("tcp", "bind", "127.0.0.1", 0),
        rule("tcp", "connect", "name.invalid", 1),
    ];
    write(data.path(), "sockets", &policy.concat());
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    for class in ["sockets", "sockets2"] {
        let worker = (add(&mut client, "sockets", class).await, class);
        let address = text(&format!("127.0.0.1:{tcp}"));
        let line = [("address", address), ("line", text("over TCP"))];
        let answer = ask(&mut client, &worker, "exchange", &line).await.unwrap();
        assert!(answer.as_str().unwrap().contains("over TCP"), "{class}: {answer}");
        let address = text(&format!("127.0.0.1:{udp}"));
        let line = [("address", address), ("text", text("over UDP"))];
        let answer = ask(&mut client, &worker, "datagram", &line).await.unwrap();
        assert!(answer.as_str().unwrap().contains("over UDP"), "{class}: {answer}");
        let listen = [("address", text("127.0.0.1:0"))];
        ask(&mut client, &worker, "listen", &listen).await.unwrap();
        // Nobody has the name; who asks for it lives.
        let name = [("name", text("name.invalid"))];
        ask(&mut client, &worker, "look_up", &name).await.unwrap_err();
    }
    signal("-TERM", &host.pid());
    assert_eq!(host.ended().await, Some(0));
}
