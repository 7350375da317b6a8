//! Modules from an OCI registry: a real one, started here on a port that nobody else has, and one
//! that lies.

use std::fs;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use external_worker_host::worker::package::{
    OciLogin, OciReference, Package, PackageProblem, Packages,
};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const WASM: &str = "application/wasm";
const USER: &str = "somebody";
const PASSWORD: &str = "open sesame";
/// The password, hashed with bcrypt: the only hash that the registry takes.
const PASSWORD_FILE: &str =
    "somebody:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";

/// Debian's `docker-registry`, until it is dropped.
struct Registry {
    process: Child,
    address: String,
    dir: TempDir,
    login: Option<OciLogin>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    fn start(login: Option<OciLogin>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        fs::write(dir.path().join("users"), PASSWORD_FILE).unwrap();
        let auth = login
            .as_ref()
            .map(|_| json!({"htpasswd": {"realm": "here", "path": format!("{root}/users")}}));
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": format!("{root}/data")}},
            "http": {"addr": "127.0.0.1:0", "secret": "for this test"},
        });
        config
            .as_object_mut()
            .unwrap()
            .extend(auth.map(|auth| ("auth".to_owned(), auth)));
        // JSON is YAML.
        let path = dir.path().join("config.yml");
        fs::write(&path, config.to_string()).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry of Debian's package of this name is needed");
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the registry ended");
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split('"').next().unwrap().to_owned();
            }
        };
        // It would block on a log that nobody reads.
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Self {
            process,
            address,
            dir,
            login,
        }
    }

    fn reference(&self, rest: &str) -> OciReference {
        format!("{}/{rest}", self.address).parse().unwrap()
    }

    /// Puts one layer there under a tag, and returns the digest of its manifest.
    fn push(&self, repository: &str, tag: &str, kind: &str, layer: &[u8]) -> String {
        let describe = |kind: &str, content: &[u8]| {
            let begin = format!("/v2/{repository}/blobs/uploads/");
            let (status, head) = self.request("POST", &begin, kind, b"");
            assert_eq!(status, 202, "{head}");
            let location = header(&head, "location");
            let (_, path) = location.split_once(&self.address).unwrap();
            let path = format!("{path}&digest={}", digest(content));
            let (status, head) = self.request("PUT", &path, "application/octet-stream", content);
            assert_eq!(status, 201, "{head}");
            json!({"mediaType": kind, "digest": digest(content), "size": content.len()})
        };
        let config = describe("application/vnd.wasm.config.v0+json", b"{}");
        let layer = describe(kind, layer);
        let manifest = manifest(&config, &layer);
        let path = format!("/v2/{repository}/manifests/{tag}");
        let (status, head) = self.request("PUT", &path, IMAGE, manifest.as_bytes());
        assert_eq!(status, 201, "{head}");
        digest(manifest.as_bytes())
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let login = self.login.as_ref().map(|login| {
            let words = format!("{}:{}", login.user, login.password);
            format!("Authorization: Basic {}\r\n", base64(words.as_bytes()))
        });
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n{}\r\n",
            self.address,
            body.len(),
            login.unwrap_or_default()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut child = Command::new("base64")
        .arg("-w0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().unwrap().1.to_owned()
}

fn digest(content: &[u8]) -> String {
    let digits = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("sha256:{digits}")
}

fn manifest(config: &Json, layer: &Json) -> String {
    json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]}).to_string()
}

/// A component with nothing in it but a manifest.
fn component(name: &str, version: &str) -> Vec<u8> {
    let manifest = json!({"version": 1, "name": name, "package-version": version}).to_string();
    let section = b"external-worker:manifest";
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).ok().filter(|n| *n < 128).unwrap();
    let content = [&[length(section)], &section[..], manifest.as_bytes()].concat();
    [&b"\0asm\x0d\0\x01\0"[..], &[0, length(&content)], &content].concat()
}

