//! What policies are read as, and how wrong ones are explained.

use super::grant::{Direction, Mode, Protocols, Scheme};
use super::*;

const FULL: &str = r#"
clocks = true
random = true

[budget]
memory = "32 MiB"
calls = 4

[[serial]]
name = "thermometer"
device = "/dev/ttyUSB0"
baud-rates = [9600]

[[serial]]
name = "scale"
usb = "0403:6001:A1"

[[files]]
host = "/srv/files"
guest = "/files"
mode = "rw"
quota = "10 MiB"

[data]
quota = "16 MiB"
max-files = 1000

[[sockets]]
protocol = "both"
direction = "bind"
host = "127.0.0.1"
ports = [6379, "8000-8010", "*"]

[[http]]
host = "*.example.com"
scheme = "https"
methods = ["GET", "POST"]
secrets = ["api-token"]

[env]
vars = { A = "b" }
inherit = ["HOME"]
"#;

fn problem(text: &str) -> String {
    let err = Policy::parse(text, "my.toml").unwrap_err();
    let sentence = err.to_string();
    assert!(
        sentence.contains("my.toml") && !sentence.contains('\n'),
        "{sentence}"
    );
    sentence
}

#[test]
fn a_full_policy_is_read() {
    let policy = Policy::parse(FULL, "test").unwrap();
    assert_eq!(policy.budget.calls, 4);
    assert_eq!(policy.budget.memory.as_u64(), 32 * 1024 * 1024);
    assert_eq!(policy.budget.mailbox, Budget::default().mailbox);
    assert_eq!(policy.serial.len(), 2);
    assert_eq!(policy.files[0].mode, Mode::Rw);
    assert_eq!(policy.sockets[0].protocol, Protocols::Both);
    assert_eq!(policy.sockets[0].direction, Direction::Bind);
    assert_eq!(policy.http[0].scheme, Some(Scheme::Https));
    assert_eq!(policy.http[0].secrets, ["api-token"]);
    assert!(
        Capability::ALL
            .into_iter()
            .all(|capability| policy.grants(capability))
    );
    let all = policy.granted(Capability::ALL);
    assert!(
        Capability::ALL
            .into_iter()
            .all(|capability| all.grants(capability))
    );
}

#[test]
fn what_is_written_out_reads_back_the_same() {
    let policy = Policy::parse(FULL, "test").unwrap();
    let text = toml::to_string(&policy).unwrap();
    assert_eq!(Policy::parse(&text, "test").unwrap(), policy);
}

#[test]
fn an_empty_policy_grants_nothing() {
    let policy = Policy::parse("", "test").unwrap();
    assert_eq!(policy, Policy::default());
    for capability in Capability::ALL {
        assert!(!policy.grants(capability), "{capability}");
    }
    assert_eq!(policy.granted(Capability::ALL), Granted::default());
}

#[test]
fn only_what_is_requested_comes_through() {
    let policy = Policy::parse(FULL, "test").unwrap();
    for capability in Capability::ALL {
        let granted = policy.granted([capability]);
        for other in Capability::ALL {
            assert_eq!(
                granted.grants(other),
                other == capability,
                "{capability} {other}"
            );
        }
    }
}

#[test]
fn a_typo_is_answered_with_its_line_and_the_word_that_was_meant() {
    let wrong = problem("clocks = true\n\n[[serail]]\nname = \"a\"\n");
    assert!(
        wrong.contains("line 3") && wrong.contains("`serial`?"),
        "{wrong}"
    );
    let wrong = problem("[[serial]]\nname = \"a\"\ndevice = \"/dev/a\"\nbaud-rate = [1]\n");
    assert!(
        wrong.contains("line 4") && wrong.contains("`baud-rates`?"),
        "{wrong}"
    );
    let wrong = problem("[budget]\nmemroy = \"1 MiB\"\n");
    assert!(
        wrong.contains("line 2") && wrong.contains("`memory`?"),
        "{wrong}"
    );
    let wrong = problem("[[sockets]]\nprotocol = \"tpc\"\nhost = \"a.b\"\nports = [1]\n");
    assert!(
        wrong.contains("line 2") && wrong.contains("`tcp`?"),
        "{wrong}"
    );
}

