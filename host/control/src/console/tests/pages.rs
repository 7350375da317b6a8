//! Every page, for every role, whatever is said on it.

use crate::role::Role;

use super::*;

/// Everything that a text may try.
const HOSTILE: &str =
    "</textarea></option><script>alert(1)</script>\"' onerror='x' {{7*7}} \u{202e}\u{0} <!-- ]]>";

fn all_pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.into_iter().chain([
        ("operator", "/console/tokens"),
        ("operator", "/console/audit"),
        ("operator", "/console/audit/verify"),
        (
            "operator",
            "/console/audit?tenant=%3Cscript%3E&kind=%22%3E&before=x",
        ),
        ("viewer", "/console/tenants/broken"),
        ("viewer", "/console/nothing/like/that"),
    ])
}

/// What no page may have, whatever the policy of browsers is.
fn check_inert(path: &str, text: &str) {
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag
            .split_once('>')
            .unwrap_or_else(|| panic!("{path}: a tag has no end"));
        let name = tag
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap()
            .to_ascii_lowercase();
        assert!(
            !["style", "iframe", "object", "embed", "base"].contains(&name.as_str()),
            "{path}: <{tag}>"
        );
        assert!(
            name != "script" || tag.contains(" src=\"/console/assets/"),
            "{path}: <{tag}>"
        );
        // Without what is quoted, which names no attribute.
        let mut bare = String::new();
        let mut quote = None;
        for c in tag.chars() {
            match quote {
                None if c == '"' || c == '\'' => quote = Some(c),
                None => bare.push(c.to_ascii_lowercase()),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            }
        }
        for word in bare.split_whitespace().skip(1) {
            assert!(
                !word.starts_with("on") && !word.starts_with("style") && !word.starts_with("hx-on"),
                "{path}: <{tag}>"
            );
            assert!(!word.starts_with("srcdoc"), "{path}: <{tag}>");
        }
        assert!(
            !tag.to_ascii_lowercase().contains("=\"javascript:"),
            "{path}: <{tag}>"
        );
    }
    let scripts = text.matches("<script").count();
    assert_eq!(
        scripts,
        text.matches("></script>").count(),
        "{path}: a script has something in it"
    );
}

