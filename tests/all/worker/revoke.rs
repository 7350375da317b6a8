//! What an operator takes away is gone: what ran under more starts again under less, or ends, and comes
//! back with the grant.

use std::path::Path;

use external_worker_artifacts::{PROBE_FILES, PROBE_HOST, PROBE_SOCKETS, PROBE_UPGRADE};
use external_worker_host::nodespace::Value;
use external_worker_tests::PATIENCE;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

use crate::capability::sockets::rule;

use super::{Site, allow, nothing, notice, open, put, until};

/// A Worker with a guest that keeps writing into a granted folder.
struct Writing {
    folder: tempfile::TempDir,
    site: Site,
    uuid: String,
}

impl Writing {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "files", &std::fs::read(PROBE_FILES).unwrap());
        allow(dir.path(), "files", &grant(folder.path(), "rw"));
        let worker = open(dir.path()).await;
        let site = Site { dir, worker };
        let uuid = site.add("files", "writer", nothing()).await;
        let writing = Self { folder, site, uuid };
        writing.writes_on().await;
        writing
    }

    fn written(&self) -> usize {
        std::fs::read(self.folder.path().join("written")).map_or(0, |bytes| bytes.len())
    }

    /// Waits until more is written than now.
    async fn writes_on(&self) {
        let before = self.written();
        until(|| self.written() > before).await;
    }

    fn grant(&self, mode: &str) -> String {
        grant(self.folder.path(), mode)
    }

    fn events(
        &self,
    ) -> broadcast::Receiver<std::sync::Arc<external_worker_host::worker::WorkerEvent>> {
        self.site.worker.subscribe()
    }

    fn restart(&self) -> impl Future<Output = Result<(), String>> {
        let restarted = self.site.worker.restart_instance(&self.uuid, "writer");
        async { restarted.await.map_err(|error| error.public()) }
    }

    fn running(&self) -> bool {
        self.site
            .seen(&self.uuid)
            .is_some_and(|seen| seen["running"] == true)
    }
}

fn grant(folder: &Path, mode: &str) -> String {
    let folder = folder.display();
    format!("[[files]]\nhost = \"{folder}\"\nguest = \"/data\"\nmode = \"{mode}\"\n")
}

#[tokio::test]
async fn after_a_grant_is_gone_no_write_appears_and_it_comes_back_with_the_grant() {
    let mut writing = Writing::begin().await;
    let node = writing.site.node("writer", &writing.uuid, "alive");
    // Each of these takes the grant away: it is empty, it is gone, it is wrong, it cannot be read.
    let policies = writing.site.dir.path().join("policies");
    let own = policies.join("files.toml");
    let ways: [&dyn Fn(); 4] = [
        &|| allow(writing.site.dir.path(), "files", "# nothing\n"),
        &|| std::fs::remove_file(&own).unwrap(),
        &|| allow(writing.site.dir.path(), "files", "[[files]]\nhost = 7\n"),
        &|| {
            std::fs::remove_file(&own).unwrap();
            std::fs::create_dir(&own).unwrap();
        },
    ];
    let reasons = [
        "requests `files`",
        "requests `files`",
        "policy is wrong",
        "cannot be read",
    ];
    for (take_away, reason) in ways.iter().zip(reasons) {
        let mut events = writing.events();
        take_away();
        let line = notice(&mut events, "its policy has changed").await;
        assert!(line.contains(reason), "{line}");
        let last = writing.written();
        // Nothing that a client does brings it back.
        for _ in 0..5 {
            writing.restart().await.unwrap_err();
            let another = writing
                .site
                .worker
                .add_instance("files", "writer", Default::default());
            another.await.unwrap_err();
        }
        assert_eq!(writing.written(), last, "{reason}");
        let _ = std::fs::remove_dir(&own);
        let mut events = writing.events();
        writing.site.allow("files", &writing.grant("rw"));
        notice(&mut events, "`files` is changed").await;
        writing.writes_on().await;
        assert_eq!(writing.site.run(&node).await, true, "with its node");
    }
    // Nor does a start of the host.
    let mut events = writing.events();
    writing.site.allow("files", "");
    notice(&mut events, "its policy has changed").await;
    let last = writing.written();
    writing.site.reopen_in_place().await;
    let why = writing.restart().await.unwrap_err();
    assert!(why.contains("`files`"), "{why}");
    assert_eq!(writing.written(), last);
    let mut events = writing.events();
    writing.site.allow("files", &writing.grant("rw"));
    notice(&mut events, "`files` is changed").await;
    writing.writes_on().await;
}

#[tokio::test]
async fn what_may_only_read_now_starts_again_so() {
    let writing = Writing::begin().await;
    let mut events = writing.events();
    writing.site.allow("files", &writing.grant("ro"));
    notice(&mut events, "it starts under the new one").await;
    let last = writing.written();
    until(|| writing.running()).await;
    let node = writing.site.node("writer", &writing.uuid, "alive");
    for _ in 0..3 {
        assert_eq!(writing.site.run(&node).await, true);
    }
    assert_eq!(writing.written(), last);
    // And the other way.
    writing.site.allow("files", &writing.grant("rw"));
    writing.writes_on().await;
}

#[tokio::test]
async fn a_module_that_is_gone_is_held_to_its_policy_too() {
    let writing = Writing::begin().await;
    let mut events = writing.events();
    writing.site.remove("files");
    notice(&mut events, "`files` is gone").await;
    writing.writes_on().await;
    writing.site.allow("files", "");
    notice(&mut events, "its policy has changed").await;
    let last = writing.written();
    writing.restart().await.unwrap_err();
    assert_eq!(writing.written(), last);
}

