//! The commands that operate a host from elsewhere, against a real one: every command, in one process and in one for
//! each tenant.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use external_worker_artifacts::{PROBE_HOST, PROBE_HTTP};
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::process::EWH;

const TENANT: [&str; 2] = ["--tenant", "lab"];

/// A host that is operated by commands which know nothing but its address.
struct Operated {
    host: Child,
    /// It says more when a tenant is served, and would end if nobody could hear it.
    _said: Lines<BufReader<ChildStdout>>,
    url: String,
    token: String,
    dir: tempfile::TempDir,
}

/// What came of a command.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Operated {
    async fn start(isolation: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut host = Command::new(EWH)
            .args(["serve", "--json", "--control", "127.0.0.1:0", "--isolation"])
            .args([isolation, "--allow-weaker-isolation", "--data"])
            .arg(dir.path().join("data"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(host.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, said.next_line()).await.unwrap();
        let line: Json = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        Self {
            host,
            url: text("control"),
            token: text("token"),
            _said: said,
            dir,
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn contexts(&self) -> PathBuf {
        self.dir.path().join("config/ewh/contexts.json")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EWH);
        command
            .args(arguments)
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path().join("config"))
            .env_remove("EWH_API")
            .env_remove("EWH_API_TOKEN")
            .kill_on_drop(true);
        command
    }

    async fn told(&self, mut command: Command, input: &str) -> Said {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that reads nothing may have ended already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap();
        let output = output.unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it says; of a tenant whose process is starting, once that answers.
    async fn ewh(&self, arguments: &[&str]) -> Said {
        let said = async {
            loop {
                let said = self.told(self.command(arguments), "").await;
                if !said
                    .err
                    .contains("the Worker of this tenant does not answer now")
                {
                    return said;
                }
            }
        };
        timeout(PATIENCE, said).await.unwrap()
    }

    /// What it prints, since all goes well.
    async fn ok(&self, arguments: &[&str]) -> String {
        let said = self.ewh(arguments).await;
        assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
        said.out
    }

    /// The same for machines.
    async fn json(&self, arguments: &[&str]) -> Json {
        let out = self.ok(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&out).unwrap()
    }

    /// What it prints for machines once `holds`.
    async fn until(&self, arguments: &[&str], holds: impl Fn(&Json) -> bool) -> Json {
        let looked = async {
            loop {
                let json = self.json(arguments).await;
                if holds(&json) {
                    return json;
                }
            }
        };
        timeout(PATIENCE, looked).await.unwrap()
    }

    /// It ends with `code`, and says `part`.
    async fn fails(&self, arguments: &[&str], code: i32, part: &str) {
        let said = self.ewh(arguments).await;
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert!(said.err.contains(part), "{arguments:?}: {said:?}");
        assert!(!said.err.contains(&self.token), "{arguments:?}: {said:?}");
    }

    /// The same of whoever has only `token`, without a context.
    async fn with(&self, token: &str, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        command
            .env("EWH_API", &self.url)
            .env("EWH_API_TOKEN", token);
        self.told(command, "").await
    }
}

/// The arguments, of the tenant.
fn of_lab<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &TENANT].concat()
}

#[tokio::test]
async fn every_command_does_at_a_host_what_it_says() {
    for isolation in ["none", "process"] {
        let host = Operated::start(isolation).await;
        contexts(&host).await;
        tenants(&host).await;
        let author = tokens(&host).await;
        modules(&host).await;
        instances(&host).await;
        grants(&host, &author).await;
        watching(&host).await;
        applying(&host).await;
        ending(host, &author).await;
    }
}