#[tokio::test]
async fn every_page_is_there_for_every_role_that_may_and_is_inert() {
    for role in Role::ALL {
        let browser = Browser::signed_in(HOSTILE, role.name()).await;
        for (least, path) in all_pages() {
            if !role.may(least.parse().unwrap()) {
                continue;
            }
            let seen = browser.get(path).await;
            let expected = match path {
                "/console/tenants/broken" | "/console/nothing/like/that" => StatusCode::NOT_FOUND,
                _ => StatusCode::OK,
            };
            assert_eq!(seen.status, expected, "{role} {path}: {}", seen.text);
            check_inert(path, &seen.text);
            assert!(!seen.text.contains("s3cr3t"), "{path}");
            assert!(!seen.text.contains("7364"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_record_says_how_many_more_were_held_back() {
    let browser = Browser::signed_in("x", "owner").await;
    let page = browser.get("/console/tenants/lab/audit").await.text;
    assert!(page.contains("1,234 more of them"), "{page}");
}

#[tokio::test]
async fn what_is_said_turns_no_text_around() {
    let browser = Browser::signed_in("\u{202e}evil\u{2066}", "viewer").await;
    for (_, path) in PAGES.iter().filter(|(role, _)| *role == "viewer") {
        let text = browser.get(path).await.text;
        // In the values of forms nothing is changed, since they are sent back.
        let shown: String = text
            .split("value=\"")
            .map(|part| part.split_once('"').map_or(part, |(_, rest)| rest))
            .collect();
        assert!(!shown.contains(['\u{202e}', '\u{2066}']), "{path}");
    }
}

#[tokio::test]
async fn a_long_name_makes_no_long_page() {
    let long = "n".repeat(10 << 10);
    let browser = Browser::signed_in(&long, "viewer").await;
    for (_, path) in PAGES.iter().filter(|(role, _)| *role == "viewer") {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        let longest = |text: &str| text.split(|c| c != 'n').map(str::len).max().unwrap_or(0);
        let shown: String = seen
            .text
            .split('<')
            .map(|tag| tag.split_once('>').map_or("", |(_, text)| text))
            .collect();
        assert!(longest(&shown) <= 8_000, "{path}: {}", longest(&shown));
    }
}

#[tokio::test]
async fn every_answer_lets_a_page_do_nothing_but_what_its_files_say() {
    let browser = Browser::signed_in("x", "operator").await;
    let style = super::super::assets::ADDRESSES.style.clone();
    let mut paths: Vec<_> = all_pages().map(|(_, path)| path.to_owned()).collect();
    paths.extend([
        style.clone(),
        "/console".into(),
        "/console/login".into(),
        "/console/tenants/lab/events".into(),
    ]);
    for path in paths {
        for cookie in [browser.cookie.as_str(), ""] {
            let asks = Browser {
                cookie: cookie.to_owned(),
                ..Browser::at(browser.console.clone(), Asked::default())
            };
            let seen = asks.get(&path).await;
            let policy = seen.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
                "{path}"
            );
            assert!(!policy.contains("unsafe"), "{path}");
            assert_eq!(seen.headers["x-content-type-options"], "nosniff", "{path}");
            let cache = seen.headers["cache-control"].to_str().unwrap();
            assert_eq!(cache.contains("immutable"), path == style, "{path}");
            assert_eq!(cache == "no-store", path != style, "{path}");
        }
    }
    let seen = browser.get(&style.replace("/assets/", "/assets/0")).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_is_not_signed_in_sees_where_to_sign_in_and_nothing_else() {
    let browser = Browser::new("x");
    for (_, path) in all_pages() {
        let seen = browser.get(path).await;
        assert_eq!(
            (seen.status, seen.to()),
            (StatusCode::SEE_OTHER, "/console/login"),
            "{path}"
        );
    }
    assert!(browser.asked.lock().unwrap().is_empty());
    let part = browser
        .request(Method::GET, "/console/tenants/lab/live")
        .header("hx-request", "true");
    let seen = browser.ask(part.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (seen.status, seen.headers["hx-redirect"].to_str().unwrap()),
        (StatusCode::UNAUTHORIZED, "/console/login")
    );
}

#[tokio::test]
async fn a_tenant_that_is_away_is_shown_with_what_is_known_of_it() {
    let browser = Browser::signed_in("it is away", "operator").await;
    let seen = browser.get("/console/tenants/away").await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.text.contains("Look at the state of the tenant") && seen.text.contains("Suspend"));
}

#[tokio::test]
async fn the_token_is_on_no_page_and_in_no_cookie() {
    let mut browser = Browser::new("x");
    browser.sign_in("operator").await;
    assert!(!browser.cookie.contains("operator"));
    for (_, path) in all_pages() {
        let text = browser.get(path).await.text;
        assert!(
            !text.contains("Bearer") && !text.contains(browser.cookie.split_once('=').unwrap().1),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_when_its_token_does_and_when_one_leaves() {
    let is_out = |seen: &Seen| seen.to() == "/console/login";
    let asked = Asked::default();
    let bounds = Bounds {
        idle: std::time::Duration::from_millis(50),
        ..Bounds::default()
    };
    let mut browser = Browser::at(router_with(api("x", Arc::clone(&asked)), bounds), asked);
    browser.sign_in("viewer").await;
    while !is_out(&browser.get("/console/tenants").await) {
        tokio::time::sleep(bounds.idle * 2).await;
    }

    let browser = Browser::signed_in("x", "operator").await;
    assert!(
        is_out(&browser.post("/console/tenants/gone/suspend", &[]).await),
        "the token was revoked"
    );
    assert!(is_out(&browser.get("/console/tenants").await));

    let browser = Browser::signed_in("x", "operator").await;
    let left = browser.post("/console/logout", &[]).await;
    assert!(
        is_out(&left)
            && left.headers[SET_COOKIE]
                .to_str()
                .unwrap()
                .contains("Max-Age=0")
    );
    assert!(is_out(&browser.get("/console/tenants").await));
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_session() {
    let browser = Browser::signed_in("x", "viewer").await;
    let seen = browser.get("/console/tenants/lab/events").await;
    assert_eq!(seen.headers[CONTENT_TYPE], "text/event-stream");
    assert_eq!(seen.text, "event: tenant\ndata: {}\n\n");
}