#[tokio::test]
async fn new_code_that_is_broken_does_not_keep_what_the_old_was_granted() {
    let writing = Writing::begin().await;
    let mut events = writing.events();
    writing.site.put("files", b"\0asm\x0d\0\x01\0 and no more");
    notice(&mut events, "`files` cannot be used").await;
    writing.writes_on().await;
    writing.site.allow("files", "");
    notice(&mut events, "its policy has changed").await;
    let last = writing.written();
    writing.restart().await.unwrap_err();
    assert_eq!(writing.written(), last);
}

#[tokio::test]
async fn another_budget_is_a_start_with_everything_that_it_had() {
    let site = Site::with(&[("up", PROBE_UPGRADE), ("probe", PROBE_HOST)]).await;
    let uuid = site.add("up", "upgrade", nothing()).await;
    let other = site.add("probe", "probe", nothing()).await;
    let applied = site.node("probe", &other, "applied");
    let bump = site.node("upgrade", &uuid, "bump");
    let graph = site.worker.nodespace();
    let one = Some(Value::Integer(1));
    graph.set_value(&bump, "by", one, true).unwrap();
    graph.node_idle(&bump).await;
    let mut events = site.worker.subscribe();
    site.allow("up", "[budget]\nmemory = \"32 MiB\"\n");
    notice(&mut events, "it starts under the new one").await;
    until(|| site.seen(&uuid).is_some_and(|seen| seen["running"] == true)).await;
    assert_eq!(site.run(&bump).await, json!(2), "with its state");
    assert_eq!(site.run(&applied).await, 1, "and the other was left alone");
}

/// A guest with connections to two places, of which one grant each speaks.
struct Connected {
    site: Site,
    uuid: String,
    places: [(TcpListener, u16); 2],
}

impl Connected {
    async fn begin() -> Self {
        let site = Site::with(&[]).await;
        let place = async || {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            (listener, port)
        };
        let places = [place().await, place().await];
        let both = [to(places[0].1, ""), to(places[1].1, "")].concat();
        site.allow("sockets", &both);
        let mut events = site.worker.subscribe();
        site.put("sockets", &std::fs::read(PROBE_SOCKETS).unwrap());
        notice(&mut events, "`sockets` is new").await;
        let uuid = site.add("sockets", "sockets", nothing()).await;
        Self { site, uuid, places }
    }

    /// How many connections the guest keeps, with one more to the place `index`, if it gets that.
    async fn keep(&self, index: usize) -> (serde_json::Value, Option<TcpStream>) {
        let (listener, port) = &self.places[index];
        let node = self.site.node("sockets", &self.uuid, "keep");
        let graph = self.site.worker.nodespace();
        let address = Value::Text(format!("127.0.0.1:{port}"));
        graph
            .set_value(&node, "address", Some(address), true)
            .unwrap();
        graph.node_idle(&node).await;
        let kept = self.site.out(&node);
        let peer = match kept.is_number() {
            true => Some(listener.accept().await.unwrap().0),
            false => None,
        };
        (kept, peer)
    }
}

fn to(port: u16, more: &str) -> String {
    rule("tcp", "connect", "127.0.0.1", &port.to_string()) + more
}

async fn closed(peer: &mut TcpStream) {
    let closed = tokio::time::timeout(PATIENCE, peer.read(&mut [0])).await;
    assert_eq!(closed.unwrap().unwrap_or(0), 0);
}

#[tokio::test]
async fn what_a_grant_opened_goes_with_it_and_the_rest_runs_on() {
    let connected = Connected::begin().await;
    let (site, [first, second]) = (&connected.site, [0, 1].map(|it| connected.places[it].1));
    let mut gone = connected.keep(0).await.1.unwrap();
    let stays = connected.keep(1).await.1.unwrap();
    let mut events = site.worker.subscribe();
    let begin = std::time::Instant::now();
    site.allow("sockets", &to(second, ""));
    closed(&mut gone).await;
    println!("from the file to the other end: {:?}", begin.elapsed());
    notice(&mut events, "it goes on under the new one").await;
    assert_eq!(connected.keep(0).await.0, json!("<NoValue>"));
    assert_eq!(connected.keep(1).await.0, json!(3), "it has what it had");
    assert!(stays.try_read(&mut [0]).is_err(), "it is open");
    // What is granted again is there, without a start.
    let mut events = site.worker.subscribe();
    site.allow("sockets", &[to(first, ""), to(second, "")].concat());
    notice(&mut events, "it goes on under the new one").await;
    assert_eq!(connected.keep(0).await.0, json!(4));
}

#[tokio::test]
async fn a_grant_ends_when_it_says_so() {
    let connected = Connected::begin().await;
    let (site, [first, second]) = (&connected.site, [0, 1].map(|it| connected.places[it].1));
    let mut gone = connected.keep(0).await.1.unwrap();
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    let until = format!(
        "until = {}\n",
        external_worker_host::policy::Until::from(soon)
    );
    site.allow("sockets", &[to(first, &until), to(second, "")].concat());
    closed(&mut gone).await;
    assert!(std::time::SystemTime::now() >= soon, "not before");
    assert_eq!(connected.keep(0).await.0, json!("<NoValue>"));
    assert_eq!(connected.keep(1).await.0, json!(2));
}
