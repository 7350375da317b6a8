//! Every route that there is.

use super::backup;
use super::host::{self, Document, Health, Me, UsageOfTenant, audit_params};
use super::instances::{self, Call, Patch, Returned, lines};
use super::modules::{self, Lack};
use super::page::paging;
use super::policies::{self, of_module};
use super::route::Verb::{Delete, Get, Patch as Change, Post, Put};
use super::route::{Route, route};
use super::secrets;
use super::tenants::{self, Plan, TenantChange, Wanted, dry, removal};
use super::tokens::{self, MadeToken, NewOperatorToken, NewToken, TokenState};
use crate::model::Code::{Conflict, GuestFailed, Invalid, NotFound, OverQuota};
use crate::model::{
    AuditPage, AuditVerdict, Create, Form, Grant, Installed, InstanceState, LogLine, ModuleState,
    PolicyState, SecretState, TenantSpec, TenantState, TenantUsage,
};
use crate::role::Role::{Author, Operator, Owner, Viewer};

/// The routes, each with the role that it takes.
pub(super) static ROUTES: &[Route] = &[
    route(Get, "/openapi.json", Viewer, |it| {
        Box::pin(host::document(it))
    })
    .says("The document that describes this API.")
    .open()
    .gives::<Document>(200),
    route(Get, "/health", Viewer, |it| Box::pin(host::health(it)))
        .says("Whether the host is there.")
        .open()
        .gives::<Health>(200),
    route(Get, "/me", Viewer, |it| Box::pin(host::me(it)))
        .says("Whose token this is.")
        .gives::<Me>(200),
    route(Get, "/usage", Operator, |it| Box::pin(host::usage(it)))
        .says("What each tenant uses.")
        .query(paging)
        .lists::<UsageOfTenant>(),
    route(Get, "/audit", Owner, |it| Box::pin(host::audit(it)))
        .says("Records of the audit log, the latest first; owners see their tenant's.")
        .query(audit_params)
        .gives::<AuditPage>(200)
        .problems(&[NotFound, Invalid]),
    route(Get, "/audit/verify", Operator, |it| {
        Box::pin(host::verify(it))
    })
    .says("Whether anybody changed the audit log.")
    .gives::<AuditVerdict>(200),
    route(Get, "/backup", Operator, |it| Box::pin(backup::backup(it)))
        .says("Copies all that the host keeps, secrets of configurations included, as a tar archive; one that breaks off is none.")
        .archives()
        .problems(&[NotFound, Conflict]),
    route(Get, "/tokens", Operator, |it| {
        Box::pin(tokens::list_operators(it))
    })
    .says("The tokens of operators.")
    .query(paging)
    .lists::<TokenState>(),
    route(Post, "/tokens", Operator, |it| {
        Box::pin(tokens::make_operator(it))
    })
    .says("Makes a token of an operator, which is shown this once.")
    .takes::<NewOperatorToken>()
    .gives::<MadeToken>(201)
    .problems(&[OverQuota]),
    route(Delete, "/tokens/{id}", Operator, |it| {
        Box::pin(tokens::revoke_operator(it))
    })
    .says("Revokes a token of an operator; the last one stays.")
    .problems(&[NotFound]),
    route(Get, "/tenants", Viewer, |it| Box::pin(tenants::list(it)))
        .says("The tenants: an operator sees all of them, others their own.")
        .query(paging)
        .lists::<TenantState>(),
    route(Post, "/tenants", Operator, |it| Box::pin(tenants::make(it)))
        .says("Makes a tenant, and serves it unless it is suspended.")
        .takes::<TenantSpec>()
        .gives::<TenantState>(201)
        .problems(&[OverQuota]),
    route(Post, "/tenants/apply", Operator, |it| {
        Box::pin(tenants::apply(it))
    })
    .says("Makes the tenants be what a list says, or says what that takes.")
    .query(dry)
    .takes::<Wanted>()
    .gives::<Plan>(200)
    .problems(&[OverQuota]),
    route(Get, "/tenants/{tenant}", Viewer, |it| {
        Box::pin(tenants::show(it))
    })
    .says("A tenant.")
    .gives::<TenantState>(200),
    route(Change, "/tenants/{tenant}", Operator, |it| {
        Box::pin(tenants::change(it))
    })
    .says("Changes a tenant, which is served anew where that needs it.")
    .takes::<TenantChange>()
    .gives::<TenantState>(200),
    route(Delete, "/tenants/{tenant}", Operator, |it| {
        Box::pin(tenants::remove(it))
    })
    .says("Removes a tenant, and its data if so told.")
    .query(removal),
    route(Post, "/tenants/{tenant}/suspend", Operator, |it| {
        Box::pin(tenants::suspend(it))
    })
    .says("Ends serving a tenant for now.")
    .gives::<TenantState>(200),
    route(Post, "/tenants/{tenant}/resume", Operator, |it| {
        Box::pin(tenants::resume(it))
    })
    .says("Serves a tenant that was suspended.")
    .gives::<TenantState>(200),
    route(Get, "/tenants/{tenant}/tokens", Owner, |it| {
        Box::pin(tokens::list(it))
    })
    .says("The tokens of a tenant.")
    .query(paging)
    .lists::<TokenState>(),
    route(Post, "/tenants/{tenant}/tokens", Owner, |it| {
        Box::pin(tokens::make(it))
    })
    .says("Makes a token of a tenant, which is shown this once.")
    .takes::<NewToken>()
    .gives::<MadeToken>(201)
    .problems(&[OverQuota]),
    route(Delete, "/tenants/{tenant}/tokens/{id}", Owner, |it| {
        Box::pin(tokens::revoke(it))
    })
    .says("Revokes a token of a tenant."),
    route(Get, "/tenants/{tenant}/modules", Viewer, |it| {
        Box::pin(modules::list(it))
    })
    .says("The modules of a tenant.")
    .query(paging)
    .lists::<ModuleState>(),
    route(Put, "/tenants/{tenant}/modules/{module}", Author, |it| {
        Box::pin(modules::install(it))
    })
    .says("Validates a module and installs it; the name is its file's.")
    .takes_file()
    .gives::<Installed>(200)
    .problems(&[OverQuota, Invalid]),
    route(Delete, "/tenants/{tenant}/modules/{module}", Author, |it| {
        Box::pin(modules::remove(it))
    })
    .says("Removes a module."),
    route(Get, "/tenants/{tenant}/requests", Viewer, |it| {
        Box::pin(modules::requests(it))
    })
    .says("What modules request and no policy grants.")
    .query(paging)
    .lists::<Lack>(),
    route(Get, "/tenants/{tenant}/instances", Viewer, |it| {
        Box::pin(instances::list(it))
    })
    .says("The external workers of a tenant.")
    .query(paging)
    .lists::<InstanceState>(),
    route(Post, "/tenants/{tenant}/instances", Author, |it| {
        Box::pin(instances::create(it))
    })
    .says("Makes an external worker.")
    .takes::<Create>()
    .gives::<InstanceState>(201)
    .problems(&[OverQuota, GuestFailed]),
    route(Get, "/tenants/{tenant}/instances/{uuid}", Viewer, |it| {
        Box::pin(instances::show(it))
    })
    .says("An external worker.")
    .gives::<InstanceState>(200),
    route(Delete, "/tenants/{tenant}/instances/{uuid}", Author, |it| {
        Box::pin(instances::remove(it))
    })
    .says("Removes an external worker."),
    route(
        Post,
        "/tenants/{tenant}/instances/{uuid}/pause",
        Author,
        |it| Box::pin(instances::pause(it)),
    )
    .says("Pauses the loop of an external worker.")
    .gives::<InstanceState>(200),
    route(
        Post,
        "/tenants/{tenant}/instances/{uuid}/resume",
        Author,
        |it| Box::pin(instances::resume(it)),
    )
    .says("Goes on with the loop of an external worker.")
    .gives::<InstanceState>(200),
    route(
        Post,
        "/tenants/{tenant}/instances/{uuid}/restart",
        Author,
        |it| Box::pin(instances::restart(it)),
    )
    .says("Starts an external worker again.")
    .gives::<InstanceState>(200)
    .problems(&[GuestFailed]),
    route(
        Get,
        "/tenants/{tenant}/instances/{uuid}/form",
        Author,
        |it| Box::pin(instances::form(it)),
    )
    .says("The form of a configuration, secrets included; the log says who saw it.")
    .gives::<Form>(200),
    route(
        Change,
        "/tenants/{tenant}/instances/{uuid}/config",
        Author,
        |it| Box::pin(instances::configure(it)),
    )
    .says("Changes the configuration of an external worker.")
    .takes::<Patch>()
    .gives::<InstanceState>(200)
    .problems(&[GuestFailed]),
    route(
        Post,
        "/tenants/{tenant}/instances/{uuid}/methods/{method}",
        Author,
        |it| Box::pin(instances::call(it)),
    )
    .says("Calls a method of an external worker.")
    .takes::<Call>()
    .gives::<Returned>(200)
    .problems(&[GuestFailed, OverQuota]),
    route(
        Get,
        "/tenants/{tenant}/instances/{uuid}/log",
        Viewer,
        |it| Box::pin(instances::log(it)),
    )
    .says("Lines that an external worker logged, the oldest first.")
    .query(lines)
    .lists::<LogLine>(),
    route(Get, "/tenants/{tenant}/policies", Viewer, |it| {
        Box::pin(policies::list(it))
    })
    .says("The policies of a tenant.")
    .query(paging)
    .lists::<PolicyState>(),
    route(Post, "/tenants/{tenant}/grants", Operator, |it| {
        Box::pin(policies::grant(it))
    })
    .says("Adds a grant to a policy.")
    .takes::<Grant>()
    .gives::<PolicyState>(200),
    route(
        Delete,
        "/tenants/{tenant}/grants/{capability}",
        Operator,
        |it| Box::pin(policies::revoke(it)),
    )
    .says("Takes a capability away.")
    .query(of_module)
    .gives::<PolicyState>(200),
    route(Get, "/tenants/{tenant}/secrets", Author, |it| {
        Box::pin(secrets::list(it))
    })
    .says("The secrets of a tenant, without their values.")
    .query(paging)
    .lists::<SecretState>(),
    route(Put, "/tenants/{tenant}/secrets/{secret}", Owner, |it| {
        Box::pin(secrets::set(it))
    })
    .says("Sets a secret, whose value is the body. Nobody can read it back.")
    .takes_secret()
    .problems(&[OverQuota]),
    route(Delete, "/tenants/{tenant}/secrets/{secret}", Owner, |it| {
        Box::pin(secrets::remove(it))
    })
    .says("Removes a secret."),
    route(Get, "/tenants/{tenant}/usage", Viewer, |it| {
        Box::pin(tenants::usage(it))
    })
    .says("What a tenant uses.")
    .gives::<TenantUsage>(200),
    route(Get, "/tenants/{tenant}/events", Viewer, |it| {
        Box::pin(tenants::events(it))
    })
    .says("What becomes of a tenant, as server-sent events with JSON.")
    .streams(),
];
