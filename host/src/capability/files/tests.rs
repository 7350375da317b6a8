//! Directories through the interfaces that a guest calls.

use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor as _, HostDirectoryEntryStream as _, NewTimestamp,
    OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsResult, StreamError};
use wasmtime_wasi_io::bytes::Bytes;

use super::change::ENTRY_BYTES;
use super::{Closing, Files, Guard, Leasable, Prepare, Provider, State, View, again};
use crate::capability::grants::Grants;
use crate::capability::testing::{self, Denials, Lines};
use crate::error::Result;
use crate::limits::{Budget, Resource as Budgeted};
use crate::policy::{Capability, DenyReason};

const KIB: u64 = 1024;

pub(super) struct World {
    pub(super) root: tempfile::TempDir,
    pub(super) state: State,
    table: ResourceTable,
    audit: Arc<Denials>,
    lines: Arc<Lines>,
}

/// As an instance gets it.
async fn prepare(guard: &Guard, cx: &Prepare) -> Result<State> {
    let mut state = Files::prepare(guard, cx);
    Files::open(&mut state, guard, cx).await?;
    Ok(state)
}

/// An instance with `root/data` at `/data`.
async fn world(mode: &str, budget: &Budget) -> World {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("old"), [7; 100]).unwrap();
    std::fs::write(root.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret", data.join("escape")).unwrap();
    let policy = format!(
        "[[files]]\nhost = \"{}\"\nguest = \"/data\"\nmode = {mode}\n",
        data.display()
    );
    let audit = Arc::new(Denials::default());
    let mut cx = testing::prepare_with(budget, Arc::clone(&audit));
    let lines = Arc::new(Lines::default());
    cx.stdio = lines.clone();
    let guard = testing::guard(testing::granted(&policy), &cx);
    let state = prepare(&guard, &cx).await.unwrap();
    World {
        root,
        state,
        table: ResourceTable::new(),
        audit,
        lines,
    }
}

pub(super) async fn writable() -> World {
    world("\"rw\"\nquota = \"32 KiB\"", &Budget::default()).await
}

impl World {
    pub(super) fn view(&mut self) -> View<'_> {
        View {
            state: &mut self.state,
            table: &mut self.table,
        }
    }

    pub(super) fn data(&mut self) -> Resource<Descriptor> {
        self.view().get_directories().unwrap().remove(0).0
    }

    async fn open(&mut self, path: &str, how: OpenFlags, flags: DescriptorFlags) -> Opened {
        let data = self.data();
        let follow = PathFlags::SYMLINK_FOLLOW;
        code(
            self.view()
                .open_at(data, follow, path.to_owned(), how, flags)
                .await,
        )
    }

    async fn create(&mut self, path: &str) -> Opened {
        self.open(
            path,
            OpenFlags::CREATE,
            DescriptorFlags::READ | DescriptorFlags::WRITE,
        )
        .await
    }

    fn reasons(&self) -> Vec<DenyReason> {
        self.audit.reasons()
    }
}

type Opened = Result<Resource<Descriptor>, ErrorCode>;

fn code<R>(result: FsResult<R>) -> Result<R, ErrorCode> {
    result.map_err(|error| error.downcast().unwrap())
}

