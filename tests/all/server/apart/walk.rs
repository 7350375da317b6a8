//! Who may do what: every route of the API, and every route and command of a Worker, asked by everybody who could come.
//! One table, whose rows are written by hand and not made of what is tested; the host and its tenants are real ones.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use external_worker_artifacts::PROBE_HOST;
use external_worker_control::Role;
use external_worker_host::limits;
use external_worker_host::server::reached;
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::managed::{Managed, admitted, with_token};
use super::{PROBE, Serving};
use crate::server::{Client, command};

/// Who asks, in the order of the columns: all but the operator have, or had, a token of one tenant.
const WHO: [&str; 9] = [
    "nobody", "wrong", "expired", "revoked", "other", "viewer", "author", "owner", "operator",
];
/// The owner of another tenant, and the first of those who are of this one.
const OTHER: usize = 4;
const INSIDE: usize = 5;
const OPERATOR: usize = 8;

/// A route of the API, and what a viewer, an author, an owner and an operator hear of it.
struct Route(&'static str, &'static str, [u16; 4]);

const API: &[Route] = &[
    Route("GET", "/openapi.json", [200; 4]),
    Route("GET", "/health", [200; 4]),
    Route("GET", "/me", [200; 4]),
    Route("GET", "/usage", [403, 403, 403, 200]),
    Route("GET", "/audit", [403, 403, 200, 200]),
    Route("GET", "/audit/verify", [403, 403, 403, 200]),
    Route("GET", "/backup", [403, 403, 403, 200]),
    Route("GET", "/tokens", [403, 403, 403, 200]),
    Route("POST", "/tokens", [403, 403, 403, 201]),
    Route("DELETE", "/tokens/{id}", [403, 403, 403, 204]),
    Route("GET", "/tenants", [200; 4]),
    Route("POST", "/tenants", [403, 403, 403, 201]),
    Route("POST", "/tenants/apply", [403, 403, 403, 200]),
    Route("GET", "/tenants/{tenant}", [200; 4]),
    Route("PATCH", "/tenants/{tenant}", [403, 403, 403, 200]),
    Route("DELETE", "/tenants/{tenant}", [403, 403, 403, 204]),
    Route("POST", "/tenants/{tenant}/suspend", [403, 403, 403, 200]),
    Route("POST", "/tenants/{tenant}/resume", [403, 403, 403, 200]),
    Route("GET", "/tenants/{tenant}/tokens", [403, 403, 200, 200]),
    Route("POST", "/tenants/{tenant}/tokens", [403, 403, 201, 201]),
    Route(
        "DELETE",
        "/tenants/{tenant}/tokens/{id}",
        [403, 403, 204, 204],
    ),
    Route("GET", "/tenants/{tenant}/modules", [200; 4]),
    Route(
        "PUT",
        "/tenants/{tenant}/modules/{module}",
        [403, 200, 200, 200],
    ),
    Route(
        "DELETE",
        "/tenants/{tenant}/modules/{module}",
        [403, 204, 204, 204],
    ),
    Route("GET", "/tenants/{tenant}/requests", [200; 4]),
    Route("GET", "/tenants/{tenant}/instances", [200; 4]),
    Route("POST", "/tenants/{tenant}/instances", [403, 201, 201, 201]),
    Route("GET", "/tenants/{tenant}/instances/{uuid}", [200; 4]),
    Route(
        "DELETE",
        "/tenants/{tenant}/instances/{uuid}",
        [403, 204, 204, 204],
    ),
    Route(
        "POST",
        "/tenants/{tenant}/instances/{uuid}/pause",
        [403, 200, 200, 200],
    ),
    Route(
        "POST",
        "/tenants/{tenant}/instances/{uuid}/resume",
        [403, 200, 200, 200],
    ),
    Route(
        "POST",
        "/tenants/{tenant}/instances/{uuid}/restart",
        [403, 200, 200, 200],
    ),
    Route(
        "GET",
        "/tenants/{tenant}/instances/{uuid}/form",
        [403, 200, 200, 200],
    ),
    Route(
        "PATCH",
        "/tenants/{tenant}/instances/{uuid}/config",
        [403, 200, 200, 200],
    ),
    Route(
        "POST",
        "/tenants/{tenant}/instances/{uuid}/methods/{method}",
        [403, 200, 200, 200],
    ),
    Route("GET", "/tenants/{tenant}/instances/{uuid}/log", [200; 4]),
    Route("GET", "/tenants/{tenant}/policies", [200; 4]),
    Route("POST", "/tenants/{tenant}/grants", [403, 403, 403, 200]),
    Route(
        "DELETE",
        "/tenants/{tenant}/grants/{capability}",
        [403, 403, 403, 200],
    ),
    Route("GET", "/tenants/{tenant}/secrets", [403, 200, 200, 200]),
    Route(
        "PUT",
        "/tenants/{tenant}/secrets/{secret}",
        [403, 403, 204, 204],
    ),
    Route(
        "DELETE",
        "/tenants/{tenant}/secrets/{secret}",
        [403, 403, 204, 204],
    ),
    Route("GET", "/tenants/{tenant}/usage", [200; 4]),
    Route("GET", "/tenants/{tenant}/events", [200; 4]),
];

