//! The store against what really happens to it: SIGKILL at any moment, and a full disk. Each in a
//! process of its own, which is this binary again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use external_worker_host::worker::store::{
    Dirty, Document, FILE, Loaded, SavedInstance, SavedPackage, Source, Store, StoreError,
};
use serde_json::{Value as Json, json};

const KILLS: u64 = 300;
/// Each changes things of its own, one after the other, so that what may be there after a kill is
/// what was acknowledged, or that and the one change that was under way: whole.
const TASKS: u64 = 3;
const LAST_ACKNOWLEDGED: u64 = 40;
const DIR: &str = "EWH_STORE_TEST_DIR";

/// Which change each thing is from.
type Versions = BTreeMap<Dirty, u64>;

/// Numbers without pattern (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn counter(task: u64) -> Dirty {
    Dirty::Meta(format!("t{task}-changes"))
}

/// The change number `n` of a task: what becomes of which things. The database grows with `n`.
fn change(task: u64, n: u64) -> Vec<(Dirty, bool)> {
    let mut random = Random(task << 32 | n);
    let mut things: BTreeMap<Dirty, bool> = (0..=random.below(3))
        .map(|_| {
            let name = format!("t{task}-{}", random.below(20 + n / 8));
            let thing = match random.below(10) {
                0 => Dirty::Document(document(task)),
                1 => Dirty::Meta(name),
                2 => Dirty::Instance(name),
                _ => Dirty::Node(name),
            };
            (thing, random.below(6) > 0)
        })
        .collect();
    things.insert(counter(task), true);
    things.into_iter().collect()
}

fn apply(versions: &mut Versions, task: u64, n: u64) {
    for (thing, stays) in change(task, n) {
        if stays {
            versions.insert(thing, n);
        } else {
            versions.remove(&thing);
        }
    }
}

fn document(task: u64) -> Document {
    let all = [Document::Edges, Document::Groups, Document::Properties];
    all[usize::try_from(task).unwrap()]
}

/// What a thing holds after change `n`: anything but the right bytes is found out.
fn content(n: u64) -> Json {
    let times = usize::try_from(Random(n).below(50)).unwrap();
    json!({ "n": n, "text": format!("change {n:016x}. ").repeat(times) })
}

fn instance(uuid: &str, n: u64) -> SavedInstance {
    SavedInstance {
        uuid: uuid.to_owned(),
        class_id: "class".to_owned(),
        module: "module".to_owned(),
        name: n.is_multiple_of(2).then(|| format!("name {n}")),
        config: content(n),
        paused: n.is_multiple_of(3),
    }
}

#[derive(Default)]
struct Model {
    versions: Mutex<Versions>,
    failed: AtomicUsize,
    recovered: AtomicUsize,
}

impl Model {
    fn version(&self, thing: Dirty) -> Option<u64> {
        self.versions.lock().unwrap().get(&thing).copied()
    }

    /// Makes a change, as a command does: first the change, then the mark.
    fn change(&self, store: &Store, task: u64, n: u64) {
        apply(&mut self.versions.lock().unwrap(), task, n);
        let states = change(task, n)
            .into_iter()
            .filter_map(|(thing, _)| match thing {
                Dirty::Instance(uuid) => Some(Dirty::StoreData(uuid)),
                _ => None,
            });
        let things = change(task, n).into_iter().map(|(thing, _)| thing);
        store.dirty(things.chain(states));
    }
}

impl Source for Model {
    fn node(&self, id: &str) -> Option<Json> {
        let n = self.version(Dirty::Node(id.to_owned()))?;
        Some(json!({"id": id, "content": content(n)}))
    }
    fn document(&self, document: Document) -> Option<Json> {
        self.version(Dirty::Document(document)).map(content)
    }
    fn instance(&self, uuid: &str) -> Option<SavedInstance> {
        let n = self.version(Dirty::Instance(uuid.to_owned()))?;
        Some(instance(uuid, n))
    }
    fn instance_state(&self, uuid: &str) -> Option<Vec<u8>> {
        let n = self.version(Dirty::Instance(uuid.to_owned()))?;
        Some(content(n).to_string().into_bytes())
    }
    fn package(&self, _name: &str) -> Option<SavedPackage> {
        None
    }
    fn meta(&self, key: &str) -> Option<Json> {
        self.version(Dirty::Meta(key.to_owned())).map(content)
    }
    fn failed(&self, _error: &StoreError) {
        self.failed.fetch_add(1, Ordering::SeqCst);
    }
    fn recovered(&self) {
        self.recovered.fetch_add(1, Ordering::SeqCst);
    }
}

