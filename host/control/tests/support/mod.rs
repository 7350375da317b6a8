//! A supervisor that runs nothing: tenants, modules and external workers are entries of maps. Tests look into it and
//! make it fail; `examples/serve.rs` serves it.

#![allow(
    dead_code,
    reason = "the tests and the example use different parts of it"
)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use external_worker_control::Supervisor;
use external_worker_control::model::{
    Ask, AuditPage, AuditQuery, AuditRecord, AuditVerdict, Code, Create, Form, Grant, Granted,
    Happened, Happening, Installed, InstanceState, InstanceUsage, LogLine, Method, ModuleState,
    PolicyState, Port, Problem, Request, Runs, SecretState, SecretValue, TenantSpec, TenantUsage,
    Told, Upload,
};
use external_worker_control::supervisor::{Answer, Backup};
use external_worker_control::token::Key;
use serde_json::{Value as Json, json};

/// The module that every tenant has, and its class.
pub const MODULE: &str = "thermometer";

/// A tenant that is served or was.
#[derive(Debug, Default)]
pub struct Tenant {
    pub spec: Option<TenantSpec>,
    pub served: bool,
    pub keys: Vec<Key>,
    pub modules: BTreeMap<String, ModuleState>,
    pub instances: BTreeMap<String, InstanceState>,
    pub policies: BTreeMap<Option<String>, PolicyState>,
    pub secrets: BTreeMap<String, SecretValue>,
    made: u64,
}

/// What tests look into and change.
#[derive(Debug, Default)]
pub struct State {
    pub tenants: BTreeMap<String, Tenant>,
    pub notes: Vec<Happening>,
    /// What is asked, in order.
    pub asked: Vec<String>,
    /// What every tenant says, whatever it is asked.
    pub says: Option<Result<Told, Problem>>,
    /// Why no tenant can be served.
    pub cannot_serve: Option<Problem>,
    /// Why no data can be removed.
    pub cannot_erase: Option<Problem>,
    /// Whether no tenant ever answers.
    pub hangs: bool,
}

/// The supervisor.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

impl Memory {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kinds of what was noted, in order, but for the use of tokens.
    pub fn happened(&self) -> Vec<Happened> {
        let state = self.state();
        let kinds = state.notes.iter().map(|note| note.kind);
        kinds.filter(|kind| *kind != Happened::TokenUsed).collect()
    }

    fn with<T>(
        &self,
        tenant: &str,
        work: impl FnOnce(&mut Tenant) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut state = self.state();
        let found = state.tenants.get_mut(tenant).filter(|it| it.served);
        let down = || Problem::new(Code::Conflict, "the tenant is not served");
        work(found.ok_or_else(down)?)
    }

    fn told(&self, tenant: &str, ask: Ask) -> Result<Told, Problem> {
        self.with(tenant, |tenant| tenant.told(ask))
    }
}

fn missing() -> Problem {
    Problem::new(Code::NotFound, "there is no such thing, or not for you")
}

fn ready<'a, T: Send + 'a>(value: Result<T, Problem>) -> Answer<'a, T> {
    Box::pin(std::future::ready(value))
}

fn module(name: &str) -> ModuleState {
    ModuleState {
        name: name.to_owned(),
        version: Some("1.0.0".to_owned()),
        problem: None,
        classes: vec![name.to_owned()],
        requests: vec![Request {
            capability: "http".to_owned(),
            reason: "fetches the weather".to_owned(),
            granted: false,
        }],
    }
}

fn method(name: &str) -> Method {
    let port = |name: &str| Port {
        name: name.to_owned(),
        kind: "float".to_owned(),
    };
    Method {
        name: name.to_owned(),
        description: "Reads a temperature.".to_owned(),
        inputs: vec![port("celsius")],
        outputs: vec![port("celsius")],
    }
}

impl Tenant {
    fn told(&mut self, ask: Ask) -> Result<Told, Problem> {
        Ok(match ask {
            Ask::Modules => Told::Modules(self.modules.values().cloned().collect()),
            Ask::Instances => Told::Instances(self.instances.values().cloned().collect()),
            Ask::Instance { uuid } => Told::Instance(self.instance(&uuid)?.clone()),
            Ask::Form { uuid } => Told::Form(Form {
                json_schema: json!({ "type": "object" }),
                ui_schema: None,
                form_data: self.instance(&uuid)?.config.clone(),
            }),
            Ask::Create(create) => Told::Instance(self.create(create)?),
            Ask::Remove { uuid } => {
                self.instances.remove(&uuid).ok_or_else(missing)?;
                Told::Done
            }
            Ask::Pause { uuid } => {
                self.instance(&uuid)?.paused = true;
                Told::Done
            }
            Ask::Resume { uuid } => {
                self.instance(&uuid)?.paused = false;
                Told::Done
            }
            Ask::Restart { uuid } => Told::Instance(self.instance(&uuid)?.clone()),
            Ask::Configure { uuid, patch } => {
                let instance = self.instance(&uuid)?;
                if let (Json::Object(config), Json::Object(patch)) = (&mut instance.config, patch) {
                    config.extend(patch);
                }
                Told::Instance(instance.clone())
            }
            Ask::Call {
                uuid,
                method,
                inputs,
            } => {
                let methods = &self.instance(&uuid)?.methods;
                let known = methods.iter().find(|known| known.name == method);
                known.ok_or_else(missing)?;
                Told::Outputs(inputs)
            }
            Ask::Snapshot => Told::Done,
            Ask::Log { uuid, after } => {
                self.instance(&uuid)?;
                let line = |number| LogLine {
                    number,
                    at: 1_700_000_000 + number,
                    level: "info".to_owned(),
                    text: format!("line {number}"),
                };
                Told::Log((1..=5).filter(|it| *it > after).map(line).collect())
            }
        })
    }