/// Those of them that take no token.
const OPEN: [&str; 2] = ["/openapi.json", "/health"];

/// A route of a Worker, what is sent there, and what a viewer, an author and an owner hear.
struct Asks(&'static str, &'static str, What, [u16; 3]);

#[derive(Clone, Copy)]
enum What {
    Nothing,
    /// A large answer to what a viewer may ask for.
    Viewers,
    /// A large answer to what an author may ask for.
    Authors,
    Message,
    File,
}

const WORKER: [Asks; 8] = [
    Asks("GET", "/", What::Nothing, [200; 3]),
    Asks("GET", "/ws", What::Nothing, [200; 3]),
    Asks("GET", "/message/{id}", What::Viewers, [200; 3]),
    Asks("GET", "/message/{id}", What::Authors, [404, 200, 200]),
    Asks("POST", "/message/", What::Message, [200; 3]),
    Asks("POST", "/message", What::Message, [200; 3]),
    Asks("POST", "/upload/", What::File, [403, 200, 200]),
    Asks("POST", "/upload", What::File, [403, 200, 200]),
];

/// Every command, and the least role that may have it done.
const COMMANDS: [(&str, Role); 58] = [
    ("add_edge", Role::Author),
    ("add_external_worker", Role::Author),
    ("add_node", Role::Author),
    ("add_package_dependency", Role::Author),
    ("add_shelf", Role::Author),
    ("clear", Role::Author),
    ("export_worker", Role::Author),
    ("full_state", Role::Viewer),
    ("get_available_modules", Role::Viewer),
    ("get_config", Role::Viewer),
    ("get_edges", Role::Viewer),
    ("get_external_worker_config", Role::Author),
    ("get_groups", Role::Viewer),
    ("get_io_full_value", Role::Viewer),
    ("get_io_value", Role::Viewer),
    ("get_ios_values", Role::Viewer),
    ("get_library", Role::Viewer),
    ("get_meta", Role::Viewer),
    ("get_node", Role::Viewer),
    ("get_node_state", Role::Viewer),
    ("get_node_status", Role::Viewer),
    ("get_nodes", Role::Viewer),
    ("get_plugin", Role::Viewer),
    ("get_plugin_keys", Role::Viewer),
    ("get_runstate", Role::Viewer),
    ("get_save_state", Role::Viewer),
    ("get_worker_dependencies", Role::Viewer),
    ("group_nodes", Role::Author),
    ("heartbeat", Role::Viewer),
    ("load_data", Role::Author),
    ("name", Role::Viewer),
    ("pause_external_worker", Role::Author),
    ("remove_edge", Role::Author),
    ("remove_external_worker", Role::Author),
    ("remove_group", Role::Author),
    ("remove_node", Role::Author),
    ("remove_package_dependency", Role::Author),
    ("remove_shelf", Role::Author),
    ("request_trigger", Role::Author),
    ("restart_external_worker", Role::Author),
    ("resume_external_worker", Role::Author),
    ("save", Role::Author),
    ("set_default_value", Role::Author),
    ("set_io_value", Role::Author),
    ("stop_worker", Role::Owner),
    ("trigger_node", Role::Author),
    ("update", Role::Author),
    ("update_external_worker", Role::Author),
    ("update_from_export", Role::Author),
    ("update_group", Role::Author),
    ("update_io_options", Role::Author),
    ("update_io_value_options", Role::Author),
    ("update_node", Role::Author),
    ("update_node_view", Role::Author),
    ("update_worker_config", Role::Author),
    ("upload", Role::Author),
    ("uuid", Role::Viewer),
    ("view_state", Role::Viewer),
];

