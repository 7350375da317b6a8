//! Registries are strangers: whatever one serves, `ewh module add` ends with a sentence, in little memory, and
//! asks nobody whom it was not to ask.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::house::{Cost, EWH, Resident};
use crate::scene::Scene;
use crate::table::{Row, made};

/// How long it may go on.
const WITHIN: Duration = Duration::from_secs(20);
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What a registry answers to a path, and whether it goes on for ever.
type Answers = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        of(
            "registry/manifest_endless",
            "Is a registry whose manifest has no end",
            "refused",
            || Arc::new(|_| ENDLESS.into()),
        ),
        of(
            "registry/layer_endless",
            "Is a registry whose layer is a terabyte, and has no end",
            "refused",
            || {
                Arc::new(|path| match path.contains("blobs") {
                    true => ENDLESS.into(),
                    false => image(1 << 40),
                })
            },
        ),
        of(
            "registry/indexes",
            "Is a registry whose index leads to an index, a hundred times over",
            "refused",
            || {
                let mut chain = vec![indexes(&[(IMAGE, b"{}".to_vec())])];
                for _ in 0..100 {
                    let next = indexes(&[(INDEX, chain.last().cloned().unwrap_or_default())]);
                    chain.push(next);
                }
                Arc::new(move |path| {
                    let of = |document: &&Vec<u8>| path.ends_with(&digest(document));
                    let last = chain.last();
                    answer(chain.iter().find(of).or(last).map_or(b"", |it| it))
                })
            },
        ),
        of(
            "registry/index_wide",
            "Is a registry whose index lists five thousand manifests",
            "refused",
            || {
                let one = (INDEX, b"{}".to_vec());
                let wide = indexes(&vec![one; 5_000]);
                Arc::new(move |_| answer(&wide))
            },
        ),
        of(
            "registry/tree",
            "Is a registry whose manifest is a hundred times as large as a tree",
            "refused",
            || {
                let tree = format!("[{}]", vec![r#"{"":0}"#; 145_000].join(","));
                Arc::new(move |_| answer(tree.as_bytes()))
            },
        ),
        of(
            "registry/headers",
            "Is a registry that sends headers without end",
            "refused",
            || {
                Arc::new(|_| {
                    [
                        b"HTTP/1.1 200 OK\r\n",
                        "x: y\r\n".repeat(1 << 20).as_bytes(),
                    ]
                    .concat()
                })
            },
        ),
        of(
            "registry/sends_around",
            "Is a registry that sends whoever asks it from one place to the next",
            "refused",
            || {
                Arc::new(|path| {
                    format!("HTTP/1.1 307 There\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n")
                        .into_bytes()
                })
            },
        ),
        of(
            "registry/token_endless",
            "Is a registry whose place for tokens gives one without an end",
            "refused",
            || {
                Arc::new(|path| {
                    match path.contains("token") {
                    true => ENDLESS.into(),
                    false => b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://HERE/token\"\r\n\
                               Content-Length: 0\r\n\r\n"
                        .to_vec(),
                }
                })
            },
        ),
    ]
}

/// The head of an answer that goes on as long as it is taken.
const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let digits = digits.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

fn described(kind: &str, bytes: &[u8]) -> serde_json::Value {
    json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

fn indexes(of: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let manifests: Vec<_> = of.iter().map(|(kind, it)| described(kind, it)).collect();
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests })
        .to_string()
        .into_bytes()
}

/// A manifest with a layer that says it is so large.
fn image(size: u64) -> Vec<u8> {
    let mut layer = described("application/wasm", b"");
    layer["size"] = size.into();
    let config = described("application/vnd.wasm.config.v0+json", b"{}");
    let image =
        json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer] });
    answer(image.to_string().as_bytes())
}

fn of(
    attack: &'static str,
    tries: &'static str,
    expected: &'static str,
    answers: fn() -> Answers,
) -> Row {
    made(attack, tries, expected, move |scene| async move {
        let done = tokio::task::spawn_blocking(move || {
            // What it takes to ask one that answers with nothing is no growth.
            let (_, usual) = adds(&scene, &(Arc::new(|_: &str| answer(b"")) as Answers));
            let (said, most) = adds(&scene, &answers());
            scene.cost(Cost {
                growth: most.saturating_sub(usual),
                ..Cost::default()
            });
            said
        });
        done.await.unwrap()
    })
}

/// Adds a module from a registry that answers so: what came of it, and the memory that it took.
fn adds(scene: &Scene, answers: &Answers) -> (String, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (counts, answers) = (Arc::clone(&asked), Arc::clone(answers));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counts.fetch_add(1, Ordering::Relaxed);
            if !serves(stream, at.port(), &answers) {
                return;
            }
        }
    });
    let mut process = Command::new(EWH)
        .args(["module", "add", &format!("{at}/lab/worker:1"), "--data"])
        .arg(scene.dir().join("data"))
        .env("HOME", scene.dir())
        .env_remove("DOCKER_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(scene.dir().join("said")).unwrap())
        .spawn()
        .unwrap();
    let resident = Resident::watch(process.id());
    let begin = Instant::now();
    let ended = loop {
        match process.try_wait() {
            Ok(Some(ended)) => break Some(ended),
            _ if begin.elapsed() > WITHIN => break None,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let most = resident.growth();
    let _ = process.kill();
    let _ = process.wait();
    // Its thread ends with this.
    let _ = TcpStream::connect(at).and_then(|mut stream| stream.write_all(END));
    let said = std::fs::read_to_string(scene.dir().join("said")).unwrap_or_default();
    let asked = asked.load(Ordering::Relaxed);
    let said = match ended {
        None => "it goes on".to_owned(),
        Some(ended) if ended.success() => "taken".to_owned(),
        Some(_) if said.contains("panicked") => format!("it panicked: {said}"),
        Some(_) if asked > 50 => format!("refused after {asked} requests"),
        Some(_) => "refused".to_owned(),
    };
    (said, most)
}

/// What ends a registry.
const END: &[u8] = b"END";

/// Answers one request; whether another is to be waited for.
fn serves(mut stream: TcpStream, port: u16, answers: &Answers) -> bool {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = stream.set_write_timeout(Some(Duration::from_secs(2)));
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(read @ 1..) => head.extend(&part[..read]),
            _ => return head != END,
        }
        if head == END {
            return false;
        }
        if !head.starts_with(b"GET") && !head.starts_with(b"HEAD") {
            // A greeting of TLS.
            return true;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mut said = answers(path);
    if said.len() < 1_000 {
        let text = String::from_utf8_lossy(&said).replace("HERE", &format!("127.0.0.1:{port}"));
        said = text.into_bytes();
    }
    let mut sent = stream.write_all(&said);
    let begin = Instant::now();
    while said == ENDLESS && sent.is_ok() && begin.elapsed() < WITHIN {
        sent = stream.write_all(&[b"10000\r\n", &[b' '; 0x10000][..], b"\r\n"].concat());
    }
    true
}
