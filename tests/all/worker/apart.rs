//! What comes in is compiled and describes itself in a process of its own, with limits and with nothing in its
//! hands; what that says is a stranger's word.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use external_worker_artifacts::{PROBE_FILES, PROBE_HOST};
use external_worker_host::HostError;
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::{
    Apart, CompileCache, Compiling, Engine, EngineOptions, Program,
};
use external_worker_host::limits::{Allowance, Budget};
use external_worker_host::policy::Policy;
use external_worker_host::worker::{Worker, WorkerOptions};
use external_worker_tests::PATIENCE;

use super::{Site, nothing, notice, put, until};
use crate::validate::bomb;

const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");

/// As `ewh serve` has it.
fn apart() -> Apart {
    Apart::new(EWH.into(), vec!["prepare-one".into()])
}

/// The same but for `change`.
fn apart_but(change: impl FnOnce(&mut Apart)) -> Apart {
    let mut apart = apart();
    change(&mut apart);
    apart
}

/// The same with another allowance for small and large ones.
fn apart_of(change: impl Fn(&mut Allowance)) -> Apart {
    apart_but(|apart| {
        change(&mut apart.small);
        change(&mut apart.large);
    })
}

/// Has a process say what `script` writes instead.
fn lie(apart: &mut Apart, script: &str) {
    apart.starter = Arc::new(Program {
        program: "/bin/sh".into(),
        arguments: ["-c", script, "sh"].map(OsString::from).to_vec(),
    });
}

fn engine(cache: &Path, apart: Apart) -> Engine {
    Engine::new(EngineOptions {
        cache: Some(CompileCache::open(cache).unwrap()),
        pool_instances: Some(16),
        ..EngineOptions::new(Compiling::Apart(apart))
    })
    .unwrap()
}

async fn take_in(engine: &Engine, file: &str) -> Result<Arc<LoadedComponent>, HostError> {
    let budget = Budget::default();
    let loaded = LoadedComponent::take_in(engine, Path::new(file), &budget).await;
    loaded.map(Arc::new)
}

/// The Worker in `dir`, once everything was loaded.
async fn open(dir: tempfile::TempDir, engine: Engine) -> Site {
    let options = WorkerOptions {
        data: dir.path().to_owned(),
        name: None,
        policy: Policy::default().into(),
        engine,
        auditor: Default::default(),
        quotas: external_worker_host::worker::Quotas::default(),
        secrets: Default::default(),
    };
    let worker = Worker::open(options).await.unwrap();
    worker.started().await;
    Site { dir, worker }
}

#[tokio::test]
async fn what_takes_too_much_is_a_broken_module_and_no_other_notices() {
    let cache = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "probe", &std::fs::read(PROBE_HOST).unwrap());
    let site = open(dir, engine(cache.path(), apart())).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let applied = site.node("probe", &uuid, "applied");
    site.worker.close(PATIENCE).await.unwrap();

    let short = apart_of(|allowance| allowance.cpu = Duration::from_secs(1));
    let small = apart_of(|allowance| allowance.memory = ByteSize::mib(16));
    // None of them could compile the probe: what was compiled and asked once is so for ever.
    let none = Apart::new("/nowhere".into(), Vec::new());
    let mut dir = site.dir;
    for (apart, why) in [
        (short, "processor time"),
        (small, "memory"),
        (none, "the host failed"),
    ] {
        let site = open(dir, engine(cache.path(), apart)).await;
        assert_eq!(site.run(&applied).await, 1);
        let mut events = site.worker.subscribe();
        site.put("bomb", &bomb());
        let line = notice(&mut events, "`bomb` cannot be used").await;
        assert!(line.contains(why), "{line}");
        assert_eq!(site.run(&applied).await, 1);
        site.remove("bomb");
        site.worker.close(PATIENCE).await.unwrap();
        dir = site.dir;
    }
}

#[tokio::test]
async fn what_it_says_of_itself_is_what_it_would_say_here() {
    let cache = tempfile::tempdir().unwrap();
    let engine = engine(cache.path(), apart());
    let here = LoadedComponent::from_file(external_worker_tests::engine(), Path::new(PROBE_HOST));
    let here = here.unwrap().describe(&Budget::default()).await.unwrap();
    // From the process, and from the cache.
    for _ in 0..2 {
        let component = take_in(&engine, PROBE_HOST).await.unwrap();
        let there = component.describe(&Budget::default()).await.unwrap();
        assert_eq!(there.len(), here.len());
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(
                format!("{:?}", there.declared),
                format!("{:?}", here.declared)
            );
        }
    }
}

#[tokio::test]
async fn nothing_of_it_runs_before_the_policy_covers_it() {
    let cache = tempfile::tempdir().unwrap();
    let none = Apart::new("/nowhere".into(), Vec::new());
    // Once it was compiled, it takes no process to know that.
    for apart in [apart(), none] {
        let engine = engine(cache.path(), apart);
        let component = take_in(&engine, PROBE_FILES).await.unwrap();
        let refused = component.prepare(&Policy::default()).await.err().unwrap();
        assert!(matches!(refused, HostError::MissingGrants(_)), "{refused}");
        assert_eq!(kinds(cache.path()), ["cwasm", "key"]);
    }
    // Then it is asked, and never again.
    let engine = engine(cache.path(), apart());
    let component = take_in(&engine, PROBE_FILES).await.unwrap();
    component.describe(&Budget::default()).await.unwrap();
    assert_eq!(kinds(cache.path()), ["cwasm", "described", "key"]);
}