fn attach(store: &Store, model: &Arc<Model>) {
    let source: Arc<dyn Source> = Arc::clone(model) as Arc<dyn Source>;
    store.attach(Arc::downgrade(&source));
}

fn number_in(content_of: &Json) -> u64 {
    let n = content_of["n"].as_u64().unwrap();
    assert_eq!(*content_of, content(n));
    n
}

/// Which change each thing in a database is from; fails when one is not exactly of one change.
fn versions(loaded: &Loaded) -> Versions {
    assert_eq!(loaded.problems, [""; 0]);
    let mut found = Versions::new();
    for node in &loaded.nodes {
        let id = node["id"].as_str().unwrap().to_owned();
        found.insert(Dirty::Node(id), number_in(&node["content"]));
    }
    for saved in &loaded.instances {
        let n = number_in(&saved.config);
        assert_eq!(*saved, instance(&saved.uuid, n));
        let state = &loaded.instance_states[&saved.uuid];
        assert_eq!(*state, content(n).to_string().into_bytes());
        found.insert(Dirty::Instance(saved.uuid.clone()), n);
    }
    assert_eq!(loaded.instance_states.len(), loaded.instances.len());
    let documents = [&loaded.edges, &loaded.groups, &loaded.properties];
    for (task, json) in (0..TASKS).zip(documents) {
        let n = json
            .iter()
            .map(|json| (Dirty::Document(document(task)), number_in(json)));
        found.extend(n);
    }
    for (key, value) in &loaded.meta {
        found.insert(Dirty::Meta(key.clone()), number_in(value));
    }
    found
}

/// The part of it that a task owns.
fn of_task(versions: &Versions, task: u64) -> Versions {
    let prefix = format!("t{task}-");
    let owned = |thing: &Dirty| match thing {
        Dirty::Document(which) => *which == document(task),
        Dirty::Node(name) | Dirty::Instance(name) | Dirty::Meta(name) => name.starts_with(&prefix),
        Dirty::StoreData(_) | Dirty::Package(_) => false,
    };
    let owned = versions.iter().filter(|(thing, _)| owned(thing));
    owned.map(|(thing, n)| (thing.clone(), *n)).collect()
}

fn again(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped());
    command
}

#[test]
fn what_was_acknowledged_survives_three_hundred_kills() {
    let dir = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut acknowledged = [0; TASKS as usize];
    let mut expected = Versions::new();
    let (mut total, mut unacknowledged) = (0, 0);
    for round in 0..KILLS {
        let acks = acknowledged_until_killed(dir.path(), &mut random, acknowledged);
        // In every other round the next process finds the file as the killed one left it.
        let copy = tempfile::tempdir().unwrap();
        let looked_at = if round % 2 == 0 {
            dir.path()
        } else {
            copy_store(dir.path(), copy.path());
            copy.path()
        };
        let found = read_and_check(looked_at);
        for task in 0..TASKS {
            let of_this = usize::try_from(task).unwrap();
            for n in acknowledged[of_this] + 1..=acks[of_this] {
                apply(&mut expected, task, n);
            }
            total += acks[of_this] - acknowledged[of_this];
            acknowledged[of_this] = acks[of_this];
            let mut wanted = of_task(&expected, task);
            let there = of_task(&found, task);
            if there != wanted {
                // The change that was under way, whole.
                let next = acks[of_this] + 1;
                apply(&mut expected, task, next);
                wanted = of_task(&expected, task);
                assert_eq!(there, wanted, "round {round}, task {task}, change {next}");
                acknowledged[of_this] = next;
                unacknowledged += 1;
            }
        }
    }
    let size = fs::metadata(dir.path().join(FILE)).unwrap().len();
    println!(
        "{KILLS} kills, {total} acknowledged changes kept, {unacknowledged} more; {} things, {size} bytes",
        expected.len()
    );
    assert!(total > KILLS, "hardly anything was written: {total}");
    assert!(unacknowledged > 0, "no kill came in the middle of anything");
}

