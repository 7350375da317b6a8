//! Tokens: let in where they are good, for as long as they are.

use external_worker_control::model::Happened;
use serde_json::json;

use crate::bench::{Bench, until};

fn let_in(bench: &Bench, tenant: &str) -> Vec<String> {
    let state = bench.memory.state();
    let keys = state.tenants[tenant].keys.iter();
    keys.map(|key| key.id.clone()).collect()
}

#[tokio::test]
async fn a_tenant_hears_of_each_change_of_its_keys_and_never_of_an_operators() {
    let bench = Bench::new().await;
    assert!(let_in(&bench, "lab").is_empty());
    let made = bench
        .operate("POST", "/tenants/lab/tokens", json!({ "role": "viewer" }))
        .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(let_in(&bench, "lab"), [id]);
    assert!(let_in(&bench, "other").is_empty());
    let listed = bench.operate("GET", "/tenants/lab/tokens", None).await;
    let secret = made["token"].as_str().unwrap().rsplit('-').next().unwrap();
    assert!(listed.text.contains(id) && !listed.text.contains(secret));
    assert!(!listed.text.contains("hash") && !listed.text.contains("salt"));
    let elsewhere = format!("/tenants/other/tokens/{id}");
    assert_eq!(bench.operate("DELETE", &elsewhere, None).await.status, 404);
    assert_eq!(
        bench
            .operate("DELETE", &format!("/tokens/{id}"), None)
            .await
            .status,
        404
    );
    let path = format!("/tenants/lab/tokens/{id}");
    assert_eq!(bench.operate("DELETE", &path, None).await.status, 204);
    assert_eq!(bench.operate("DELETE", &path, None).await.status, 404);
    assert!(let_in(&bench, "lab").is_empty());
    let happened = bench.memory.happened();
    let last = &happened[happened.len() - 2..];
    assert_eq!(last, [Happened::TokenMade, Happened::TokenRevoked]);
}

#[tokio::test]
async fn who_has_a_token_that_ends_is_sent_away_when_it_does() {
    let bench = Bench::new().await;
    let body = json!({ "role": "viewer", "lasting": 1 });
    let made = bench.operate("POST", "/tenants/lab/tokens", body).await;
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    assert_eq!(let_in(&bench, "lab").len(), 1);
    assert_eq!(
        bench.ask("GET", "/me", Some(token), None).await.json()["tenant"],
        "lab"
    );
    until(|| let_in(&bench, "lab").is_empty()).await;
    assert_eq!(bench.ask("GET", "/me", Some(token), None).await.status, 401);
}

#[tokio::test]
async fn an_operator_is_always_left() {
    let bench = Bench::new().await;
    assert!(bench.control.first_token().await.unwrap().is_none());
    let me = bench.operate("GET", "/me", None).await.json();
    let own = format!("/tokens/{}", me["id"].as_str().unwrap());
    let last = bench.operate("DELETE", &own, None).await;
    assert_eq!((last.status.as_u16(), &*last.code()), (409, "conflict"));
    let made = bench.operate("POST", "/tokens", json!({})).await.json();
    let other = made["token"].as_str().unwrap();
    assert_eq!(
        bench.ask("DELETE", &own, Some(other), None).await.status,
        204
    );
    assert_eq!(bench.operate("GET", "/me", None).await.status, 401);
}

#[tokio::test]
async fn wrong_tokens_are_turned_away_for_a_while_and_the_right_one_never() {
    let bench = Bench::new().await;
    let wrong = format!("ewh-{}-{}", "a".repeat(10), "b".repeat(52));
    let mut seen = bench.ask("GET", "/me", Some(&wrong), None).await;
    assert_eq!(
        (seen.status.as_u16(), &*seen.code()),
        (401, "unauthenticated")
    );
    assert!(
        seen.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    let mut tries = 1;
    while seen.status == 401 {
        seen = bench.ask("GET", "/me", Some(&wrong), None).await;
        tries += 1;
    }
    assert_eq!((seen.status.as_u16(), &*seen.code()), (429, "too-many"));
    let wait: u64 = seen.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait} after {tries}");
    assert_eq!(bench.operate("GET", "/me", None).await.status, 200);
    let failed = bench.memory.happened();
    let failed = failed.iter().filter(|it| **it == Happened::LoginFailed);
    assert_eq!(
        failed.count(),
        tries - 1,
        "what is turned away by rate fills no log"
    );
    for nonsense in ["", "x", "ewh-", "Bearer", "\u{7f}"] {
        let request = http::Request::builder().uri("/api/v1/me");
        let request = request.header("authorization", nonsense.as_bytes());
        let Ok(request) = request.body(axum::body::Body::empty()) else {
            continue;
        };
        assert_eq!(bench.send(request).await.status, 401, "{nonsense:?}");
    }
}

#[tokio::test]
async fn what_is_done_is_noted_with_who_did_it() {
    let bench = Bench::new().await;
    let viewer = bench.token("lab", "viewer").await;
    let uuid = bench.instance("lab").await;
    bench.memory.state().notes.clear();
    bench.ask("GET", "/tenants/lab", Some(&viewer), None).await;
    bench
        .ask("POST", "/tenants/lab/suspend", Some(&viewer), None)
        .await;
    bench
        .ask("GET", "/tenants/other", Some(&viewer), None)
        .await;
    bench
        .operate("GET", &format!("/tenants/lab/instances/{uuid}/form"), None)
        .await;
    bench
        .operate(
            "POST",
            "/tenants/lab/grants",
            json!({ "lines": "[[http]]\nhost = \"a\"" }),
        )
        .await;
    bench
        .operate("DELETE", "/tenants/lab/grants/http", None)
        .await;
    bench
        .operate("DELETE", "/tenants/lab/modules/thermometer", None)
        .await;
    bench.operate("POST", "/tenants/lab/suspend", None).await;
    bench.operate("POST", "/tenants/lab/resume", None).await;
    bench
        .operate("DELETE", "/tenants/lab?data=remove", None)
        .await;
    let state = bench.memory.state();
    let id = viewer.split('-').nth(1).unwrap();
    let notes: Vec<_> = state
        .notes
        .iter()
        .map(|it| {
            (
                it.kind,
                it.who.contains(id),
                it.tenant.as_deref(),
                &*it.what,
            )
        })
        .collect();
    let lab = Some("lab");
    assert_eq!(
        notes,
        [
            (Happened::TokenUsed, true, lab, "a token of the role viewer"),
            (
                Happened::Denied,
                true,
                lab,
                "POST /api/v1/tenants/lab/suspend"
            ),
            (Happened::Denied, true, lab, "GET /api/v1/tenants/other"),
            (
                Happened::SecretRead,
                false,
                lab,
                &format!("the configuration of {uuid}")
            ),
            (
                Happened::Grant,
                false,
                lab,
                "all modules: [[http]] host = \"a\""
            ),
            (Happened::Revoke, false, lab, "all modules: http"),
            (Happened::Uninstall, false, lab, "thermometer"),
            (Happened::Stop, false, lab, "changed: suspended"),
            (Happened::Start, false, lab, "changed: suspended"),
            (
                Happened::Stop,
                false,
                lab,
                "the tenant was removed with its data"
            ),
        ]
    );
    assert!(notes.len() == 10 && state.notes[0].who.ends_with(" at 127.0.0.1"));
}
