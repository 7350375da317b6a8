//! A confined process does all that its policies grant: files, variables, a serial port, sockets.

use std::path::Path;

use external_worker_artifacts::{PROBE_ENV, PROBE_FILES, PROBE_SERIAL, PROBE_SOCKETS};
use external_worker_host::simulate::Instrument;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use tokio_tungstenite::tungstenite::Message;

use super::{Client, Host, add, data_of, signal};
use crate::server::{binary, parse};
use crate::tls::Authority;

/// Adds the node `name` of an external worker, and triggers it with these inputs; its id.
async fn run(
    client: &mut Client,
    worker: &(String, &str),
    name: &str,
    inputs: &[(&str, Json)],
) -> String {
    let (uuid, class) = worker;
    let added = client.call(
        "add_node",
        json!({ "id": format!("{class}.{uuid}.{name}") }),
    );
    let node = added.await.unwrap()["id"].as_str().unwrap().to_owned();
    for (input, value) in inputs {
        let set = json!({ "nid": node, "ioid": input, "value": value, "set_default": true });
        client.call("set_io_value", set).await.unwrap();
    }
    if inputs.is_empty() {
        client
            .call("trigger_node", json!({ "nid": node }))
            .await
            .unwrap();
    }
    node
}

/// What comes out of it, or why nothing does.
pub(super) async fn ask(
    client: &mut Client,
    worker: &(String, &str),
    name: &str,
    inputs: &[(&str, Json)],
) -> Result<Json, String> {
    let node = run(client, worker, name, inputs).await;
    let out = format!("node={node}; io=out; ");
    let error = |message: &Message| {
        let json = parse(message)?;
        let is_it = json["event"] == "node_trigger_error" && json["data"]["node"] == *node;
        is_it.then(|| json["data"]["error"].as_str().unwrap().to_owned())
    };
    let ended = client.wait_for(|message| match binary(message) {
        Some((header, _)) => header.contains(&out).then_some(Ok(())),
        None => error(message).map(Err),
    });
    ended.await?;
    let value = json!({ "nid": node, "ioid": "out" });
    client.call("get_io_value", value).await
}

/// Runs a node from which nothing comes out.
pub(super) async fn tell(
    client: &mut Client,
    worker: &(String, &str),
    name: &str,
    inputs: &[(&str, Json)],
) {
    let node = run(client, worker, name, inputs).await;
    let is_busy = |status: Json| status["in_trigger"] == true || status["requests_trigger"] == true;
    while is_busy(
        client
            .call("get_node_status", json!({ "nid": node }))
            .await
            .unwrap(),
    ) {}
}

pub(super) fn text(value: &str) -> Json {
    value.into()
}

pub(super) fn write(data: &Path, module: &str, policy: &str) {
    let policies = data.join("lab/policies");
    std::fs::create_dir_all(&policies).unwrap();
    std::fs::write(policies.join(format!("{module}.toml")), policy).unwrap();
}

/// Answers what it gets with the same, over TCP and UDP.
pub(super) async fn echo() -> (u16, u16) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ports = (
        tcp.local_addr().unwrap().port(),
        udp.local_addr().unwrap().port(),
    );
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
    let policy = format!(
        "[[files]]\nhost = \"{host}\"\nguest = \"/data\"\nmode = \"rw\"\nquota = \"1 MiB\"\n"
    );
    write(data.path(), "files", &policy);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let mut client = host.next().await.client().await;
    for class in ["files", "files2"] {
        let worker = (add(&mut client, "files", class).await, class);
        let read = [("path", text("/data/hello.txt"))];
        assert_eq!(
            ask(&mut client, &worker, "read", &read).await.unwrap(),
            "hello"
        );
        let file = format!("/data/{class}.txt");
        let write = [("path", text(&file)), ("bytes", json!(100))];
        tell(&mut client, &worker, "write", &write).await;
        let outside = [("path", text("/etc/passwd"))];
        ask(&mut client, &worker, "read", &outside)
            .await
            .unwrap_err();
        let written = granted.path().join(format!("{class}.txt"));
        assert_eq!(std::fs::read(&written).unwrap().len(), 100);
    }
    let worker = (add(&mut client, "files", "files").await, "files");
    let moved = [
        ("from", text("/data/files.txt")),
        ("to", text("/data/moved.txt")),
    ];
    tell(&mut client, &worker, "rename", &moved).await;
    assert!(granted.path().join("moved.txt").exists());
    let removed = [("path", text("/data/moved.txt"))];
    tell(&mut client, &worker, "remove", &removed).await;
    assert!(!granted.path().join("moved.txt").exists());
}

