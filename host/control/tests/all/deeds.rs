//! What is done to external workers is written down, and no value of it.

use external_worker_control::model::{Code, Happened, Happening, Problem};
use serde_json::{Value as Json, json};

use crate::bench::Bench;

const VALUE: &str = "hunter2-correct-horse";

/// The deeds that were noted.
fn noted(bench: &Bench) -> Vec<Happening> {
    let state = bench.memory.state();
    let is_deed = |note: &&Happening| note.instance.is_some();
    state.notes.iter().filter(is_deed).cloned().collect()
}

async fn post(bench: &Bench, path: &str, body: impl Into<Option<Json>>) -> u16 {
    bench.operate("POST", path, body).await.status.as_u16()
}

#[tokio::test]
async fn each_deed_is_noted_with_names_and_without_values() {
    let bench = Bench::new().await;
    let author = bench.token("lab", "author").await;
    let ask = |method, path: String, body: Option<Json>| {
        let (bench, author) = (&bench, &author);
        async move { bench.ask(method, &path, Some(author), body).await }
    };
    let at = "/tenants/lab/instances".to_owned();
    let body = json!({"module": "thermometer", "class": "thermometer", "name": "bench 2", "config": {"token": VALUE}});
    let made = ask("POST", at.clone(), Some(body)).await;
    let uuid = made.json()["uuid"].as_str().unwrap().to_owned();
    let at = format!("{at}/{uuid}");
    for action in ["pause", "resume", "restart"] {
        ask("POST", format!("{at}/{action}"), None).await;
    }
    let patch = json!({"interval": VALUE, "token": {"deep": VALUE}});
    ask("PATCH", format!("{at}/config"), Some(patch)).await;
    let inputs = json!({"inputs": {"celsius": VALUE}});
    ask("POST", format!("{at}/methods/read"), Some(inputs)).await;
    ask("DELETE", at, None).await;
    let noted = noted(&bench);
    let seen: Vec<_> = noted.iter().map(|it| (it.kind, it.what.as_str())).collect();
    assert_eq!(
        seen,
        [
            (
                Happened::InstanceMade,
                "bench 2, of the class thermometer of thermometer, with token"
            ),
            (Happened::Paused, "its loop"),
            (Happened::Resumed, "its loop"),
            (Happened::Restarted, "the external worker"),
            (Happened::Configured, "interval, token"),
            (Happened::Called, "read(celsius)"),
            (Happened::InstanceRemoved, "the external worker"),
        ]
    );
    for note in &noted {
        assert_eq!(note.tenant.as_deref(), Some("lab"));
        assert_eq!(note.instance.as_deref(), Some(uuid.as_str()));
        assert!(note.who.ends_with(" at 127.0.0.1"), "{}", note.who);
        assert_eq!((note.reason.as_deref(), note.more), (None, 0));
    }
    let all = format!("{:?}", bench.memory.state().notes);
    assert!(!all.contains(VALUE), "{all}");
}

#[tokio::test]
async fn what_may_have_been_done_is_noted_and_what_was_not_is_not() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let call = format!("/tenants/lab/instances/{uuid}/methods/read");
    for (code, is_noted) in [
        (Code::GuestFailed, true),
        (Code::Unavailable, true),
        (Code::NotFound, false),
        (Code::Invalid, false),
        (Code::OverQuota, false),
    ] {
        let before = noted(&bench).len();
        let problem = Problem::new(code, format!("it does not like {VALUE}"));
        bench.memory.state().says = Some(Err(problem));
        let status = post(&bench, &call, json!({"inputs": {"a": 1}})).await;
        assert_eq!(status, code.status());
        let noted = noted(&bench).split_off(before);
        let reasons: Vec<_> = noted.iter().flat_map(|it| it.reason.as_deref()).collect();
        let expected: &[_] = if is_noted { &[code.name()] } else { &[] };
        assert_eq!(reasons, expected, "{code:?}");
    }
}

#[tokio::test]
async fn what_one_token_repeats_is_counted_and_drives_nothing_out() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let call = format!("/tenants/lab/instances/{uuid}/methods/read");
    for _ in 0..60 {
        post(&bench, &call, json!({})).await;
    }
    let calls = || {
        let state = bench.memory.state();
        let calls = state.notes.iter().filter(|it| it.kind == Happened::Called);
        let calls: Vec<_> = calls.cloned().collect();
        calls
    };
    assert!(calls().len() < 60, "{}", calls().len());
    // What was held back is counted soon after, though nobody calls any more.
    let told = || calls().iter().map(|it| it.more).sum::<u64>() + own(&calls());
    crate::bench::until(|| told() == 60).await;
    let last = calls().pop().unwrap();
    assert_eq!(last.tenant.as_deref(), Some("lab"));
    assert!(last.more > 0);
    let log = bench.operate("GET", "/audit?limit=200", None).await.json();
    let records = log["records"].as_array().unwrap();
    let more = records.iter().filter_map(|it| it["more"].as_u64());
    assert_eq!(more.sum::<u64>() + own(&calls()), 60);
}

/// How many of them stand for a call of their own.
fn own(calls: &[Happening]) -> u64 {
    let own = calls.iter().filter(|it| it.what == "read()");
    own.count() as u64
}
