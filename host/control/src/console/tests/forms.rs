//! Every form: what it asks of the API, and that no other page can send it.

use serde_json::json;

use super::*;

#[tokio::test]
async fn each_form_asks_for_what_it_says() {
    let browser = Browser::signed_in("x", "operator").await;
    let tenant = "/console/tenants/a%2Fb";
    for (path, fields, asks, body) in [
        (
            "/console/tenants",
            &[("name", "lab"), ("port", "0"), ("memory", "64")][..],
            "POST /tenants",
            json!({"name": "lab", "port": 0, "allow-origin": [], "quotas": {"memory": 64 << 20}, "suspended": false}),
        ),
        (
            tenant,
            &[
                ("host", "::1"),
                ("port", "8,080"),
                ("allow-origin", "http://a\r\nhttp://b"),
            ][..],
            "PATCH /tenants/a%2Fb",
            json!({"host": "::1", "port": 8080, "allow-origin": ["http://a", "http://b"], "quotas": {}}),
        ),
        (
            "/console/tenants/a%2Fb/suspend",
            &[][..],
            "POST /tenants/a%2Fb/suspend",
            json!(null),
        ),
        (
            "/console/tenants/a%2Fb/resume",
            &[][..],
            "POST /tenants/a%2Fb/resume",
            json!(null),
        ),
        (
            "/console/tenants/lab/remove",
            &[("data", "keep"), ("name", "lab")][..],
            "DELETE /tenants/lab?data=keep",
            json!(null),
        ),
        (
            "/console/tenants/lab/modules/m/remove",
            &[][..],
            "DELETE /tenants/lab/modules/m",
            json!(null),
        ),
        (
            "/console/tenants/lab/instances",
            &[("of", "m\r\nc"), ("config", "{\"a\": 1}")][..],
            "POST /tenants/lab/instances",
            json!({"module": "m", "class": "c", "name": null, "config": {"a": 1}}),
        ),
        (
            "/console/tenants/lab/instances/u/do/pause",
            &[][..],
            "POST /tenants/lab/instances/u/pause",
            json!(null),
        ),
        (
            "/console/tenants/lab/instances/u/do/resume",
            &[][..],
            "POST /tenants/lab/instances/u/resume",
            json!(null),
        ),
        (
            "/console/tenants/lab/instances/u/do/restart",
            &[][..],
            "POST /tenants/lab/instances/u/restart",
            json!(null),
        ),
        (
            "/console/tenants/lab/instances/u/do/remove",
            &[][..],
            "DELETE /tenants/lab/instances/u",
            json!(null),
        ),
        (
            "/console/tenants/lab/instances/u/config",
            &[
                ("int:a", "2"),
                ("was:int:a", "1"),
                ("text:b", "s"),
                ("was:text:b", "s"),
            ][..],
            "PATCH /tenants/lab/instances/u/config",
            json!({"a": 2}),
        ),
        (
            "/console/tenants/lab/instances/u/methods/m%3F",
            &[("num:a", "2.5"), ("json:b", ""), ("bool:c", "false")][..],
            "POST /tenants/lab/instances/u/methods/m%3F",
            json!({"inputs": {"a": 2.5, "c": false}}),
        ),
        (
            "/console/tenants/lab/policies",
            &[("lines", "[clocks]"), ("lasting", "60")][..],
            "POST /tenants/lab/grants",
            json!({"module": null, "lines": "[clocks]", "lasting": 60}),
        ),
        (
            "/console/tenants/lab/policies/revoke",
            &[("capability", "http"), ("module", "a b")][..],
            "DELETE /tenants/lab/grants/http?module=a%20b",
            json!(null),
        ),
        (
            "/console/tenants/lab/secrets",
            &[("name", "api-token"), ("secret:value", "\" pass word \"")][..],
            "PUT /tenants/lab/secrets/api-token",
            json!(" pass word "),
        ),
        (
            "/console/tenants/lab/secrets/a%20b/remove",
            &[][..],
            "DELETE /tenants/lab/secrets/a%20b",
            json!(null),
        ),
        (
            "/console/tenants/lab/tokens",
            &[("role", "viewer"), ("lasting", "")][..],
            "POST /tenants/lab/tokens",
            json!({"role": "viewer", "lasting": null}),
        ),
        (
            "/console/tenants/lab/tokens/t/revoke",
            &[][..],
            "DELETE /tenants/lab/tokens/t",
            json!(null),
        ),
        (
            "/console/tokens",
            &[("role", "operator")][..],
            "POST /tokens",
            json!({"lasting": null}),
        ),
        (
            "/console/tokens/t/revoke",
            &[][..],
            "DELETE /tokens/t",
            json!(null),
        ),
    ] {
        let seen = browser.post(path, fields).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{path}: {}", seen.text);
        assert_eq!(browser.last(), (asks.to_owned(), body), "{path}");
        let page = browser.get(seen.to()).await;
        assert!(
            page.text.contains("class=\"note good\""),
            "{path} says on {} that it is done",
            seen.to()
        );
        assert!(
            !browser
                .get(seen.to())
                .await
                .text
                .contains("class=\"note good\""),
            "{path}: said twice"
        );
    }
}

