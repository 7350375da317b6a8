//! The tenants that are managed, for the control plane, which calls this from any thread.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use bytesize::ByteSize;
use external_worker_control::Supervisor;
use external_worker_control::model::{
    self, Ask, AuditPage, AuditQuery, AuditVerdict, Code, Grant, Happened, Happening, Installed,
    PolicyState, Problem, Runs, SecretState, SecretValue, TenantSpec, TenantUsage, Told, Upload,
};
use external_worker_control::supervisor::{Answer, Backup};
use external_worker_control::token::Key;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::backup::Copier;
use super::desk::{Desk, Known, Tenants};
use super::folder::{Folder, of_host};
use super::{Managed, Order, Unheld, install, secrets, watch};
use crate::audit::{Auditor, Kind, Record};
use crate::cli::error::CliError;
use crate::cli::serve::secrets::Keeper;
use crate::cli::serve::{Checked, bind, check};
use crate::limits::{
    DISK_EVERY, DISK_PAUSE, MAX_SHOWN_DISK, MAX_TENANTS, MIN_TENANT_MEMORY, MODULE_LOOKS_EVERY,
    MODULE_PATIENCE,
};
use crate::metrics::Gauges;
use crate::policy::{Capability, Guarded};
use crate::server::Keyring;
use crate::tenant::question::unavailable;
use crate::tenant::{Tenant, file};
use crate::worker::{Quotas, measure};

/// All of them.
pub(in crate::cli::serve) struct Manager {
    root: PathBuf,
    guarded: Guarded,
    gauges: Gauges,
    auditor: Auditor,
    audit: Option<watch::Place>,
    secrets: Keeper,
    orders: mpsc::UnboundedSender<Order>,
    known: Tenants,
    copier: Copier,
    unheld: Unheld,
}

impl Manager {
    pub(super) fn new(managed: &Managed<'_>, orders: mpsc::UnboundedSender<Order>) -> Self {
        Self {
            root: managed.root.clone(),
            guarded: managed.guarded.clone(),
            gauges: managed.watching.gauges.clone(),
            auditor: managed.watching.auditor.clone(),
            audit: managed.audit.clone().map(|dir| watch::Place {
                key: managed.audit_key.clone(),
                dir,
            }),
            secrets: managed.secrets.clone(),
            orders,
            known: Tenants::default(),
            copier: Copier {
                data: managed.root.clone(),
                audit: managed.audit.clone(),
                secrets: managed.secrets_at.clone(),
                place: Arc::new(Semaphore::new(1)),
            },
            unheld: managed.unheld.clone(),
        }
    }

    /// Looks again and again how much the data of each tenant takes on disk, one after the other.
    pub(super) async fn look_at_disks(&self) -> Infallible {
        loop {
            let names: Vec<_> = self.known().keys().cloned().collect();
            let begun = Instant::now();
            for name in names {
                let data = self.folder(&name).data().to_owned();
                let taken = tokio::task::spawn_blocking(move || measure(&data)).await;
                if let (Ok(taken), Some(known)) = (taken, self.known().get_mut(&name)) {
                    known.disk = taken.min(MAX_SHOWN_DISK);
                }
            }
            let pause = begun.elapsed().saturating_mul(DISK_PAUSE);
            sleep(pause.max(DISK_EVERY)).await;
        }
    }

    /// Ends all tenants.
    pub(super) async fn end_all(&self) {
        let ending: Vec<_> = self.known().values().map(Known::end).collect();
        join_all(ending).await;
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock()
    }

    fn folder(&self, tenant: &str) -> Folder {
        Folder::of(&self.root, tenant)
    }

    fn checked(&self, spec: &TenantSpec) -> Result<Checked, Problem> {
        let wrong = |problem: String| Problem::new(Code::Invalid, problem);
        file::check_name(&spec.name).map_err(wrong)?;
        let folder = self.folder(&spec.name);
        let memory = spec.quotas.memory.map(ByteSize::b);
        if memory.is_some_and(|memory| memory < MIN_TENANT_MEMORY) {
            return Err(wrong(format!(
                "`memory` is too small; a tenant needs {MIN_TENANT_MEMORY} to begin with"
            )));
        }
        let tenant = Tenant {
            name: Some(spec.name.clone()),
            host: spec.host.clone(),
            port: spec.port,
            data: folder.data().to_owned(),
            // One that is new has none before it is made.
            policy: Some(folder.default_policy()).filter(|policy| policy.exists()),
            token: None,
            origins: spec.allow_origin.clone(),
            memory,
            quotas: quotas(&spec.quotas),
        };
        check(tenant, Vec::new(), true).map_err(|error| match error {
            CliError::Usage(problem) => wrong(problem),
            // Its path is nobody's business.
            other => of_host(&other),
        })
    }

