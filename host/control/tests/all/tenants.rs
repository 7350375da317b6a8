//! Tenants: what is said of them is what is served, whatever fails.

use external_worker_control::Control;
use external_worker_control::model::{Code, Problem};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, Seen, config, until};

fn asked(bench: &Bench) -> Vec<String> {
    std::mem::take(&mut bench.memory.state().asked)
}

fn broken() -> Option<Problem> {
    Some(Problem::new(Code::Conflict, "the port is taken"))
}

#[tokio::test]
async fn a_tenant_is_made_changed_suspended_and_removed() {
    let bench = Bench::new().await;
    asked(&bench);
    let spec = json!({ "name": "new", "port": 8081, "quotas": { "memory": 5, "disk": 6 } });
    let made = bench.operate("POST", "/tenants", spec.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["runs"]["state"], "serving");
    assert_eq!(
        bench.operate("POST", "/tenants", spec).await.code(),
        "conflict"
    );
    let taken = json!({ "name": "more", "port": 8081 });
    assert_eq!(
        bench.operate("POST", "/tenants", taken).await.code(),
        "conflict"
    );
    let change = json!({ "port": 8082, "quotas": { "memory": 7, "disk": null } });
    let changed = bench
        .operate("PATCH", "/tenants/new", change.clone())
        .await
        .json();
    assert_eq!(
        (&changed["port"], &changed["quotas"]),
        (&json!(8082), &json!({ "memory": 7 }))
    );
    assert_eq!(asked(&bench), ["serve new", "withdraw new", "serve new"]);
    bench.operate("PATCH", "/tenants/new", change).await;
    assert!(asked(&bench).is_empty(), "nothing changed");
    for _ in 0..2 {
        let seen = bench.operate("POST", "/tenants/new/suspend", None).await;
        assert_eq!(seen.json()["runs"], json!({ "state": "suspended" }));
    }
    assert_eq!(asked(&bench), ["withdraw new"]);
    let resumed = bench.operate("POST", "/tenants/new/resume", None).await;
    assert_eq!(resumed.json()["runs"]["state"], "serving");
    assert_eq!(
        bench.operate("DELETE", "/tenants/new", None).await.code(),
        "bad-request"
    );
    assert_eq!(
        bench
            .operate("DELETE", "/tenants/new?data=maybe", None)
            .await
            .status,
        400
    );
    assert_eq!(
        bench
            .operate("DELETE", "/tenants/new?data=remove", None)
            .await
            .status,
        204
    );
    assert_eq!(asked(&bench), ["serve new", "withdraw new", "erase new"]);
    assert_eq!(bench.operate("GET", "/tenants/new", None).await.status, 404);
}

#[tokio::test]
async fn what_fails_changes_nothing() {
    let bench = Bench::new().await;
    bench.memory.state().cannot_serve = broken();
    let made = bench
        .operate("POST", "/tenants", json!({ "name": "new" }))
        .await;
    assert_eq!(made.code(), "conflict");
    assert_eq!(bench.operate("GET", "/tenants/new", None).await.status, 404);
    bench.memory.state().cannot_serve = None;
    bench.memory.state().cannot_erase = broken();
    let removed = bench
        .operate("DELETE", "/tenants/lab?data=remove", None)
        .await;
    assert_eq!(removed.code(), "conflict");
    let left = bench.operate("GET", "/tenants/lab", None).await.json();
    assert_eq!(
        left["runs"]["state"], "suspended",
        "its data is not another's"
    );
}

#[tokio::test]
async fn a_tenant_that_cannot_be_served_says_why_and_is_tried_again() {
    let bench = Bench::new().await;
    bench.memory.state().cannot_serve = broken();
    let changed = bench
        .operate("PATCH", "/tenants/lab", json!({ "port": 9 }))
        .await;
    assert_eq!(changed.code(), "conflict");
    let seen = bench.operate("GET", "/tenants/lab", None).await.json();
    assert_eq!(seen["port"], 0, "it is as it was");
    assert_eq!(
        seen["runs"],
        json!({ "state": "down", "problem": "the port is taken" })
    );
    bench.memory.state().cannot_serve = None;
    until(|| bench.memory.state().tenants["lab"].served).await;
    let seen = bench.operate("GET", "/tenants/lab", None).await.json();
    assert_eq!(seen["runs"]["state"], "serving");
}