#[tokio::test]
async fn what_takes_more_than_most_begins_anew_as_what_may() {
    let little = |apart: &mut Apart| apart.small.memory = ByteSize::mib(1);
    let short = |apart: &mut Apart| apart.small.time = Duration::from_millis(1);
    for less in [little as fn(&mut Apart), short] {
        let cache = tempfile::tempdir().unwrap();
        let engine = engine(cache.path(), apart_but(less));
        let component = take_in(&engine, PROBE_HOST).await.unwrap();
        component.describe(&Budget::default()).await.unwrap();
        assert_eq!(kinds(cache.path()), ["cwasm", "described", "key"]);
    }
}

/// What kinds of files are in a cache.
fn kinds(cache: &Path) -> Vec<String> {
    let mut kinds: Vec<_> = std::fs::read_dir(cache)
        .unwrap()
        .map(|entry| {
            let name = PathBuf::from(entry.unwrap().file_name());
            let kind = name.extension().unwrap_or(name.as_os_str());
            kind.to_string_lossy().into_owned()
        })
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn what_comes_from_the_process_is_a_strangers_word() {
    const NUL: &str = r"\000\000\000\000\000\000\000";
    let refusal = r#"{"problem":"\\u001b[2Jbad","fix":"better"}"#;
    let cases = [
        ("exit 0".to_owned(), "ended its process"),
        ("kill -9 $$".to_owned(), "short of memory"),
        ("kill -24 $$".to_owned(), "processor time"),
        ("kill -6 $$".to_owned(), "memory"),
        ("exec sleep 1000".to_owned(), "takes longer than 2 s"),
        ("exec cat /dev/zero".to_owned(), "could not be compiled"),
        ("yes nonsense".to_owned(), "makes more than"),
        (format!(r"printf '\001\004{NUL}code'"), "does not compile"),
        (format!(r"printf '\001\005{NUL}code'"), "ended its process"),
        (
            format!(r"printf '\002\004{NUL}code'"),
            "could not be compiled",
        ),
        (
            format!(r"printf '\002\{:03o}{NUL}{refusal}'", 41),
            "\u{fffd}[2Jbad",
        ),
    ];
    let cache = tempfile::tempdir().unwrap();
    for (script, why) in cases {
        let apart = apart_but(|apart| {
            lie(apart, &script);
            apart.small.time = Duration::from_secs(1);
            apart.large.time = Duration::from_secs(2);
        });
        let engine = engine(cache.path(), apart);
        let error = take_in(&engine, PROBE_HOST).await.err().unwrap();
        assert!(error.to_string().contains(why), "{script}: {error}");
        assert!(
            matches!(error, HostError::Component { .. }),
            "{script}: {error}"
        );
    }
    assert_eq!(kinds(cache.path()), ["key"], "nothing of that is kept");
}

#[tokio::test]
async fn what_takes_long_waits_for_its_like_and_nobody_waits_for_it() {
    let caches = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let real = apart_but(|apart| apart.small.time = PATIENCE);
    // They share their places.
    let mut stuck = real.clone();
    lie(&mut stuck, "exec sleep 1000");
    stuck.small.time = Duration::from_millis(100);
    let stuck = engine(caches[0].path(), stuck);
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..=cores {
        let stuck = stuck.clone();
        waiting.spawn(async move { take_in(&stuck, PROBE_HOST).await.map(drop) });
    }
    let engine = engine(caches[1].path(), real);
    let taken_in = take_in(&engine, PROBE_HOST);
    let component = tokio::time::timeout(PATIENCE, taken_in).await.unwrap();
    component.unwrap();
    assert!(waiting.try_join_next().is_none(), "one of them has ended");
}

/// What the kernel tells of the processes of `host` that compile: the id and the status of those that have `word`
/// in their command.
#[cfg(target_os = "linux")]
pub(crate) fn compiling(host: u32, word: &str) -> Vec<(String, String)> {
    let parent = format!("\nPPid:\t{host}\n");
    let all = std::fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| {
        let process = entry.unwrap();
        let command = std::fs::read(process.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).into_owned();
        let status = std::fs::read_to_string(process.path().join("status")).ok()?;
        let is_one =
            command.contains("prepare-one") && command.contains(word) && status.contains(&parent);
        is_one.then(|| (process.file_name().into_string().unwrap(), status))
    })
    .collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_that_compiles_is_confined() {
    // Others compile meanwhile.
    let own = Budget {
        handles: 271,
        ..Budget::default()
    };
    let cache = tempfile::tempdir().unwrap();
    let engine = engine(cache.path(), apart());
    // Its code is here, and it waits to be told to describe it.
    let component = LoadedComponent::take_in(&engine, Path::new(PROBE_HOST), &own).await;
    let component = component.unwrap();
    let running = compiling(std::process::id(), r#""handles":271"#);
    let [(id, status)] = running.as_slice() else {
        panic!("{running:?}");
    };
    for held in ["\nSeccomp:\t2\n", "\nNoNewPrivs:\t1\n"] {
        assert!(status.contains(held), "{status}");
    }
    let of_it = |what: &str| std::fs::read(format!("/proc/{id}/{what}")).unwrap();
    assert!(of_it("environ").is_empty(), "it has variables");
    assert_eq!(of_it("oom_score_adj"), b"1000\n");
    component.describe(&own).await.unwrap();
    // It was told that it is not needed any more, and ends.
    until(|| compiling(std::process::id(), r#""handles":271"#).is_empty()).await;
}