    async fn begin(&self, spec: TenantSpec, keys: Vec<Key>) -> Result<(), Problem> {
        let name = spec.name.clone();
        let folder = self.folder(&name);
        let made = tokio::task::spawn_blocking(move || folder.make());
        made.await
            .map_err(|_| unavailable())?
            .map_err(|error| of_host(&error))?;
        let keys = Keyring::new(keys);
        let checked = Checked {
            keys: Some(keys.clone()),
            ..self.checked(&spec)?
        };
        let bound = bind(&checked).await;
        let bound = bound.map_err(|error| Problem::new(Code::Conflict, error.to_string()))?;
        let (desk, known) = Desk::pair(spec, keys);
        self.guarded.listen(bound.address());
        self.gauges.expect(&name);
        self.known().insert(name, known);
        let order = Order {
            checked,
            bound,
            desk,
        };
        self.orders.send(order).map_err(|_ending| unavailable())
    }

    async fn end(&self, tenant: &str) {
        let ending = self.known().get(tenant).map(Known::end);
        if let Some(ending) = ending {
            ending.await;
        }
        self.known().remove(tenant);
        self.gauges.forget(tenant);
    }

    /// Waits until the Worker of a tenant has a module, whether it can be used or not.
    async fn taken_in(&self, tenant: &str, module: &str) {
        loop {
            if let Ok(Told::Modules(modules)) = self.ask(tenant, Ask::Modules).await
                && modules.iter().any(|it| it.name == module)
            {
                return;
            }
            sleep(MODULE_LOOKS_EVERY).await;
        }
    }

    /// Does what blocks with the folder of a tenant.
    fn in_folder<T: Send + 'static>(
        &self,
        tenant: &str,
        act: impl FnOnce(Folder) -> Result<T, Problem> + Send + 'static,
    ) -> Answer<'_, T> {
        let folder = self.folder(tenant);
        Box::pin(async move {
            let acting = tokio::task::spawn_blocking(move || act(folder));
            acting.await.map_err(|_ending| unavailable())?
        })
    }
}

impl Supervisor for Manager {
    fn check(&self, spec: &TenantSpec, others: &[TenantSpec]) -> Result<(), Problem> {
        self.checked(spec)?;
        let others = || others.iter().filter(|other| other.name != spec.name);
        if others().count() >= MAX_TENANTS {
            let problem = format!("one host serves at most {MAX_TENANTS} tenants");
            return Err(Problem::new(Code::OverQuota, problem));
        }
        let is_taken = |other: &TenantSpec| (&other.host, other.port) == (&spec.host, spec.port);
        if spec.port != 0 && others().any(is_taken) {
            let problem = format!("another tenant has the port {}", spec.port);
            return Err(Problem::new(Code::Conflict, problem));
        }
        Ok(())
    }

