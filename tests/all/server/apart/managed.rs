//! `ewh serve --control`: tenants that are made, changed and removed by the HTTP API while the host runs, in one process
//! and in one for each.

use std::ffi::OsStr;
use std::path::Path;

use external_worker_artifacts::PROBE_HOST;
use external_worker_tests::PATIENCE;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{EWH, Host, PROBE, Serving};
use crate::server::{Answer, Client, http};
use crate::validate::bytes::with_custom;

/// A host that is managed.
pub(super) struct Managed {
    pub(super) host: Host,
    pub(super) api: String,
    pub(super) token: String,
}

impl Managed {
    pub(super) async fn start(data: &Path, isolation: &str) -> Self {
        Self::start_with(data, isolation, &[]).await
    }

    /// The same, with more options.
    pub(super) async fn start_with(data: &Path, isolation: &str, more: &[&OsStr]) -> Self {
        let mut command = Command::new(EWH);
        command.args(["serve", "--json", "--control", "127.0.0.1:0"]);
        command.args(["--isolation", isolation, "--data"]).arg(data);
        command.arg("--audit").arg(data.join(".audit")).args(more);
        let mut host = Host::run(command);
        let line = timeout(PATIENCE, host.said.next_line()).await.unwrap();
        let line: Json = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        let api = line["control"].as_str().unwrap();
        Self {
            host,
            api: api.strip_prefix("http://").unwrap().to_owned(),
            token: line["token"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(super) async fn send(
        &self,
        token: &str,
        what: &str,
        body: &[u8],
        kind: &str,
    ) -> (u16, Json) {
        let (method, path) = what.split_once(' ').unwrap();
        let head =
            format!("{method} /api/v1{path}\nAuthorization: Bearer {token}\nContent-Type: {kind}");
        let Answer { status, body, .. } = http(&self.api, &head, body).await;
        let json = serde_json::from_slice(&body).unwrap_or(Json::Null);
        (status, json)
    }

    /// What the operator is answered.
    pub(super) async fn ask(&self, what: &str, body: Json) -> Json {
        let bytes = match body {
            Json::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let (status, json) = self
            .send(&self.token, what, &bytes, "application/json")
            .await;
        assert!((200..300).contains(&status), "{what}: {status} {json}");
        json
    }

    /// What `what` says once `holds`.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Json) -> bool) -> Json {
        let looked = async {
            loop {
                // Its process may be starting.
                let (status, json) = self.send(&self.token, what, b"", "application/json").await;
                if status == 200 && holds(&json) {
                    return json;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, looked).await.unwrap()
    }

    pub(super) async fn token(&self, role: &str) -> (String, String) {
        let made = self
            .ask("POST /tenants/lab/tokens", json!({ "role": role }))
            .await;
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }
}

/// Where the tenant is, as one line of the host says.
pub(super) async fn with_token(serving: &Serving, token: &str) -> Option<Client> {
    let mut serving = serving.clone();
    serving.url = format!("{}/?token={token}", serving.url);
    serving.knock().await
}

/// A client with a token that was just made: its process hears of it beside.
pub(super) async fn admitted(serving: &Serving, token: &str) -> Client {
    let let_in = async {
        loop {
            match with_token(serving, token).await {
                Some(client) => return client,
                None => tokio::task::yield_now().await,
            }
        }
    };
    timeout(PATIENCE, let_in).await.unwrap()
}

#[tokio::test]
async fn a_tenant_comes_works_and_goes_while_the_host_runs() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        let mut managed = Managed::start(data.path(), isolation).await;
        managed.ask("POST /tenants", json!({ "name": "lab" })).await;
        let serving = managed.host.next().await;
        assert_eq!(serving.tenant, "lab");
        let is_served = |json: &Json| json["runs"]["state"] == "serving";
        managed.until("GET /tenants/lab", is_served).await;

        // Who may come in, and who not any more.
        let (viewer, author) = (managed.token("viewer").await, managed.token("author").await);
        let mut watching = admitted(&serving, &viewer.1).await;
        assert!(with_token(&serving, &managed.token).await.is_none());
        assert!(with_token(&serving, "ewh-aaaaaaaaaa-aaaa").await.is_none());
        watching.call("full_state", json!({})).await.unwrap();
        watching.call("clear", json!({})).await.unwrap_err();
        let mut working = admitted(&serving, &author.1).await;
        working.call("clear", json!({})).await.unwrap();
        let revoke = format!("DELETE /tenants/lab/tokens/{}", viewer.0);
        managed.ask(&revoke, Json::Null).await;
        let closed = async { while watching.socket.next().await.is_some_and(|it| it.is_ok()) {} };
        timeout(PATIENCE, closed).await.unwrap();
        assert!(with_token(&serving, &viewer.1).await.is_none());

        // A module, an external worker of it, a call.
        let module = std::fs::read(PROBE_HOST).unwrap();
        let module = with_custom(module, ".debug_line", b"0123");
        let put = format!("PUT /tenants/lab/modules/{PROBE}.wasm");
        let kind = "application/octet-stream";
        let (status, installed) = managed.send(&author.1, &put, &module, kind).await;
        assert_eq!(
            (status, &installed["module"]),
            (200, &json!(PROBE)),
            "{installed}"
        );
        let finding = installed["findings"][0].as_str().unwrap();
        assert!(finding.contains("debug information; strip it"), "{finding}");
        let bad = "PUT /tenants/lab/modules/bad.wasm";
        let (status, problem) = managed.send(&author.1, bad, b"nonsense", kind).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("invalid")),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("it is not WebAssembly; "), "{detail}");
        managed
            .until("GET /tenants/lab/modules", |json| {
                json["items"][0]["classes"] == json!([PROBE])
            })
            .await;
        let create = json!({ "module": PROBE, "class": PROBE, "name": "mine" });
        let made = managed.ask("POST /tenants/lab/instances", create).await;
        let uuid = made["uuid"].as_str().unwrap();
        assert_eq!(
            (&made["state"], &made["name"]),
            (&json!("running"), &json!("mine"))
        );
        let of = |rest: &str| format!("/tenants/lab/instances/{uuid}{rest}");
        let call = json!({ "inputs": { "text": "heard" } });
        managed
            .ask(&format!("POST {}", of("/methods/say")), call)
            .await;
        let wrong = json!({ "inputs": { "nothing": 1 } });
        let (status, problem) = managed
            .send(
                &author.1,
                &format!("POST {}", of("/methods/say")),
                wrong.to_string().as_bytes(),
                "application/json",
            )
            .await;
        assert_eq!(status, 422, "{problem}");
        managed
            .until(&format!("GET {}", of("/log")), |json| {
                json.to_string().contains("heard")
            })
            .await;
        let paused = managed
            .ask(&format!("POST {}", of("/pause")), Json::Null)
            .await;
        assert_eq!(paused["paused"], true);
        managed
            .until("GET /tenants/lab/usage", |json| {
                json["instances"][uuid]["calls"].as_u64() > Some(0)
            })
            .await;

        // Suspended nobody answers, resumed it is as before; what is done is written down.
        managed.ask("POST /tenants/lab/suspend", Json::Null).await;
        assert!(TcpStream::connect(serving.address()).await.is_err());
        managed.ask("POST /tenants/lab/resume", Json::Null).await;
        managed.host.next().await;
        managed.until("GET /tenants/lab", is_served).await;
        let instances = managed
            .until("GET /tenants/lab/instances", |json| {
                json["items"][0]["state"] == "running"
            })
            .await;
        assert_eq!(instances["items"][0]["uuid"], uuid);
        let audit = managed.ask("GET /audit?limit=200", Json::Null).await;
        for event in ["token-made", "token-revoked", "install", "start", "stop"] {
            assert!(audit.to_string().contains(event), "{event}: {audit}");
        }
        let verdict = managed.ask("GET /audit/verify", Json::Null).await;
        assert_eq!(verdict["whole"], true, "{verdict}");

        // A host that starts again has it again; removed, nothing is left.
        super::signal("-TERM", &managed.host.pid());
        assert_eq!(managed.host.ended().await, Some(0), "{isolation}");
        let token = managed.token;
        let mut managed = Managed::start(data.path(), isolation).await;
        assert_eq!(managed.token, "");
        managed.token = token;
        managed.host.next().await;
        managed.until("GET /tenants/lab", is_served).await;
        managed
            .ask("DELETE /tenants/lab?data=remove", Json::Null)
            .await;
        assert!(!data.path().join("lab").exists());
        let (status, _) = managed
            .send(&managed.token, "GET /tenants/lab", b"", "application/json")
            .await;
        assert_eq!(status, 404);
    }
}

#[tokio::test]
async fn what_a_module_lacks_is_listed_and_granted_while_its_tenant_runs() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        let mut managed = Managed::start(data.path(), isolation).await;
        managed.ask("POST /tenants", json!({ "name": "lab" })).await;
        managed.host.next().await;
        let module = std::fs::read(external_worker_artifacts::PROBE_HTTP).unwrap();
        let kind = "application/octet-stream";
        let put = "PUT /tenants/lab/modules/client.wasm";
        let (status, installed) = managed.send(&managed.token, put, &module, kind).await;
        assert_eq!(status, 200, "{installed}");
        let lacks = managed
            .until("GET /tenants/lab/requests", |json| {
                json["items"].as_array().is_some_and(|it| !it.is_empty())
            })
            .await;
        assert!(lacks.to_string().contains("\"http\""), "{lacks}");
        let lines = "[[http]]\nhost = \"127.0.0.1\"\nmethods = [\"GET\"]";
        let grant = json!({ "module": "client", "lines": lines, "lasting": 3600 });
        let state = managed.ask("POST /tenants/lab/grants", grant).await;
        assert_eq!(state["grants"][0]["capability"], "http", "{state}");
        managed
            .until("GET /tenants/lab/modules", |json| {
                json["items"][0]["classes"]
                    .as_array()
                    .is_some_and(|it| !it.is_empty())
            })
            .await;
        let state = managed
            .ask("DELETE /tenants/lab/grants/http?module=client", Json::Null)
            .await;
        assert_eq!(state["grants"], json!([]));
    }
}
