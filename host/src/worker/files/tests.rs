//! What gets to its place, and what leaves nothing.

use cap_std::ambient_authority;

use super::space::COUNT_AGAIN_AFTER;
use super::*;

#[test]
fn only_plain_relative_paths_are_names() {
    for good in ["a.txt", "folder/a b.txt", "é", "..a/b.."] {
        assert_eq!(plain_path(good).unwrap(), PathBuf::from(good));
    }
    let long = "x".repeat(limits::MAX_UPLOAD_NAME_BYTES + 1);
    let bad = [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a//b",
        "a/",
        ".",
        "./a",
        "a\\b",
        "a\0b",
        "a\nb",
        "\u{202e}a",
        &long,
    ];
    for bad in bad {
        plain_path(bad).unwrap_err();
    }
}

#[test]
fn several_files_have_a_folder_in_common() {
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(common_path(&paths(&["a/b.txt"])).unwrap(), "a/b.txt");
    assert_eq!(
        common_path(&paths(&["a/b/1", "a/b/2", "a/c"])).unwrap(),
        "a"
    );
    assert_eq!(common_path(&paths(&["a/1", "ab/1"])).unwrap(), "");
    assert_eq!(common_path(&[]), None);
}

fn opened(dir: &tempfile::TempDir) -> Dir {
    Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap()
}

fn most(bytes: u64, entries: u64) -> Amount {
    Amount { bytes, entries }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_full(result: Result<String, UploadError>) -> bool {
    matches!(result, Err(UploadError::Full { .. }))
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    let kept = tempfile::tempdir().unwrap();
    let files = Files::with_room(opened(&kept), most(10, 100));
    files.put("folder/a", b"123456").unwrap();
    assert!(is_full(files.put("b", b"12345")));
    assert_eq!(names(kept.path()), ["folder"]);
    files.put("folder/a", b"1234").unwrap();
    files.put("b", b"12345").unwrap();
    // What was there before counts.
    let again = Files::with_room(opened(&kept), most(10, 100));
    again.put("c", b"1").unwrap();
    assert!(is_full(again.put("d", b"1")));
}

#[test]
fn files_and_folders_are_counted_before_they_are_made_and_given_back() {
    let kept = tempfile::tempdir().unwrap();
    let files = Files::with_room(opened(&kept), most(1000, 6));
    files.put("a/b/1", b"").unwrap();
    assert!(is_full(files.put("c/d/e/1", b"")));
    assert_eq!(names(kept.path()), ["a"]);
    files.put("a/b/1", b"new").unwrap();
    files.put("a/b/2", b"").unwrap();
    files.put("c/1", b"").unwrap();
    assert!(is_full(files.put("2", b"")));
    assert_eq!(files.room().kept, most(3, 6));
    assert_eq!(files.room().coming, Amount::default());
    // What somebody else removed is noticed.
    std::fs::remove_dir_all(kept.path().join("a")).unwrap();
    files.room().counted -= COUNT_AGAIN_AFTER;
    files.put("2", b"").unwrap();
    assert_eq!(files.room().kept, most(0, 3));
}

#[test]
fn a_folder_has_so_many_names() {
    let kept = tempfile::tempdir().unwrap();
    std::fs::create_dir(kept.path().join("f")).unwrap();
    for n in 1..limits::MAX_UPLOADED_NAMES {
        std::fs::write(kept.path().join(format!("f/{n}")), b"").unwrap();
    }
    let files = Files::new(opened(&kept));
    files.put("f/last", b"").unwrap();
    assert!(is_full(files.put("f/more", b"")));
    assert!(is_full(files.put("f/more/deeper", b"")));
    files.put("f/last", b"again").unwrap();
    files.put("other/more", b"").unwrap();
}

#[test]
fn what_comes_together_comes_whole_or_not_at_all() {
    let kept = tempfile::tempdir().unwrap();
    let files = Files::with_room(opened(&kept), most(1000, 100));
    files.put("old", b"old").unwrap();
    files.put("taken/by/folder", b"").unwrap();
    let before = files.room().kept;
    let mut batch = files.batch();
    for name in ["new/a", "old", "taken"] {
        let mut file = batch.begin(name).unwrap();
        file.write(b"123").unwrap();
        batch.add(file);
    }
    assert_eq!(std::fs::read(kept.path().join("old")).unwrap(), b"old");
    batch.commit().unwrap_err();
    assert_eq!(names(kept.path()), ["old", "taken"]);
    assert_eq!(std::fs::read(kept.path().join("old")).unwrap(), b"old");
    assert_eq!(files.room().kept, before);
    // Nor does what is given up.
    let mut batch = files.batch();
    batch.begin("new/a").unwrap().write(b"123").unwrap();
    drop(batch);
    assert_eq!(names(kept.path()), ["old", "taken"]);
    assert_eq!(files.room().coming, Amount::default());
    // Of a process that died, nothing is left.
    std::fs::create_dir(kept.path().join(format!("{WAITING}1"))).unwrap();
    Files::new(opened(&kept));
    assert_eq!(names(kept.path()), ["old", "taken"]);
}

#[test]
fn a_file_is_replaced_as_a_whole_and_no_link_leads_out() {
    let inside = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let files = Files::new(opened(&inside));
    files.put("folder/a", b"one").unwrap();
    assert_eq!(files.put("folder/a", b"two").unwrap(), "folder/a");
    assert_eq!(
        std::fs::read(inside.path().join("folder/a")).unwrap(),
        b"two"
    );
    std::os::unix::fs::symlink(outside.path(), inside.path().join("out")).unwrap();
    assert!(matches!(files.put("out/a", b"x"), Err(UploadError::Disk)));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    std::fs::write(outside.path().join("target"), b"kept").unwrap();
    let link = inside.path().join("link");
    std::os::unix::fs::symlink(outside.path().join("target"), link).unwrap();
    files.put("link", b"new").unwrap();
    assert_eq!(
        std::fs::read(outside.path().join("target")).unwrap(),
        b"kept"
    );
    assert_eq!(names(&inside.path().join("folder")), ["a"]);
}