#[test]
fn wrong_values_are_explained_with_what_to_write() {
    let table = [
        ("[[serial]]\nname = \"a\"", "`device` or `usb`"),
        (
            "[[serial]]\nname = \"a\"\ndevice = \"/d\"\nusb = \"0403:6001\"",
            "not both",
        ),
        ("[[serial]]\nname = \"a\"\nusb = \"6001\"", "line 3"),
        (
            "[[files]]\nhost = \"/a\"\nguest = \"data\"",
            "absolute path",
        ),
        (
            "[[files]]\nhost = \"/a\"\nguest = \"/a/../b\"",
            "absolute path",
        ),
        ("[[files]]\nhost = \"a\"\nguest = \"/a\"", "relative"),
        (
            "[[files]]\nhost = \"/a\"\nguest = \"/a\"\nquota = 1",
            "read-only",
        ),
        (
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"a.b\"\nports = [70000]",
            "70000 is not a port",
        ),
        (
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"a.b\"\nports = []",
            "no `ports`",
        ),
        (
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"10.0.0.1/8\"\nports = [1]",
            "10.0.0.0/8",
        ),
        (
            "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"bind\"\nhost = \"a.b\"\nports = [1]",
            "an address is needed",
        ),
        (
            "[[http]]\nhost = \"https://a.b\"\nmethods = [\"GET\"]",
            "leave out the scheme",
        ),
        ("[[http]]\nhost = \"a.b\"", "methods"),
        ("[[http]]\nhost = \"a.b\"\nmethods = [\"get\"]", "`GET`"),
        (
            "[[http]]\nhost = \"a.b\"\nmethods = [\"GET\"]\nsecrets = [\"a b\"]",
            "`a b` is not a name for a secret",
        ),
        (
            "[[http]]\nhost = \"a.b\"\nmethods = [\"GET\"]\nscheme = \"http\"\nsecrets = [\"a\"]",
            "scheme = \"https\"",
        ),
        ("[env]\nvars = { \"A=B\" = \"\" }", "`A=B`"),
        ("[env]\ninherit = [\"EWH_SECRETS_KEY\"]", "remove it"),
        ("clocks = 1", "true or false"),
        ("[clocks]\na = 1", "unknown field"),
        ("not toml", "line 1"),
        ("[budget]\nmemory = \"64 XB\"", "line 2"),
    ];
    for (text, part) in table {
        let sentence = problem(text);
        assert!(sentence.contains(part), "{text}\n{sentence}");
    }
    let twins = "[[serial]]\nname = \"a\"\ndevice = \"/d\"\n".repeat(2);
    assert!(problem(&twins).contains("two [[serial]]"));
}

#[test]
fn a_policy_file_is_read_or_refused_by_name() {
    let missing = Path::new("/nonexistent/policy.toml");
    assert!(
        Policy::load(missing)
            .unwrap_err()
            .to_string()
            .contains("/nonexistent/policy.toml")
    );
}

#[test]
fn no_directory_of_the_host_may_hide_the_folder_of_its_own() {
    for guest in ["/", "/data", "/data/below"] {
        let wrong = problem(&format!(
            "[data]\nquota = \"1 MiB\"\n[[files]]\nhost = \"/srv\"\nguest = \"{guest}\"\n"
        ));
        assert!(wrong.contains("in the way of [data]"), "{wrong}");
    }
    problem("[data]\n");
    let wrong = problem("[data]\nquota = \"1 MiB\"\nmax-files = 250001\n");
    assert!(wrong.contains("at most 250000"), "{wrong}");
}

/// `EWH_BLESS=1 cargo test` writes the file anew.
#[test]
fn the_committed_json_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy.schema.json");
    let current = serde_json::to_string_pretty(&Policy::json_schema()).unwrap() + "\n";
    if std::env::var_os("EWH_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "host/policy.schema.json is stale; run with EWH_BLESS=1"
    );
}

#[test]
fn the_json_schema_accepts_what_the_parser_accepts() {
    let schema = jsonschema::validator_for(&Policy::json_schema()).unwrap();
    let as_json = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    assert!(schema.is_valid(&as_json(FULL)));
    assert!(schema.is_valid(&as_json("")));
    assert!(!schema.is_valid(&as_json("serail = 1")));
    assert!(!schema.is_valid(&as_json("[[http]]\nhost = \"a.b\"")));
}
