//! Files that clients bring stay where they belong.

use std::path::Path;

use serde_json::json;

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
