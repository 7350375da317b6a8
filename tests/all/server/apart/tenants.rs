//! Tenants, apart or together: each has its own Worker, token and environment.

use std::process::Stdio;

use serde_json::{Value as Json, json};
use tokio::process::Command;

use super::{EWH, Host, PROBE, add, data_with_probe, signal};

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
async fn ids_of_another_tenant_are_ids_of_nobody() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        for tenant in ["one", "two"] {
            data_with_probe(data.path(), tenant);
        }
        let mut host = serve(data.path(), isolation);
        let all = host.all(2).await;
        let mut clients = Vec::new();
        for (tenant, token) in ["one", "two"].into_iter().zip(TOKENS) {
            let mut serving = all[tenant].clone();
            serving.url = format!("{}/?token={token}", serving.url);
            clients.push(serving.client().await);
        }
        let [own, other] = &mut clients[..] else {
            panic!("two tenants");
        };
        let uuid = add(own, PROBE, PROBE).await;
        let node = own.add_node(&uuid, "echo").await;
        let of = json!({ "worker_id": uuid, "class_id": PROBE });
        let foreign = [
            ("get_external_worker_config", of.clone()),
            (
                "update_external_worker",
                json!({ "worker_id": uuid, "class_id": PROBE, "name": "mine" }),
            ),
            ("restart_external_worker", of.clone()),
            ("remove_external_worker", of.clone()),
            ("add_node", json!({ "id": format!("{PROBE}.{uuid}.echo") })),
            ("get_io_value", json!({ "nid": node, "ioid": "value" })),
            (
                "set_io_value",
                json!({ "nid": node, "ioid": "value", "value": 1 }),
            ),
            ("trigger_node", json!({ "nid": node })),
        ];
        for (command, kwargs) in foreign {
            let answer = other.call(command, kwargs).await;
            let refused = matches!(&answer, Err(_) | Ok(Json::Null | Json::Bool(false)));
            assert!(refused, "{isolation}: {command}: {answer:?}");
        }
        // Nothing of it happened where the ids are from.
        let form = own.call("get_external_worker_config", of).await;
        assert!(form.is_ok(), "{isolation}: {form:?}");
        let nodes = own.call("get_nodes", json!({})).await.unwrap();
        assert_eq!(nodes.as_array().unwrap().len(), 1);
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