#[tokio::test]
async fn what_is_refused_is_said_beside_the_form_with_what_was_typed() {
    let browser = Browser::signed_in("because", "operator").await;
    let fields = [("host", "typed.example"), ("port", "1")];
    let seen = browser.post("/console/tenants/refused", &fields).await;
    assert_eq!(seen.to(), "/console/tenants/refused#change");
    let page = browser.get("/console/tenants/refused").await;
    let (_, form) = page.text.split_once("id=\"change\"").unwrap();
    assert!(
        form.contains("because") && form.contains("value=\"typed.example\""),
        "{form}"
    );
    let calls = "/console/tenants/lab/instances/u/methods/refused";
    let seen = browser.post(calls, &[("num:a", "x")]).await;
    assert!(seen.to().ends_with("#call-refused"));
    assert_ne!(
        browser.last().0,
        "POST /tenants/lab/instances/u/methods/refused",
        "it was asked for"
    );
}

#[tokio::test]
async fn the_value_of_a_secret_is_in_no_page_whatever_became_of_it() {
    let browser = Browser::signed_in("because", "owner").await;
    let page = "/console/tenants/lab/secrets";
    for (name, from) in [("kept", ""), ("refused", ""), ("refused", "list"), ("", "")] {
        let fields = [("name", name), ("from", from), ("secret:value", "hunter2")];
        let seen = browser.post(page, &fields).await;
        let expected = match (name, from) {
            ("kept", _) => page.to_owned(),
            (_, "list") => format!("{page}#secrets"),
            _ => format!("{page}#set"),
        };
        assert_eq!(seen.to(), expected, "{name}");
        let seen = browser.get(page).await.text;
        assert!(!seen.contains("hunter2"), "{name} {from}: {seen}");
        let is_typed = seen.contains("value=\"refused\"");
        assert_eq!(is_typed, (name, from) == ("refused", ""), "{name} {from}");
    }
    let seen = browser.post(page, &[("name", "a")]).await;
    assert!(browser.get(seen.to()).await.text.contains("Type the value"));
    let asked = browser.asked.lock().unwrap();
    let puts = asked.iter().filter(|(what, _)| what.starts_with("PUT"));
    assert_eq!(
        puts.count(),
        3,
        "without a name or a value nothing is asked for"
    );
}

#[tokio::test]
async fn who_may_set_secrets_sees_how_and_where_none_are_kept_what_to_do() {
    for (role, may_see, may_set) in [
        ("viewer", false, false),
        ("author", true, false),
        ("owner", true, true),
        ("operator", true, true),
    ] {
        let browser = Browser::signed_in("x", role).await;
        let overview = browser.get("/console/tenants/lab").await.text;
        assert_eq!(overview.contains("/secrets\""), may_see, "{role}");
        let page = browser.get("/console/tenants/lab/secrets").await.text;
        assert_eq!(page.contains("id=\"set\""), may_set, "{role}");
        assert_eq!(page.contains("type=\"password\""), may_set, "{role}");
        let none = browser.get("/console/tenants/bare/secrets").await.text;
        assert!(none.contains("ewh serve --secrets DIR"), "{role}: {none}");
        assert!(!none.contains("id=\"set\""), "{role}");
    }
}

