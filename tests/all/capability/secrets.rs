//! Secrets that a guest uses and never has, against a server that gives back all that it hears, in every way that it can.
//! All bytes that a guest, a client, an operator or a disk gets are searched.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use external_worker_artifacts::PROBE_HTTP;
use external_worker_control::model::{Ask, Told};
use external_worker_host::audit::{Auditor, Kind, Log, Options, Record};
use external_worker_host::policy::Policy;
use external_worker_host::server::full;
use external_worker_host::worker::{NewInstance, Secrets, Worker, WorkerOptions};
use external_worker_secrets::redact::Redactions;
use external_worker_secrets::{Secret, SecretName};
use external_worker_tests::engine;
use external_worker_tests::logged::Logged;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// With signs that are spelled otherwise in base64, in addresses and in JSON.
const VALUE: &str = "t0ps3cr3t/with+signs&\"quotes\"=end";
const OTHER: &str = "an0ther-s3cr3t-value";
/// Set in the process that listens to its log.
const ALONE: &str = "EWH_SECRETS";

/// A server that gives back the head of each request: in a header, in the body, in pieces, and in other spellings.
#[derive(Clone, Default)]
struct Echo {
    heard: Arc<Mutex<String>>,
}

impl Echo {
    async fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = self.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                echo.heard.lock().unwrap().push_str(&head);
                let _ = stream.write_all(&echo.answer()).await;
            }
        });
        port
    }

    /// Everything that it has heard so far, also from requests before.
    fn answer(&self) -> Vec<u8> {
        let heard = self.heard.lock().unwrap().clone();
        let base64 = data_encoding::BASE64.encode(heard.as_bytes());
        let json = serde_json::to_string(&heard).unwrap();
        let percent: String = heard.bytes().map(percent).collect();
        let body = format!("{heard}\n{base64}\n{json}\n{percent}");
        let mut lines = heard
            .lines()
            .filter(|line| line.starts_with("authorization"));
        let echoed = lines.next_back().unwrap_or("none");
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nx-echo: {echoed}\r\ntransfer-encoding: chunked\r\n\r\n");
        // In pieces that cut it anywhere.
        let letters: Vec<char> = body.chars().collect();
        for piece in letters.chunks(7) {
            let piece: String = piece.iter().collect();
            answer.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
        }
        answer.push_str("0\r\n\r\n");
        answer.into_bytes()
    }
}

fn percent(byte: u8) -> String {
    match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    }
}

fn secrets() -> BTreeMap<SecretName, Secret> {
    let secret = |(name, value): (&str, &str)| {
        let value = Secret::copy_from(value.as_bytes()).unwrap();
        (name.parse().unwrap(), value)
    };
    BTreeMap::from([("key", VALUE), ("other", OTHER)].map(secret))
}

fn policy(port: u16) -> String {
    format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{port}]\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n\
         [[http]]\nhost = \"*\"\nports = [{port}]\nmethods = [\"GET\"]\nsecrets = [\"key\"]\n\
         [[http]]\nhost = \"localhost\"\nports = [{port}]\nmethods = [\"GET\"]\n\
         [config]\nsecrets = [\"key\"]\n"
    )
}

struct Site {
    dir: tempfile::TempDir,
    worker: Worker,
    log: Log,
    port: u16,
}

impl Site {
    async fn new(echo: &Echo) -> Self {
        let port = echo.start().await;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for folder in ["local_workers", "policies"] {
            std::fs::create_dir_all(data.join(folder)).unwrap();
        }
        std::fs::copy(PROBE_HTTP, data.join("local_workers/probe.wasm")).unwrap();
        std::fs::write(data.join("policies/probe.toml"), policy(port)).unwrap();
        let log = Log::open(&dir.path().join("audit"), &Options::default()).unwrap();
        let options = WorkerOptions {
            quotas: external_worker_host::worker::Quotas::default(),
            data,
            name: None,
            policy: Policy::default().into(),
            engine: engine().clone(),
            auditor: Auditor::new(log.clone()).of_tenant("lab"),
            secrets: Secrets::new(secrets()),
        };
        let worker = Worker::open(options).await.unwrap();
        worker.started().await;
        Self {
            dir,
            worker,
            log,
            port,
        }
    }