#[tokio::test]
async fn a_host_that_begins_again_serves_who_is_not_suspended() {
    let bench = Bench::new().await;
    let token = bench.token("lab", "viewer").await;
    bench.operate("POST", "/tenants/other/suspend", None).await;
    let Bench {
        dir,
        memory,
        control,
        router,
        operator,
    } = bench;
    drop(router);
    control.end();
    let weak = std::sync::Arc::downgrade(&control);
    drop(control);
    until(|| weak.strong_count() == 0).await;
    memory.state().tenants.clear();
    memory.state().asked.clear();
    let control = Control::begin(config(&dir), memory.clone()).await.unwrap();
    assert_eq!(memory.state().asked, ["serve lab"]);
    assert_eq!(memory.state().tenants["lab"].keys.len(), 1);
    let router = external_worker_control::router(control.clone());
    let bench = Bench {
        dir,
        memory,
        control,
        router,
        operator,
    };
    assert_eq!(bench.operate("GET", "/me", None).await.status, 200);
    assert_eq!(
        bench.ask("GET", "/me", Some(&token), None).await.status,
        200
    );
}

async fn apply(bench: &Bench, dry: bool, tenants: Json, prune: bool) -> Seen {
    let path = format!("/tenants/apply?dry-run={dry}");
    let body = json!({ "tenants": tenants, "prune": prune });
    bench.operate("POST", &path, body).await
}

#[tokio::test]
async fn a_list_of_tenants_is_compared_before_it_is_made_true() {
    let bench = Bench::new().await;
    asked(&bench);
    let wanted = json!([
        { "name": "lab", "port": 1, "quotas": { "memory": 5 }, "suspended": false },
        { "name": "new" },
    ]);
    let steps = json!([
        { "name": "lab", "action": "change", "changes": [
            { "member": "port", "before": 0, "after": 1 },
            { "member": "quotas.memory", "before": null, "after": 5 },
        ] },
        { "name": "new", "action": "create", "changes": [
            { "member": "allow-origin", "before": null, "after": [] },
            { "member": "host", "before": null, "after": "127.0.0.1" },
            { "member": "port", "before": null, "after": 0 },
            { "member": "suspended", "before": null, "after": false },
        ] },
        { "name": "other", "action": "remove", "changes": [] },
    ]);
    let seen = apply(&bench, true, wanted.clone(), true).await;
    assert_eq!(seen.json()["steps"], steps);
    assert!(asked(&bench).is_empty(), "it was only compared");
    let seen = apply(&bench, false, wanted.clone(), true).await;
    assert_eq!(seen.json()["steps"], steps);
    let done = ["withdraw lab", "withdraw other", "serve lab", "serve new"];
    assert_eq!(asked(&bench), done);
    assert_eq!(
        bench.operate("GET", "/tenants/other", None).await.status,
        404
    );
    let again = apply(&bench, false, wanted, true).await.json();
    let kept = again["steps"].as_array().unwrap().iter();
    assert!(
        kept.map(|it| &it["action"]).all(|action| action == "keep"),
        "{again}"
    );
    assert!(asked(&bench).is_empty());
    let none = apply(&bench, false, json!([]), false).await.json();
    assert_eq!(
        none["steps"][0]["action"], "keep",
        "nothing is removed unless told"
    );
}

