//! A registry that lies, and one that sends whoever asks it elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use external_worker_host::registry::{Login, Reference, Registries};
use external_worker_host::worker::modules::package::PackageProblem;
use serde_json::json;
use sha2::{Digest, Sha512};

use super::{
    PASSWORD, WASM, basic, component, described, digest, index, login, manifest, packages,
    with_login,
};

/// Answers each request as `answers` says, by the request's path, and keeps the requests. A second answer
/// for the same path is for whoever asks a second time. An answer in chunks is sent until the other side
/// has enough.
fn liar(answers: Vec<(String, String)>) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(Mutex::new(String::new()));
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let Some(request) = request(&mut stream) else {
                continue;
            };
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut heard = hears.lock().unwrap();
            heard.push_str(&request);
            let asked = heard.matches(&format!(" {path} HTTP")).count();
            drop(heard);
            let fitting: Vec<_> = answers
                .iter()
                .filter(|(part, _)| path.contains(part.as_str()))
                .collect();
            let answer = fitting.get(asked - 1).or(fitting.last());
            let answer = answer.map_or("HTTP/1.1 404 No\r\n\r\n", |(_, answer)| answer);
            let mut stream = stream.into_inner();
            let mut sent = stream.write_all(answer.as_bytes());
            while answer.contains("chunked") && sent.is_ok() {
                sent =
                    stream.write_all(&[b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat());
            }
        }
    });
    (address, heard)
}

/// The head of a request and its body; none when it is no HTTP, but a greeting of TLS.
fn request(stream: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let more = stream.read_until(b'\n', &mut bytes).ok()?;
        if more == 0 || !bytes.first().is_some_and(u8::is_ascii_uppercase) {
            return None;
        }
    }
    let head = String::from_utf8(bytes).ok()?;
    let length = head.to_lowercase();
    let length = length.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).ok()?)
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 307 There\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn asks(challenges: &[&str]) -> String {
    let challenges: String = challenges
        .iter()
        .map(|challenge| format!("WWW-Authenticate: {challenge}\r\n"))
        .collect();
    format!("HTTP/1.1 401 Who\r\nConnection: close\r\n{challenges}Content-Length: 0\r\n\r\n")
}

fn bearer(realm: &str) -> String {
    asks(&[&format!("Bearer realm=\"{realm}\",service=\"here\"")])
}

/// What comes of asking for a module, and what was heard meanwhile.
async fn ask(
    answers: Vec<(&str, String)>,
    registries: &Registries,
) -> (Result<String, String>, String) {
    let answers = answers
        .into_iter()
        .map(|(path, answer)| (path.to_owned(), answer));
    let (address, heard) = liar(answers.collect());
    let (_data, packages) = packages();
    let reference: Reference = format!("{address}/worker:1").parse().unwrap();
    let added = packages.add_oci(&reference, registries).await;
    let added = added
        .map(|package| package.manifest.name)
        .map_err(|problem| {
            assert!(matches!(problem, PackageProblem::Registry(_)), "{problem}");
            assert!(
                !problem.public().contains("answered"),
                "{}",
                problem.public()
            );
            problem.to_string()
        });
    let heard = heard.lock().unwrap().clone();
    (added, heard)
}

async fn refused_by(answers: Vec<(&str, String)>, registries: &Registries) -> (String, String) {
    let (added, heard) = ask(answers, registries).await;
    (added.unwrap_err(), heard)
}