/// `ewh serve` of the tenants `lab` and `other` below `data`.
fn serve(data: &Path, isolation: &str, more: &str) -> Host {
    let believed = data.join("believed");
    std::fs::create_dir_all(&believed).unwrap();
    Authority::new().write(&believed);
    let list = data.join("tenants.toml");
    let tenants = format!(
        "[[tenant]]\nname = \"other\"\nport = 0\n[[tenant]]\nname = \"lab\"\nport = 0\n{more}"
    );
    std::fs::write(&list, tenants).unwrap();
    let mut command = tokio::process::Command::new(super::EWH);
    command
        .args(["--cache-dir".as_ref(), data.join("cache").as_os_str()])
        .args(["--ca".as_ref(), data.join("believed/ca.pem").as_os_str()])
        .env("DOCKER_CONFIG", data.join("logins"))
        .args(["serve", "--json", "--isolation", isolation, "--tenants"])
        .args([list.as_os_str(), "--data".as_ref(), data.as_os_str()]);
    Host::run(command)
}

#[tokio::test]
async fn no_policy_grants_what_belongs_to_the_host_or_to_a_tenant() {
    let data = tempfile::tempdir().unwrap();
    data_of(data.path(), "lab", "files", PROBE_FILES);
    data_of(data.path(), "other", "files", PROBE_FILES);
    let at = |name: &str| data.path().join(name);
    std::fs::create_dir_all(at("innocent/deep")).unwrap();
    std::fs::create_dir_all(at("logins")).unwrap();
    for (to, link) in [
        ("..", "innocent/up"),
        ("other", "friend"),
        ("lab/policies", "rules"),
    ] {
        std::os::unix::fs::symlink(to, at(link)).unwrap();
    }
    let grant = |place: &Path, mode: &str| {
        let place = place.display();
        format!("[[files]]\nhost = \"{place}\"\nguest = \"/data\"\nmode = \"{mode}\"\n")
    };
    let all = [
        "",
        "lab",
        "lab/policies",
        "lab/local_workers",
        "lab/files/../policies",
        "other",
        "other/files",
        "innocent/up",
        "innocent/up/other",
        "friend",
        "friend/files",
        "rules",
        "cache",
        "logins",
        "believed",
    ];
    let mut places: Vec<_> = all.map(at).to_vec();
    places.extend(["/".into(), "/proc".into(), "/proc/self".into()]);
    for (nth, place) in places.iter().enumerate() {
        let module = format!("m{nth}");
        data_of(data.path(), "lab", &module, PROBE_FILES);
        write(data.path(), &module, &grant(place, ["ro", "rw"][nth % 2]));
    }
    // The uploads of a tenant are its own.
    write(data.path(), "files", &grant(&at("lab/files"), "rw"));
    for isolation in ["none", "process"] {
        let mut host = serve(data.path(), isolation, "");
        let all = host.all(2).await;
        let mut client = all["lab"].client().await;
        for (nth, place) in places.iter().enumerate() {
            let module = format!("m{nth}");
            let asked = json!({ "module": module, "cls_module": module, "cls_name": "files" });
            let refused = client.call("add_external_worker", asked).await;
            let why = refused.expect_err(&format!("{isolation}: {}", place.display()));
            let here = data.path().to_str().unwrap();
            assert!(why.contains("policy") && !why.contains(here), "{why}");
        }
        add(&mut client, "files", "files").await;
        signal("-TERM", &host.pid());
        host.ended().await;
        // The policy of a tenant is read before anything starts.
        std::fs::write(at("default.toml"), grant(&at("other"), "ro")).unwrap();
        let host = serve(data.path(), isolation, "policy = \"default.toml\"\n");
        let code = host.ended().await;
        assert!(code.is_some_and(|code| code != 0), "{isolation}: {code:?}");
    }
}