#[tokio::test]
async fn a_worker_sees_its_directory_and_nothing_above_it() {
    let mut world = writable().await;
    let read = DescriptorFlags::READ;
    world.open("old", OpenFlags::empty(), read).await.unwrap();
    for path in ["../secret", "escape", "/etc/passwd", "sub/../../secret"] {
        let opened = world.open(path, OpenFlags::empty(), read).await;
        assert!(opened.is_err(), "{path}");
    }
    let denied = world.reasons();
    assert!(denied.len() >= 3 && denied.iter().all(|r| *r == DenyReason::PathNotGranted));
    // Nor does it get there by a link of its own.
    let data = world.data();
    let (target, name) = ("../secret".to_owned(), "mine".to_owned());
    code(world.view().symlink_at(data, target, name).await).unwrap();
    world
        .open("mine", OpenFlags::empty(), read)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn read_only_means_that_nothing_changes() {
    let mut world = world("\"ro\"", &Budget::default()).await;
    let file = world
        .open("old", OpenFlags::empty(), DescriptorFlags::READ)
        .await
        .unwrap();
    let path = || "old".to_owned();
    let none = PathFlags::empty();
    let now = || NewTimestamp::Now;

    world.create("new").await.unwrap_err();
    let truncated = world
        .open("old", OpenFlags::TRUNCATE, DescriptorFlags::READ)
        .await;
    truncated.unwrap_err();
    world
        .open("old", OpenFlags::empty(), DescriptorFlags::WRITE)
        .await
        .unwrap_err();
    let data = world.data();
    let mut view = world.view();
    code(view.set_size(again(&file), 0).await).unwrap_err();
    code(view.write(again(&file), vec![1], 0).await).unwrap_err();
    code(view.write_via_stream(again(&file), 0)).unwrap_err();
    code(view.append_via_stream(again(&file))).unwrap_err();
    code(view.set_times(again(&file), now(), now()).await).unwrap_err();
    code(
        view.set_times_at(again(&data), none, path(), now(), now())
            .await,
    )
    .unwrap_err();
    code(
        view.link_at(again(&data), none, path(), again(&data), "b".into())
            .await,
    )
    .unwrap_err();
    code(
        view.rename_at(again(&data), path(), again(&data), "b".into())
            .await,
    )
    .unwrap_err();
    code(view.symlink_at(again(&data), path(), "b".into()).await).unwrap_err();
    code(view.create_directory_at(again(&data), "b".into()).await).unwrap_err();
    code(view.unlink_file_at(again(&data), path()).await).unwrap_err();
    code(view.remove_directory_at(again(&data), path()).await).unwrap_err();

    let names: Vec<_> = std::fs::read_dir(world.root.path().join("data"))
        .unwrap()
        .collect();
    assert_eq!(names.len(), 2);
    assert_eq!(
        std::fs::read(world.root.path().join("data/old")).unwrap(),
        [7; 100]
    );
    let denied = world.reasons();
    assert!(
        denied.len() >= 14 && denied.iter().all(|r| *r == DenyReason::ReadOnly),
        "{denied:?}"
    );
}

#[tokio::test]
async fn no_way_of_writing_passes_the_quota() {
    let mut world = writable().await;
    let file = world.create("new").await.unwrap();
    let free = 32 * KIB - 3 * ENTRY_BYTES - 100;
    let room = usize::try_from(free).unwrap();

    let mut view = world.view();
    let written = code(view.write(again(&file), vec![1; room + 1], 0).await);
    assert_eq!(written, Err(ErrorCode::InsufficientSpace));
    let sized = code(view.set_size(again(&file), free + 1).await);
    assert_eq!(sized, Err(ErrorCode::InsufficientSpace));

    // A stream tells when its write is done.
    for at_end in [true, false] {
        let stream = if at_end {
            view.append_via_stream(again(&file))
        } else {
            view.write_via_stream(again(&file), 0)
        };
        let stream = code(stream).unwrap();
        let stream = view.table.get_mut(&stream).unwrap();
        let failed = stream
            .blocking_write_and_flush(vec![1; room + 1].into())
            .await
            .unwrap_err();
        let StreamError::LastOperationFailed(error) = failed else {
            unreachable!("{failed}")
        };
        let error = error.downcast::<std::io::Error>().unwrap();
        assert_eq!(ErrorCode::from(error), ErrorCode::InsufficientSpace);
    }

    code(view.write(again(&file), vec![1; room], 0).await).unwrap();
    // Names do not fit either now; shorter files do.
    assert_eq!(
        world.create("more").await.unwrap_err(),
        ErrorCode::InsufficientSpace
    );
    let data = world.data();
    let mut view = world.view();
    let made = code(view.create_directory_at(again(&data), "dir".into()).await);
    assert_eq!(made, Err(ErrorCode::InsufficientSpace));
    let linked = view.link_at(
        again(&data),
        PathFlags::empty(),
        "new".into(),
        data,
        "b".into(),
    );
    assert_eq!(code(linked.await), Err(ErrorCode::InsufficientSpace));
    code(view.set_size(file, 0).await).unwrap();
    world.create("more").await.unwrap();
}

#[tokio::test]
async fn what_is_removed_replaced_or_truncated_makes_room() {
    let mut world = writable().await;
    let free = 32 * KIB - 4 * ENTRY_BYTES - 100;
    for round in 0..3 {
        let file = world.create("a").await.unwrap();
        let data = world.data();
        let mut view = world.view();
        let size = usize::try_from(free).unwrap();
        code(view.write(again(&file), vec![1; size], 0).await).unwrap();
        code(view.create_directory_at(again(&data), "d".into()).await).unwrap();
        code(view.remove_directory_at(again(&data), "d".into()).await).unwrap();
        view.close(file).unwrap();
        match round {
            0 => code(view.unlink_file_at(data, "a".into()).await).unwrap(),
            1 => {
                let small = world.create("b").await.unwrap();
                let mut view = world.view();
                view.close(small).unwrap();
                code(
                    view.rename_at(again(&data), "b".into(), data, "a".into())
                        .await,
                )
                .unwrap();
            }
            _ => drop(
                world
                    .open("a", OpenFlags::TRUNCATE, DescriptorFlags::WRITE)
                    .await
                    .unwrap(),
            ),
        }
    }
}

#[tokio::test]
async fn what_is_open_is_charged_and_given_back() {
    let mut world = world(
        "\"ro\"",
        &Budget {
            handles: 3,
            ..Budget::default()
        },
    )
    .await;
    let ledger = Arc::clone(&world.state.guard.ledger);
    let data = world.data();
    let mut view = world.view();
    let open = async |view: &mut View<'_>| {
        let (none, read) = (OpenFlags::empty(), DescriptorFlags::READ);
        code(
            view.open_at(again(&data), PathFlags::empty(), "old".into(), none, read)
                .await,
        )
    };
    let file = open(&mut view).await.unwrap();
    let stream = code(view.read_via_stream(again(&file), 0)).unwrap();
    assert_eq!(ledger.used(Budgeted::Handles), 3);
    assert!(ledger.used(Budgeted::Memory) >= 64 * KIB);
    assert_eq!(
        open(&mut view).await.unwrap_err(),
        ErrorCode::InsufficientMemory
    );
    let listing = code(view.read_directory(again(&data)).await);
    assert!(matches!(listing, Err(ErrorCode::InsufficientMemory)));
    view.table.delete(stream).unwrap();
    let listing = code(view.read_directory(again(&data)).await).unwrap();
    let same = |listing: &Resource<_>| Resource::new_borrow(listing.rep());
    let mut names = 0;
    while code(view.read_directory_entry(same(&listing)).await)
        .unwrap()
        .is_some()
    {
        names += 1;
    }
    assert_eq!(names, 2);
    wasmtime_wasi::p2::bindings::filesystem::types::HostDirectoryEntryStream::drop(
        &mut view, listing,
    )
    .unwrap();
    view.close(file).unwrap();
    view.close(data).unwrap();
    assert_eq!(ledger.used(Budgeted::Handles), 0);
    assert_eq!(ledger.used(Budgeted::Memory), 0);
}

