//! What code that has taken over a tenant's process reaches, and what the same code reaches in a
//! process that is not confined: else its failure would prove nothing.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{EWH, Host};

const ATTEMPT: &str = env!("CARGO_BIN_EXE_ewh-attempt");
/// Bad system call.
const SIGSYS: i32 = 31;

/// How an attempt ends in a confined process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It does what it wants.
    Reached,
    /// It is told no, and goes on.
    Refused,
    /// The process is ended.
    Killed,
}

use End::{Killed, Reached, Refused};

/// Attempts, how they end, and whether they go well everywhere in a process that is not confined: some
/// take a root that a container is not.
const ATTEMPTS: &[(&str, End, bool)] = &[
    ("work in the own files", Reached, true),
    ("write the own state", Reached, true),
    ("read a granted file", Reached, true),
    ("start a thread", Reached, true),
    ("take the time and random bytes", Reached, true),
    //
    ("read another tenant's state", Refused, true),
    ("list another tenant's files", Refused, true),
    ("write to another tenant", Refused, true),
    ("read the passwords of the machine", Refused, false),
    ("list the home of root", Refused, false),
    ("read the environment of the parent", Refused, true),
    ("write to the temporary files", Refused, true),
    ("write to a file that is granted to be read", Refused, true),
    ("grant itself more", Refused, true),
    ("change its policy", Refused, true),
    ("remove its policy", Refused, true),
    ("move a policy into place", Refused, true),
    ("change its module", Refused, true),
    ("replace its state by a link", Refused, true),
    //
    ("connect to a port", Refused, true),
    ("connect with what is sent", Refused, true),
    ("listen on a port", Refused, true),
    ("open a UDP socket", Refused, true),
    ("connect to a local service", Refused, true),
    ("talk to the kernel over netlink", Refused, true),
    ("open a raw socket", Refused, false),
    //
    ("hold private memory", Refused, true),
    ("hold shared memory", Refused, true),
    ("hold memory that grows downwards", Refused, true),
    ("hold files in memory", Refused, true),
    ("hold files in a file system in memory", Refused, false),
    //
    ("run a program", Refused, true),
    ("become a program", Killed, true),
    ("fork", Refused, true),
    ("signal the parent", Refused, true),
    ("signal a thread of the parent", Refused, true),
    ("outlive the parent", Refused, true),
    ("raise a limit", Refused, false),
    ("leave core files", Refused, false),
    ("gain privileges", Refused, true),
    ("be traced", Killed, true),
    ("read the parent's memory", Killed, false),
    ("mount", Killed, false),
    ("enter a namespace", Killed, false),
    ("change the root", Killed, false),
    ("load a program into the kernel", Killed, false),
    ("ask for keys", Killed, false),
    ("set up a ring", Killed, false),
];

/// Two tenants, a granted folder, and a service of the machine.
struct Machine {
    dir: tempfile::TempDir,
    listener: TcpListener,
    _service: UnixListener,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for tenant in ["own", "other"] {
            for folder in ["files", "policies", "local_workers"] {
                std::fs::create_dir_all(dir.path().join(tenant).join(folder)).unwrap();
            }
            std::fs::write(dir.path().join(tenant).join("state.db"), "").unwrap();
        }
        let granted = dir.path().join("granted");
        std::fs::create_dir(&granted).unwrap();
        std::fs::write(granted.join("file"), "granted").unwrap();
        let granted = granted.display();
        let policy = format!(
            "[[files]]\nhost = \"{granted}\"\nguest = \"/data\"\n\
             [[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.1\"\nports = [1]\n"
        );
        std::fs::write(dir.path().join("own/policies/lab.toml"), policy).unwrap();
        let service = UnixListener::bind(dir.path().join("service")).unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            _service: service,
            dir,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// How the attempt ended, and what it said.
    fn attempt(&self, how: &str, attempt: &str) -> (End, String) {
        let port = self.listener.local_addr().unwrap().port().to_string();
        let ran = Command::new(ATTEMPT)
            .args([how, attempt])
            .args([self.path("own"), self.path("other")])
            .arg(port)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
        let end = match (ran.status.signal(), said.as_str()) {
            (Some(SIGSYS), _) => Killed,
            (None, "reached") => Reached,
            (None, refused) if !refused.is_empty() => Refused,
            _ => panic!("{how}, {attempt}: {} {said} {complaint}", ran.status),
        };
        (end, said)
    }
}

#[test]
fn code_that_has_the_process_reaches_what_was_granted_and_no_more() {
    println!("{:44} {:10} free", "attempt", "confined");
    for (attempt, expected, is_free) in ATTEMPTS {
        let (end, said) = Machine::new().attempt("confined", attempt);
        let (free, free_said) = Machine::new().attempt("free", attempt);
        println!("{attempt:44} {:10} {free:?}", format!("{end:?}"));
        assert_eq!(end, *expected, "{attempt}: {said}");
        if *is_free {
            assert_eq!(free, Reached, "{attempt}, not confined: {free_said}");
        }
    }
}

#[test]
fn a_process_with_threads_is_not_confined_by_halves() {
    use external_worker_host::tenant::confine::{ConfineError, Reach, apply};
    // This one has threads: nothing is applied to any.
    let refused = apply(&Reach::default(), false);
    assert!(
        matches!(refused, Err(ConfineError::Threads(_))),
        "{refused:?}"
    );
    std::fs::read_dir("/").unwrap();
}

#[tokio::test]
async fn what_whoever_started_the_host_had_open_is_not_passed_on() {
    let data = tempfile::tempdir().unwrap();
    let secret = data.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let script = format!(
        "exec 9<'{}' {EWH} serve --json --isolation process --port 0 --data '{}'",
        secret.display(),
        data.path().join("data").display()
    );
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &script]);
    let mut host = Host::run(command);
    let has_open = |pid: &str| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let mut open = open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
        open.any(|file| file == secret)
    };
    let serving = host.next().await;
    assert!(has_open(&host.pid()));
    assert!(!has_open(&serving.pid));
}

/// Starts the command of a tenant's process as nobody but the host does.
fn alone(stdin: Stdio, parent: u32) -> (Option<i32>, String) {
    let ran = Command::new(EWH)
        .args(["serve-tenant", "--data", "/nowhere"])
        .args(["--parent", &parent.to_string()])
        .stdin(stdin)
        .output()
        .unwrap();
    (
        ran.status.code(),
        String::from_utf8_lossy(&ran.stderr).into_owned(),
    )
}

#[test]
fn without_its_host_and_its_socket_a_tenants_process_does_nothing() {
    let (code, problem) = alone(Stdio::null(), std::process::id());
    assert_eq!(code, Some(2), "{problem}");
    assert!(problem.contains("not a listening socket"), "{problem}");
    let (code, problem) = alone(Stdio::null(), 1);
    assert_eq!(code, Some(2), "{problem}");
    assert!(problem.contains("it is gone"), "{problem}");
    assert!(!Path::new("/nowhere").exists());
}