impl Route {
    /// What `who` is to hear when they ask about the tenant `lab`.
    fn expected(&self, who: usize) -> u16 {
        let Self(_, path, of_roles) = self;
        let is_about_lab = path.contains("{tenant}");
        match who {
            _ if OPEN.contains(path) => 200,
            ..OTHER => 401,
            OTHER if is_about_lab => 404,
            OTHER => of_roles[2],
            _ => of_roles[who - INSIDE],
        }
    }
}

/// What is asked of an HTTP server.
struct Request {
    start: String,
    kind: &'static str,
    body: Vec<u8>,
}

/// The table, as far as it is filled.
#[derive(Default)]
struct Table {
    wrong: Vec<String>,
    asked: usize,
}

impl Table {
    fn head() {
        let who = WHO.map(|who| format!("{who:<17}"));
        println!("{:<60} {}", "", who.join(" "));
    }

    fn row(&mut self, what: &str, expected: &[String], seen: &[String]) {
        let cells = WHO.iter().zip(expected.iter().zip(seen));
        let cells = cells.map(|(who, (expected, seen))| {
            if expected != seen {
                let wrong = format!("{what} as {who}: {seen} instead of {expected}");
                self.wrong.push(wrong);
            }
            let mark = if expected == seen { "" } else { " !" };
            format!("{:<17}", format!("{seen}{mark}"))
        });
        println!("{what:<60} {}", cells.collect::<Vec<_>>().join(" "));
        self.asked += seen.len();
    }
}

/// A host with the tenants `lab` and `other`, and the tokens of [`WHO`]; the first is none.
struct Walk {
    managed: Managed,
    serving: Serving,
    tokens: Vec<String>,
    module: Vec<u8>,
    /// Everybody comes from an address of their own: who is wrong too often has to wait.
    came: u32,
    made: usize,
}

impl Walk {
    async fn start(data: &std::path::Path) -> Self {
        let secrets = data.join(".secrets");
        let key = data.join(".secrets.key");
        let more = ["--secrets".as_ref(), secrets.as_os_str()];
        let key = ["--secrets-key".as_ref(), key.as_os_str()];
        let mut managed = Managed::start_with(data, "process", &[more, key].concat()).await;
        for name in ["other", "lab"] {
            managed.ask("POST /tenants", json!({ "name": name })).await;
        }
        let served = managed.host.all(2).await;
        let serving = served["lab"].clone();
        let lasting = json!({ "role": "owner", "lasting": 1 });
        let expired = token_of(&managed, "lab", lasting).await.1;
        let (id, revoked) = token_of(&managed, "lab", json!({ "role": "owner" })).await;
        let revoke = format!("DELETE /tenants/lab/tokens/{id}");
        managed.ask(&revoke, Json::Null).await;
        let mut tokens = vec![String::new(), format!("{revoked}x"), expired, revoked];
        tokens.push(
            token_of(&managed, "other", json!({ "role": "owner" }))
                .await
                .1,
        );
        for role in ["viewer", "author", "owner"] {
            tokens.push(managed.token(role).await.1);
        }
        tokens.push(managed.token.clone());
        let mut walk = Self {
            managed,
            serving,
            tokens,
            module: std::fs::read(PROBE_HOST).unwrap(),
            came: 0,
            made: 0,
        };
        walk.install(&format!("{PROBE}.wasm")).await;
        walk.is_there().await;
        while walk.asks_api(2, &walk.plain("GET /me")).await == 200 {}
        walk
    }

    /// Waits until the tenant has its module.
    async fn is_there(&self) {
        let has_it = |json: &Json| {
            json.to_string()
                .contains(&format!("\"classes\":[\"{PROBE}\"]"))
        };
        self.managed.until("GET /tenants/lab/modules", has_it).await;
    }

