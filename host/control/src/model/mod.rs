//! The words of the control plane: what tenants, external workers and grants are to who operates them. They are what
//! the HTTP API speaks, and what a supervisor and the process of a tenant say to each other; so each of them may be a
//! stranger's, and is bounded where it arrives.
//!
//! Times are seconds since 1970 in UTC where a program says them, durations are seconds, memory and disk are bytes.

mod asks;
mod audit;
mod instances;
mod modules;
mod policies;
mod problems;
mod secrets;
mod tenants;
mod usage;

pub use asks::{Ask, Told};
pub use audit::{AuditPage, AuditQuery, AuditRecord, AuditVerdict, Happened, Happening};
pub use instances::{Create, Form, InstanceState, LogLine, Method, Port};
pub use modules::{Installed, ModuleState, Request, Upload};
pub use policies::{Grant, Granted, PolicyState};
pub use problems::{Code, Problem};
pub use secrets::{SecretState, SecretValue};
pub use tenants::{Fate, Quotas, Runs, TenantSpec, TenantState};
pub use usage::{InstanceUsage, TenantUsage};