#[tokio::test]
async fn special_files_are_not_opened() {
    let mut world = writable().await;
    let socket = world.root.path().join("data/socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let opened = world
        .open("socket", OpenFlags::empty(), DescriptorFlags::READ)
        .await;
    assert_eq!(opened.unwrap_err(), ErrorCode::Access);
}

#[tokio::test]
async fn a_missing_directory_is_said_with_what_to_do() {
    let policy = "[[files]]\nhost = \"/does/not/exist\"\nguest = \"/data\"\n";
    let cx = testing::prepare();
    let guard = testing::guard(testing::granted(policy), &cx);
    let error = prepare(&guard, &cx).await.unwrap_err().to_string();
    assert!(
        error.contains("/does/not/exist") && error.contains("create it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_that_became_a_way_to_what_is_the_hosts_is_not_opened() {
    use crate::policy::{Capability, Guarded, Policy};
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    std::fs::create_dir_all(at("host/policies")).unwrap();
    std::fs::create_dir_all(at("shared/mine")).unwrap();
    let guarded = Guarded::default();
    guarded.keep(at("host"), "the policies");
    let policy = format!(
        "[[files]]\nhost = \"{}\"\nguest = \"/data\"\nmode = \"rw\"\nquota = \"1 MiB\"\n",
        at("shared/mine").display()
    );
    let policy = Policy::parse(&policy, "test").unwrap();
    let policy = policy.beside(&at("policy"), &guarded).unwrap();
    let granted = Arc::new(policy.granted(Capability::ALL));
    let cx = testing::prepare();
    let guard = testing::guard(Arc::clone(&granted), &cx);
    prepare(&guard, &cx).await.unwrap();
    // Whoever may write in `shared` puts a link in the place of the directory.
    std::fs::remove_dir(at("shared/mine")).unwrap();
    std::os::unix::fs::symlink("../host/policies", at("shared/mine")).unwrap();
    let error = prepare(&guard, &cx).await.unwrap_err().to_string();
    assert!(error.contains("the policies"), "{error}");
}

#[test]
fn counting_what_is_there_holds_no_thread_of_guests() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(counting_waits_for_a_thread_of_its_own());
}

async fn counting_waits_for_a_thread_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    for n in 0..100 {
        std::fs::write(root.path().join(n.to_string()), "").unwrap();
    }
    let policy = format!(
        "[[files]]\nhost = \"{}\"\nguest = \"/data\"\nmode = \"rw\"\nquota = \"1 MiB\"\n",
        root.path().display()
    );
    let cx = testing::prepare();
    let guard = testing::guard(testing::granted(&policy), &cx);
    // The one thread for what blocks is taken: were it counted elsewhere, it would be done at once.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let taken = tokio::task::spawn_blocking(move || released.recv());
    let mut preparing = std::pin::pin!(prepare(&guard, &cx));
    assert!(futures_util::poll!(preparing.as_mut()).is_pending());
    release.send(()).unwrap();
    taken.await.unwrap().unwrap();
    // A neighbour that comes meanwhile starts, whoever counts.
    let (one, other) = tokio::join!(preparing, prepare(&guard, &cx));
    let (one, other) = (one.unwrap(), other.unwrap());
    let books = |state: &State| state.grants[0].quota.clone().unwrap();
    assert_eq!(books(&one).used().await, 100 * ENTRY_BYTES);
    books(&other).change().await.charge(7).unwrap();
    assert_eq!(books(&one).used().await, 100 * ENTRY_BYTES + 7);
}

/// The names below `/data`, as 0.2 lists them.
async fn names(world: &mut World) -> Vec<String> {
    let data = world.data();
    let mut view = world.view();
    let listing = code(view.read_directory(data).await).unwrap();
    let mut names = Vec::new();
    loop {
        let same = Resource::new_borrow(listing.rep());
        match code(view.read_directory_entry(same).await).unwrap() {
            Some(entry) => names.push(entry.name),
            None => return names,
        }
    }
}

#[tokio::test]
async fn a_name_that_is_no_text_is_left_out_and_hides_no_other() {
    use std::os::unix::ffi::OsStrExt;
    let mut world = writable().await;
    let data = world.root.path().join("data");
    for n in 0..200 {
        std::fs::write(data.join(format!("{n}")), "").unwrap();
        let mut odd = format!("{n}-").into_bytes();
        odd.push(0xdc);
        std::fs::write(data.join(std::ffi::OsStr::from_bytes(&odd)), "").unwrap();
    }
    let mut listed = names(&mut world).await;
    listed.sort();
    let numbers = (0..200).map(|n| n.to_string());
    let mut there: Vec<_> = numbers.chain(["escape".into(), "old".into()]).collect();
    there.sort();
    assert_eq!(listed, there);
    // Said once, not for each of them and not at each listing.
    names(&mut world).await;
    let said = world.lines.take();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].1.contains("`/data`"), "{said:?}");
}

