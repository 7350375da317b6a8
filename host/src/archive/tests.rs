//! What strangers put into zips, and what becomes of it.

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Puts other bytes wherever `from` is: what no writer would write.
fn forge(mut archive: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at: Vec<usize> = archive
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, part)| (part == from).then_some(at))
        .collect();
    assert!(!at.is_empty());
    for at in at {
        archive[at..at + to.len()].copy_from_slice(to);
    }
    archive
}

#[track_caller]
fn refused(archive: Vec<u8>, part: &str) {
    let problem = Archive::open(archive).err().expect(part).to_string();
    assert!(problem.contains(part), "{problem}");
    assert!(!problem.contains('\u{1b}'), "{problem}");
}

#[test]
fn members_come_back_as_they_went_in() {
    let long = "all work and no play ".repeat(10_000);
    let bytes = zip(&[
        ("a", b"1"),
        ("b/c.txt", long.as_bytes()),
        ("b/", b""),
        ("e", b""),
    ]);
    let mut archive = Archive::open(bytes).unwrap();
    let paths: Vec<_> = archive
        .members()
        .iter()
        .map(|member| &member.path)
        .collect();
    assert_eq!(paths, ["a", "b/c.txt", "e"]);
    assert_eq!(archive.folders(), ["b"]);
    assert_eq!(archive.read("b/c.txt", 1 << 20).unwrap(), long.as_bytes());
    assert_eq!(archive.read("e", 0).unwrap(), b"");
    let too_big = archive.read("b/c.txt", 1000).unwrap_err();
    assert!(matches!(
        too_big,
        ArchiveProblem::TooBig { limit: 1000, .. }
    ));
    let missing = archive.read("nope", 1000).unwrap_err();
    assert!(matches!(missing, ArchiveProblem::Missing(_)));
}

#[test]
fn no_path_leads_out() {
    for path in [
        "../evil",
        "/evil",
        "a/../../evil",
        "a/./b",
        "a//b",
        "..",
        ".",
        "",
        "a\\..\\evil",
        "C:\\evil",
        "a\u{1b}[2J",
        "a\nb",
        "a\u{202e}b",
    ] {
        assert!(check_path(path).is_err(), "{path}");
    }
    for path in [
        "a",
        "a/b.txt",
        ".hidden",
        "a..b/..c",
        "ünï/日本",
        "with space",
    ] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
    assert!(check_path(&"a".repeat(256)).is_err());
    assert!(check_path(&"a/".repeat(40)).is_err());
    assert!(check_path(&"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/".repeat(30)).is_err());
    let escapes = forge(zip(&[("files/__/evil", b"x")]), b"/__/", b"/../");
    refused(escapes, "below the archive's root");
    refused(forge(zip(&[("_evil", b"x")]), b"_evil", b"/evil"), "below");
    refused(
        forge(zip(&[("an-evil", b"x")]), b"an-", b"a\x1b["),
        "character",
    );
    refused(
        forge(zip(&[("evil", b"x")]), b"evil", b"\xff\xfe\xfd\xfc"),
        "UTF-8",
    );
}

#[test]
fn one_name_is_one_member() {
    refused(
        forge(zip(&[("a1", b"x"), ("a2", b"y")]), b"a2", b"a1"),
        "duplicate",
    );
    refused(zip(&[("a", b"x"), ("a/b", b"y")]), "inside a file");
}

#[test]
fn bombs_are_not_unpacked() {
    let zeros = vec![0; 20 << 20];
    refused(zip(&[("bomb", &zeros)]), "for an archive of its size");
    let mut overlapping = ZipWriter::new(Cursor::new(Vec::new()));
    overlapping
        .start_file("a", SimpleFileOptions::default())
        .unwrap();
    overlapping.write_all(&zeros[..1 << 20]).unwrap();
    for copy in 0..10 {
        overlapping
            .shallow_copy_file("a", &format!("b{copy}"))
            .unwrap();
    }
    let overlapping = overlapping.finish().unwrap().into_inner();
    assert!(Archive::open(overlapping).is_err());
    let size = 0x0012_3456_u32;
    let lie = |told: u32| {
        let archive = zip(&[("a", &zeros[..size as usize])]);
        forge(archive, &size.to_le_bytes(), &told.to_le_bytes())
    };
    refused(lie(0x7fff_ffff), "its content");
    refused(lie(16), "larger than its declared");
    refused(lie(size + 1), "not as long as it says");
}

#[test]
fn there_is_an_end_to_members() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..10_001 {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(format!("{index}"), options).unwrap();
    }
    let many = zip.finish().unwrap().into_inner();
    refused(many.clone(), "10001 members");
    let end = many.len() - END_OF_DIRECTORY_BYTES;
    let locator = [ZIP64_LOCATOR, &[0; 16]].concat();
    let zip64 = [&many[..end], &locator, &many[end..]].concat();
    refused(zip64, "65535");
}

#[test]
fn only_files_and_folders_are_members() {
    let mut links = ZipWriter::new(Cursor::new(Vec::new()));
    links
        .add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    refused(links.finish().unwrap().into_inner(), "symbolic link");
    // The first bit of the flags, in both headers.
    let mut encrypted = zip(&[("a", b"secret")]);
    let central = encrypted.windows(4).position(|part| part == b"PK\x01\x02");
    encrypted[6] |= 1;
    encrypted[central.unwrap() + 8] |= 1;
    refused(encrypted, "is encrypted");
    refused(b"no archive".to_vec(), "cannot be read");
    let whole = zip(&[("a", &[7; 1000])]);
    for length in 0..whole.len() {
        assert!(Archive::open(whole[..length].to_vec()).is_err(), "{length}");
    }
}

#[test]
fn what_was_changed_on_the_way_is_found_out() {
    let archive = zip(&[("a", b"the content of a file that is stored as it is")]);
    // Each byte, everywhere: either it makes no difference, or it is refused. Never a panic.
    for at in 0..archive.len() {
        let mut changed = archive.clone();
        changed[at] ^= 0x55;
        if let Ok(mut archive) = Archive::open(changed)
            && let Some(member) = archive.members().first().cloned()
        {
            let content = archive.read(&member.path, 1000).unwrap();
            assert_eq!(content, b"the content of a file that is stored as it is");
        }
    }
}