fn module(version: &str) -> Vec<u8> {
    let manifest =
        format!("name = \"packed\"\nversion = \"{version}\"\ncomponents = [\"worker.wasm\"]\n");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("ewh-module.toml", manifest.as_bytes()),
        ("worker.wasm", &component("inner", "0.0.1")),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn packages() -> (TempDir, Packages) {
    let data = tempfile::tempdir().unwrap();
    let packages = Packages::open(data.path()).unwrap();
    (data, packages)
}

fn named(package: &Package) -> (&str, String) {
    let manifest = &package.manifest;
    (&manifest.name, manifest.version.to_string())
}

#[tokio::test]
async fn a_module_comes_from_a_registry_and_is_pinned() {
    let registry = Registry::start(None);
    let first = registry.push("team/worker", "1.0.0", WASM, &component("carried", "1.0.0"));
    let (_data, packages) = packages();
    let by_tag = registry.reference("team/worker:1.0.0");
    let added = packages.add_oci(&by_tag, None).await.unwrap();
    assert_eq!(named(&added), ("carried", "1.0.0".to_owned()));
    assert_eq!(added.source, format!("{by_tag}@{first}"));
    let kept = fs::read(&added.components()[0]).unwrap();
    assert_eq!(kept, component("carried", "1.0.0"));
    added.verify().unwrap();

    // Somebody moves the tag. What was pinned stays what it was.
    registry.push("team/worker", "1.0.0", WASM, &component("carried", "6.6.6"));
    packages.remove("carried", None).unwrap();
    let pinned: OciReference = added.source.parse().unwrap();
    let again = packages.add_oci(&pinned, None).await.unwrap();
    assert_eq!(again, added);
    let moved = packages.add_oci(&by_tag, None).await.unwrap();
    assert_eq!(named(&moved), ("carried", "6.6.6".to_owned()));
}

#[tokio::test]
async fn a_module_may_be_an_archive_and_a_component_may_have_its_name_from_the_reference() {
    let registry = Registry::start(None);
    registry.push(
        "packed",
        "v1",
        "application/vnd.funcnodes.module.v1+zip",
        &module("2.3.4"),
    );
    registry.push("team/nameless", "3.0.0", WASM, &component("", ""));
    registry.push("text", "v1", "text/plain", b"no module");
    let (_data, packages) = packages();
    let packed = packages
        .add_oci(&registry.reference("packed:v1"), None)
        .await
        .unwrap();
    assert_eq!(named(&packed), ("packed", "2.3.4".to_owned()));
    let nameless = registry.reference("team/nameless:3.0.0");
    let nameless = packages.add_oci(&nameless, None).await.unwrap();
    assert_eq!(named(&nameless), ("nameless", "3.0.0".to_owned()));
    let refused = [
        ("text:v1", "none of its layers"),
        ("packed:v2", "no such thing"),
    ];
    for (rest, part) in refused {
        let problem = packages
            .add_oci(&registry.reference(rest), None)
            .await
            .unwrap_err();
        assert!(problem.to_string().contains(part), "{problem}");
    }
    assert_eq!(packages.list().packages.len(), 2);
}

#[tokio::test]
async fn what_was_changed_in_the_registry_is_found_out() {
    let registry = Registry::start(None);
    let content = component("carried", "1.0.0");
    registry.push("worker", "1.0.0", WASM, &content);
    let digits = digest(&content).split_off("sha256:".len());
    let stored = registry.dir.path().join(format!(
        "data/docker/registry/v2/blobs/sha256/{}/{digits}/data",
        &digits[..2]
    ));
    assert_eq!(fs::read(&stored).unwrap(), content);
    fs::write(&stored, component("carried", "1.0.1")).unwrap();
    let (_data, packages) = packages();
    let reference = registry.reference("worker:1.0.0");
    let problem = packages.add_oci(&reference, None).await.unwrap_err();
    assert!(problem.to_string().contains("digest"), "{problem}");
    assert!(packages.list().packages.is_empty());
}

#[tokio::test]
async fn a_registry_with_a_login_asks_for_it() {
    let login = OciLogin {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let registry = Registry::start(Some(login.clone()));
    registry.push("worker", "1.0.0", WASM, &component("carried", "1.0.0"));
    let (_data, packages) = packages();
    let reference = registry.reference("worker:1.0.0");
    let wrong = OciLogin {
        password: "close sesame".to_owned(),
        ..login.clone()
    };
    for refused in [None, Some(&wrong)] {
        let problem = packages.add_oci(&reference, refused).await.unwrap_err();
        assert!(problem.to_string().contains("login"), "{problem}");
        assert!(!format!("{problem:?}").contains("sesame"), "{problem:?}");
    }
    packages.add_oci(&reference, Some(&login)).await.unwrap();
}

/// A registry that answers each request as `answers` says, by the request's path, and keeps the
/// heads of the requests. An answer without an end is sent until the other side has enough.
fn liar(answers: Vec<(String, String)>) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(Mutex::new(String::new()));
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap() == 0 {
                    break;
                }
            }
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut heard = hears.lock().unwrap();
            heard.push_str(&head);
            // The registry is asked again once it has given a token.
            let asked_before = heard.matches(&format!("GET {path} ")).count() > 1;
            drop(heard);
            let mut fitting = answers
                .iter()
                .filter(|(end, _)| path.contains(end.as_str()));
            let first = fitting.next();
            let answer = fitting.next().filter(|_| asked_before).or(first);
            let answer = answer.map_or("HTTP/1.1 404 No\r\n\r\n", |(_, answer)| answer);
            let mut stream = stream.into_inner();
            let mut sent = stream.write_all(answer.as_bytes());
            while answer.contains("chunked") && sent.is_ok() {
                sent =
                    stream.write_all(&[b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat());
            }
        }
    });
    (address, heard)
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn refused_by(answers: Vec<(&str, String)>, login: Option<&OciLogin>) -> (String, String) {
    let answers = answers
        .into_iter()
        .map(|(path, answer)| (path.to_owned(), answer));
    let (address, heard) = liar(answers.collect());
    let (_data, packages) = packages();
    let reference: OciReference = format!("{address}/worker:1").parse().unwrap();
    let problem = packages.add_oci(&reference, login).await.unwrap_err();
    assert!(
        matches!(problem, PackageProblem::Registry { .. }),
        "{problem}"
    );
    assert!(
        !problem.public().contains("answered"),
        "{}",
        problem.public()
    );
    let heard = heard.lock().unwrap().clone();
    (problem.to_string(), heard)
}

