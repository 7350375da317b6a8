//! Files that clients bring stay where they belong.

use std::io::{Cursor, Write};
use std::path::Path;

use external_worker_host::limits;
use serde_json::{Value as Json, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Answer, Served};

const BOUNDARY: &str = "xxxBOUNDARYxxx";

/// The head of an upload, and its body.
pub(super) fn form(files: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (field, name, content) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
             filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let head = format!("POST /upload/\nContent-Type: multipart/form-data; boundary={BOUNDARY}");
    (head, body)
}

async fn upload(served: &Served, files: &[(&str, &str, &[u8])]) -> Answer {
    let (head, body) = form(files);
    served.http(&head, &body).await
}

/// Every file below `dir`.
fn all(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn files_and_folders_come_whole() {
    let served = Served::start().await;
    let large = vec![7; 3_000_000];
    let answer = upload(&served, &[("file", "large.bin", &large)]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "file": "large.bin" }))
    );
    let folder = [
        ("file", "data/a.txt", &b"a"[..]),
        ("file", "data/b/c.txt", b"c"),
    ];
    let answer = upload(&served, &folder).await;
    assert_eq!(answer.json(), json!({ "file": "data" }));
    let mut client = served.client().await;
    let put = json!({ "data": "aGVsbG8=", "filename": "hello.txt" });
    assert_eq!(client.call("upload", put).await.unwrap(), "hello.txt");
    let files = served.data.path().join("files");
    assert_eq!(
        all(&files),
        ["data/a.txt", "data/b/c.txt", "hello.txt", "large.bin"]
    );
    assert_eq!(std::fs::read(files.join("large.bin")).unwrap(), large);
    assert_eq!(std::fs::read(files.join("hello.txt")).unwrap(), b"hello");
}

#[tokio::test]
async fn nothing_leaves_the_directory_of_uploads() {
    let served = Served::start().await;
    let files = served.data.path().join("files");
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), files.join("link")).unwrap();
    let mut client = served.client().await;
    let absolute = outside.path().join("a").to_str().unwrap().to_owned();
    for name in [
        "../a",
        "/etc/ewh-test",
        "a/../../b",
        "..",
        "a//b",
        "link/a",
        &absolute,
    ] {
        let answer = upload(&served, &[("file", name, b"x")]).await;
        assert!(answer.status >= 400, "{name}");
        let put = json!({ "data": "aGVsbG8=", "filename": name });
        let problem = client.call("upload", put).await.unwrap_err();
        assert!(!problem.contains("os error"), "{problem}");
    }
    assert_eq!(all(outside.path()), [""; 0]);
    assert_eq!(std::fs::read_dir(&files).unwrap().count(), 1);
}

#[tokio::test]
async fn an_upload_without_a_file_is_none() {
    let served = Served::start().await;
    for files in [&[][..], &[("other", "a", &b"x"[..])], &[("file", "", b"x")]] {
        assert_eq!(upload(&served, files).await.status, 400);
    }
    let (head, cut) = form(&[("file", "a.txt", b"abc")]);
    let answer = served.http(&head, &cut[..cut.len() - 12]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(all(&served.data.path().join("files")), [""; 0]);
    assert!(served.http("POST /upload/", b"x").await.status >= 400);
}

/// An export with `files`, and a graph that is `backend`.
fn export(backend: &Json, files: impl Iterator<Item = (String, &'static str)>) -> Json {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let state = json!({ "backend": backend, "view": {}, "external_workers": {} });
    let documents = [
        ("config".to_owned(), json!({}).to_string()),
        ("state".to_owned(), state.to_string()),
    ];
    let files = files.map(|(name, content)| (format!("files/{name}"), content.to_owned()));
    for (name, content) in documents.into_iter().chain(files) {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    json!({ "data": data_encoding(&zip) })
}

/// Base64.
fn data_encoding(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(padded);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() {
                letter as char
            } else {
                '='
            });
        }
    }
    text
}

#[tokio::test]
async fn an_import_counts_as_an_upload_and_leaves_nothing_when_it_is_refused() {
    let served = Served::start().await;
    let files = served.data.path().join("files");
    let mut client = served.client().await;
    let empty = json!({ "nodes": [], "edges": [], "prop": {}, "groups": {} });
    let two = [("a/b".to_owned(), "one"), ("c".to_owned(), "two")];
    for _ in 0..2 {
        let import = export(&empty, two.clone().into_iter());
        client.call("update_from_export", import).await.unwrap();
        assert_eq!(all(&files), ["a/b", "c"]);
    }
    // A small archive of more folders than there may be.
    let deep = |n: usize| (0..29).fold(n.to_string(), |path, level| format!("{path}/{level}"));
    let count = limits::MAX_UPLOADED_ENTRIES as usize / 29 + 100;
    let flood = export(&empty, (0..count).map(|n| (deep(n), "")));
    let problem = client.call("update_from_export", flood).await.unwrap_err();
    assert!(problem.contains("files and folders"), "{problem}");
    // A file where a folder is.
    let clash = [("new".to_owned(), "x"), ("a".to_owned(), "x")];
    let clash = export(&empty, clash.into_iter());
    client.call("update_from_export", clash).await.unwrap_err();
    // A graph that is too large.
    let news = [("new".to_owned(), "x"), ("c".to_owned(), "three")];
    let node = |n: usize| json!({ "id": n.to_string(), "node_id": "class" });
    let nodes: Vec<_> = (0..=limits::MAX_NODES).map(node).collect();
    let large = export(&json!({ "nodes": nodes }), news.into_iter());
    client.call("update_from_export", large).await.unwrap_err();
    assert_eq!(all(&files), ["a/b", "c"]);
    assert_eq!(std::fs::read(files.join("c")).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(&files).unwrap().count(), 2);
    let put = json!({ "data": "aGVsbG8=", "filename": "after.txt" });
    client.call("upload", put).await.unwrap();
}