    fn plain(&self, what: &str) -> Request {
        let (method, path) = what.split_once(' ').unwrap();
        Request {
            start: format!("{method} /api/v1{path}"),
            kind: "application/json",
            body: Vec::new(),
        }
    }

    async fn install(&self, name: &str) {
        let put = format!("PUT /tenants/lab/modules/{name}");
        let kind = "application/octet-stream";
        let token = &self.managed.token;
        let (status, told) = self.managed.send(token, &put, &self.module, kind).await;
        assert_eq!(status, 200, "{told}");
    }

    /// The status that somebody sees who comes from where nobody came from before.
    async fn status(&mut self, address: &str, who: usize, request: &Request) -> u16 {
        self.came += 1;
        let [_, _, high, low] = self.came.to_be_bytes();
        let socket = TcpSocket::new_v4().unwrap();
        let from = Ipv4Addr::new(127, 7, high, low);
        socket.bind((from, 0).into()).unwrap();
        let to: SocketAddr = address.parse().unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        let Request { start, kind, body } = request;
        let mut head = format!(
            "{start} HTTP/1.1\r\nHost: {address}\r\nX-Requested-With: tests\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n",
            body.len()
        );
        if who > 0 {
            head += &format!("Authorization: Bearer {}\r\n", self.tokens[who]);
        }
        stream
            .write_all(format!("{head}\r\n").as_bytes())
            .await
            .unwrap();
        // Who refuses a body need not read it, and some answers have no end.
        let _ = stream.write_all(body).await;
        let mut said = [0; 12];
        let read = stream.read_exact(&mut said);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&said);
        said.strip_prefix("HTTP/1.1 ").unwrap().parse().unwrap()
    }

    async fn asks_api(&mut self, who: usize, request: &Request) -> u16 {
        let api = self.managed.api.clone();
        // What is not worth a look has too many tries behind it.
        match self.status(&api, who, request).await {
            429 if (1..OTHER).contains(&who) => 401,
            status => status,
        }
    }

    /// A route with something to do it to, which is new if it is to be done.
    async fn fill(&mut self, Route(method, path, _): &Route, is_done: bool) -> Request {
        self.made += usize::from(is_done || self.made == 0);
        let new = format!("new-{}", self.made);
        let (mut uuid, mut id, mut tenant) = ("0".repeat(32), "aaaaaaaaaa".to_owned(), "lab");
        let is = |what: &str| format!("{method} {path}") == what;
        if path.contains("{uuid}") && is_done {
            let spec = json!({ "module": PROBE, "class": PROBE, "name": new });
            let made = self.managed.ask("POST /tenants/lab/instances", spec).await;
            uuid = made["uuid"].as_str().unwrap().to_owned();
        }
        if path.contains("{id}") && is_done {
            let of = path.replace("/{id}", "").replace("{tenant}", "lab");
            let role = match path.contains("{tenant}") {
                true => json!({ "role": "viewer" }),
                false => json!({}),
            };
            let made = self.managed.ask(&format!("POST {of}"), role).await;
            id = made["id"].as_str().unwrap().to_owned();
        }
        if is("DELETE /tenants/{tenant}") && is_done {
            self.managed
                .ask("POST /tenants", json!({ "name": "gone" }))
                .await;
            tenant = "gone";
        }
        if is("DELETE /tenants/{tenant}/modules/{module}") && is_done {
            self.install(&format!("{new}.wasm")).await;
        }
        if is("DELETE /tenants/{tenant}/secrets/{secret}") && is_done {
            let put = format!("PUT /tenants/lab/secrets/{new}");
            let kind = "application/octet-stream";
            let token = &self.managed.token;
            assert_eq!(self.managed.send(token, &put, b"value", kind).await.0, 204);
        }
        let module = match *method {
            "PUT" => format!("{new}.wasm"),
            _ => new.clone(),
        };
        let mut at = path.to_string();
        for (part, value) in [
            ("{tenant}", tenant),
            ("{uuid}", &uuid),
            ("{id}", &id),
            ("{module}", &module),
            ("{secret}", &new),
            ("{method}", "say"),
            ("{capability}", "http"),
        ] {
            at = at.replace(part, value);
        }
        if is("DELETE /tenants/{tenant}") {
            at += "?data=keep";
        }
        if is("DELETE /tenants/{tenant}/grants/{capability}") {
            at += &format!("?module={PROBE}");
        }
        let (kind, body) = match *method {
            "PUT" if path.contains("{secret}") => ("application/octet-stream", b"value".to_vec()),
            "PUT" => ("application/octet-stream", self.module.clone()),
            _ => {
                let body = body(method, path, &new);
                let body = body.map(|body| body.to_string().into_bytes());
                ("application/json", body.unwrap_or_default())
            }
        };
        Request {
            start: format!("{method} /api/v1{at}"),
            kind,
            body,
        }
    }

    async fn through_the_api(&mut self, table: &mut Table) {
        for route in API {
            let (mut expected, mut seen) = (Vec::new(), Vec::new());
            for who in 0..WHO.len() {
                let status = route.expected(who);
                let request = self.fill(route, status < 300).await;
                expected.push(status.to_string());
                seen.push(self.asks_api(who, &request).await.to_string());
            }
            let Route(method, path, _) = route;
            table.row(&format!("{method} {path}"), &expected, &seen);
            if *path == "/tenants/{tenant}/resume" {
                self.serving = loop {
                    let serving = self.managed.host.next().await;
                    if serving.tenant == "lab" {
                        break serving;
                    }
                };
                self.is_there().await;
            }
        }
    }

    async fn through_the_worker(&mut self, table: &mut Table, author: &mut Client) {
        let uuid = author.add_probe().await;
        let node = author.add_node(&uuid, "echo").await;
        let value = "x".repeat(2 * limits::LARGE_MESSAGE_BYTES);
        let set = json!({ "nid": node, "ioid": "value", "value": value });
        let authors = large(author, "set_io_value", set).await;
        let get = json!({ "nid": node, "ioid": "value" });
        let viewers = large(author, "get_io_full_value", get).await;
        let address = self.serving.address().to_owned();
        for Asks(method, path, what, roles) in WORKER {
            let (form_head, form) = crate::server::uploads::form(&[("file", "walk.txt", b"walk")]);
            let kind = form_head.split_once("Content-Type: ").unwrap().1.trim();
            let kind: &'static str = kind.to_owned().leak();
            let (id, kind, body) = match what {
                What::Nothing => ("", "text/plain", Vec::new()),
                What::Viewers => (&*viewers, "text/plain", Vec::new()),
                What::Authors => (&*authors, "text/plain", Vec::new()),
                What::Message => ("", "application/json", br#"{"type":"ping"}"#.to_vec()),
                What::File => ("", kind, form),
            };
            let request = Request {
                start: format!("{method} {}", path.replace("{id}", id)),
                kind,
                body,
            };
            let inside = roles.map(|status| status.to_string());
            let expected = of_the_worker("401", &inside);
            let mut seen = Vec::new();
            for who in 0..WHO.len() {
                seen.push(self.status(&address, who, &request).await.to_string());
            }
            table.row(&format!("{method} {path} of a Worker"), &expected, &seen);
        }
    }

    async fn through_its_commands(&mut self, table: &mut Table, clients: &mut [Client]) {
        let address = self.serving.address().to_owned();
        assert_eq!(known(&mut clients[0]).await, COMMANDS.map(|(name, _)| name));
        for (name, needs) in COMMANDS {
            // It would do nothing even where it is allowed, so that every row finds the same Worker.
            let kwargs = json!({ "no such argument": 0 });
            let message = Request {
                start: "POST /message/".to_owned(),
                kind: "application/json",
                body: command(name, kwargs.clone(), "walk")
                    .to_string()
                    .into_bytes(),
            };
            let roles = [Role::Viewer, Role::Author, Role::Owner];
            let inside = roles.map(|role| match role.may(needs) {
                true => "invalid-arguments".to_owned(),
                false => "forbidden".to_owned(),
            });
            let expected = of_the_worker("401", &inside);
            let mut seen = Vec::new();
            for who in 0..WHO.len() {
                seen.push(match who {
                    INSIDE..OPERATOR => {
                        code(&mut clients[who - INSIDE], name, kwargs.clone()).await
                    }
                    _ => self.status(&address, who, &message).await.to_string(),
                });
            }
            table.row(name, &expected, &seen);
        }
    }
}

