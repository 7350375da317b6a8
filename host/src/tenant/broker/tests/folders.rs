//! A process that has no folder at all, and is granted one later.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{BorrowedFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use rustix::fs::{FileType, Mode, OFlags, mknodat, openat};

use super::*;
use crate::tenant::channel::{Opens, Speaks};

/// Says where the folders are.
pub(super) const PLACE: &str = "EWH_TEST_PLACE";
/// A name that is no text.
const ODD: &[u8] = b"odd \xff\n";

fn result<T, E: Into<io::Error>>(done: Result<T, E>) -> String {
    match done.map_err(Into::into) {
        Ok(_) => "done".to_owned(),
        Err(error) => match Errno::from_io_error(&error) {
            // What cap-std finds out by itself has no number.
            Some(Errno::XDEV) | None => "kept in".to_owned(),
            Some(Errno::ACCESS) => "refused".to_owned(),
            Some(errno) => format!("{errno:?}"),
        },
    }
}

/// Leaves this thread, and those that it starts, no file.
fn confine() {
    use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr};
    let all = AccessFs::from_all(ABI::V3);
    let rules = Ruleset::default().handle_access(all).unwrap();
    rules.create().unwrap().restrict_self().unwrap();
}

/// Opens what is at `host` as the process of a tenant does.
fn open(speaks: &Speaks, runtime: &tokio::runtime::Runtime, host: &Path) -> io::Result<Dir> {
    let held = speaks.open(host, Opens::Folder, runtime.handle())?;
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    Dir::open_ambient_dir(path, cap_std::ambient_authority())
}

/// Not in the process of the tests: what the process that asks does.
pub(super) fn use_them(asks: Asks) {
    assert_eq!(asks, Asks::Folders);
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let host = place.join("granted");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let end = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let speaks = {
        let _inside = runtime.enter();
        Speaks::adopt(end).unwrap()
    };
    // As the process of a tenant may have.
    limits::process::lower(Resource::Nofile, limits::MAX_TENANT_FILES).unwrap();
    confine();
    say(result(File::open(host.join("in"))));
    say(result(open(&speaks, &runtime, &host)));
    wait();
    let folder = open(&speaks, &runtime, &host).unwrap();
    assert!(folder.as_raw_fd() >= i32::try_from(limits::FOLDERS_FROM).unwrap());
    reads(&folder);
    say("read");
    writes(&folder);
    say("written");
    is_kept_in(&folder, &place);
    say("kept in");
    wait();
    reads(&folder);
    say(result(folder.create("new")));
    say(result(folder.create_dir("new")));
    say(result(folder.rename("in", &folder, "out")));
    wait();
    say(result(folder.open("in")));
    say(result(open(&speaks, &runtime, &host)));
    wait();
}

fn reads(folder: &Dir) {
    assert_eq!(folder.read("in").unwrap(), b"in");
    assert_eq!(folder.read("deep/deeper/in").unwrap(), b"deep");
    assert_eq!(folder.read("deep/../in").unwrap(), b"in");
    assert_eq!(folder.read("link").unwrap(), b"in");
    let odd = std::ffi::OsStr::from_bytes(ODD);
    assert_eq!(folder.read(odd).unwrap(), b"odd");
    assert_eq!(
        folder.open_dir("deep").unwrap().entries().unwrap().count(),
        2
    );
    assert!(folder.metadata("in").unwrap().is_file());
    // As what is there is counted.
    let path = format!("/proc/self/fd/{}/deep/deeper", folder.as_raw_fd());
    assert_eq!(fs::read_dir(path).unwrap().count(), 1);
}