#[test]
fn paths_are_told_as_the_worker_sees_them() {
    let log: Arc<dyn crate::capability::LineSink> = Arc::new(Lines::default());
    let own = testing::granted("[data]\nquota = \"1 MiB\"\n");
    let opened = Leasable::Own;
    let grant = super::Grant {
        capability: Capability::Files,
        guest: "/data".into(),
        left_out: Arc::new(super::LeftOut::new("/data", &log)),
        quota: None,
        lease: Grants::new(own).lease(opened, Closing::Watched).unwrap(),
    };
    for (path, absolute) in [
        ("a/./b", "/data/a/b"),
        ("../etc", "/etc"),
        ("../../..", "/"),
        ("/etc/passwd", "/etc/passwd"),
        ("", "/data"),
    ] {
        assert_eq!(grant.absolute(path), absolute);
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_stopped() {
    let mut world = writable().await;
    let file = world.create("new").await.unwrap();
    let mut view = world.view();
    let stream = code(view.write_via_stream(file, 2)).unwrap();
    let stream = view.table.get_mut(&stream).unwrap();
    for part in ["ab", "cd"] {
        stream
            .blocking_write_and_flush(Bytes::from_static(part.as_bytes()))
            .await
            .unwrap();
    }
    assert_eq!(
        std::fs::read(world.root.path().join("data/new")).unwrap(),
        b"\0\0abcd"
    );
}

#[tokio::test]
async fn what_is_open_is_of_no_use_once_its_grant_is_gone() {
    let mut world = writable().await;
    let file = world.create("new").await.unwrap();
    let (data, grants) = (world.data(), Arc::clone(&world.state.guard.grants));
    let mut view = world.view();
    view.write(again(&file), b"before".to_vec(), 0)
        .await
        .unwrap();
    let input = code(view.read_via_stream(again(&file), 0)).unwrap();
    let output = code(view.write_via_stream(again(&file), 0)).unwrap();
    let listing = code(view.read_directory(again(&data)).await).unwrap();
    assert_eq!(grants.change(Arc::default()), ["the directory `/data`"]);

    let denied = Err(ErrorCode::NotPermitted);
    assert_eq!(
        code(view.write(again(&file), b"after".to_vec(), 0).await),
        denied
    );
    assert_eq!(
        code(view.set_size(again(&file), 0).await),
        denied.map(|_| ())
    );
    assert!(code(view.read(again(&file), 9, 0).await).is_err());
    assert!(code(view.unlink_file_at(again(&data), "new".to_owned()).await).is_err());
    assert!(code(view.read_directory_entry(listing).await).is_err());
    let input = view.table.get_mut(&input).unwrap();
    assert!(matches!(
        input.blocking_read(9).await,
        Err(StreamError::LastOperationFailed(_))
    ));
    let output = view.table.get_mut(&output).unwrap();
    let written = output
        .blocking_write_and_flush(Bytes::from_static(b"after"))
        .await;
    assert!(matches!(written, Err(StreamError::LastOperationFailed(_))));
    let path = world.root.path().join("data/new");
    assert_eq!(std::fs::read(path).unwrap(), b"before");
}
