//! A small registry that answers as the large ones do: tokens from a place of its own, layers from a store
//! that wants no login, an index for every image, limits in its headers. It has the names of the large
//! ones, as far as a proxy that everything goes through leads to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value as Json, json};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{
    CONFIG, IMAGE, INDEX, PASSWORD, USER, WASM, add, basic, component, described, digest, ewh,
    index, manifest,
};
use crate::tls::Authority;

/// A request that came, to whichever host.
#[derive(Debug, Clone)]
struct Asked {
    host: String,
    path: String,
    headers: BTreeMap<String, String>,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A status, headers and a body.
type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Everything behind the proxy.
struct Internet {
    proxy: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    home: tempfile::TempDir,
    ca: String,
}

impl Internet {
    fn of(hosts: &'static [&'static str], answer: fn(&Asked, usize) -> Answer) -> Self {
        let authority = Authority::new();
        let home = tempfile::tempdir().unwrap();
        let ca = authority.write(home.path()).to_str().unwrap().to_owned();
        let tls = authority.server(hosts);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &tls, hosts, &hears, answer);
            }
        });
        Self {
            proxy,
            asked,
            home,
            ca,
        }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [("HTTPS_PROXY", &self.proxy), ("SSL_CERT_FILE", &self.ca)]
    }

    fn add(&self, reference: &str) -> Result<Json, String> {
        add(self.home(), reference, &[], &self.variables())
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// One connection through the proxy: one request.
fn serve(
    stream: TcpStream,
    tls: &Arc<ServerConfig>,
    hosts: &[&str],
    asked: &Mutex<Vec<Asked>>,
    answer: fn(&Asked, usize) -> Answer,
) {
    let mut stream = BufReader::new(stream);
    let Some((line, _)) = head(&mut stream) else {
        return;
    };
    let target = line.split(' ').nth(1).unwrap();
    let host = target
        .strip_suffix(":443")
        .expect("what is secure goes to the port for it");
    assert!(
        line.starts_with("CONNECT ") && hosts.contains(&host),
        "{line}"
    );
    let mut stream = stream.into_inner();
    stream.write_all(b"HTTP/1.1 200 There\r\n\r\n").unwrap();
    let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let Some((line, headers)) = head(&mut stream) else {
        return;
    };
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let request = Asked {
        host: host.to_owned(),
        path,
        headers,
    };
    let mut all = asked.lock().unwrap();
    let before = all
        .iter()
        .filter(|other| other.path == request.path)
        .count();
    all.push(request.clone());
    drop(all);
    let (status, headers, body) = answer(&request, before);
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let stream = stream.get_mut();
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// The first line of a request, and its headers.
fn head(stream: &mut impl BufRead) -> Option<(String, BTreeMap<String, String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    });
    Some((first, headers.collect()))
}

fn plain(status: u16, body: &str) -> Answer {
    (status, Vec::new(), body.as_bytes().to_vec())
}

fn wasm() -> Vec<u8> {
    component("carried", "1.0.0")
}

fn image() -> String {
    manifest(&described(CONFIG, b"{}"), &described(WASM, &wasm()))
}

