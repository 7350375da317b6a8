//! What a tenant says is a stranger's word, and what a module says of itself is its author's: lists have a length,
//! names lose what does harm in them, and values have a size. What is larger than all of it together may be is no
//! answer.

use serde_json::Value as Json;

use crate::control::finite;
use crate::limits::{
    MAX_DEPTH, MAX_NAME_BYTES, MAX_SAID_BYTES, MAX_SAID_ITEMS, MAX_SAID_PARTS, MAX_SAID_TEXT_BYTES,
};
use crate::model::{
    AuditPage, Code, Form, Installed, InstanceState, LogLine, Method, ModuleState, PolicyState,
    Port, Problem, Request, Told,
};
use crate::text::{clean, clean_line};

/// The answer where a tenant said something else than was asked.
pub(super) fn unexpected() -> Problem {
    Problem::new(
        Code::Unavailable,
        "the tenant said something that is no answer",
    )
}

/// What a tenant said, made fit to be passed on.
pub(super) fn bounded(mut told: Told) -> Result<Told, Problem> {
    let mut room = Room(MAX_SAID_BYTES);
    match &mut told {
        Told::Done => {}
        Told::Modules(modules) => {
            modules.truncate(MAX_SAID_ITEMS);
            modules
                .iter_mut()
                .try_for_each(|it| module(it, &mut room))?;
        }
        Told::Instances(instances) => {
            instances.truncate(MAX_SAID_ITEMS);
            instances
                .iter_mut()
                .try_for_each(|it| instance(it, &mut room))?;
        }
        Told::Instance(one) => instance(one, &mut room)?,
        Told::Form(it) => form(it, &mut room)?,
        Told::Outputs(outputs) => {
            for (name, value) in outputs {
                room.take(name.len())?;
                room.json(value, MAX_DEPTH)?;
            }
        }
        Told::Log(lines) => {
            // The last ones are wanted.
            let extra = lines.len().saturating_sub(MAX_SAID_ITEMS);
            lines.drain(..extra);
            lines.iter_mut().try_for_each(|it| line(it, &mut room))?;
        }
    }
    Ok(told)
}

/// What came of a module, made fit to be passed on.
pub(super) fn bounded_installed(mut installed: Installed) -> Installed {
    shorten(&mut installed.module);
    installed.findings.truncate(MAX_SAID_PARTS);
    for finding in &mut installed.findings {
        *finding = clean(finding, MAX_SAID_TEXT_BYTES);
    }
    installed
}

/// A policy, made fit to be passed on.
pub(super) fn bounded_policy(mut policy: PolicyState) -> PolicyState {
    if let Some(module) = &mut policy.module {
        shorten(module);
    }
    if let Some(problem) = &mut policy.problem {
        *problem = clean(problem, MAX_SAID_TEXT_BYTES);
    }
    policy.grants.truncate(MAX_SAID_PARTS);
    for grant in &mut policy.grants {
        shorten(&mut grant.capability);
        grant.line = clean_line(&grant.line, MAX_SAID_TEXT_BYTES);
    }
    policy
}

/// Records of the audit log, which only have what was asked for, whoever keeps it.
pub(super) fn bounded_audit(mut page: AuditPage, tenant: Option<&str>, most: usize) -> AuditPage {
    if let Some(tenant) = tenant {
        page.records
            .retain(|it| it.tenant.as_deref() == Some(tenant));
    }
    page.records.truncate(most);
    for record in &mut page.records {
        let texts = [&mut record.who, &mut record.what, &mut record.reason];
        for text in texts.into_iter().flatten() {
            *text = clean_line(text, MAX_SAID_TEXT_BYTES);
        }
    }
    page
}

/// The bytes that are left of what a tenant may say.
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let left = self.0.checked_sub(bytes);
        let too_much = || Problem::new(Code::Unavailable, "the tenant said more than is passed on");
        self.0 = left.ok_or_else(too_much)?;
        Ok(())
    }

    fn name(&mut self, name: &mut String) -> Result<(), Problem> {
        shorten(name);
        self.take(name.len())
    }

    fn text(&mut self, text: &mut String) -> Result<(), Problem> {
        *text = clean(text, MAX_SAID_TEXT_BYTES);
        self.take(text.len())
    }

    /// A value, whose parts count a little each, so that many small ones are not free.
    fn json(&mut self, value: &Json, depth: usize) -> Result<(), Problem> {
        let Some(below) = depth.checked_sub(1) else {
            return Err(unexpected());
        };
        self.take(size_of::<Json>())?;
        match value {
            Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
            Json::String(text) => self.take(text.len()),
            Json::Array(items) => items.iter().try_for_each(|item| self.json(item, below)),
            Json::Object(members) => members.iter().try_for_each(|(name, value)| {
                self.take(name.len())?;
                self.json(value, below)
            }),
        }
    }
}

