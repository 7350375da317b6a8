//! What this crate wants of who runs the tenants.

use std::fs::File;
use std::io;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::model::{
    Ask, AuditPage, AuditQuery, AuditVerdict, Code, Grant, Happening, Installed, PolicyState,
    Problem, Runs, SecretState, SecretValue, TenantSpec, TenantUsage, Told, Upload,
};
use crate::token::Key;

/// What is asked for, once it is there.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// An archive, as it is made; one that ends with an error is none.
pub type Backup = BoxStream<'static, io::Result<Bytes>>;

/// Who runs the tenants. Names of tenants that get here belong to one that was made; whoever asks may do so: both was
/// checked before.
pub trait Supervisor: Send + Sync + 'static {
    /// Checks that a tenant can be as `spec` says, beside `others`, without doing anything.
    fn check(&self, spec: &TenantSpec, others: &[TenantSpec]) -> Result<(), Problem>;

    /// Begins to serve a tenant, whose socket is open when this returns; `keys` are of who may come in.
    fn serve(&self, spec: TenantSpec, keys: Vec<Key>) -> Answer<'_, ()>;

    /// Ends serving a tenant, whose data stays.
    fn withdraw<'a>(&'a self, tenant: &'a str) -> Answer<'a, ()>;

    /// Removes the data of a tenant that is not served.
    fn erase<'a>(&'a self, tenant: &'a TenantSpec) -> Answer<'a, ()>;

    /// What becomes of a tenant at the moment.
    fn runs(&self, tenant: &str) -> Runs;

    /// From now on the owners of `keys` may come in to a tenant, and nobody else: whoever is there with another one is
    /// sent away.
    fn let_in(&self, tenant: &str, keys: Vec<Key>);

    /// Asks the Worker of a tenant, whose answer is a stranger's word.
    fn ask<'a>(&'a self, tenant: &'a str, ask: Ask) -> Answer<'a, Told>;

    /// Validates a module, in a process of its own, and installs it if the verdict is good.
    fn install<'a>(&'a self, tenant: &'a str, upload: Upload) -> Answer<'a, Installed>;

    /// Removes a module.
    fn uninstall<'a>(&'a self, tenant: &'a str, module: &'a str) -> Answer<'a, ()>;

    /// The policies of a tenant: the one of all its modules, and those of some.
    fn policies<'a>(&'a self, tenant: &'a str) -> Answer<'a, Vec<PolicyState>>;

    /// Lines of a policy that grant something of a capability, for an operator to adapt; nothing if none of that name is
    /// known. No tenant says them: whoever grants begins with what they say.
    fn example(&self, capability: &str) -> Option<&'static str>;

    /// Adds a grant to a policy of a tenant.
    fn grant<'a>(&'a self, tenant: &'a str, grant: Grant) -> Answer<'a, PolicyState>;

    /// Takes everything of a capability away from a policy of a tenant, or from the one of a module.
    fn revoke<'a>(
        &'a self,
        tenant: &'a str,
        module: Option<&'a str>,
        capability: &'a str,
    ) -> Answer<'a, PolicyState>;

    /// The secrets of a tenant, without their values. Whoever keeps none says so.
    fn secrets<'a>(&'a self, _tenant: &'a str) -> Answer<'a, Vec<SecretState>> {
        no_secrets()
    }

    /// Sets a secret of a tenant, which its requests have from then on.
    fn set_secret<'a>(
        &'a self,
        _tenant: &'a str,
        _name: &'a str,
        _value: SecretValue,
    ) -> Answer<'a, ()> {
        no_secrets()
    }

    /// Removes a secret of a tenant.
    fn remove_secret<'a>(&'a self, _tenant: &'a str, _name: &'a str) -> Answer<'a, ()> {
        no_secrets()
    }

    /// What each external worker of a tenant did and uses.
    fn usage(&self, tenant: &str) -> TenantUsage;

    /// Writes down what somebody did.
    fn note(&self, happening: Happening);

    /// What the audit log has; of one tenant where the query says so.
    fn audit(&self, query: AuditQuery) -> Answer<'_, AuditPage>;

    /// Whether anybody changed the audit log.
    fn verify(&self) -> Answer<'_, AuditVerdict>;

    /// Copies all that the host keeps, of which `database` is what this crate does. One at a time.
    fn backup(&self, _database: File) -> Answer<'_, Backup> {
        let problem = "this host makes no backups";
        Box::pin(async move { Err(Problem::new(Code::NotFound, problem)) })
    }
}

fn no_secrets<'a, T: Send + 'a>() -> Answer<'a, T> {
    let problem = "this host keeps no secrets; start it with --secrets DIR";
    Box::pin(async move { Err(Problem::new(Code::NotFound, problem)) })
}