async fn contexts(host: &Operated) {
    let url = &*host.url;
    host.fails(&["tenants", "list"], 2, "ewh context add").await;
    host.fails(
        &["context", "add", "lab", "http://host.example"],
        2,
        "https",
    )
    .await;
    host.fails(&["context", "add", "lab", url], 2, "--token-stdin")
        .await;
    let add = ["context", "add", "lab", url, "--token-stdin"];
    let said = host.told(host.command(&add), "ewh-aaaaaaaaaa-aaaa").await;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(!host.contexts().exists());
    let said = host
        .told(host.command(&add), &format!("{}\n", host.token))
        .await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("operator"), "{said:?}");
    assert!(!format!("{said:?}").contains(&host.token), "{said:?}");
    let mode = host.contexts().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let other = ["context", "add", "other", url, "--token-stdin"];
    host.told(host.command(&other), &host.token).await;
    let listed = host.json(&["context", "list"]).await;
    let current = |listed: &Json| -> Vec<bool> {
        let all = listed["contexts"].as_array().unwrap().iter();
        all.map(|one| one["current"].as_bool().unwrap()).collect()
    };
    assert_eq!(current(&listed), [true, false], "{listed}");
    assert!(!listed.to_string().contains(&host.token), "{listed}");
    host.ok(&["context", "use", "other"]).await;
    assert_eq!(
        current(&host.json(&["context", "list"]).await),
        [false, true]
    );
    host.fails(&["context", "use", "othr"], 2, "did you mean `other`?")
        .await;
    host.ok(&["context", "remove", "other"]).await;
    host.fails(&["tenants", "list"], 2, "ewh context use").await;
    host.ok(&["tenants", "list", "--context", "lab"]).await;
    host.ok(&["context", "use", "lab"]).await;
}

async fn tenants(host: &Operated) {
    let made = host
        .json(&[
            "tenants",
            "make",
            "lab",
            "--modules",
            "5",
            "--instances",
            "9",
        ])
        .await;
    assert_eq!(
        made["quotas"],
        json!({"modules": 5, "instances": 9}),
        "{made}"
    );
    host.fails(&["tenants", "make", "lab"], 2, "already").await;
    host.fails(&["tenants", "make", "../lab"], 2, "cannot make the tenant")
        .await;
    host.fails(&["tenants", "show", "nobody"], 2, "check the name")
        .await;
    let is_served = |json: &Json| json["runs"]["state"] == "serving";
    host.until(&["tenants", "show", "lab"], is_served).await;
    let listed = host.ok(&["tenants", "list"]).await;
    assert!(
        listed.contains("lab") && listed.contains("serving"),
        "{listed}"
    );
    host.fails(&["tenants", "change", "lab"], 2, "nothing changes")
        .await;
    let changed = host
        .json(&[
            "tenants",
            "change",
            "lab",
            "--modules",
            "none",
            "--allow-origin",
            "http://a.example",
        ])
        .await;
    assert_eq!(changed["quotas"], json!({"instances": 9}), "{changed}");
    assert_eq!(
        changed["allow-origin"],
        json!(["http://a.example"]),
        "{changed}"
    );
    let suspended = host.json(&["tenants", "suspend", "lab"]).await;
    assert_eq!(suspended["runs"]["state"], "suspended", "{suspended}");
    host.ok(&["tenants", "resume", "lab"]).await;
    host.until(&["tenants", "show", "lab"], is_served).await;
}