#[tokio::test]
async fn two_tenants_may_swap_their_ports_and_a_list_that_makes_no_sense_does_nothing() {
    let bench = Bench::new().await;
    let ports =
        |lab, other| json!([{ "name": "lab", "port": lab }, { "name": "other", "port": other }]);
    assert_eq!(apply(&bench, false, ports(1, 2), false).await.status, 200);
    assert_eq!(apply(&bench, false, ports(2, 1), false).await.status, 200);
    asked(&bench);
    for wrong in [
        ports(3, 3),
        json!([{ "name": "a" }, { "name": "a" }]),
        json!([{ "name": "apply" }]),
        json!([{ "name": "../a" }]),
        json!([{ "name": "a", "host": "a b" }]),
        json!([{ "name": "a", "allow-origin": ["null"] }]),
        json!([{ "name": "a", "quotas": { "cpu-weight": 0 } }]),
        json!([{ "name": "a", "colour": 1 }]),
    ] {
        let seen = apply(&bench, false, wrong.clone(), false).await;
        assert!(seen.status.is_client_error(), "{wrong} {seen:?}");
    }
    assert!(asked(&bench).is_empty());
    bench.memory.state().cannot_serve = broken();
    let failed = apply(&bench, false, ports(5, 6), false).await;
    assert_eq!(failed.code(), "conflict");
    assert!(
        failed
            .text
            .contains("`lab`: the port is taken (and 1 more); all else was done")
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let bench = Bench::new().await;
    for at in 0..5 {
        let body = json!({ "name": format!("t{at}") });
        bench.operate("POST", "/tenants", body).await;
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = bench
            .operate("GET", &format!("/tenants?limit=2{after}"), None)
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["lab", "other", "t0", "t1", "t2", "t3", "t4"]);
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=",
        "after=%",
        "after=a",
        "colour=1",
        "limit=1&limit=2",
    ] {
        let seen = bench
            .operate("GET", &format!("/tenants?{wrong}"), None)
            .await;
        assert_eq!(
            (seen.status.as_u16(), &*seen.code()),
            (400, "bad-request"),
            "{wrong}"
        );
    }
    let viewer = bench.token("lab", "viewer").await;
    let own = bench
        .ask("GET", "/tenants", Some(&viewer), None)
        .await
        .json();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    let uuid = bench.instance("lab").await;
    let log = format!("/tenants/lab/instances/{uuid}/log");
    let page = bench
        .operate("GET", &format!("{log}?after=1&limit=2"), None)
        .await
        .json();
    assert_eq!(
        (&page["items"][0]["number"], &page["next"]),
        (&json!(2), &json!("3"))
    );
    let page = bench
        .operate("GET", &format!("{log}?after=3"), None)
        .await
        .json();
    assert_eq!(
        (page["items"].as_array().unwrap().len(), &page["next"]),
        (2, &Json::Null)
    );
}

#[tokio::test]
async fn an_owner_sees_the_records_of_the_own_tenant_and_no_others() {
    let bench = Bench::new().await;
    let owner = bench.token("lab", "owner").await;
    bench.token("other", "owner").await;
    for path in ["/audit", "/audit?tenant=lab"] {
        let seen = bench.ask("GET", path, Some(&owner), None).await.json();
        let records = seen["records"].as_array().unwrap();
        assert!(
            !records.is_empty() && records.iter().all(|it| it["tenant"] == "lab"),
            "{seen}"
        );
    }
    let other = bench
        .ask("GET", "/audit?tenant=other", Some(&owner), None)
        .await;
    let missing = bench
        .ask("GET", "/audit?tenant=missing", Some(&owner), None)
        .await;
    assert_eq!(other.status, 404);
    assert_eq!(other.without_id(), missing.without_id());
    let all = bench.operate("GET", "/audit?limit=200", None).await.json();
    let records = all["records"].as_array().unwrap();
    assert!(records.iter().any(|it| it["tenant"] == "other"));
}

#[tokio::test]
async fn what_a_module_lacks_comes_with_lines_that_the_host_says_and_no_tenant() {
    let bench = Bench::new().await;
    let seen = bench.operate("GET", "/tenants/lab/requests", None).await;
    let lack = &seen.json()["items"][0];
    assert_eq!(lack["capability"], "http");
    assert_eq!(lack["reason"], "fetches the weather");
    let example = lack["example"].as_str().unwrap();
    assert!(example.starts_with("[[http]]\n"), "{example}");
}