    fn instance(&mut self, uuid: &str) -> Result<&mut InstanceState, Problem> {
        self.instances.get_mut(uuid).ok_or_else(missing)
    }

    fn create(&mut self, create: Create) -> Result<InstanceState, Problem> {
        self.made += 1;
        let uuid = format!("{:032x}", self.made);
        let instance = InstanceState {
            uuid: uuid.clone(),
            name: create.name.unwrap_or_else(|| "one of its own".to_owned()),
            class: create.class,
            module: create.module,
            state: "running".to_owned(),
            problem: None,
            paused: false,
            config: create.config.unwrap_or_else(|| json!({})),
            methods: vec![method("read")],
            usage: InstanceUsage::default(),
        };
        self.instances.insert(uuid, instance.clone());
        Ok(instance)
    }

    fn policy(&mut self, module: Option<&str>) -> &mut PolicyState {
        let module = module.map(str::to_owned);
        let policy = self.policies.entry(module.clone());
        policy.or_insert_with(|| PolicyState {
            module,
            problem: None,
            grants: Vec::new(),
        })
    }
}

impl Supervisor for Memory {
    fn check(&self, spec: &TenantSpec, others: &[TenantSpec]) -> Result<(), Problem> {
        let same = |other: &&TenantSpec| other.port == spec.port && other.host == spec.host;
        match others.iter().filter(|_| spec.port != 0).find(same) {
            None => Ok(()),
            Some(other) => {
                let problem = format!("`{}` has this address already", other.name);
                Err(Problem::new(Code::Conflict, problem))
            }
        }
    }

