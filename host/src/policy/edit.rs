//! Policies that are changed by programs: text in, text out, with everything that a person wrote between the grants.

use std::time::{Duration, SystemTime};

use super::{Capability, Policy, PolicyError, Result, Until};

/// A policy that was changed.
#[derive(Debug)]
pub struct Edited {
    /// The text of it.
    pub text: String,
    /// What it grants now and did not before, or did before and does not now; a line each.
    pub lines: Vec<String>,
}

/// `before` and the grants in `lines`, which last for `lasting` if that is said; `origin` is what errors call it.
///
/// # Errors
/// When one of them is no policy, or a grant cannot end.
pub fn granted(
    before: &str,
    lines: &str,
    lasting: Option<Duration>,
    origin: &str,
) -> Result<Edited> {
    const LINES: &str = "the lines";
    let wrong = |problem: &str| PolicyError::Wrong {
        origin: LINES.to_owned(),
        problem: problem.to_owned(),
    };
    let mut lines = lines.trim_end().to_owned();
    let added = Policy::parse(&lines, LINES)?;
    if let Some(lasting) = lasting {
        let end = SystemTime::now().checked_add(lasting);
        let end = end.ok_or_else(|| wrong("that is too long"))?;
        lines = with_end(&lines, Until::from(end));
        let ends = Policy::parse(&lines, LINES)?;
        if ends.lines().iter().any(|line| !line.contains("until = ")) {
            return Err(wrong(
                "only grants in lists, such as [[http]], can end; grant the rest by itself, without --for",
            ));
        }
    }
    let text = match before.trim_end() {
        "" => format!("{lines}\n"),
        before => format!("{before}\n\n{lines}\n"),
    };
    Policy::parse(&text, origin)?;
    Ok(Edited {
        text,
        lines: added.lines().into_iter().collect(),
    })
}

/// `before` without everything that it grants of `capability`; `origin` is what errors call it.
///
/// # Errors
/// When it is no policy, or grants it in a way that is not known here.
pub fn revoked(before: &str, capability: Capability, origin: &str) -> Result<Edited> {
    let had = Policy::parse(before, origin)?;
    let text = without(before, capability);
    let has = Policy::parse(&text, origin)?;
    if has.grants(capability) {
        return Err(PolicyError::Wrong {
            origin: origin.to_owned(),
            problem: format!(
                "`{capability}` is granted in a way that cannot be taken out by a program; take it out by hand"
            ),
        });
    }
    let gone = had.lines().difference(&has.lines()).cloned().collect();
    Ok(Edited { text, lines: gone })
}

/// The same lines, with an end in each of their tables of a list.
fn with_end(lines: &str, end: Until) -> String {
    let mut text = String::new();
    for line in lines.lines() {
        text.push_str(line);
        text.push('\n');
        if line.trim_start().starts_with("[[") {
            text.push_str(&format!("until = {end}\n"));
        }
    }
    text.trim_end().to_owned()
}

/// The same lines without the tables and the switch of a capability.
fn without(text: &str, capability: Capability) -> String {
    let name = capability.name();
    let is_its = |line: &str| {
        let inner = line.trim_start_matches('[').split(']').next();
        let first = inner.unwrap_or_default().split('.').next();
        first.unwrap_or_default().trim() == name
    };
    let is_switch = |line: &str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key == Some(name)
    };
    let (mut kept, mut in_its, mut in_table) = (String::new(), false, false);
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with('[') {
            (in_its, in_table) = (is_its(bare), true);
        }
        if !(in_its || !in_table && is_switch(bare)) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "# all of it\nclocks = true\n\n[[http]] # the API\nhost = \"a.example\"\nmethods = [\"GET\"]\n\n\
                          [env.vars]\nNAME = \"http\"\n\n[[http]]\nhost = \"b.example\"\nmethods = [\"*\"]\n";

    #[test]
    fn what_is_taken_away_is_that_and_nothing_else() {
        let left = without(POLICY, Capability::Http);
        assert_eq!(
            left,
            "# all of it\nclocks = true\n\n[env.vars]\nNAME = \"http\"\n\n"
        );
        assert!(!without(POLICY, Capability::Clocks).contains("clocks"));
        assert!(!without(POLICY, Capability::Env).contains("NAME"));
        assert_eq!(without(POLICY, Capability::Files), POLICY);
    }

    #[test]
    fn what_lasts_has_an_end_in_each_table() {
        let end: Until = "2026-12-24T18:00:00Z".parse().unwrap();
        let lines = "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n";
        let lines = with_end(&lines.repeat(2), end);
        let policy = Policy::parse(&lines, "test").unwrap();
        assert_eq!(policy.http.len(), 2);
        assert!(policy.http.iter().all(|grant| grant.until == Some(end)));
    }
}
