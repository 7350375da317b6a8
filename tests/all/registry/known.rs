//! Debian's `docker-registry`, until it is dropped.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use external_worker_host::registry::Reference;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{CONFIG, IMAGE, INDEX, basic, described, digest, index, manifest};
use crate::tls::Authority;

/// [`super::PASSWORD`], hashed with bcrypt: the only hash that the registry takes.
const PASSWORD_FILE: &str =
    "somebody:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";

pub struct Registry {
    process: Child,
    pub address: String,
    pub dir: TempDir,
    has_login: bool,
    tls: Option<Arc<ClientConfig>>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// One that everybody reads and writes, in the clear.
    pub fn open() -> Self {
        Self::start(false, None)
    }

    /// One with a login where wanted, and behind TLS where an authority vouches for it.
    pub fn start(has_login: bool, authority: Option<&Authority>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": format!("{root}/data")}},
            "http": {"addr": "127.0.0.1:0", "secret": "for this test"},
        });
        if has_login {
            fs::write(dir.path().join("users"), PASSWORD_FILE).unwrap();
            config["auth"] =
                json!({"htpasswd": {"realm": "here", "path": format!("{root}/users")}});
        }
        if let Some(authority) = authority {
            let (certificate, key) = authority.vouch(&["localhost", "127.0.0.1"]);
            fs::write(dir.path().join("server.pem"), certificate).unwrap();
            fs::write(dir.path().join("server.key"), key).unwrap();
            config["http"]["tls"] = json!({
                "certificate": format!("{root}/server.pem"),
                "key": format!("{root}/server.key"),
            });
        }
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
                break rest.split(['"', ',']).next().unwrap().to_owned();
            }
        };
        // It would block on a log that nobody reads.
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Self {
            process,
            address,
            dir,
            has_login,
            tls: authority.map(client),
        }
    }

    pub fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.address).parse().unwrap()
    }

    /// Puts one layer there under a tag, and returns the digest of its manifest.
    pub fn push(&self, repository: &str, tag: &str, kind: &str, layer: &[u8]) -> String {
        let manifest = self.manifest(repository, kind, layer);
        self.put(repository, tag, IMAGE, &manifest)
    }

    /// Puts an index there, which leads to the layer for our platform and to another for others.
    pub fn push_index(&self, repository: &str, tag: &str, kind: &str, layer: &[u8]) -> String {
        let [ours, other] = [layer, b"other"].map(|layer| {
            let manifest = self.manifest(repository, kind, layer);
            self.put(repository, &digest(manifest.as_bytes()), IMAGE, &manifest);
            manifest
        });
        self.put(repository, tag, INDEX, &index(&ours, &other))
    }

    fn manifest(&self, repository: &str, kind: &str, layer: &[u8]) -> String {
        let config = self.blob(repository, CONFIG, b"{}");
        manifest(&config, &self.blob(repository, kind, layer))
    }

    fn blob(&self, repository: &str, kind: &str, content: &[u8]) -> Json {
        let begin = format!("/v2/{repository}/blobs/uploads/");
        let (status, head) = self.request("POST", &begin, kind, b"");
        assert_eq!(status, 202, "{head}");
        let location = header(&head, "location");
        let (_, path) = location.split_once(&self.address).unwrap();
        let path = format!("{path}&digest={}", digest(content));
        let (status, head) = self.request("PUT", &path, "application/octet-stream", content);
        assert_eq!(status, 201, "{head}");
        described(kind, content)
    }

    /// A manifest that is there.
    pub fn content(&self, repository: &str, version: &str) -> String {
        let path = format!("/v2/{repository}/manifests/{version}");
        let (status, answer) = self.request("GET", &path, INDEX, b"");
        assert_eq!(status, 200, "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub fn put(&self, repository: &str, version: &str, kind: &str, manifest: &str) -> String {
        let path = format!("/v2/{repository}/manifests/{version}");
        let (status, head) = self.request("PUT", &path, kind, manifest.as_bytes());
        assert_eq!(status, 201, "{head}");
        digest(manifest.as_bytes())
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let login = if self.has_login {
            format!("Authorization: {}\r\n", basic())
        } else {
            String::new()
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Accept: {kind}\r\nContent-Length: {}\r\n{login}\r\n",
            self.address,
            body.len(),
        );
        let mut stream = self.connect();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        let Some(tls) = &self.tls else {
            return Box::new(stream);
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::clone(tls), name).unwrap();
        Box::new(StreamOwned::new(connection, stream))
    }
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn client(authority: &Authority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().unwrap().1.to_owned()
}
