//! What is done to external workers is written down, with the names of what was sent and none of the values: those may
//! be secrets.

use super::asked::{Asked, is_uuid};
use crate::control::Deed;
use crate::limits::{MAX_NOTED_NAME_BYTES, MAX_NOTED_NAMES_BYTES};
use crate::model::{Ask, Code, Create, Happened, Problem, Told};
use crate::text::clean_line;

/// What is to be written down once it is done.
#[derive(Debug)]
pub(super) struct Done {
    kind: Happened,
    what: String,
}

impl Done {
    /// Something of that kind; `what` has no values in it.
    pub fn new(kind: Happened, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { kind, what }
    }

    /// Has the Worker of the tenant do it, and writes down that it was done, or that it may have been: a guest that
    /// failed did something first, and one that does not answer may do it still.
    pub async fn by(self, asked: &Asked, ask: Ask) -> Result<Told, Problem> {
        let told = asked.ask(ask).await;
        let reason = match &told {
            Ok(_) => None,
            Err(problem) if may_be_done(problem.code) => Some(problem.code.name()),
            Err(_) => return told,
        };
        let made = match &told {
            Ok(Told::Instance(instance)) => Some(instance.uuid.clone()),
            _ => None,
        };
        asked.control.note_deed(
            asked.login()?,
            &asked.who,
            Deed {
                kind: self.kind,
                tenant: asked.tenant()?,
                instance: asked.uuid().ok().or(made).filter(|uuid| is_uuid(uuid)),
                what: self.what,
                reason,
            },
        );
        told
    }
}

fn may_be_done(code: Code) -> bool {
    matches!(code, Code::GuestFailed | Code::Unavailable | Code::Internal)
}

/// What is said of an external worker that is to be made.
pub(super) fn made(create: &Create) -> String {
    let short = |name: &str| clean_line(name, MAX_NOTED_NAME_BYTES);
    let name = create.name.as_deref().map(short);
    let name = name.map(|name| format!("{name}, ")).unwrap_or_default();
    let (class, module) = (short(&create.class), short(&create.module));
    let config = create.config.as_ref().and_then(|it| it.as_object());
    let config = config.filter(|config| !config.is_empty());
    let config = config.map(|config| format!(", with {}", names(config.keys())));
    format!(
        "{name}of the class {class} of {module}{}",
        config.unwrap_or_default()
    )
}

/// Names of fields or inputs, as many as a record has room for.
pub(super) fn names<'a>(all: impl ExactSizeIterator<Item = &'a String>) -> String {
    let (many, mut shown, mut bytes) = (all.len(), Vec::new(), 0);
    for name in all {
        let name = clean_line(name, MAX_NOTED_NAME_BYTES);
        bytes += name.len();
        if bytes > MAX_NOTED_NAMES_BYTES {
            break;
        }
        shown.push(name);
    }
    let more = many.saturating_sub(shown.len());
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lists_names_as_far_as_it_has_room() {
        let all = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(all(&[]).iter()), "");
        assert_eq!(names(all(&["a", "b\n"]).iter()), "a, b\u{fffd}");
        let long = "n".repeat(100);
        let said = names(all(&[&long, &long, &long, "x"]).iter());
        assert_eq!(
            said.len(),
            2 * MAX_NOTED_NAME_BYTES + ", , and 2 more".len()
        );
        assert!(said.ends_with(", and 2 more"));
    }
}
