//! What belongs to another tenant is as what there never was: nobody finds out that it is there.

use std::collections::BTreeSet;

use crate::bench::{Bench, Seen};

#[tokio::test]
async fn what_is_anothers_and_what_there_never_was_are_one_answer_for_every_route_and_method() {
    let bench = Bench::new().await;
    let mut tokens = Vec::new();
    for role in ["viewer", "author", "owner"] {
        tokens.push(bench.token("lab", role).await);
    }
    let mut answers = BTreeSet::new();
    let routes = external_worker_control::routes().map(|(_, path, _)| path);
    let paths: BTreeSet<_> = routes.filter(|path| path.contains("{tenant}")).collect();
    let paths = paths
        .into_iter()
        .chain(["/tenants/{tenant}/nothing", "/tenants/{tenant}/a/b/c/d"]);
    for path in paths {
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
        ] {
            for tenant in ["other", "missing", "%ff", "lab%2f", "%6Cab%00", "Lab"] {
                let path = path.replace("{tenant}", tenant);
                for token in &tokens {
                    let mut request = http::Request::builder()
                        .method(method)
                        .uri(format!("/api/v1{path}"));
                    request = request.header("authorization", format!("Bearer {token}"));
                    let seen = bench.send(request.body("{".into()).unwrap()).await;
                    assert_eq!(seen.status, 404, "{method} {path}");
                    answers.insert((seen.without_id(), headers(&seen)));
                }
            }
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

fn headers(seen: &Seen) -> Vec<String> {
    let headers = seen
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id");
    headers
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect()
}
