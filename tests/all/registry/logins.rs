//! Logins, where docker and podman keep them: in files, and with credential helpers, which are programs of
//! anybody's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::known::Registry;
use super::{PASSWORD, USER, WASM, add, basic, component, ewh};

struct Scene {
    registry: Registry,
    home: tempfile::TempDir,
    path: String,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start(true, None);
        registry.push("worker", "1.0.0", WASM, &component("carried", "1.0.0"));
        let home = tempfile::tempdir().unwrap();
        let path = format!(
            "{}:{}",
            home.path().display(),
            std::env::var("PATH").unwrap()
        );
        Self {
            registry,
            home,
            path,
        }
    }

    fn add(&self, variables: &[(&str, &str)]) -> Result<Json, String> {
        let reference = self.registry.reference("worker:1.0.0").to_string();
        let variables = [variables, &[("PATH", &self.path)]].concat();
        add(self.home.path(), &reference, &[], &variables)
    }

    fn write(&self, name: &str, content: &Json) -> String {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A helper with this script, which has what it was told in `$given`, and `$1`.
    fn helper(&self, name: &str, script: &str) {
        let path = self.home.path().join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\ngiven=$(cat)\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn auths(&self) -> Json {
        json!({"auths": {&self.registry.address: {"auth": &basic()["Basic ".len()..]}}})
    }
}

#[test]
fn logins_of_other_tools_are_found_where_they_keep_them() {
    let scene = Scene::new();
    let problem = scene.add(&[]).unwrap_err();
    assert!(problem.contains("ewh login"), "{problem}");
    let auths = scene.auths();
    let home = scene.home.path().to_str().unwrap();
    let kept = [
        (".docker/config.json", None),
        (".config/containers/auth.json", None),
        (
            "docker/config.json",
            Some(("DOCKER_CONFIG", format!("{home}/docker"))),
        ),
        (
            "run/containers/auth.json",
            Some(("XDG_RUNTIME_DIR", format!("{home}/run"))),
        ),
        (
            "auth.json",
            Some(("REGISTRY_AUTH_FILE", format!("{home}/auth.json"))),
        ),
    ];
    for (name, variable) in kept {
        let path = scene.write(name, &auths);
        let variables: Vec<_> = variable
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        scene.add(&variables).expect(name);
        fs::remove_file(path).unwrap();
    }
    // Of another registry's nothing is said to this one.
    let other = auths
        .to_string()
        .replace(&scene.registry.address, "127.0.0.1:1");
    scene.write(
        ".docker/config.json",
        &serde_json::from_str(&other).unwrap(),
    );
    let problem = scene.add(&[]).unwrap_err();
    assert!(problem.contains("ewh login"), "{problem}");
    fs::write(
        scene.home.path().join(".docker/config.json"),
        "{ \"auths\": s3cr3t",
    )
    .unwrap();
    let problem = scene.add(&[]).unwrap_err();
    assert!(
        problem.contains("config.json") && problem.contains("line 1"),
        "{problem}"
    );
    assert!(!problem.contains("s3cr3t"), "{problem}");
}

#[test]
fn a_credential_helper_is_asked_for_the_login_and_told_it() {
    let scene = Scene::new();
    let home = scene.home.path();
    let vault = home.join("vault");
    let (address, vault_path) = (&scene.registry.address, vault.display());
    scene.helper(
        "vault",
        &format!(
            "case $1 in\n\
             store) printf %s \"$given\" > {vault_path};;\n\
             get) if test \"$given\" = {address} -a -f {vault_path}; then cat {vault_path};\n\
                  else echo credentials not found in native keychain; exit 1; fi;;\n\
             erase) rm {vault_path};;\n\
             esac"
        ),
    );
    for config in [
        json!({"credsStore": "vault"}),
        json!({"credHelpers": {address: "vault"}, "credsStore": "nowhere"}),
    ] {
        scene.write(".docker/config.json", &config);
        let problem = scene.add(&[]).unwrap_err();
        assert!(problem.contains("ewh login"), "{problem}");
        let variables = [("PATH", &*scene.path)];
        let keep = ["login", address, "-u", USER, "--password-stdin"];
        let kept = ewh(home, &keep, &variables, PASSWORD);
        assert!(kept.status.success(), "{kept:?}");
        let told: Json = serde_json::from_slice(&fs::read(&vault).unwrap()).unwrap();
        assert_eq!(
            told,
            json!({"ServerURL": address, "Username": USER, "Secret": PASSWORD})
        );
        let file = fs::read(home.join(".docker/config.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&file).unwrap(), config);
        scene.add(&[]).unwrap();
        let gone = ewh(home, &["logout", address], &variables, "");
        assert!(gone.status.success() && !vault.exists(), "{gone:?}");
        let gone = ewh(home, &["logout", address], &variables, "");
        assert_eq!(gone.status.code(), Some(2));
    }
}

#[test]
fn a_credential_helper_that_misbehaves_is_named_and_not_quoted() {
    let scene = Scene::new();
    scene.helper("fails", "echo s3cr3t; echo s3cr3t >&2; exit 1");
    scene.helper("endless", "yes s3cr3t");
    scene.helper("nonsense", "echo s3cr3t");
    scene.helper("ends", "exec kill -9 $$");
    let misbehaving = [
        ("fails", "failed"),
        ("endless", "too long an answer"),
        ("nonsense", "cannot be read"),
        ("ends", "failed"),
        ("missing", "does not run"),
        ("../ends", "a name that"),
    ];
    for (helper, part) in misbehaving {
        scene.write(".docker/config.json", &json!({ "credsStore": helper }));
        let problem = scene.add(&[]).unwrap_err();
        assert!(
            problem.contains(helper) && problem.contains(part),
            "{helper}: {problem}"
        );
        assert!(!problem.contains("s3cr3t"), "{problem}");
    }
    // What is open to everybody needs no helper.
    let open = Registry::open();
    open.push("worker", "1.0.0", WASM, &component("carried", "1.0.0"));
    let reference = open.reference("worker:1.0.0").to_string();
    add(scene.home.path(), &reference, &[], &[("PATH", &scene.path)]).unwrap();
}

#[test]
fn a_password_is_taken_from_standard_input_and_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let output = ewh(home.path(), arguments, &[], input);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = run(
        &["login", "registry.example", "-u", "me", "--password", "x"],
        "",
    );
    assert!(
        code == Some(2) && said.contains("--password-stdin"),
        "{said}"
    );
    let (code, said) = run(&["login", "registry.example", "-u", "me"], PASSWORD);
    assert!(
        code == Some(2) && said.contains("--password-stdin"),
        "{said}"
    );
    for (input, part) in [("", "empty"), ("\n", "empty"), ("a\nb\n", "one line")] {
        let arguments = ["login", "registry.example", "-u", "me", "--password-stdin"];
        let (code, said) = run(&arguments, input);
        assert!(code == Some(2) && said.contains(part), "{said}");
    }
    assert!(!Path::new(&home.path().join(".docker")).exists());
}
