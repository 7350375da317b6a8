//! A lab that plays: what the double of the tests keeps, with figures that move, a form, a log, and methods that answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use external_worker_control::Supervisor;
use external_worker_control::model::{
    Ask, AuditPage, AuditQuery, AuditVerdict, Code, Form, Grant, Happening, Installed,
    InstanceState, LogLine, Method, PolicyState, Port, Problem, Runs, SecretState, SecretValue,
    TenantSpec, TenantUsage, Told, Upload,
};
use external_worker_control::supervisor::Answer;
use external_worker_control::token::Key;
use serde_json::{Value as Json, json};

use crate::support::Memory;

/// What an upload that is refused has in it.
const BROKEN: &[u8] = b"broken";
/// How long a tenant takes to be served again.
const STARTING: Duration = Duration::from_millis(1500);

/// The supervisor.
pub struct Lab {
    memory: Memory,
    begin: Instant,
    /// When tenants that had ended were served again; none where they are not yet.
    again: Mutex<BTreeMap<String, Option<Instant>>>,
}

impl Default for Lab {
    fn default() -> Self {
        Self {
            memory: Memory::default(),
            begin: Instant::now(),
            again: Mutex::default(),
        }
    }
}

impl Lab {
    fn again(&self) -> MutexGuard<'_, BTreeMap<String, Option<Instant>>> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seconds(&self) -> u64 {
        self.begin.elapsed().as_secs()
    }

    fn dress(&self, mut instance: InstanceState) -> InstanceState {
        let seconds = self.seconds();
        let usage = &mut instance.usage;
        usage.cpu = self.begin.elapsed().as_secs_f64() / 40.0;
        usage.throttled = 0.25;
        usage.memory = (3 << 20) + (seconds % 7) * 65_536;
        usage.turns = seconds / 2;
        usage.calls = 1200 + seconds;
        usage.open_calls = seconds % 2;
        usage.restarts = 1;
        instance.methods = methods();
        if instance.name.contains("broken") {
            instance.state = "restarting".to_owned();
            instance.problem = Some("the guest trapped: it used all of its memory".to_owned());
            instance.usage.turn_errors = 3;
            instance.usage.call_errors = 2;
        }
        instance
    }

    fn answer(&self, ask: Ask, told: Told) -> Result<Told, Problem> {
        Ok(match (ask, told) {
            (_, Told::Instances(all)) => {
                Told::Instances(all.into_iter().map(|one| self.dress(one)).collect())
            }
            (Ask::Form { .. }, Told::Form(form)) => Told::Form(form_of(form)),
            (Ask::Log { after, .. }, _) => Told::Log(self.log(after)),
            (_, Told::Instance(one)) => Told::Instance(self.dress(one)),
            (_, told) => told,
        })
    }

    fn log(&self, after: u64) -> Vec<LogLine> {
        let begin = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = self.seconds();
        let line = |number: u64| LogLine {
            number,
            at: (begin.as_secs() + number).saturating_sub(seconds + 20),
            level: match number % 11 {
                3 => "warn",
                7 => "error",
                5 => "debug",
                _ => "info",
            }
            .to_owned(),
            text: match number % 11 {
                3 => "the sensor took 412 ms to answer".to_owned(),
                7 => "no answer from the sensor; trying again <b>soon</b>".to_owned(),
                _ => format!("turn {number}: 21.{} °C", number % 10),
            },
        };
        (after + 1..=seconds / 2 + 20).map(line).collect()
    }
}

fn methods() -> Vec<Method> {
    let port = |name: &str, kind: &str| Port {
        name: name.to_owned(),
        kind: kind.to_owned(),
    };
    let method = |name: &str, description: &str, inputs: Vec<Port>, outputs: Vec<Port>| Method {
        name: name.to_owned(),
        description: description.to_owned(),
        inputs,
        outputs,
    };
    vec![
        method(
            "calibrate",
            "Moves the zero of the scale to what it reads now.",
            Vec::new(),
            Vec::new(),
        ),
        method(
            "read",
            "Reads a temperature, as the mean of some samples.",
            vec![
                port("celsius", "float"),
                port("samples", "int"),
                port("label", "str"),
                port("quick", "bool"),
                port("weights", "list[float]"),
            ],
            vec![port("celsius", "float")],
        ),
        method("fail", "Says that it failed.", Vec::new(), Vec::new()),
    ]
}

fn form_of(form: Form) -> Form {
    let mut data = json!({"interval": 2.0, "samples": 4, "unit": "celsius", "name": "bench", "watch": true,
        "limits": {"low": -20, "high": 80}, "channels": [1, 2], "token": "s3cr3t", "offset": null,
        "relay": {"host": "relay.example", "password": "s3cr3t"}});
    if let (Json::Object(data), Json::Object(said)) = (&mut data, form.form_data) {
        data.extend(said);
    }
    Form {
        json_schema: json!({"type": "object", "properties": {
            "name": {"type": "string", "title": "Name", "maxLength": 40, "description": "What the display shows."},
            "interval": {"type": "number", "title": "Interval", "minimum": 0.1, "maximum": 60, "default": 2.0,
                "description": "Seconds between two readings."},
            "samples": {"type": "integer", "minimum": 1, "maximum": 100, "default": 4},
            "unit": {"enum": ["celsius", "kelvin", "fahrenheit"], "title": "Unit", "default": "celsius"},
            "watch": {"type": "boolean", "title": "Watch the limits", "description": "An event is sent when one is passed."},
            "offset": {"anyOf": [{"type": "number"}, {"type": "null"}], "title": "Offset", "description": "Left empty: none."},
            "limits": {"type": "object", "title": "Limits"},
            "channels": {"type": "array", "title": "Channels", "maxItems": 8},
            "token": {"type": "string", "title": "Token of the sensor", "writeOnly": true},
            "relay": {"type": "object", "title": "Relay", "properties": {"host": {"type": "string"},
                "password": {"type": "string", "writeOnly": true}}},
        }}),
        ui_schema: None,
        form_data: data,
    }
}