    fn serve(&self, spec: TenantSpec, keys: Vec<Key>) -> Answer<'_, ()> {
        Box::pin(self.begin(spec, keys))
    }

    fn withdraw<'a>(&'a self, tenant: &'a str) -> Answer<'a, ()> {
        Box::pin(async {
            self.end(tenant).await;
            Ok(())
        })
    }

    fn erase<'a>(&'a self, tenant: &'a TenantSpec) -> Answer<'a, ()> {
        let (secrets, name) = (self.secrets.clone(), tenant.name.clone());
        self.in_folder(&tenant.name, move |folder| {
            folder.erase().map_err(|error| of_host(&error))?;
            secrets.erase(&name).map_err(|error| of_host(&error))
        })
    }

    fn runs(&self, tenant: &str) -> Runs {
        let known = self.known();
        known.get(tenant).map_or(Runs::Suspended, Known::runs)
    }

    fn let_in(&self, tenant: &str, keys: Vec<Key>) {
        if let Some(known) = self.known().get(tenant) {
            known.let_in(keys);
        }
    }

    fn ask<'a>(&'a self, tenant: &'a str, ask: Ask) -> Answer<'a, Told> {
        let asks = self.known.asks(tenant);
        Box::pin(async {
            match asks {
                Some(asks) => asks.ask(ask).await,
                None => Err(unavailable()),
            }
        })
    }

    fn install<'a>(&'a self, tenant: &'a str, upload: Upload) -> Answer<'a, Installed> {
        let quotas = self
            .known()
            .get(tenant)
            .map(|known| quotas(&known.spec.quotas));
        let folder = self.folder(tenant);
        Box::pin(async move {
            let installed = install::install(folder, upload, quotas.unwrap_or_default()).await?;
            // It is taken in beside; whoever asks for it next is to find it.
            let taken_in = self.taken_in(tenant, &installed.module);
            let _ = timeout(MODULE_PATIENCE, taken_in).await;
            Ok(installed)
        })
    }

    fn uninstall<'a>(&'a self, tenant: &'a str, module: &'a str) -> Answer<'a, ()> {
        let module = module.to_owned();
        self.in_folder(tenant, move |folder| install::uninstall(&folder, &module))
    }

    fn policies<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<PolicyState>> {
        self.in_folder(tenant, |folder| folder.policies())
    }

    fn example(&self, capability: &str) -> Option<&'static str> {
        Capability::from_name(capability).map(Capability::example)
    }

    fn grant<'a>(&'a self, tenant: &'a str, grant: Grant) -> Answer<'a, PolicyState> {
        self.in_folder(tenant, move |folder| Ok(folder.grant(&grant)?.0))
    }

    fn revoke<'a>(
        &'a self,
        tenant: &'a str,
        module: Option<&'a str>,
        capability: &'a str,
    ) -> Answer<'a, PolicyState> {
        let (module, capability) = (module.map(str::to_owned), capability.to_owned());
        self.in_folder(tenant, move |folder| {
            Ok(folder.revoke(module.as_deref(), &capability)?.0)
        })
    }

    fn secrets<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<SecretState>> {
        Box::pin(secrets::list(self.secrets.clone(), tenant.to_owned()))
    }

    fn set_secret<'a>(
        &'a self,
        tenant: &'a str,
        name: &'a str,
        value: SecretValue,
    ) -> Answer<'a, ()> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        Box::pin(secrets::set(self.secrets.clone(), tenant, name, value))
    }

    fn remove_secret<'a>(&'a self, tenant: &'a str, name: &'a str) -> Answer<'a, ()> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        Box::pin(secrets::remove(self.secrets.clone(), tenant, name))
    }

    fn usage(&self, tenant: &str) -> TenantUsage {
        let mut usage = watch::usage(self.gauges.tenant(tenant));
        if let Some(known) = self.known().get(tenant) {
            usage.disk = known.disk;
            usage.caveat = self.unheld.of(&known.spec.quotas);
        }
        usage
    }

    fn note(&self, happening: Happening) {
        let record = Record::new(kind(happening.kind))
            .who(happening.who)
            .what(happening.what)
            .more(happening.more);
        let record = match happening.instance {
            Some(instance) => record.instance(instance),
            None => record,
        };
        let record = match happening.reason {
            Some(reason) => record.reason(reason),
            None => record,
        };
        match happening.tenant {
            Some(tenant) => self.auditor.of_tenant(&tenant).note(record),
            None => self.auditor.note(record),
        }
    }

    fn audit(&self, query: AuditQuery) -> Answer<'_, AuditPage> {
        Box::pin(watch::audit(self.audit.clone(), query))
    }

    fn verify(&self) -> Answer<'_, AuditVerdict> {
        Box::pin(watch::verify(self.audit.clone()))
    }

    fn backup(&self, database: File) -> Answer<'_, Backup> {
        Box::pin(async move { self.copier.begin(self.known.clone(), database) })
    }
}

/// What of the quotas a Worker holds itself to.
fn quotas(quotas: &model::Quotas) -> Quotas {
    Quotas {
        instances: quotas.instances,
        modules: quotas.modules,
        disk: quotas.disk,
        cpu_weight: quotas.cpu_weight,
    }
}

fn kind(happened: Happened) -> Kind {
    match happened {
        Happened::TokenMade => Kind::TokenMade,
        Happened::TokenRevoked => Kind::TokenRevoked,
        Happened::TokenUsed => Kind::TokenUsed,
        Happened::LoginFailed => Kind::LoginFailed,
        Happened::Denied => Kind::Denied,
        Happened::Start => Kind::Start,
        Happened::Stop => Kind::Stop,
        Happened::Install => Kind::Install,
        Happened::Uninstall => Kind::Uninstall,
        Happened::Grant => Kind::Grant,
        Happened::Revoke => Kind::Revoke,
        Happened::SecretRead => Kind::SecretRead,
        Happened::SecretSet => Kind::SecretSet,
        Happened::SecretRemoved => Kind::SecretRemoved,
        Happened::InstanceMade => Kind::InstanceMade,
        Happened::InstanceRemoved => Kind::InstanceRemoved,
        Happened::Configured => Kind::Configured,
        Happened::Paused => Kind::Paused,
        Happened::Resumed => Kind::Resumed,
        Happened::Restarted => Kind::Restart,
        Happened::Called => Kind::Called,
        Happened::Backup => Kind::Backup,
    }
}