#[tokio::test]
async fn a_secret_within_json_stays_when_what_is_around_it_changes() {
    let browser = Browser::signed_in("x", "author").await;
    let path = "/console/tenants/lab/instances/u/config";
    let typed = "{\"h\": \"new\", \"i\": \"••• /g/i\"}";
    browser.post(path, &[("json:g", typed)]).await;
    let expected = json!({"g": {"h": "new", "i": "s3cr3t"}});
    let asks = "PATCH /tenants/lab/instances/u/config".to_owned();
    assert_eq!(browser.last(), (asks, expected));
    let typed = "{\"i\": \"••• /g/elsewhere\"}";
    let seen = browser.post(path, &[("json:g", typed)]).await;
    assert_eq!(seen.to(), format!("{path}#config"));
    let page = browser.get(path).await.text;
    assert!(page.contains("There is no secret at `/g/elsewhere` any more"));
}

#[tokio::test]
async fn without_script_the_page_of_a_tenant_that_starts_is_loaded_again_and_says_so_still() {
    let browser = Browser::signed_in("x", "operator").await;
    let page = "/console/tenants/starting";
    let refresh =
        format!("<noscript><meta http-equiv=\"refresh\" content=\"2; url={page}?again\">");
    let said = "Tenant starting was resumed.";
    let seen = browser.post(&format!("{page}/resume"), &[]).await;
    assert_eq!(seen.to(), page);
    for path in [page, &format!("{page}?again"), &format!("{page}?again")] {
        let text = browser.get(path).await.text;
        let (head, body) = text.split_once("</head>").unwrap();
        assert!(head.contains(&refresh) && body.contains(said), "{path}");
    }
    // With script nobody asks for that, and hears it once.
    assert!(!browser.get(page).await.text.contains(said));
    for name in ["lab", "down"] {
        let text = browser.get(&format!("/console/tenants/{name}")).await.text;
        assert!(!text.contains("http-equiv"), "{name}");
        let resume = format!("/console/tenants/{name}/resume");
        browser.post(&resume, &[]).await;
        let said = format!("Tenant {name} was resumed.");
        let again = format!("/console/tenants/{name}?again");
        assert!(browser.get(&again).await.text.contains(&said));
        assert!(!browser.get(&again).await.text.contains(&said), "{name}");
    }
}