#[tokio::test]
async fn where_the_host_listens_no_grant_reaches() {
    let data = tempfile::tempdir().unwrap();
    let (echo, _) = echo().await;
    data_of(data.path(), "lab", "sockets", PROBE_SOCKETS);
    let every = "[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.0/8\"\nports = [\"*\"]\n\
                 [[sockets]]\nprotocol = \"tcp\"\nhost = \"0.0.0.0\"\nports = [\"*\"]\n";
    write(data.path(), "sockets", every);
    for isolation in ["none", "process"] {
        let mut host = serve(data.path(), isolation, "");
        let all = host.all(2).await;
        let mut client = all["lab"].client().await;
        for class in ["sockets", "sockets2"] {
            let worker = (add(&mut client, "sockets", class).await, class);
            let exchange = async |client: &mut Client, address: String| {
                let line = [("address", text(&address)), ("line", text("hello"))];
                ask(client, &worker, "exchange", &line).await
            };
            let echoed = exchange(&mut client, format!("127.0.0.1:{echo}")).await;
            assert!(echoed.unwrap().as_str().unwrap().contains("hello"));
            for tenant in ["lab", "other"] {
                let port = all[tenant].address().rsplit(':').next().unwrap();
                for host in ["127.0.0.1", "127.0.0.2", "0.0.0.0"] {
                    let refused = exchange(&mut client, format!("{host}:{port}")).await;
                    let why = refused.unwrap_err();
                    // Nobody connects to 0.0.0.0 by WASI, whatever is granted.
                    let is_denied = why.to_lowercase().contains("denied") || host == "0.0.0.0";
                    assert!(is_denied, "{isolation}: {why}");
                }
            }
        }
        signal("-TERM", &host.pid());
        host.ended().await;
    }
}

#[tokio::test]
async fn another_policy_starts_the_process_again_with_what_it_says() {
    let data = tempfile::tempdir().unwrap();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data_of(data.path(), "lab", "files", PROBE_FILES);
    let grant = |folder: &Path| {
        let folder = folder.display();
        format!("[[files]]\nhost = \"{folder}\"\nguest = \"/data\"\nmode = \"rw\"\n")
    };
    write(data.path(), "files", &grant(one.path()));
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let first = host.next().await;
    let mut client = first.client().await;
    let worker = (add(&mut client, "files", "files").await, "files");
    let writing = [("path", text("/data/first")), ("bytes", json!(1))];
    tell(&mut client, &worker, "write", &writing).await;
    assert!(one.path().join("first").exists());
    write(data.path(), "files", &grant(two.path()));
    let second = host.next().await;
    assert_eq!(second.uuid, first.uuid);
    assert_ne!(second.pid, first.pid);
    // The kernel lets it reach the one and not the other: it is what it was started with.
    let mut client = second.client().await;
    let writing = [("path", text("/data/second")), ("bytes", json!(1))];
    tell(&mut client, &worker, "write", &writing).await;
    assert!(two.path().join("second").exists());
    assert!(!one.path().join("second").exists());
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
    tell(&mut client, &serial, "open", &open).await;
    let question = [("line", text("*IDN?")), ("ms", json!(10_000))];
    let answer = ask(&mut client, &serial, "ask", &question).await.unwrap();
    assert!(answer.as_str().unwrap().contains("THERMOMETER"), "{answer}");
    let rate = [("baud_rate", json!(19_200))];
    tell(&mut client, &serial, "fiddle", &rate).await;
    let answer = ask(&mut client, &serial, "ask", &question).await.unwrap();
    assert!(answer.as_str().unwrap().contains("THERMOMETER"), "{answer}");

    let env = (add(&mut client, "env", "env").await, "env");
    let variables = ask(&mut client, &env, "vars2", &[])
        .await
        .unwrap()
        .to_string();
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
        assert!(
            answer.as_str().unwrap().contains("over TCP"),
            "{class}: {answer}"
        );
        let address = text(&format!("127.0.0.1:{udp}"));
        let line = [("address", address), ("text", text("over UDP"))];
        let answer = ask(&mut client, &worker, "datagram", &line).await.unwrap();
        assert!(
            answer.as_str().unwrap().contains("over UDP"),
            "{class}: {answer}"
        );
        let listen = [("address", text("127.0.0.1:0"))];
        ask(&mut client, &worker, "listen", &listen).await.unwrap();
        // Nobody has the name; who asks for it lives.
        let name = [("name", text("name.invalid"))];
        ask(&mut client, &worker, "look_up", &name)
            .await
            .unwrap_err();
    }
    signal("-TERM", &host.pid());
    assert_eq!(host.ended().await, Some(0));
}