    fn serve(&self, spec: TenantSpec, keys: Vec<Key>) -> Answer<'_, ()> {
        let mut state = self.state();
        if let Some(problem) = &state.cannot_serve {
            return ready(Err(problem.clone()));
        }
        state.asked.push(format!("serve {}", spec.name));
        let tenant = state.tenants.entry(spec.name.clone()).or_default();
        if tenant.modules.is_empty() {
            tenant.modules.insert(MODULE.to_owned(), module(MODULE));
        }
        tenant.policy(None);
        tenant.served = true;
        tenant.keys = keys;
        tenant.spec = Some(spec);
        ready(Ok(()))
    }

    fn withdraw<'a>(&'a self, tenant: &'a str) -> Answer<'a, ()> {
        self.state().asked.push(format!("withdraw {tenant}"));
        ready(self.with(tenant, |tenant| {
            tenant.served = false;
            Ok(())
        }))
    }

    fn erase<'a>(&'a self, tenant: &'a TenantSpec) -> Answer<'a, ()> {
        let mut state = self.state();
        if let Some(problem) = &state.cannot_erase {
            return ready(Err(problem.clone()));
        }
        state.asked.push(format!("erase {}", tenant.name));
        state.tenants.remove(&tenant.name);
        ready(Ok(()))
    }

    fn runs(&self, tenant: &str) -> Runs {
        match self.state().tenants.get(tenant).filter(|it| it.served) {
            None => Runs::Starting,
            Some(_) => Runs::Serving {
                address: "127.0.0.1:9".to_owned(),
                uuid: "0f8fad5bd9cb469fa16570867728950e".to_owned(),
                pid: None,
            },
        }
    }

    fn let_in(&self, tenant: &str, keys: Vec<Key>) {
        if let Some(tenant) = self.state().tenants.get_mut(tenant) {
            tenant.keys = keys;
        }
    }

    fn ask<'a>(&'a self, tenant: &'a str, ask: Ask) -> Answer<'a, Told> {
        let mut state = self.state();
        state.asked.push(format!("{ask:?}"));
        if state.hangs {
            return Box::pin(std::future::pending());
        }
        if let Some(says) = &state.says {
            return ready(says.clone());
        }
        drop(state);
        ready(self.told(tenant, ask))
    }

    fn install<'a>(&'a self, tenant: &'a str, upload: Upload) -> Answer<'a, Installed> {
        ready(self.with(tenant, |tenant| {
            let name = upload.file.split('.').next().unwrap_or_default().to_owned();
            let findings = vec![format!("it has {} bytes", upload.bytes.len())];
            tenant.modules.insert(name.clone(), module(&name));
            Ok(Installed {
                module: name,
                findings,
            })
        }))
    }

    fn uninstall<'a>(&'a self, tenant: &'a str, module: &'a str) -> Answer<'a, ()> {
        ready(self.with(tenant, |tenant| {
            tenant.modules.remove(module).map(drop).ok_or_else(missing)
        }))
    }

    fn policies<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<PolicyState>> {
        ready(self.with(tenant, |it| Ok(it.policies.values().cloned().collect())))
    }

    fn secrets<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<SecretState>> {
        let state = |name: &String| SecretState {
            name: name.clone(),
            version: 1,
            changed: 1_700_000_000,
        };
        ready(self.with(tenant, |it| Ok(it.secrets.keys().map(state).collect())))
    }

    fn set_secret<'a>(
        &'a self,
        tenant: &'a str,
        name: &'a str,
        value: SecretValue,
    ) -> Answer<'a, ()> {
        ready(self.with(tenant, |tenant| {
            tenant.secrets.insert(name.to_owned(), value);
            Ok(())
        }))
    }

    fn remove_secret<'a>(&'a self, tenant: &'a str, name: &'a str) -> Answer<'a, ()> {
        ready(self.with(tenant, |tenant| {
            tenant.secrets.remove(name).map(drop).ok_or_else(missing)
        }))
    }

    fn example(&self, capability: &str) -> Option<&'static str> {
        (capability == "http").then_some("[[http]]\nhost = \"api.example.com\"\n")
    }

    fn grant<'a>(&'a self, tenant: &'a str, grant: Grant) -> Answer<'a, PolicyState> {
        ready(self.with(tenant, |tenant| {
            let policy = tenant.policy(grant.module.as_deref());
            policy.grants.push(Granted {
                capability: "http".to_owned(),
                line: grant.lines,
            });
            Ok(policy.clone())
        }))
    }

    fn revoke<'a>(
        &'a self,
        tenant: &'a str,
        module: Option<&'a str>,
        capability: &'a str,
    ) -> Answer<'a, PolicyState> {
        ready(self.with(tenant, |tenant| {
            let policy = tenant.policy(module);
            policy.grants.retain(|it| it.capability != capability);
            Ok(policy.clone())
        }))
    }

    fn usage(&self, tenant: &str) -> TenantUsage {
        let state = self.state();
        let instances = state.tenants.get(tenant).map(|it| &it.instances);
        let uuids = instances.into_iter().flat_map(BTreeMap::keys);
        TenantUsage {
            cpu: 0.5,
            memory: 1 << 20,
            instances: uuids
                .map(|uuid| (uuid.clone(), InstanceUsage::default()))
                .collect(),
            ..TenantUsage::default()
        }
    }

    fn note(&self, happening: Happening) {
        self.state().notes.push(happening);
    }

    fn audit(&self, query: AuditQuery) -> Answer<'_, AuditPage> {
        let record = |(at, note): (usize, &Happening)| AuditRecord {
            seq: at as u64 + 1,
            at: "2026-01-01T00:00:00Z".to_owned(),
            event: format!("{:?}", note.kind),
            by: "host".to_owned(),
            tenant: note.tenant.clone(),
            instance: note.instance.clone(),
            who: Some(note.who.clone()),
            what: Some(note.what.clone()),
            reason: note.reason.clone(),
            more: Some(note.more).filter(|more| *more > 0),
            ..AuditRecord::default()
        };
        let state = self.state();
        let records = state.notes.iter().enumerate().map(record).rev();
        let records = records.filter(|it| query.before.is_none_or(|before| it.seq < before));
        let wanted = records.filter(|it| query.tenant.is_none() || it.tenant == query.tenant);
        let records = wanted.take(query.most).collect();
        ready(Ok(AuditPage { records }))
    }

    fn verify(&self) -> Answer<'_, AuditVerdict> {
        ready(Ok(AuditVerdict {
            whole: true,
            problem: None,
            records: self.state().notes.len() as u64,
            checkpoint: None,
        }))
    }

    fn backup(&self, mut database: std::fs::File) -> Answer<'_, Backup> {
        let mut kept = Vec::new();
        std::io::Read::read_to_end(&mut database, &mut kept).unwrap();
        assert!(kept.starts_with(b"SQLite format 3\0"));
        let parts = ["a copy ", "of everything"].map(|part| Ok(part.into()));
        ready(Ok(Box::pin(futures_util::stream::iter(parts))))
    }
}