impl Supervisor for Lab {
    fn check(&self, spec: &TenantSpec, others: &[TenantSpec]) -> Result<(), Problem> {
        self.memory.check(spec, others)
    }

    fn serve(&self, spec: TenantSpec, keys: Vec<Key>) -> Answer<'_, ()> {
        if let Some(since) = self.again().get_mut(&spec.name) {
            *since = Some(Instant::now());
        }
        self.memory.serve(spec, keys)
    }

    fn withdraw<'a>(&'a self, tenant: &'a str) -> Answer<'a, ()> {
        self.again().insert(tenant.to_owned(), None);
        self.memory.withdraw(tenant)
    }

    fn erase<'a>(&'a self, tenant: &'a TenantSpec) -> Answer<'a, ()> {
        self.memory.erase(tenant)
    }

    fn runs(&self, tenant: &str) -> Runs {
        match tenant {
            "cellar" => Runs::Down {
                problem: "its process ended with status 137, and is started again in 8 s"
                    .to_owned(),
            },
            // As a process takes its time to begin.
            _ => match self.again().get(tenant) {
                Some(Some(since)) if since.elapsed() < STARTING => Runs::Starting,
                _ => self.memory.runs(tenant),
            },
        }
    }

    fn let_in(&self, tenant: &str, keys: Vec<Key>) {
        self.memory.let_in(tenant, keys);
    }

    fn ask<'a>(&'a self, tenant: &'a str, ask: Ask) -> Answer<'a, Told> {
        if let Ask::Call { method, inputs, .. } = &ask {
            let outputs = match method.as_str() {
                "fail" => Err(Problem::new(
                    Code::GuestFailed,
                    "the sensor is not connected",
                )),
                "calibrate" => Ok(BTreeMap::new()),
                _ => Ok(inputs.clone()),
            };
            return Box::pin(async { Ok(Told::Outputs(outputs?)) });
        }
        Box::pin(async move {
            let told = self.memory.ask(tenant, ask.clone()).await?;
            self.answer(ask, told)
        })
    }

    fn install<'a>(&'a self, tenant: &'a str, upload: Upload) -> Answer<'a, Installed> {
        if upload.bytes == BROKEN {
            let problem = "`broken.wasm` is no component: it begins with `brok`";
            return Box::pin(async move { Err(Problem::new(Code::Invalid, problem)) });
        }
        self.memory.install(tenant, upload)
    }

    fn uninstall<'a>(&'a self, tenant: &'a str, module: &'a str) -> Answer<'a, ()> {
        self.memory.uninstall(tenant, module)
    }

    fn policies<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<PolicyState>> {
        self.memory.policies(tenant)
    }

    fn example(&self, capability: &str) -> Option<&'static str> {
        self.memory.example(capability)
    }

    fn grant<'a>(&'a self, tenant: &'a str, grant: Grant) -> Answer<'a, PolicyState> {
        self.memory.grant(tenant, grant)
    }

    fn revoke<'a>(
        &'a self,
        tenant: &'a str,
        module: Option<&'a str>,
        capability: &'a str,
    ) -> Answer<'a, PolicyState> {
        self.memory.revoke(tenant, module, capability)
    }

    fn secrets<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<SecretState>> {
        self.memory.secrets(tenant)
    }

    fn set_secret<'a>(
        &'a self,
        tenant: &'a str,
        name: &'a str,
        value: SecretValue,
    ) -> Answer<'a, ()> {
        self.memory.set_secret(tenant, name, value)
    }

    fn remove_secret<'a>(&'a self, tenant: &'a str, name: &'a str) -> Answer<'a, ()> {
        self.memory.remove_secret(tenant, name)
    }

    fn usage(&self, tenant: &str) -> TenantUsage {
        let mut usage = self.memory.usage(tenant);
        usage.cpu = self.begin.elapsed().as_secs_f64() / 30.0;
        for one in usage.instances.values_mut() {
            one.calls = 1200 + self.seconds();
            one.turns = self.seconds() / 2;
            one.cpu = self.begin.elapsed().as_secs_f64() / 40.0;
            one.memory = 3 << 20;
        }
        usage
    }

    fn note(&self, happening: Happening) {
        self.memory.note(happening);
    }

    fn audit(&self, query: AuditQuery) -> Answer<'_, AuditPage> {
        let kind = query.kind.clone();
        Box::pin(async move {
            let mut page = self.memory.audit(query).await?;
            for record in &mut page.records {
                record.event = kebab(&record.event);
            }
            page.records
                .retain(|record| kind.as_ref().is_none_or(|kind| *kind == record.event));
            Ok(page)
        })
    }

    fn verify(&self) -> Answer<'_, AuditVerdict> {
        self.memory.verify()
    }
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