fn writes(folder: &Dir) {
    folder.write("new", "some").unwrap();
    assert_eq!(folder.read("new").unwrap(), b"some");
    folder.open("new").unwrap().set_len(2).unwrap_err();
    let mut options = cap_std::fs::OpenOptions::new();
    let file = folder.open_with("new", options.write(true)).unwrap();
    file.set_len(2).unwrap();
    folder.create_dir("made").unwrap();
    let made = folder.open_dir("made").unwrap();
    folder.rename("new", &made, "moved").unwrap();
    made.hard_link("moved", folder, "twin").unwrap();
    assert_eq!(folder.read("twin").unwrap(), b"so");
    folder.symlink("made/moved", "other").unwrap();
    assert_eq!(folder.read("other").unwrap(), b"so");
    for name in ["other", "twin", "made/moved"] {
        folder.remove_file(name).unwrap();
    }
    folder.remove_dir("made").unwrap();
    folder.open("made").unwrap_err();
    // As many as one likes, one after the other.
    for _ in 0..100 {
        folder.open_dir("deep").unwrap();
    }
}

/// No way leads from it to what is beside it, also none that `wasmtime-wasi` would never try.
fn is_kept_in(folder: &Dir, place: &Path) {
    let read = OFlags::RDONLY;
    let opened =
        |at: BorrowedFd<'_>, path: &str, flags| result(openat(at, path, flags, Mode::empty()));
    let at = folder.as_fd();
    for outside in [
        "../secret",
        "up",
        "deep/up",
        "absolute",
        "/etc/passwd",
        "deep/../../secret",
    ] {
        assert_eq!(opened(at, outside, read), "kept in", "{outside}");
    }
    assert_eq!(opened(at, "pipe", read), "refused");
    assert_eq!(opened(at, "pipe", OFlags::RDWR), "refused");
    let by_number = format!("/proc/self/fd/{}/../sibling", folder.as_raw_fd());
    let listed = OFlags::DIRECTORY;
    assert_eq!(opened(rustix::fs::CWD, &by_number, listed), "kept in");
    for path in ["up/new", "../new", "deep/../../new"] {
        let made = rustix::fs::mkdirat(at, path, Mode::RWXU);
        assert_eq!(result(made), "refused", "{path}");
        let removed = rustix::fs::unlinkat(at, path, rustix::fs::AtFlags::empty());
        assert_eq!(result(removed), "refused", "{path}");
        let moved = rustix::fs::renameat(at, "in", at, path);
        assert_eq!(result(moved), "refused", "{path}");
        let linked = rustix::fs::linkat(at, path, at, "new", rustix::fs::AtFlags::empty());
        assert_eq!(result(linked), "refused", "{path}");
        assert_eq!(
            result(rustix::fs::symlinkat("in", at, path)),
            "refused",
            "{path}"
        );
    }
    let moved = rustix::fs::renameat(at, "in", rustix::fs::CWD, place.join("stolen"));
    assert_eq!(result(moved), "kept in");
    // Whatever else it calls by such a number it reaches no more by that.
    for other in [place, Path::new("/"), &place.join("granted")] {
        let other = rustix::fs::open(other, OFlags::PATH, Mode::empty()).unwrap();
        let number = rustix::io::fcntl_dupfd_cloexec(&other, 3_000).unwrap();
        let is_it = other_is(&number, at);
        for path in ["secret", "etc/passwd", "granted/in", "in"] {
            let found = opened(number.as_fd(), path, read);
            assert_eq!(found == "done", is_it && path == "in", "{path}: {found}");
        }
    }
    the_kernel_says_what_is_wrong(folder);
}

fn other_is(one: &OwnedFd, other: BorrowedFd<'_>) -> bool {
    let of = |it: BorrowedFd<'_>| rustix::fs::fstat(it).unwrap().st_ino;
    of(one.as_fd()) == of(other)
}