/// Those who have no token of the tenant are refused, an operator among them: its process would learn theirs.
fn of_the_worker(outside: &str, inside: &[String]) -> Vec<String> {
    let mut all = vec![outside.to_owned(); INSIDE];
    all.extend_from_slice(inside);
    all.push(outside.to_owned());
    all
}

async fn token_of(managed: &Managed, tenant: &str, wanted: Json) -> (String, String) {
    let make = format!("POST /tenants/{tenant}/tokens");
    let made = managed.ask(&make, wanted).await;
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

fn body(method: &str, path: &str, new: &str) -> Option<Json> {
    Some(match (method, path) {
        ("POST", "/tokens") => json!({}),
        ("POST", "/tenants") => json!({ "name": new }),
        ("POST", "/tenants/apply") => json!({ "tenants": [] }),
        ("POST", "/tenants/{tenant}/tokens") => json!({ "role": "viewer" }),
        ("POST", "/tenants/{tenant}/instances") => json!({ "module": PROBE, "class": PROBE }),
        ("PATCH", _) => json!({}),
        ("POST", path) if path.ends_with("{method}") => json!({ "inputs": { "text": "heard" } }),
        ("POST", path) if path.ends_with("/grants") => {
            let lines = "[[http]]\nhost = \"127.0.0.1\"\nmethods = [\"GET\"]";
            json!({ "module": PROBE, "lines": lines })
        }
        _ => return None,
    })
}

/// The code of the refusal of `cmd`; `done` if it was none.
async fn code(client: &mut Client, cmd: &str, kwargs: Json) -> String {
    let id = uuid::Uuid::new_v4().to_string();
    client.send(&command(cmd, kwargs, &id)).await;
    let answer = client.json(|json| json["id"] == id).await;
    answer["code"].as_str().unwrap_or("done").to_owned()
}

/// The commands that the Worker itself says there are.
async fn known(client: &mut Client) -> Vec<String> {
    let refusal = client.call("no_such_cmd", json!({})).await.unwrap_err();
    let (_, known) = refusal.split_once("available commands: ").unwrap();
    known.split(", ").map(str::to_owned).collect()
}

/// Where a large answer is.
async fn large(client: &mut Client, cmd: &str, kwargs: Json) -> String {
    client.send(&command(cmd, kwargs, cmd)).await;
    let hint = client.json(|json| json["type"] == "large_message").await;
    hint["msg_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_may_do_what_is_written_here_and_nothing_else() {
    let routes: BTreeSet<_> = external_worker_control::routes()
        .map(|(method, path, _)| (method, path))
        .collect();
    let rows = API.iter().map(|Route(method, path, _)| (*method, *path));
    assert_eq!(
        routes,
        rows.clone().collect(),
        "routes without a row, or the other way round"
    );
    assert_eq!(routes.len(), rows.len(), "a row is there twice");
    let listed = WORKER.iter().map(|Asks(method, path, ..)| (*method, *path));
    let mut listed: Vec<_> = listed.collect();
    listed.dedup();
    assert_eq!(reached().collect::<Vec<_>>(), listed);

    let data = tempfile::tempdir().unwrap();
    let mut walk = Walk::start(data.path()).await;
    let mut table = Table::default();
    Table::head();
    walk.through_the_api(&mut table).await;
    let mut clients = Vec::new();
    for who in INSIDE..OPERATOR {
        clients.push(admitted(&walk.serving, &walk.tokens[who]).await);
    }
    walk.through_its_commands(&mut table, &mut clients).await;
    walk.through_the_worker(&mut table, &mut clients[1]).await;
    for who in (0..INSIDE).chain([OPERATOR]) {
        let refused = with_token(&walk.serving, &walk.tokens[who]).await;
        assert!(refused.is_none(), "{} comes in", WHO[who]);
    }
    let rows = API.len() + WORKER.len() + COMMANDS.len();
    println!("{rows} rows, {} requests", table.asked);
    assert!(table.wrong.is_empty(), "{:#?}", table.wrong);
}