#[tokio::test]
async fn a_registry_that_lies_gets_nowhere() {
    let wasm = component("carried", "1.0.0");
    let layer = |size: usize| {
        let layer = json!({"mediaType": WASM, "digest": digest(&wasm), "size": size});
        answer(&manifest(&json!({}), &layer))
    };
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let image = manifest(&json!({}), &described(WASM, &wasm));
    let other_size = index(&image, "x").replace(
        &format!("\"size\":{}", image.len()),
        &format!("\"size\":{}", image.len() + 1),
    );
    let table = [
        (
            vec![("manifests", endless.clone())],
            "more than 1048576 bytes",
        ),
        (
            vec![("manifests", layer(wasm.len())), ("blobs", endless)],
            "more than",
        ),
        (vec![("manifests", layer(1 << 40))], "allowed"),
        (
            vec![("manifests", layer(5)), ("blobs", answer("other"))],
            "digest",
        ),
        (
            vec![("manifests", layer(9)), ("blobs", answer("short"))],
            "ended after 5 of 9 bytes",
        ),
        (
            vec![
                ("manifests", layer(wasm.len())),
                (
                    "blobs",
                    "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\ncut".to_owned(),
                ),
            ],
            "end of file",
        ),
        (
            vec![
                ("manifests/1", answer(&index(&image, "x"))),
                ("manifests", answer("{}")),
            ],
            "another digest",
        ),
        (
            vec![
                ("manifests/1", answer(&other_size)),
                ("manifests", answer(&image)),
            ],
            "another size",
        ),
        (
            vec![("manifests", redirect("http://registry.example/x"))],
            "redirect",
        ),
        (
            vec![("manifests", redirect("/v2/worker/manifests/1"))],
            "redirect",
        ),
        (
            vec![("manifests", bearer("http://registry.example/token"))],
            "without TLS",
        ),
        (
            vec![("manifests", bearer("nonsense"))],
            "where to get a token",
        ),
        (
            vec![("manifests", asks(&["Negotiate"]))],
            "does not say how to log in",
        ),
        (
            vec![(
                "manifests",
                "HTTP/1.1 500 s3cr3t\r\nConnection: close\r\n\r\n".to_owned(),
            )],
            "answered 500",
        ),
        (
            vec![(
                "manifests",
                "HTTP/1.1 429 No\r\nConnection: close\r\nRetry-After: 3600\r\n\r\n".to_owned(),
            )],
            "try again in 3600 s",
        ),
        (
            vec![(
                "manifests",
                "HTTP/1.1 429 No\r\nConnection: close\r\nRetry-After: 0\r\n\r\n".to_owned(),
            )],
            "too many requests",
        ),
    ];
    for (answers, part) in table {
        let (problem, _) = refused_by(answers, &Registries::default()).await;
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[tokio::test]
async fn a_digest_may_be_one_of_sha512_and_is_checked() {
    let sha512 = |content: &[u8]| {
        let digits: String = Sha512::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha512:{digits}")
    };
    let wasm = component("carried", "1.0.0");
    let layer = json!({"mediaType": WASM, "digest": sha512(&wasm), "size": wasm.len()});
    let image = manifest(&json!({}), &layer);
    let (_data, packages) = packages();
    for (content, expected) in [
        (&wasm, None),
        (&component("carried", "6.6.6"), Some("digest")),
    ] {
        let answers = [
            ("manifests/sha512:", answer(&image)),
            (
                "blobs/sha512:",
                answer(std::str::from_utf8(content).unwrap()),
            ),
        ];
        let answers = answers
            .map(|(path, answer)| (path.to_owned(), answer))
            .to_vec();
        let (address, _) = liar(answers);
        let of_image = |digest: &str| {
            format!("{address}/worker@{digest}")
                .parse::<Reference>()
                .unwrap()
        };
        let open = Registries::default();
        let added = packages
            .add_oci(&of_image(&sha512(image.as_bytes())), &open)
            .await;
        match expected {
            None => assert!(added.unwrap().source.contains("@sha512:")),
            Some(part) => assert!(added.unwrap_err().to_string().contains(part)),
        }
        let other = packages.add_oci(&of_image(&sha512(b"other")), &open).await;
        assert!(other.unwrap_err().to_string().contains("another digest"));
    }
}

/// A place that gives tokens as `answers` say, and what it was asked.
fn tokens(answers: Vec<String>) -> (String, Arc<Mutex<String>>) {
    let answers = answers
        .into_iter()
        .map(|answer| ("/token".to_owned(), answer));
    let (address, heard) = liar(answers.collect());
    (format!("http://{address}/token"), heard)
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_login_and_used_without_it() {
    for token in [
        r#"{"token": "t0ken"}"#,
        r#"{"access_token": "t0ken"}"#,
        r#"{"token": "", "access_token": "t0ken", "expires_in": 300}"#,
        r#"{"token": "t0ken", "access_token": "other"}"#,
        r#"{"token": null, "access_token": "t0ken"}"#,
    ] {
        let (realm, asked) = tokens(vec![answer(token)]);
        let answers = vec![("manifests", bearer(&realm)), ("manifests", answer("{}"))];
        let (problem, heard) = refused_by(answers, &with_login(login(PASSWORD))).await;
        assert!(problem.contains("manifest cannot be read"), "{problem}");
        let asked = asked.lock().unwrap().clone();
        assert!(
            asked.starts_with("GET /token?service=here&scope=repository%3Aworker%3Apull HTTP"),
            "{asked}"
        );
        assert!(asked.contains(&basic()), "{asked}");
        assert!(
            heard.contains("Bearer t0ken") && !heard.contains("Basic"),
            "{heard}"
        );
    }
    for nothing in ["{}", r#"{"token": ""}"#, "[]", "s3cr3t"] {
        let (realm, _) = tokens(vec![answer(nothing)]);
        let (problem, _) = refused_by(
            vec![("manifests", bearer(&realm))],
            &with_login(login(PASSWORD)),
        )
        .await;
        assert!(problem.contains("gave no token"), "{problem}");
    }
}

#[tokio::test]
async fn a_token_that_holds_no_more_is_asked_for_again_once() {
    let wasm = component("carried", "1.0.0");
    let (realm, asked) = tokens(vec![
        answer(r#"{"token": "first"}"#),
        answer(r#"{"token": "second"}"#),
    ]);
    let image = manifest(&json!({}), &described(WASM, &wasm));
    let wasm = String::from_utf8(wasm).unwrap();
    let answers = |last: String| {
        vec![
            ("manifests", bearer(&realm)),
            ("manifests", answer(&image)),
            ("blobs", bearer(&realm)),
            ("blobs", last),
        ]
    };
    let (added, heard) = ask(answers(answer(&wasm)), &Registries::default()).await;
    assert_eq!(added.unwrap(), "carried");
    let used = ["Bearer first", "Bearer second"].map(|token| heard.matches(token).count());
    assert_eq!(used, [2, 1], "{heard}");
    assert_eq!(asked.lock().unwrap().matches("GET /token").count(), 2);
    let (problem, _) = refused_by(answers(bearer(&realm)), &Registries::default()).await;
    assert!(problem.contains("asks for a login"), "{problem}");
}

#[tokio::test]
async fn a_login_that_is_a_token_is_exchanged_for_one() {
    let (realm, asked) = tokens(vec![answer(r#"{"access_token": "t0ken"}"#)]);
    let answers = vec![("manifests", bearer(&realm)), ("manifests", answer("{}"))];
    let identity = with_login(Login::Identity("id3ntity+/".to_owned()));
    let (_, heard) = refused_by(answers, &identity).await;
    let asked = asked.lock().unwrap().clone();
    assert!(asked.starts_with("POST /token HTTP"), "{asked}");
    let form = "grant_type=refresh_token&client_id=ewh&refresh_token=id3ntity%2B%2F&service=here\
                &scope=repository%3Aworker%3Apull";
    assert!(asked.ends_with(form), "{asked}");
    assert!(
        heard.contains("Bearer t0ken") && !heard.contains("id3ntity"),
        "{heard}"
    );
}

#[tokio::test]
async fn every_way_of_asking_for_a_login_is_understood() {
    let (realm, _) = tokens(vec![answer(r#"{"token": "t0ken"}"#)]);
    let offer = format!("Bearer realm=\"{realm}\",service=\"a, b\"");
    let both = format!("Basic realm=\"here, there\", {offer}");
    let reversed = format!("{offer}, basic realm=\"x\"");
    for challenges in [
        &[&*offer][..],
        &["Basic realm=\"x\"", &*offer],
        &[&*offer, "Basic realm=\"x\""],
        &[&*both],
        &[&*reversed],
        &[&*offer.replace("Bearer", "BEARER")],
    ] {
        let answers = vec![("manifests", asks(challenges)), ("manifests", answer("{}"))];
        let (_, heard) = refused_by(answers, &with_login(login(PASSWORD))).await;
        assert!(heard.contains("Bearer t0ken"), "{challenges:?}: {heard}");
    }
    let answers = vec![
        ("manifests", asks(&["BASIC realm=\"x\""])),
        ("manifests", answer("{}")),
    ];
    let (_, heard) = refused_by(answers, &with_login(login(PASSWORD))).await;
    assert!(heard.contains(&basic()), "{heard}");
}

#[tokio::test]
async fn a_login_goes_to_its_registry_and_to_nobody_to_whom_that_sends() {
    let wasm = component("carried", "1.0.0");
    let image = manifest(&json!({}), &described(WASM, &wasm));
    let wasm = String::from_utf8(wasm).unwrap();
    let with_basic = |elsewhere: &str| {
        vec![
            ("manifests", asks(&["Basic realm=\"x\""])),
            ("manifests", answer(&image)),
            ("blobs", redirect(elsewhere)),
        ]
    };
    let registries = with_login(login(PASSWORD));

    // A place where layers are kept hears neither login nor token.
    let (store, heard) = liar(vec![("/signed".to_owned(), answer(&wasm))]);
    let (added, _) = ask(
        with_basic(&format!("http://{store}/signed?sig=x")),
        &registries,
    )
    .await;
    assert_eq!(added.unwrap(), "carried");
    let heard = heard.lock().unwrap().to_lowercase();
    assert!(
        heard.contains("sig=x") && !heard.contains("authorization"),
        "{heard}"
    );

    // One that asks for them is not told, nor is the place that it names.
    let (realm, asked) = tokens(vec![answer(r#"{"token": "t0ken"}"#)]);
    for challenge in [bearer(&realm), asks(&["Basic realm=\"x\""])] {
        let (store, heard) = liar(vec![("/signed".to_owned(), challenge)]);
        let elsewhere = format!("http://{store}/signed");
        let (problem, _) = refused_by(with_basic(&elsewhere), &registries).await;
        assert!(problem.contains("a login of its own"), "{problem}");
        let heard = heard.lock().unwrap().to_lowercase();
        assert!(!heard.contains("authorization"), "{heard}");
    }
    assert_eq!(asked.lock().unwrap().as_str(), "");

    // A place that gives tokens sends nobody on.
    let (other, asked) = liar(vec![("/".to_owned(), answer(r#"{"token": "t0ken"}"#))]);
    let (realm, _) = tokens(vec![redirect(&format!("http://{other}/token"))]);
    let (problem, _) = refused_by(vec![("manifests", bearer(&realm))], &registries).await;
    assert!(problem.contains("answered 307"), "{problem}");
    assert_eq!(asked.lock().unwrap().as_str(), "");
}