fn the_kernel_says_what_is_wrong(folder: &Dir) {
    let at = folder.as_raw_fd();
    let long = CString::new(vec![b'x'; 5_000]).unwrap();
    // At the very end of what is mapped.
    let page = 4_096;
    // SAFETY: memory of its own, which nobody else has; what is behind it is taken away again.
    let last = unsafe {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let both = libc::mmap(std::ptr::null_mut(), 2 * page, rights, kind, -1, 0);
        assert_ne!(both, libc::MAP_FAILED);
        assert_eq!(libc::munmap(both.add(page), page), 0);
        let last = both.add(page - 3).cast::<libc::c_char>();
        last.copy_from(c"in".as_ptr(), 3);
        last
    };
    for (path, errno) in [
        (8 as *const libc::c_char, Some(libc::EFAULT)),
        (usize::MAX as *const libc::c_char, Some(libc::EFAULT)),
        (long.as_ptr(), Some(libc::ENAMETOOLONG)),
        (c"".as_ptr(), Some(libc::ENOENT)),
        (last, None),
        // SAFETY: the last byte but one of what is mapped, and its end.
        (unsafe { last.add(2) }, Some(libc::ENOENT)),
    ] {
        // SAFETY: the kernel looks at what the path is.
        let opened = unsafe { libc::openat(at, path, libc::O_RDONLY) };
        let found = io::Error::last_os_error().raw_os_error();
        match errno {
            None => {
                // SAFETY: it was just opened.
                drop(unsafe { OwnedFd::from_raw_fd(opened) });
            }
            Some(_) => assert_eq!((opened, found), (-1, errno)),
        }
    }
    let how = [0_u64; 3];
    for (size, errno) in [
        (0, libc::EINVAL),
        (8, libc::EINVAL),
        (23, libc::EINVAL),
        (25, libc::E2BIG),
        (usize::MAX, libc::E2BIG),
    ] {
        // SAFETY: who looks at more of it than there is would be at fault.
        let opened =
            unsafe { libc::syscall(libc::SYS_openat2, at, c"in".as_ptr(), how.as_ptr(), size) };
        let found = io::Error::last_os_error().raw_os_error();
        assert_eq!((opened, found), (-1, Some(errno)), "{size}");
    }
}

fn grant(place: &Path, mode: &str) -> String {
    let host = place.join("granted");
    let host = host.display();
    format!("[[files]]\nhost = \"{host}\"\nguest = \"/data\"\nmode = \"{mode}\"\n")
}

#[tokio::test]
async fn a_folder_that_is_granted_later_is_used_and_nothing_beside_it() {
    let site = Site::new("");
    let place = site.data.path();
    let folder = place.join("granted");
    fs::create_dir_all(folder.join("deep/deeper")).unwrap();
    fs::create_dir_all(place.join("sibling")).unwrap();
    fs::write(place.join("secret"), "secret").unwrap();
    fs::write(folder.join("in"), "in").unwrap();
    fs::write(folder.join("deep/deeper/in"), "deep").unwrap();
    fs::write(folder.join(std::ffi::OsStr::from_bytes(ODD)), "odd").unwrap();
    symlink("in", folder.join("link")).unwrap();
    symlink("..", folder.join("up")).unwrap();
    symlink("../..", folder.join("deep/up")).unwrap();
    symlink(place.join("secret"), folder.join("absolute")).unwrap();
    let made = mknodat(
        rustix::fs::CWD,
        folder.join("pipe"),
        FileType::Fifo,
        Mode::RWXU,
        0,
    );
    made.unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut asking = site.start("folders", nowhere, nowhere);
    assert_eq!(asking.next().await, "true");
    assert_eq!(asking.broker.asks(), Asks::Folders);
    assert_eq!(asking.next().await, "refused", "by itself");
    assert_eq!(asking.next().await, "refused", "not granted");
    site.write(&grant(place, "rw"));
    asking.go_on();
    for done in ["read", "written", "kept in"] {
        assert_eq!(asking.next().await, done);
    }
    assert_eq!(fs::read(place.join("secret")).unwrap(), b"secret");
    assert!(!place.join("new").exists() && !place.join("stolen").exists());
    site.write(&grant(place, "ro"));
    asking.go_on();
    for change in ["creates", "makes a folder", "moves"] {
        assert_eq!(asking.next().await, "refused", "{change}");
    }
    site.write("");
    asking.go_on();
    assert_eq!(asking.next().await, "refused", "opens what it has");
    assert_eq!(asking.next().await, "refused", "opens it again");
    asking.go_on();
}
