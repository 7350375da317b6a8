//! Attacks on files, by WASI 0.2 and 0.3: nothing leads out of a granted folder, nothing is beyond its quota.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::network::reach;
use crate::scene::{SECRET, Scene};
use crate::table::{Row, row};

/// The quota of the granted folder, in bytes.
const QUOTA: u64 = 128 << 10;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("files/device_p2", "Unavailable: not-permitted", read_write),
        row(
            "files/device_p3",
            "Denied: /data/zero: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/dotdot_absolute_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/dotdot_absolute_p3",
            "Denied: /etc/passwd: the path is in no granted folder; granted: /data",
            read_write,
        ),
        row(
            "files/dotdot_deep_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/dotdot_deep_p3",
            "Denied: /data/sub/../../secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row("files/dotdot_p2", "Unavailable: not-permitted", read_write),
        row(
            "files/dotdot_p3",
            "Denied: /data/../secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/dotdot_slashes_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/dotdot_slashes_p3",
            "Denied: /data//.//..///secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row("files/fifo_p2", "Unavailable: access", read_write),
        row(
            "files/fifo_p3",
            "Denied: /data/fifo: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/folder_as_file_p2",
            "Unavailable: bad-descriptor",
            read_write,
        ),
        row(
            "files/folder_as_file_p3",
            "InvalidInput: /data/sub: it is a folder",
            read_write,
        ),
        row(
            "files/folder_out_p3",
            "Denied: /data/up/mine: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_absolute_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_absolute_p3",
            "Denied: /data/absolute: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_and_back_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_and_back_p3",
            "Denied: /data/up/granted/../secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_chain_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_chain_p3",
            "Denied: /data/chain: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_folder_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_folder_p3",
            "Denied: /data/up/secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_hard_above_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row("files/link_hard_p2", "Unavailable: invalid", read_write),
        row(
            "files/link_own_absolute_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_own_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_own_p3",
            "Denied: /data/own: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_read_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_relative_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_relative_p3",
            "Denied: /data/relative: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_slash_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/link_slash_p3",
            "Denied: /data/relative/: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/link_swap_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row("files/link_to_itself_p2", "Unavailable: loop", read_write),
        row("files/link_to_itself_p3", "InvalidInput: *", read_write),
        row("files/list_crowd_p3", "answered: 5000", read_only),
        row(
            "files/list_out_p3",
            "Denied: /data/up: denied; the grant `files` does not cover it",
            read_write,
        ),
        row("files/name_deep_p3", "InvalidInput: *", read_write),
        row("files/name_escape_p3", "answered: done", read_write),
        row("files/name_long_p3", "InvalidInput: *", read_write),
        row("files/name_zero_p2", "Unavailable: invalid", read_write),
        row("files/name_zero_p3", "InvalidInput: *", read_write),
        row("files/proc_p2", "Unavailable: not-permitted", read_write),
        row(
            "files/proc_p3",
            "Denied: /data/proc: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/proc_root_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/proc_root_p3",
            "Denied: /data/root/etc/passwd: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/quota_append_p3",
            "Busy: /data/large: there is no space left; its grant sets a quota",
            read_write,
        ),
        row(
            "files/quota_folders_p3",
            "Busy: /data*: there is no space left; its grant sets a quota",
            read_write,
        ),
        row(
            "files/quota_litter_p3",
            "Busy: /data/litter-*: there is no space left; its grant sets a quota",
            read_write,
        ),
        row("files/quota_race_p3", "answered: * of 20", read_write),
        // What it takes to copy so much is not what this is about.
        row("files/quota_replace_p3", "answered: done", |scene| {
            read_write(
                scene
                    .budget("cpu-spin-ms", 20_000)
                    .budget("call-deadline-ms", 20_000),
            )
        }),
        row(
            "files/quota_sparse_p2",
            "Unavailable: insufficient-space",
            read_write,
        ),
        row(
            "files/quota_stretch_p2",
            "Unavailable: insufficient-space",
            read_write,
        ),
        row(
            "files/quota_write_p2",
            "Unavailable: insufficient-space",
            read_write,
        ),
        row(
            "files/quota_write_p3",
            "Busy: /data/large: there is no space left; its grant sets a quota",
            read_write,
        ),
        row("files/race", "answered: never", race),
        row("files/read_at_end_p3", "InvalidInput: *", read_write),
        row(
            "files/read_large_p3",
            "ended: it trapped (wasm trap: wasm `unreachable` instruction executed) after the memory bu*",
            read_only,
        ),
        row(
            "files/read_only_create_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_create_p3",
            "Denied: /data/new.txt: denied; the grant `files` does not cover it",
            read_only,
        ),
        row(
            "files/read_only_folder_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_folder_p3",
            "Denied: /data/new: denied; the grant `files` does not cover it",
            read_only,
        ),
        row(
            "files/read_only_link_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_remove_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_remove_p3",
            "Denied: /data/hello.txt: denied; the grant `files` does not cover it",
            read_only,
        ),
        row(
            "files/read_only_rename_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_rename_p3",
            "Denied: /data/hello.txt: denied; the grant `files` does not cover it",
            read_only,
        ),
        row(
            "files/read_only_size_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_times_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_truncate_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_truncate_p3",
            "Unavailable: NotPermitted",
            read_only,
        ),
        row(
            "files/read_only_write_p2",
            "Unavailable: not-permitted",
            read_only,
        ),
        row(
            "files/read_only_write_p3",
            "Denied: /data/hello.txt: denied; the grant `files` does not cover it",
            read_only,
        ),
        row(
            "files/remove_out_p3",
            "Denied: /data/up/secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/rename_in_p3",
            "Denied: /data/../secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/rename_out_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/rename_out_p3",
            "Denied: /data/hello.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/rename_through_link_p3",
            "Denied: /data/hello.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row("files/socket_p2", "Unavailable: access", read_write),
        row(
            "files/socket_p3",
            "Denied: /data/socket: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/stat_out_p3",
            "Denied: /data/up/secret.txt: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/times_extreme_p2",
            "Unavailable: overflow",
            read_write,
        ),
        row(
            "files/times_extreme_p3",
            "Unavailable: Overflow",
            read_write,
        ),
        row(
            "files/write_dangling_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/write_dangling_p3",
            "Denied: /data/dangling: denied; the grant `files` does not cover it",
            read_write,
        ),
        row(
            "files/write_through_link_p2",
            "Unavailable: not-permitted",
            read_write,
        ),
        row(
            "files/write_through_link_p3",
            "Denied: /data/relative: denied; the grant `files` does not cover it",
            read_write,
        ),
    ]
}

/// Lets the attacker at a folder that it may write to, within a quota.
async fn read_write(scene: Scene) -> String {
    let scene = furnished(scene, "rw");
    let inside = scene.dir().join("granted");
    let did = at_folder(scene.clone()).await;
    if written(&inside) <= QUOTA {
        did
    } else {
        format!("{did}; BEYOND THE QUOTA")
    }
}

/// Lets the attacker at a folder that it may only read.
async fn read_only(scene: Scene) -> String {
    let scene = furnished(scene, "ro");
    let inside = scene.dir().join("granted");
    match scene.attack() {
        "files/read_large_p3" => {
            let large = std::fs::File::create(inside.join("large")).unwrap();
            large.set_len(1 << 30).unwrap();
        }
        "files/list_crowd_p3" => {
            std::fs::create_dir(inside.join("crowd")).unwrap();
            for n in 0..5_000 {
                std::fs::write(inside.join(format!("crowd/{n}")), []).unwrap();
            }
        }
        _ => {}
    }
    let state = |place: &Path| {
        let hello = std::fs::metadata(place.join("hello.txt")).unwrap();
        let names = std::fs::read_dir(place).unwrap().count();
        (hello.len(), hello.modified().unwrap(), names)
    };
    let before = state(&inside);
    let did = at_folder(scene).await;
    if state(&inside) == before {
        did
    } else {
        format!("{did}; CHANGED")
    }
}

/// A granted folder with what is not a file in it.
fn furnished(scene: Scene, mode: &str) -> Scene {
    let scene = scene.folder(mode);
    let inside = scene.dir().join("granted");
    let fifo = Command::new("mkfifo").arg(inside.join("fifo")).status();
    assert!(fifo.unwrap().success());
    drop(UnixListener::bind(inside.join("socket")).unwrap());
    scene
}

/// What the attacker does and what it is told, and whether it changed or learned what is not its own.
async fn at_folder(scene: Scene) -> String {
    let did = reach(scene.clone()).call("inside").await;
    let secret = std::fs::read_to_string(scene.dir().join("secret.txt")).unwrap_or_default();
    let beside = std::fs::read_dir(scene.dir()).unwrap().count();
    let path = scene.dir().to_string_lossy().into_owned();
    let mut wrong = String::new();
    if secret != SECRET || beside != 2 {
        wrong += "; CHANGED OUTSIDE";
    }
    if [SECRET, "root:", &path]
        .iter()
        .any(|told| did.contains(told))
    {
        wrong += "; TOLD";
    }
    format!("{did}{wrong}")
}

/// Bytes of the files in `dir`.
fn written(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.map(|path| path.symlink_metadata().unwrap());
    files
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum()
}

/// Swaps the folder that the attacker reads in for a link to the outside, and back, all the time.
async fn race(scene: Scene) -> String {
    let scene = furnished(scene, "rw");
    let inside = scene.dir().join("granted");
    std::fs::write(inside.join("swapped/secret.txt"), "inside").unwrap();
    let go_on = std::sync::Arc::new(AtomicBool::new(true));
    let wanted = std::sync::Arc::clone(&go_on);
    let swapping = std::thread::spawn(move || {
        let (folder, aside) = (inside.join("swapped"), inside.join("aside"));
        while wanted.load(Ordering::Relaxed) {
            std::fs::rename(&folder, &aside).unwrap();
            std::os::unix::fs::symlink("..", &folder).unwrap();
            std::fs::remove_file(&folder).unwrap();
            std::fs::rename(&aside, &folder).unwrap();
        }
    });
    let did = at_folder(
        scene
            .budget("call-deadline-ms", 20_000)
            .budget("cpu-spin-ms", 20_000),
    )
    .await;
    go_on.store(false, Ordering::Relaxed);
    swapping.join().unwrap();
    did
}