#[tokio::test]
async fn a_registry_that_lies_gets_nowhere() {
    let wasm = component("carried", "1.0.0");
    let layer = |size: usize| {
        let layer = json!({"mediaType": WASM, "digest": digest(&wasm), "size": size});
        answer(&manifest(&json!({}), &layer))
    };
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let redirect = |to: &str| {
        format!(
            "HTTP/1.1 307 There\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let challenge = |realm: &str| {
        format!(
            "HTTP/1.1 401 Who\r\nConnection: close\r\nWWW-Authenticate: Bearer realm=\"{realm}\",service=\"x\"\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    let table = [
        (
            vec![("manifests", endless.clone())],
            "more than 1048576 bytes",
        ),
        (
            vec![("manifests", layer(wasm.len())), ("blobs", endless)],
            "more than",
        ),
        (vec![("manifests", layer(1 << 40))], "allowed"),
        (
            vec![("manifests", layer(5)), ("blobs", answer("other"))],
            "digest",
        ),
        (
            vec![("manifests", redirect("http://registry.example/x"))],
            "redirect",
        ),
        (
            vec![("manifests", redirect("/v2/worker/manifests/1"))],
            "redirect",
        ),
        (
            vec![("manifests", challenge("http://registry.example/token"))],
            "without TLS",
        ),
        (
            vec![("manifests", challenge("nonsense"))],
            "where to get a token",
        ),
        (
            vec![(
                "manifests",
                "HTTP/1.1 500 s3cr3t\r\nConnection: close\r\n\r\n".to_owned(),
            )],
            "answered 500",
        ),
    ];
    for (answers, part) in table {
        let (problem, _) = refused_by(answers, None).await;
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_login_and_used_without_it() {
    let login = OciLogin {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let realm = format!("http://{}/token", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).unwrap();
        }
        let token = answer(r#"{"token": "t0ken"}"#);
        stream.into_inner().write_all(token.as_bytes()).unwrap();
        head
    });
    let challenge = format!(
        "HTTP/1.1 401 Who\r\nConnection: close\r\nWWW-Authenticate: Bearer realm=\"{realm}\",service=\"here\"\r\n\
         Connection: close\r\nContent-Length: 0\r\n\r\n"
    );
    let answers = vec![("manifests", challenge), ("manifests", answer("{}"))];
    let (problem, heard) = refused_by(answers, Some(&login)).await;
    assert!(problem.contains("manifest cannot be read"), "{problem}");
    let asked = asked.join().unwrap();
    assert!(
        asked.starts_with("GET /token?scope=repository%3Aworker%3Apull&service=here "),
        "{asked}"
    );
    let basic = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()));
    assert!(asked.contains(&basic), "{asked}");
    assert!(
        heard.contains("Bearer t0ken") && !heard.contains("Basic"),
        "{heard}"
    );
}

#[test]
fn what_a_registry_has_is_validated_without_being_installed() {
    let registry = Registry::start(None);
    let cache = fs::read(external_worker_artifacts::CACHE).unwrap();
    registry.push("team/cache", "1.0.0", WASM, &cache);
    registry.push("team/empty", "1.0.0", WASM, &component("empty", "1.0.0"));
    let validate = |rest: &str| {
        let reference = registry.reference(rest).to_string();
        let mut ewh = std::process::Command::new(env!("CARGO_BIN_EXE_ewh-under-test"));
        ewh.args(["validate", &reference]).status().unwrap().code()
    };
    assert_eq!(validate("team/cache:1.0.0"), Some(0));
    assert_eq!(validate("team/empty:1.0.0"), Some(1), "it has no worker");
    assert_eq!(validate("team/none:1.0.0"), Some(2), "there is none");
}