/// An author's token.
async fn tokens(host: &Operated) -> String {
    host.fails(&of_lab(&["tokens", "make"]), 2, "--role").await;
    let make = of_lab(&["tokens", "make", "--role", "author", "--for", "30d"]);
    let said = host.ewh(&make).await;
    let author = said.out.trim_end().to_owned();
    assert!(
        author.starts_with("ewh-") && !author.contains('\n'),
        "{said:?}"
    );
    assert!(!said.err.contains(&author), "{said:?}");
    let listed = host.json(&of_lab(&["tokens", "list"])).await;
    assert_eq!(listed["tokens"][0]["role"], "author", "{listed}");
    assert!(listed["tokens"][0]["expires"].is_u64(), "{listed}");
    // A token of a tenant needs no `--tenant`, and may not do what an operator may.
    let said = host.with(&author, &["instances", "list"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = host.with(&author, &["tenants", "make", "mine"]).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    host.fails(&["instances", "list"], 2, "--tenant NAME").await;
    let operators = host.json(&["tokens", "list"]).await;
    assert_eq!(
        operators["tokens"].as_array().unwrap().len(),
        1,
        "{operators}"
    );
    let second = host.json(&["tokens", "make"]).await;
    assert_eq!(second["role"], "operator", "{second}");
    host.ok(&["tokens", "revoke", second["token"].as_str().unwrap()])
        .await;
    author
}

async fn modules(host: &Operated) {
    let probe = host.file("probe.wasm", std::fs::read(PROBE_HOST).unwrap());
    let added = host.ok(&of_lab(&["module", "add", &probe])).await;
    assert_eq!(added, "installed probe\n");
    let bad = host.file("bad.wasm", "nonsense");
    host.fails(
        &of_lab(&["module", "add", &bad]),
        2,
        "cannot install `bad.wasm`",
    )
    .await;
    host.fails(&of_lab(&["module", "add", "reg.example/a:1"]), 2, "no file")
        .await;
    let listed = host.json(&of_lab(&["module", "list"])).await;
    assert_eq!(
        listed["modules"][0]["classes"],
        json!(["probe"]),
        "{listed}"
    );
}

async fn instances(host: &Operated) {
    let create = ["instances", "create", "probe", "--name", "mine", "--config"];
    let create = of_lab(&[&create[..], &["{\"number\": 2}"]].concat());
    let made = host.json(&create).await;
    let uuid = made["uuid"].as_str().unwrap();
    // Its class says that it is not for everybody.
    assert!(made["config"].get("number").is_none(), "{made}");
    for named in [uuid, "mine"] {
        let shown = host.ok(&of_lab(&["instances", "show", named])).await;
        assert!(shown.contains(uuid) && shown.contains("say("), "{shown}");
    }
    host.fails(
        &of_lab(&["instances", "show", "mines"]),
        2,
        "did you mean `mine`?",
    )
    .await;
    let listed = host.ok(&of_lab(&["instances", "list"])).await;
    assert!(
        listed.contains("mine") && listed.contains("running"),
        "{listed}"
    );
    host.ok(&of_lab(&[
        "instances",
        "call",
        "mine",
        "say",
        "--input",
        "text=heard",
    ]))
    .await;
    let wrong = of_lab(&["instances", "call", "mine", "say", "--input", "nothing=1"]);
    let said = host.ewh(&wrong).await;
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    host.ok(&of_lab(&[
        "instances",
        "configure",
        "mine",
        "{\"number\": 7}",
    ]))
    .await;
    let applied = of_lab(&["instances", "call", "mine", "applied"]);
    host.until(&applied, |json| json["outputs"].to_string().contains('7'))
        .await;
    let refused = of_lab(&["instances", "configure", "mine", "{\"number\": 13}"]);
    let said = host.ewh(&refused).await;
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    let paused = host.json(&of_lab(&["instances", "pause", "mine"])).await;
    assert_eq!(paused["paused"], true, "{paused}");
    let resumed = host.json(&of_lab(&["instances", "resume", "mine"])).await;
    assert_eq!(resumed["paused"], false, "{resumed}");
    host.ok(&of_lab(&["instances", "restart", "mine"])).await;
    log(host).await;
}

/// What was logged, and what is.
async fn log(host: &Operated) {
    let log = of_lab(&["instances", "log", "mine"]);
    let heard = async { while !host.ok(&log).await.contains("heard") {} };
    timeout(PATIENCE, heard).await.unwrap();
    let mut following = host
        .command(&of_lab(&["instances", "log", "mine", "--follow"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut wait_for = async |part: &str| {
        let waiting = async { while !lines.next_line().await.unwrap().unwrap().contains(part) {} };
        timeout(PATIENCE, waiting).await.unwrap();
    };
    wait_for("heard").await;
    host.until(&of_lab(&["instances", "show", "mine"]), |it| {
        it["state"] == "running"
    })
    .await;
    host.ok(&of_lab(&[
        "instances",
        "call",
        "mine",
        "say",
        "--input",
        "text=later",
    ]))
    .await;
    wait_for("later").await;
    interrupt(&following);
    let ended = timeout(PATIENCE, following.wait()).await.unwrap();
    assert_eq!(ended.unwrap().code(), Some(130));
}

fn interrupt(child: &Child) {
    let id = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
}

async fn grants(host: &Operated, author: &str) {
    let client = host.file("client.wasm", std::fs::read(PROBE_HTTP).unwrap());
    let said = host.ewh(&of_lab(&["module", "add", &client])).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("ewh requests list"), "{said:?}");
    let lacks = host.ok(&of_lab(&["requests", "list"])).await;
    assert!(
        lacks.contains("client lacks http") && lacks.contains("[[http]]"),
        "{lacks}"
    );
    let lines = "[[http]]\nhost = \"127.0.0.1\"\nmethods = [\"GET\"]";
    let add = ["grants", "add", lines, "--module", "client", "--for", "2h"];
    let said = host.with(author, &add).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    let granted = host.ok(&of_lab(&add)).await;
    assert!(granted.contains("127.0.0.1"), "{granted}");
    host.fails(&of_lab(&["grants", "add", "[[htp]]"]), 2, "cannot grant")
        .await;
    let from_stdin = host.command(&of_lab(&["grants", "add", "-"]));
    let said = host.told(from_stdin, "[random]\n").await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let listed = host.ok(&of_lab(&["grants", "list"])).await;
    assert!(
        listed.contains("client") && listed.contains("random"),
        "{listed}"
    );
    let is_used = |json: &Json| {
        let mut all = json["modules"].as_array().unwrap().iter();
        all.any(|it| it["name"] == "client" && it["problem"].is_null())
    };
    host.until(&of_lab(&["module", "list"]), is_used).await;
    let remove = of_lab(&["grants", "remove", "http", "--module", "client"]);
    let left = host.json(&remove).await;
    assert_eq!(left["grants"], json!([]), "{left}");
    host.ok(&of_lab(&["module", "remove", "client"])).await;
    host.fails(&of_lab(&["module", "remove", "client"]), 2, "cannot remove")
        .await;
}

async fn watching(host: &Operated) {
    let is_called = |json: &Json| {
        let instances = json["usage"][0]["instances"].as_object();
        instances.is_some_and(|all| all.values().any(|it| it["calls"].as_u64() > Some(0)))
    };
    host.until(&["usage"], is_called).await;
    let usage = host.ok(&of_lab(&["usage"])).await;
    assert!(usage.contains("TENANT") && usage.contains("lab"), "{usage}");
    let has_name = |json: &Json| json["tenants"][0]["instances"][0]["name"] == "mine";
    let top = host.until(&["top"], has_name).await;
    assert!(
        top["tenants"][0]["used"]["cpu_percent"].is_number(),
        "{top}"
    );
    let table = host.ok(&of_lab(&["top"])).await;
    assert!(
        table.contains("CPU %") && table.contains("  mine"),
        "{table}"
    );
    assert!(!table.contains('\x1b'), "{table}");
    on_a_terminal(host).await;
}

/// A terminal: the end of whoever types, and that of the program. No program that another test starts
/// meanwhile has an end of it, as `openpty` would let it: then reading would never end.
fn terminal() -> (File, File) {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let size = libc::winsize {
        ws_row: 10,
        ws_col: 60,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptors are checked and nobody else has them, and the pointer is to what lives here.
    unsafe {
        let ours = libc::posix_openpt(flags);
        assert!(ours >= 0);
        let ours = File::from_raw_fd(ours);
        assert_eq!(libc::unlockpt(ours.as_raw_fd()), 0);
        let theirs = libc::ioctl(ours.as_raw_fd(), libc::TIOCGPTPEER, flags);
        assert!(theirs >= 0);
        assert_eq!(libc::ioctl(theirs, libc::TIOCSWINSZ, &size), 0);
        (ours, File::from_raw_fd(theirs))
    }
}

/// Whether the terminal shows what is typed.
fn echoes(terminal: &File) -> bool {
    // SAFETY: all zeros are a value of it, and the descriptor is open.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(terminal.as_raw_fd(), &mut modes), 0);
        modes.c_lflag & libc::ECHO != 0
    }
}

/// The screen comes and goes, and leaves the terminal as it was.
async fn on_a_terminal(host: &Operated) {
    for (key, code) in [(b"q", 0), (b"\x03", 130)] {
        let (mut ours, theirs) = terminal();
        let end = |of: &File| Stdio::from(of.try_clone().unwrap());
        let mut child = host
            .command(&["top"])
            .env("TERM", "xterm")
            .stdin(end(&theirs))
            .stdout(end(&theirs))
            .stderr(end(&theirs))
            .spawn()
            .unwrap();
        let mut reader = ours.try_clone().unwrap();
        let (sender, mut parts) = tokio::sync::mpsc::unbounded_channel();
        // It ends when nobody has the other end any more.
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut seen = String::new();
        let drawn = async {
            while !(seen.contains("\x1b[?1049h") && seen.contains("mine")) {
                seen.push_str(&String::from_utf8_lossy(&parts.recv().await.unwrap()));
            }
        };
        timeout(PATIENCE, drawn).await.unwrap();
        assert!(!echoes(&theirs));
        ours.write_all(key).unwrap();
        let ended = timeout(PATIENCE, child.wait()).await.unwrap();
        assert_eq!(ended.unwrap().code(), Some(code));
        assert!(echoes(&theirs));
        drop(theirs);
        let left = async {
            while let Some(part) = parts.recv().await {
                seen.push_str(&String::from_utf8_lossy(&part));
            }
        };
        timeout(PATIENCE, left).await.unwrap();
        assert!(seen.contains("\x1b[?1049l"), "{seen:?}");
        reading.join().unwrap();
    }
}

async fn applying(host: &Operated) {
    let lab = "[[tenant]]\nname = \"lab\"\nport = 0\nallow-origin = [\"http://a.example\"]\n\
               [tenant.quotas]\ninstances = 9\n";
    let two = host.file(
        "two.toml",
        format!("{lab}[[tenant]]\nname = \"two\"\nport = 0\nsuspended = true\n"),
    );
    let shown = host.ok(&["tenants", "apply", &two, "--dry-run"]).await;
    assert!(
        shown.starts_with("+ two\n") && shown.contains("1 to make"),
        "{shown}"
    );
    host.fails(&["tenants", "show", "two"], 2, "cannot show")
        .await;
    host.fails(&["tenants", "apply", &two], 2, "--yes").await;
    let applied = host.json(&["tenants", "apply", &two, "--yes"]).await;
    assert_eq!(applied["applied"], true, "{applied}");
    let again = host.json(&["tenants", "apply", &two]).await;
    assert_eq!(again["applied"], false, "{again}");
    let one = host.file("one.toml", lab);
    let pruned = host
        .ok(&["tenants", "apply", &one, "--prune", "--yes"])
        .await;
    assert!(pruned.starts_with("- two"), "{pruned}");
    host.fails(&["tenants", "show", "two"], 2, "cannot show")
        .await;
    let local = host.file(
        "local.toml",
        format!("{lab}[[tenant]]\nname = \"x\"\nport = 0\npolicy = \"p\"\n"),
    );
    host.fails(&["tenants", "apply", &local, "--yes"], 2, "ewh grants add")
        .await;
}

async fn ending(mut host: Operated, author: &str) {
    host.ok(&of_lab(&["instances", "remove", "mine"])).await;
    host.fails(
        &of_lab(&["instances", "show", "mine"]),
        2,
        "no external worker",
    )
    .await;
    host.ok(&of_lab(&["module", "remove", "probe"])).await;
    host.ok(&of_lab(&["tokens", "revoke", author])).await;
    let said = host.with(author, &["instances", "list"]).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    host.ok(&["tenants", "remove", "lab", "--data", "remove"])
        .await;
    assert!(!exists(&host.dir.path().join("data/lab")));
    host.host.kill().await.unwrap();
    host.fails(&["tenants", "list"], 5, "does not answer").await;
    host.ok(&["context", "list"]).await;
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// A host whose connection breaks is asked once more, with the same key.
#[tokio::test]
async fn what_is_done_is_done_once_though_the_connection_breaks() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut keys = Vec::new();
        for answer in ["", "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            assert!(
                head.starts_with("delete /api/v1/tenants/lab?data=keep "),
                "{head}"
            );
            let (_, key) = head.split_once("idempotency-key: ").unwrap();
            keys.push(key.lines().next().unwrap().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
        keys
    });
    let status = Command::new(EWH)
        .args(["tenants", "remove", "lab", "--data", "keep", "--yes"])
        .env("EWH_API", url)
        .env("EWH_API_TOKEN", "ewh-a-b")
        .stdin(Stdio::null())
        .status();
    let status = timeout(PATIENCE, status).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    let keys = serving.await.unwrap();
    assert_eq!(keys[0], keys[1]);
}