#[tokio::test]
async fn with_script_only_the_answer_comes() {
    let browser = Browser::signed_in("<b>out</b>", "author").await;
    for (method, status) in [
        ("m", StatusCode::OK),
        ("refused", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let path = format!("/console/tenants/lab/instances/u/methods/{method}");
        let request = browser
            .request(Method::POST, &path)
            .header("hx-request", "true");
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let seen = browser
            .ask(
                request
                    .body(format!("csrf={}", browser.csrf).into())
                    .unwrap(),
            )
            .await;
        assert_eq!(seen.status, status);
        assert!(
            seen.text.contains("&#60;b&#62;out") && !seen.text.contains("<html"),
            "{}",
            seen.text
        );
    }
}

#[tokio::test]
async fn a_form_of_another_page_does_nothing() {
    let browser = Browser::signed_in("x", "operator").await;
    let path = "/console/tenants/lab/suspend";
    let before = browser.asked.lock().unwrap().len();
    let wrong = format!("{}a", &browser.csrf[1..]);
    for fields in [
        &[][..],
        &[("csrf", "")],
        &[("csrf", wrong.as_str())],
        &[("CSRF", browser.csrf.as_str())],
    ] {
        assert_eq!(
            browser.send(path, fields).await.status,
            StatusCode::FORBIDDEN,
            "{fields:?}"
        );
    }
    let other = Browser {
        csrf: String::new(),
        ..Browser::signed_in("x", "operator").await
    };
    assert_eq!(
        browser.send(path, &[("csrf", &other.csrf)]).await.status,
        StatusCode::FORBIDDEN
    );
    let right = format!("csrf={}", browser.csrf);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = browser
            .request(Method::POST, path)
            .header("host", "localhost")
            .header(name, value);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let seen = browser
            .ask(request.body(right.clone().into()).unwrap())
            .await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let request = browser
        .request(Method::POST, path)
        .header(CONTENT_TYPE, "text/plain");
    let seen = browser.ask(request.body(right.into()).unwrap()).await;
    assert_eq!(seen.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = browser
            .request(method.clone(), path)
            .body(Body::empty())
            .unwrap();
        assert!(
            browser.ask(request).await.status.is_client_error(),
            "{method}"
        );
    }
    assert_eq!(
        browser.asked.lock().unwrap().len(),
        before,
        "the API was asked"
    );
}

fn parts(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(name, value)| {
        format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--b--\r\n"
}

#[tokio::test]
async fn a_file_is_read_only_after_the_token_of_its_page() {
    let browser = Browser::signed_in("finding", "author").await;
    let file = ("\"file\"; filename=\"C:\\dir\\m.wasm\"", "wasm");
    let csrf = ("\"csrf\"", browser.csrf.as_str());
    for (body, status) in [
        (parts(&[csrf, file]), StatusCode::SEE_OTHER),
        (parts(&[file, csrf]), StatusCode::FORBIDDEN),
        (parts(&[file]), StatusCode::FORBIDDEN),
        (parts(&[]), StatusCode::FORBIDDEN),
        ("--b".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let request = browser.request(Method::POST, "/console/tenants/lab/modules");
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        let seen = browser
            .ask(request.body(body.clone().into()).unwrap())
            .await;
        assert_eq!(seen.status, status, "{body}");
    }
    assert_eq!(browser.last().0, "PUT /tenants/lab/modules/m%2Ewasm");
    let page = browser.get("/console/tenants/lab").await;
    assert!(page.text.contains("with 2 findings") && page.text.contains("<li>finding</li>"));
}

#[tokio::test]
async fn a_tenant_is_removed_only_by_who_says_so_twice() {
    let browser = Browser::signed_in("x", "operator").await;
    let path = "/console/tenants/lab/remove";
    for fields in [
        &[][..],
        &[("data", "remove")],
        &[("name", "lab")],
        &[("data", "remove"), ("name", "other")],
        &[("data", "x"), ("name", "lab")],
    ] {
        let seen = browser.post(path, fields).await;
        assert_eq!(seen.to(), "/console/tenants/lab/remove#remove");
    }
    let asked = browser.asked.lock().unwrap();
    assert!(!asked.iter().any(|(what, _)| what.starts_with("DELETE")));
}

#[tokio::test]
async fn a_token_that_was_made_is_shown_once() {
    let browser = Browser::signed_in("ewh-made-secret", "operator").await;
    let seen = browser.post("/console/tokens", &[]).await;
    assert!(
        browser
            .get(seen.to())
            .await
            .text
            .contains("<pre tabindex=\"0\">ewh-made-secret")
    );
    assert!(!browser.get(seen.to()).await.text.contains("<pre"));
}

#[tokio::test]
async fn a_wrong_token_begins_no_session() {
    let browser = Browser::new("this token is wrong");
    for token in ["", "nobody", "a b", &"x".repeat(1000)] {
        let seen = browser.send("/console/login", &[("token", token)]).await;
        assert!(
            seen.status.is_client_error() && !seen.headers.contains_key(SET_COOKIE),
            "{token}"
        );
        assert!(
            seen.text.contains("role=\"alert\"") && seen.text.contains("name=\"token\""),
            "{token}"
        );
    }
}