/// Runs a writer, kills it at some moment, and returns the last change of each task that it
/// acknowledged.
fn acknowledged_until_killed(
    dir: &Path,
    random: &mut Random,
    before: [u64; TASKS as usize],
) -> [u64; TASKS as usize] {
    let mut writer = again("worker::store::a_writer_until_it_is_killed", dir)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acks = before;
    let mut seen = 0;
    let mut take = |line: String| {
        let mut words = line.split(' ');
        let kind = words.next();
        if !matches!(kind, Some("began" | "kept")) {
            return false;
        }
        let [task, n] = [(); 2].map(|()| words.next().unwrap().parse::<u64>().unwrap());
        let ack = &mut acks[usize::try_from(task).unwrap()];
        let step = u64::from(kind == Some("kept"));
        assert_eq!(n, *ack + step, "{line}");
        *ack = n;
        step == 1
    };
    // One in ten dies while it starts; the others at some moment after some acknowledgement.
    let enough = random.below(LAST_ACKNOWLEDGED);
    if random.below(10) > 0 {
        while seen <= enough {
            let line = lines.next().expect("the writer ended by itself").unwrap();
            seen += u64::from(take(line));
        }
        std::thread::sleep(Duration::from_micros(random.below(1_500)));
    } else {
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
    }
    kill(&mut writer);
    for line in lines {
        // The last line may be cut: that was not an acknowledgement.
        let line = line.unwrap();
        if line.ends_with('.') {
            take(line);
        }
    }
    acks
}

fn kill(writer: &mut Child) {
    writer.kill().unwrap();
    let status = writer.wait().unwrap();
    assert_eq!(status.code(), None, "the writer ended by itself: {status}");
}

fn copy_store(from: &Path, to: &Path) {
    for name in [FILE.to_owned(), format!("{FILE}-wal")] {
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

fn read_and_check(dir: &Path) -> Versions {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (store, loaded) = Store::open(dir).unwrap();
    let found = versions(&loaded);
    runtime.block_on(store.close()).unwrap();
    let database = rusqlite::Connection::open(dir.join(FILE)).unwrap();
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let dangling: i64 = database
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(dangling, 0);
    found
}

/// Changes things and says so, until it is killed.
#[test]
fn a_writer_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (store, loaded) = Store::open(Path::new(&dir)).unwrap();
    let model = Arc::new(Model {
        versions: Mutex::new(versions(&loaded)),
        ..Model::default()
    });
    attach(&store, &model);
    let say = |what: &str, task: u64, n: u64| {
        // One write of less than a pipe's atomic size: whole, or not there.
        let line = format!("\n{what} {task} {n} .\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for task in 0..TASKS {
        let (store, model) = (store.clone(), Arc::clone(&model));
        let mut n = model.version(counter(task)).unwrap_or(0);
        say("began", task, n);
        runtime.spawn(async move {
            loop {
                n += 1;
                model.change(&store, task, n);
                if let Err(error) = store.saved().await {
                    eprintln!("{error}");
                    std::process::exit(1);
                }
                say("kept", task, n);
            }
        });
    }
    runtime.block_on(std::future::pending())
}

#[test]
fn a_full_disk_is_reported_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let test = again("worker::store::a_writer_on_a_full_disk", dir.path());
    // A limit on files is to a process what a full disk is; the signal that comes with it is ignored.
    let script = "trap '' XFSZ; ulimit -S -f 1000; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(test.get_program())
        .args(test.get_args())
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    let line = printed.lines().find(|line| line.starts_with("changes: "));
    let changes: u64 = line
        .unwrap()
        .trim_start_matches("changes: ")
        .parse()
        .unwrap();
    let mut expected = Versions::new();
    for n in 1..=changes {
        apply(&mut expected, 0, n);
    }
    assert_eq!(read_and_check(dir.path()), expected);
}

#[tokio::test]
async fn a_writer_on_a_full_disk() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (store, _) = Store::open(Path::new(&dir)).unwrap();
    let model = Arc::new(Model::default());
    attach(&store, &model);
    let mut n = 0;
    let error = loop {
        n += 1;
        model.change(&store, 0, n);
        if let Err(error) = store.saved().await {
            break error;
        }
        assert!(n < 100_000, "the disk was never full");
    };
    assert!(matches!(error, StoreError::Database { .. }), "{error}");
    assert!(!error.public().contains('/'), "{}", error.public());
    // It goes on failing, and is reported once.
    n += 1;
    model.change(&store, 0, n);
    store.saved().await.unwrap_err();
    let reported = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    assert_eq!(
        (reported(&model.failed), reported(&model.recovered)),
        (1, 0)
    );
    let own = std::process::id().to_string();
    let more_room = Command::new("prlimit")
        .args(["--pid", &own, "--fsize=unlimited"])
        .status();
    assert!(more_room.unwrap().success());
    // Nothing is marked anew: what failed is tried again by itself.
    store.saved().await.unwrap();
    assert_eq!(
        (reported(&model.failed), reported(&model.recovered)),
        (1, 1)
    );
    store.close().await.unwrap();
    println!("\nchanges: {n}");
}
