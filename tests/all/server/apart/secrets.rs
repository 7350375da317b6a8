//! `ewh serve --secrets`: what is set before the host starts is used by the guests of its tenant, in whatever process, and
//! by nobody else.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use external_worker_artifacts::PROBE_HTTP;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::grants::{ask, text, write};
use super::{EWH, Host, Serving, add, data_of, signal};

const VALUE: &str = "t0ps3cr3t-of-the-lab";

/// Gives back the head of every request; its port, and all that it has heard.
async fn echoes() -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let start = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(format!("{start}{head}").as_bytes()).await;
            all.lock().unwrap().push_str(&head);
        }
    });
    (port, heard)
}

/// `ewh secrets` with the vault below `dir`; what it says, and whether all went well.
async fn secrets(dir: &Path, what: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(EWH);
    command.arg("secrets").args(what);
    command.arg("--secrets").arg(dir.join("vault"));
    command.arg("--secrets-key").arg(dir.join("key"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    // One that reads none may have ended.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = process.wait_with_output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// What a guest of a tenant gets that sends the secret.
async fn present(serving: &Serving, port: u16) -> Result<String, String> {
    let mut client = serving.client().await;
    let worker = (add(&mut client, "http", "http").await, "http");
    let asked = [
        ("url", text(&format!("http://127.0.0.1:{port}/"))),
        ("header", text("authorization")),
        ("value", text("Bearer {{secret:key}}")),
    ];
    let answer = ask(&mut client, &worker, "present", &asked).await;
    let shown = |answer| format!("{answer:?}");
    answer.map(|answer| answer.to_string()).map_err(shown)
}

#[tokio::test]
async fn a_tenants_guests_use_what_was_set_for_it_in_whatever_process() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        let (port, heard) = echoes().await;
        let policy = format!(
            "[[http]]\nhost = \"127.0.0.1\"\nports = [{port}]\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n"
        );
        let tenants = ["lab", "other"];
        let listed = tenants.map(|name| format!("[[tenant]]\nname = \"{name}\"\nport = 0\n"));
        std::fs::write(data.path().join("tenants.toml"), listed.concat()).unwrap();
        for tenant in tenants {
            data_of(data.path(), tenant, "http", PROBE_HTTP);
            let policies = data.path().join(tenant).join("policies");
            std::fs::create_dir_all(&policies).unwrap();
            std::fs::write(policies.join("http.toml"), &policy).unwrap();
        }
        let set = ["set", "key", "--tenant", "lab"];
        let (is_set, said) = secrets(data.path(), &set, &format!("{VALUE}\n")).await;
        assert!(is_set && !said.contains(VALUE), "{said}");
        let (_, listed) = secrets(data.path(), &["list"], "").await;
        assert!(
            listed.contains("lab  key") && !listed.contains(VALUE),
            "{listed}"
        );

        let mut command = Command::new(EWH);
        command.args(["serve", "--json", "--isolation", isolation]);
        for (option, file) in [
            ("--tenants", "tenants.toml"),
            ("--data", ""),
            ("--secrets", "vault"),
            ("--secrets-key", "key"),
        ] {
            command.arg(option).arg(data.path().join(file));
        }
        let mut host = Host::run(command);
        let all = host.all(2).await;
        let got = present(&all["lab"], port).await.unwrap();
        assert!(
            got.contains("{{secret:key}}") && !got.contains(VALUE),
            "{got}"
        );
        let expected = format!("authorization: Bearer {VALUE}\r\n");
        assert!(heard.lock().unwrap().contains(&expected), "{isolation}");
        let refused = present(&all["other"], port).await.unwrap_err();
        assert!(!refused.contains(VALUE), "{refused}");
        let (is_open, said) = secrets(data.path(), &["list"], "").await;
        assert!(!is_open && said.contains("another process holds"), "{said}");
        if isolation == "process" {
            // The next process is told, too.
            signal("-KILL", &all["lab"].pid);
            let again = host.next().await;
            heard.lock().unwrap().clear();
            present(&again, port).await.unwrap();
            assert!(heard.lock().unwrap().contains(&expected));
        }
    }
}

#[tokio::test]
async fn no_policy_grants_the_vault() {
    let data = tempfile::tempdir().unwrap();
    let set = ["set", "key", "--tenant", "lab"];
    assert!(secrets(data.path(), &set, VALUE).await.0);
    data_of(data.path(), "lab", "http", PROBE_HTTP);
    let vault = data.path().join("vault");
    let vault = vault.to_str().unwrap();
    write(
        data.path(),
        "all",
        &format!("[[files]]\nhost = {vault:?}\nguest = \"/files\"\n"),
    );
    let mut command = Command::new(EWH);
    command.args(["serve", "--json", "--port", "0", "--name", "lab"]);
    for (option, file) in [
        ("--policy", "lab/policies/all.toml"),
        ("--data", "lab"),
        ("--secrets", "vault"),
        ("--secrets-key", "key"),
    ] {
        command.arg(option).arg(data.path().join(file));
    }
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let is_named = said.contains("the secrets of all tenants");
    assert!(!output.status.success() && is_named, "{said}");
}