    async fn add(&self, class: &str) -> String {
        self.add_with(class, json!({})).await.unwrap()
    }

    /// One more, or why there is none.
    async fn add_with(&self, class: &str, config: Json) -> Result<String, String> {
        let new = NewInstance {
            config: Some(config),
            ..NewInstance::default()
        };
        let added = self.worker.add_instance("probe", class, new).await;
        added
            .map(|added| added.uuid)
            .map_err(|error| format!("{error} {error:?} {}", error.public()))
    }

    /// What a guest gets that sends a header, or why it gets nothing.
    async fn present(
        &self,
        uuid: &str,
        place: (&str, String),
        header: (&str, &str),
    ) -> Result<String, String> {
        let (name, value) = header;
        let inputs = [
            (place.0, json!(place.1)),
            ("header", json!(name)),
            ("value", json!(value)),
        ];
        let ask = Ask::Call {
            uuid: uuid.to_owned(),
            method: "present".to_owned(),
            inputs: inputs.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        match self.worker.answer(ask).await {
            Ok(Told::Outputs(outputs)) => {
                let text = |value: &Json| value.as_str().map(str::to_owned);
                Ok(outputs.values().find_map(text).unwrap())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(format!("{error} {error:?} {}", error.public())),
        }
    }

    /// Whether a text is anywhere in the memory of a guest, which looks itself.
    async fn holds(&self, uuid: &str, text: &str) -> bool {
        let turned: String = text.bytes().map(|byte| char::from(byte ^ 1)).collect();
        let ask = Ask::Call {
            uuid: uuid.to_owned(),
            method: "holds".to_owned(),
            inputs: [("turned".to_owned(), json!(turned))].into(),
        };
        match self.worker.answer(ask).await {
            Ok(Told::Outputs(outputs)) => outputs.values().any(|value| *value == json!(true)),
            other => panic!("{other:?}"),
        }
    }

    fn url(&self, host: &str) -> (&'static str, String) {
        ("url", format!("http://{host}:{}/", self.port))
    }
}

/// Neither secret is in `bytes`, as it is or in another spelling.
fn assert_clean(what: &str, bytes: &[u8]) {
    let secrets = secrets();
    let redactions = Redactions::new(&secrets).unwrap();
    assert!(redactions.redact(bytes).is_none(), "{what} has a secret");
    for value in [VALUE, OTHER] {
        let is_there = bytes
            .windows(value.len())
            .any(|window| window == value.as_bytes());
        assert!(!is_there, "{what} has {value}");
    }
}

fn files(dir: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, all),
            false => all.extend(std::fs::read(&path).unwrap_or_default()),
        }
    }
}

