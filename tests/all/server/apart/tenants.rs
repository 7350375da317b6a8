//! Tenants, apart or together: each has its own Worker, token and environment.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use super::{EWH, Host, signal};

const TOKENS: [&str; 2] = ["0123456789abcdef-one", "0123456789abcdef-two"];

/// Two tenants that listen on `127.0.0.1`, each with a token of its own.
fn serve(data: &std::path::Path, isolation: &str) -> Host {
    let tenants = ["one", "two"].map(|name| {
        let variable = name.to_uppercase();
        format!("[[tenant]]\nname = \"{name}\"\nport = 0\ntoken-env = \"{variable}_TOKEN\"\n")
    });
    let file = data.join("tenants.toml");
    std::fs::write(&file, tenants.concat()).unwrap();
    let mut command = Command::new(EWH);
    command
        .args(["serve", "--json", "--isolation", isolation, "--tenants"])
        .arg(file)
        .arg("--data")
        .arg(data)
        .env("ONE_TOKEN", TOKENS[0])
        .env("TWO_TOKEN", TOKENS[1])
        .env("EWH_OF_NOBODY", "the host's own");
    Host::run(command)
}

#[tokio::test]
async fn each_tenant_has_a_worker_and_a_token_of_its_own() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        let mut host = serve(data.path(), isolation);
        let all = host.all(2).await;
        assert_ne!(all["one"].uuid, all["two"].uuid);
        for (tenant, own, other) in [("one", 0, 1), ("two", 1, 0)] {
            let mut serving = all[tenant].clone();
            let url = serving.url.clone();
            serving.url = format!("{url}/?token={}", TOKENS[own]);
            let mut client = serving.client().await;
            assert_eq!(client.call("name", json!({})).await.unwrap(), tenant);
            serving.url = format!("{url}/?token={}", TOKENS[other]);
            assert!(serving.knock().await.is_none(), "{isolation}: {tenant}");
        }
        signal("-TERM", &host.pid());
        assert_eq!(host.ended().await, Some(0), "{isolation}");
    }
}

#[tokio::test]
async fn a_process_has_nothing_of_the_hosts_environment_or_of_another_tenants() {
    let data = tempfile::tempdir().unwrap();
    let mut host = serve(data.path(), "process");
    let all = host.all(2).await;
    for (tenant, own, other) in [("one", 0, 1), ("two", 1, 0)] {
        let environment = std::fs::read(format!("/proc/{}/environ", all[tenant].pid)).unwrap();
        let environment = String::from_utf8_lossy(&environment);
        assert!(environment.contains(TOKENS[own]), "{environment}");
        for foreign in [TOKENS[other], "EWH_OF_NOBODY", "PATH="] {
            assert!(!environment.contains(foreign), "{foreign}: {environment}");
        }
    }
}

#[test]
fn what_tenants_cannot_have_is_told_before_anything_starts() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("tenants.toml");
    let tenant = |more: &str| format!("[[tenant]]\nname = \"lab\"\nport = 0\n{more}\n");
    let table = [
        (tenant("polcy = \"x\""), vec![], "did you mean `policy`?"),
        (tenant("policy = \"none.toml\""), vec![], "there is no file"),
        (
            tenant("host = \"0.0.0.0\""),
            vec![],
            "others can reach 0.0.0.0",
        ),
        (
            tenant("allow-origin = [\"x\"]"),
            vec![],
            "the tenant `lab`: `allow-origin` `x`",
        ),
        (
            tenant("memory = \"1 GiB\""),
            vec![],
            "add --isolation process",
        ),
        (tenant(""), vec!["--port", "1"], "cannot be used with"),
        (
            tenant(""),
            vec!["--longest-pause", "0"],
            "0 is not in 1..=3600",
        ),
    ];
    for (text, more, part) in table {
        std::fs::write(&file, text).unwrap();
        let ran = std::process::Command::new(EWH)
            .args(["serve", "--tenants"])
            .arg(&file)
            .arg("--data")
            .arg(data.path())
            .args(more)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let problem = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{problem}");
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
}