fn shorten(name: &mut String) {
    *name = clean_line(name, MAX_NAME_BYTES);
}

fn module(module: &mut ModuleState, room: &mut Room) -> Result<(), Problem> {
    room.name(&mut module.name)?;
    if let Some(version) = &mut module.version {
        room.name(version)?;
    }
    if let Some(problem) = &mut module.problem {
        room.text(problem)?;
    }
    module.classes.truncate(MAX_SAID_PARTS);
    module.classes.iter_mut().try_for_each(|it| room.name(it))?;
    module.requests.truncate(MAX_SAID_PARTS);
    let request = |it: &mut Request| {
        room.name(&mut it.capability)?;
        room.text(&mut it.reason)
    };
    module.requests.iter_mut().try_for_each(request)
}

fn instance(instance: &mut InstanceState, room: &mut Room) -> Result<(), Problem> {
    let names = [
        &mut instance.uuid,
        &mut instance.name,
        &mut instance.class,
        &mut instance.module,
        &mut instance.state,
    ];
    names.into_iter().try_for_each(|name| room.name(name))?;
    if let Some(problem) = &mut instance.problem {
        room.text(problem)?;
    }
    room.json(&instance.config, MAX_DEPTH)?;
    instance.methods.truncate(MAX_SAID_PARTS);
    instance
        .methods
        .iter_mut()
        .try_for_each(|it| method(it, room))?;
    finite(&mut instance.usage);
    Ok(())
}

fn method(method: &mut Method, room: &mut Room) -> Result<(), Problem> {
    room.name(&mut method.name)?;
    room.text(&mut method.description)?;
    for ports in [&mut method.inputs, &mut method.outputs] {
        ports.truncate(MAX_SAID_PARTS);
        let port = |port: &mut Port| {
            room.name(&mut port.name)?;
            room.text(&mut port.kind)
        };
        ports.iter_mut().try_for_each(port)?;
    }
    Ok(())
}

fn form(form: &Form, room: &mut Room) -> Result<(), Problem> {
    room.json(&form.json_schema, MAX_DEPTH)?;
    room.json(&form.form_data, MAX_DEPTH)?;
    let ui_schema = form.ui_schema.as_ref();
    ui_schema.map_or(Ok(()), |ui_schema| room.json(ui_schema, MAX_DEPTH))
}

fn line(line: &mut LogLine, room: &mut Room) -> Result<(), Problem> {
    room.name(&mut line.level)?;
    room.text(&mut line.text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn outputs(value: Json) -> Result<Told, Problem> {
        bounded(Told::Outputs(BTreeMap::from([("a".to_owned(), value)])))
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_no_answer() {
        let deep = |depth| (0..depth).fold(json!(1), |value, _| json!([value]));
        outputs(deep(MAX_DEPTH - 1)).unwrap();
        assert_eq!(outputs(deep(MAX_DEPTH)), Err(unexpected()));
        outputs(json!("x".repeat(MAX_SAID_BYTES / 2))).unwrap();
        let too_large = [
            json!("x".repeat(MAX_SAID_BYTES)),
            json!(vec![0; MAX_SAID_BYTES / size_of::<Json>()]),
        ];
        for value in too_large {
            assert_eq!(outputs(value).unwrap_err().code, Code::Unavailable);
        }
    }

    #[test]
    fn names_are_made_harmless_and_lists_are_cut() {
        let module = ModuleState {
            name: "a\x1b[2J".repeat(MAX_NAME_BYTES),
            version: Some("1\n".to_owned()),
            problem: None,
            classes: vec!["c".to_owned(); MAX_SAID_PARTS + 1],
            requests: Vec::new(),
        };
        let told = bounded(Told::Modules(vec![module])).unwrap();
        let Told::Modules(modules) = told else {
            unreachable!("it is the same");
        };
        assert!(modules[0].name.len() <= MAX_NAME_BYTES);
        assert!(!modules[0].name.contains('\x1b'));
        assert_eq!(modules[0].version.as_deref(), Some("1\u{fffd}"));
        assert_eq!(modules[0].classes.len(), MAX_SAID_PARTS);
        let line = |number| LogLine {
            number,
            at: 0,
            level: "info".to_owned(),
            text: "x".repeat(2 * MAX_SAID_TEXT_BYTES),
        };
        let lines = (0..MAX_SAID_ITEMS as u64 + 1).map(line).collect();
        assert_eq!(
            bounded(Told::Log(lines)).unwrap_err().code,
            Code::Unavailable
        );
    }
}