/// What both serve to whoever has a token: an index for the tag, its manifests, and where layers are.
fn content(asked: &Asked, repository: &str, store: &str) -> Answer {
    let other = manifest(&described(CONFIG, b"{}"), &described("text/plain", b"x"));
    let index = index(&image(), &other);
    let path = asked.path.strip_prefix(&format!("/v2/{repository}/"));
    let found = match path.and_then(|path| path.split_once('/')) {
        Some(("manifests", version)) => {
            for kind in [
                IMAGE,
                INDEX,
                "application/vnd.docker.distribution.manifest.v2+json",
            ] {
                assert!(asked.header("accept").contains(kind), "{asked:?}");
            }
            let known = [(INDEX, &index), (IMAGE, &image()), (IMAGE, &other)]
                .map(|(kind, content)| (kind, content.clone(), digest(content.as_bytes())));
            let is_tag = version == "1.0.0" || version == "latest";
            let mut known = known.into_iter();
            known.find(|(kind, _, digest)| version == digest || (is_tag && *kind == INDEX))
        }
        Some(("blobs", version)) if version == digest(&wasm()) => {
            let location = format!("{store}?X-Amz-Signature=s1gned");
            return (307, vec![("Location", location)], Vec::new());
        }
        _ => None,
    };
    match found {
        Some((kind, content, digest)) => {
            let limits = [
                ("RateLimit-Limit", "100;w=21600"),
                ("RateLimit-Remaining", "99;w=21600"),
            ];
            let mut headers = limits
                .map(|(name, value)| (name, value.to_owned()))
                .to_vec();
            headers.push(("Content-Type", kind.to_owned()));
            headers.push(("Docker-Content-Digest", digest));
            (200, headers, content.into_bytes())
        }
        None => plain(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
    }
}

/// Stores refuse who logs in twice: by the address and by a header.
fn stored(asked: &Asked) -> Answer {
    let is_signed = asked.path.ends_with("X-Amz-Signature=s1gned");
    if !is_signed || !asked.header("authorization").is_empty() {
        return plain(400, "<Error><Code>InvalidArgument</Code></Error>");
    }
    (200, Vec::new(), wasm())
}

const HUB: [&str; 3] = [
    "registry-1.docker.io",
    "auth.docker.io",
    "production.cloudflare.docker.com",
];

/// As the registry that everybody knows: `library/worker` is there for everybody, `team/secret` for who
/// logs in; it has had too many requests when it is first asked for a manifest with a token.
fn hub(asked: &Asked, before: usize) -> Answer {
    let repository = ["library/worker", "team/secret"]
        .into_iter()
        .find(|repository| asked.path.contains(repository));
    match asked.host.as_str() {
        "auth.docker.io" => {
            assert!(
                asked.path.contains("service=registry.docker.io"),
                "{asked:?}"
            );
            let scope = asked.path.replace("%3A", ":").replace("%2F", "/");
            let authorization = asked.header("authorization");
            if !authorization.is_empty() && authorization != basic() {
                return plain(401, r#"{"details":"incorrect username or password"}"#);
            }
            let right = match repository_of(&scope) {
                Some("team/secret") if authorization.is_empty() => "nothing",
                Some("library/worker" | "team/secret") => "reading",
                None if authorization == basic() => "somebody",
                _ => "nothing",
            };
            let answer = json!({
                "token": "", "access_token": right, "expires_in": 300,
                "issued_at": "2026-01-01T00:00:00.000000000Z",
            });
            plain(200, &answer.to_string())
        }
        "production.cloudflare.docker.com" => stored(asked),
        _ => match (asked.header("authorization"), repository) {
            ("Bearer reading", Some(_)) if before == 1 && asked.path.contains("manifests/1") => {
                (429, vec![("Retry-After", "0".to_owned())], Vec::new())
            }
            ("Bearer reading", Some(repository)) => content(
                asked,
                repository,
                "https://production.cloudflare.docker.com/blob",
            ),
            ("Bearer somebody", None) if asked.path == "/v2/" => plain(200, "{}"),
            ("", _) => {
                let scope = repository.map(|name| format!(",scope=\"repository:{name}:pull\""));
                let challenge = format!(
                    "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"{}",
                    scope.unwrap_or_default()
                );
                (401, vec![("Www-Authenticate", challenge)], Vec::new())
            }
            _ => plain(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#),
        },
    }
}

fn repository_of(scope: &str) -> Option<&str> {
    let (_, rest) = scope.split_once("scope=repository:")?;
    rest.strip_suffix(":pull")
}

#[test]
fn what_everybody_may_have_comes_from_the_hub_under_all_its_names() {
    let internet = Internet::of(&HUB, hub);
    for reference in [
        "docker.io/worker:1.0.0",
        "index.docker.io/worker:1.0.0",
        "registry-1.docker.io/library/worker:1.0.0",
    ] {
        let added = internet.add(reference).unwrap();
        let source = added["packages"][0]["source"].as_str().unwrap();
        assert!(
            source.starts_with("docker.io/library/worker:1.0.0@sha256:"),
            "{source}"
        );
        let asked = internet.asked();
        let answered = asked
            .iter()
            .filter(|asked| asked.host == "registry-1.docker.io");
        assert!(answered.count() >= 5, "{asked:?}");
        let to_store = asked.last().unwrap();
        assert_eq!(to_store.host, "production.cloudflare.docker.com");
        assert_eq!(to_store.header("authorization"), "");
        let again = internet.add(source).unwrap();
        assert_eq!(again, added);
        internet.asked();
    }
}

#[test]
fn the_hub_takes_the_login_that_is_kept_for_it() {
    let internet = Internet::of(&HUB, hub);
    let reference = "docker.io/team/secret";
    let problem = internet.add(reference).unwrap_err();
    assert!(problem.contains("ewh login docker.io"), "{problem}");
    let login = |password: &str| {
        let arguments = ["login", "docker.io", "-u", USER, "--password-stdin"];
        ewh(internet.home(), &arguments, &internet.variables(), password)
    };
    assert_eq!(login("close sesame").status.code(), Some(2));
    assert!(login(PASSWORD).status.success());
    let kept = internet.home().join(".docker/config.json");
    let kept: Json = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    let auth = basic()["Basic ".len()..].to_owned();
    assert_eq!(
        kept,
        json!({"auths": {"https://index.docker.io/v1/": {"auth": auth}}})
    );
    internet.asked();
    internet.add(reference).unwrap();
    for asked in internet.asked() {
        let is_told = asked.header("authorization") == basic();
        assert_eq!(is_told, asked.host == "auth.docker.io", "{asked:?}");
    }
}

const PACKAGES: [&str; 2] = ["packages.example", "store.packages.example"];

/// As the registry of a place where code is kept: everybody gets a token, also for what is not there for
/// them, unless that is known already.
fn kept_with_code(asked: &Asked, _before: usize) -> Answer {
    const REPOSITORY: &str = "somebody/worker";
    if asked.host == "store.packages.example" {
        return stored(asked);
    }
    if asked.path.starts_with("/token?") {
        let scope = asked.path.replace("%3A", ":").replace("%2F", "/");
        return match (asked.header("authorization"), repository_of(&scope)) {
            (login, Some(_)) if login == basic() => plain(200, r#"{"token":"bWluZQ=="}"#),
            ("", Some("somebody/worker")) => plain(200, r#"{"token":"YW55Ym9keQ=="}"#),
            _ => plain(
                403,
                r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#,
            ),
        };
    }
    match asked.header("authorization") {
        "Bearer YW55Ym9keQ==" => content(asked, REPOSITORY, "https://store.packages.example/b"),
        "Bearer bWluZQ==" => {
            let repository = if asked.path.contains("private") {
                "somebody/private"
            } else {
                REPOSITORY
            };
            content(asked, repository, "https://store.packages.example/b")
        }
        _ => {
            let challenge = "Bearer realm=\"https://packages.example/token\",\
                             service=\"packages.example\",scope=\"repository:user/image:pull\"";
            (
                401,
                vec![("WWW-Authenticate", challenge.to_owned())],
                Vec::new(),
            )
        }
    }
}

#[test]
fn a_registry_that_gives_everybody_a_token_is_read_with_a_login_and_without() {
    let internet = Internet::of(&PACKAGES, kept_with_code);
    let added = internet
        .add("packages.example/somebody/worker:1.0.0")
        .unwrap();
    assert_eq!(added["packages"][0]["name"], "carried");
    let token = internet
        .asked()
        .into_iter()
        .find(|asked| asked.path.starts_with("/token"));
    // The scope is of what is asked for, whatever the registry's example is.
    let path = token.unwrap().path;
    assert!(
        path.ends_with("scope=repository%3Asomebody%2Fworker%3Apull"),
        "{path}"
    );

    let private = "packages.example/somebody/private:1.0.0";
    let problem = internet.add(private).unwrap_err();
    assert!(problem.contains("ewh login packages.example"), "{problem}");
    let auth = basic()["Basic ".len()..].to_owned();
    let config = json!({"auths": {"packages.example": {"auth": auth}}}).to_string();
    let variables = [
        &internet.variables()[..],
        &[("DOCKER_AUTH_CONFIG", &config)],
    ]
    .concat();
    add(internet.home(), private, &[], &variables).unwrap();
    let wrong = config.replace("packages.example", "other.example");
    let variables = [&internet.variables()[..], &[("DOCKER_AUTH_CONFIG", &wrong)]].concat();
    let problem = add(internet.home(), private, &[], &variables).unwrap_err();
    assert!(problem.contains("ewh login"), "{problem}");
}