/// In a process of its own, because the log is that of the whole process.
#[test]
fn a_guest_uses_a_secret_that_nobody_gets() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "capability::secrets::in_a_process_of_its_own"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let logged = Logged::listen();
    let echo = Echo::default();
    let site = Site::new(&echo).await;
    let mut events = site.worker.subscribe();
    let mut seen: Vec<(&str, String)> = Vec::new();

    let (http, http2) = (site.add("http").await, site.add("http2").await);
    let bearer = ("authorization", "Bearer {{secret:key}}");
    let got = site
        .present(&http, site.url("127.0.0.1"), bearer)
        .await
        .unwrap();
    let expected = format!("authorization: Bearer {VALUE}\r\n");
    assert!(
        echo.heard.lock().unwrap().contains(&expected),
        "the server has it"
    );
    assert!(
        got.contains("x-echo: authorization: Bearer {{secret:key}}"),
        "{got}"
    );
    seen.push(("WASI 0.3", got));

    let login = data_encoding::BASE64.encode(b"user:{{secret:key}}");
    let basic = ("authorization", format!("Basic {login}"));
    let place = ("authority", format!("127.0.0.1:{}", site.port));
    let got = site
        .present(&http2, place, (basic.0, &basic.1))
        .await
        .unwrap();
    let expected = data_encoding::BASE64.encode(format!("user:{VALUE}").as_bytes());
    assert!(
        echo.heard.lock().unwrap().contains(&expected),
        "the server has it"
    );
    seen.push(("WASI 0.2", got));

    // The server remembers, and is asked without a placeholder; and by another name.
    for host in ["127.0.0.1", "localhost"] {
        let got = site
            .present(&http, site.url(host), ("x-plain", "a"))
            .await
            .unwrap();
        assert!(got.contains("{{secret:key}}"), "{got}");
        seen.push(("what was remembered", got));
    }

    for (place, value) in [
        // Not granted for this host; not granted at all; not there.
        (site.url("localhost"), "{{secret:key}}"),
        (site.url("127.0.0.1"), "{{secret:other}}"),
        (site.url("127.0.0.1"), "{{secret:missing}}"),
        // Granted, and everybody on the way could read it.
        (site.url("example.com"), "{{secret:key}}"),
    ] {
        let shown = format!("{place:?} {value}");
        let refused = site.present(&http, place, ("x-key", value)).await;
        seen.push(("an error", refused.expect_err(&shown)));
    }
    let heard = echo.heard.lock().unwrap().clone();
    assert!(
        !heard.contains("{{secret") && !heard.contains(OTHER),
        "{heard}"
    );

    let encoded = data_encoding::BASE64.encode(VALUE.as_bytes());
    for uuid in [&http, &http2] {
        for text in [
            VALUE,
            &VALUE[..8],
            &VALUE[VALUE.len() - 8..],
            &encoded[..8],
            OTHER,
        ] {
            assert!(!site.holds(uuid, text).await, "{text} is in its memory");
        }
        // What it sent is there: it finds what there is.
        assert!(site.holds(uuid, "secret:key}}").await);
    }

    // In a field that the schema marks as secret a guest gets one, if it is granted, and only it.
    let named = |name: &str| json!({ "$secret": name });
    let config = json!({ "token": named("key"), "host": "h" });
    let given = site.add_with("http", config.clone()).await.unwrap();
    assert!(site.holds(&given, VALUE).await, "it has it");
    for config in [
        json!({ "host": named("key") }),
        json!({ "token": named("other") }),
        json!({ "token": named("missing") }),
    ] {
        let refused = site.add_with("http", config.clone()).await;
        seen.push(("an error", refused.expect_err(&config.to_string())));
    }
    let ask = Ask::Instance {
        uuid: given.clone(),
    };
    seen.push((
        "an instance",
        format!("{:?}", site.worker.answer(ask).await.unwrap()),
    ));
    let ask = Ask::Form {
        uuid: given.clone(),
    };
    let form = format!("{:?}", site.worker.answer(ask).await.unwrap());
    assert!(form.contains("$secret"), "{form}");
    seen.push(("a form", form));
    let patch = json!({ "host": "i" });
    let ask = Ask::Configure {
        uuid: given.clone(),
        patch,
    };
    site.worker.answer(ask).await.unwrap();
    assert!(site.holds(&given, VALUE).await, "it has it still");

    seen.push(("a view", full::state(&site.worker)));
    seen.push(("a save", json!(site.worker.shared_state()).to_string()));
    while let Ok(event) = events.try_recv() {
        seen.push(("an event", format!("{event:?}")));
    }
    site.worker.saved().await.unwrap();
    site.log.append_durably(Record::new(Kind::Stop)).unwrap();
    let mut kept = Vec::new();
    files(site.dir.path(), &mut kept);
    assert_clean("the data directory and the audit log", &kept);
    let log = logged.bytes();
    assert!(!log.is_empty());
    assert_clean("the log", &log);
    for (what, text) in &seen {
        assert_clean(what, text.as_bytes());
    }

    let mut audit = Vec::new();
    files(&site.dir.path().join("audit"), &mut audit);
    let audit = String::from_utf8(audit).unwrap();
    let count = |event: &str| audit.matches(&format!("\"event\":\"{event}\"")).count();
    assert!(count("secret-read") >= 1 && count("denied") >= 4, "{audit}");
    assert!(audit.contains("`key`, in its configuration"), "{audit}");
}
