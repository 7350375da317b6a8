//! What a page says once, after something was done or not: it outlives one redirect.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::text::filters;
use super::trouble::Trouble;

/// The most of what was typed that is kept to be shown again.
const MAX_ENTERED_BYTES: usize = 64 << 10;

/// Something that a page says about what was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "note.html")]
pub struct Note {
    /// Whether something was not done.
    pub is_bad: bool,
    /// In a few words.
    pub title: String,
    /// In sentences.
    pub lines: Vec<String>,
    /// What to read or to copy, word by word.
    pub block: Option<String>,
    /// Which answer of the API it was.
    pub request: Option<String>,
}

impl Note {
    /// Something was done.
    pub fn good(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// With these sentences.
    #[must_use]
    pub fn with_lines(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    /// With something to read word by word.
    #[must_use]
    pub fn with_block(self, block: String) -> Self {
        Self {
            block: Some(block),
            ..self
        }
    }

    /// As a part of a page.
    pub fn fragment(&self) -> Response {
        draw(self)
    }
}

impl From<&Trouble> for Note {
    fn from(trouble: &Trouble) -> Self {
        let lines = [trouble.detail.as_str(), trouble.advice()];
        let lines = lines.into_iter().filter(|line| !line.is_empty());
        Self {
            is_bad: true,
            title: trouble.title.clone(),
            lines: lines.map(str::to_owned).collect(),
            block: None,
            request: trouble.request.clone(),
        }
    }
}

/// What a page is to say, and what was typed into which form of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flash {
    /// What it says.
    pub note: Note,
    /// Beside which form; at the top if it is empty.
    pub form: String,
    /// What was typed, to be typed no second time.
    pub entered: Vec<(String, String)>,
}

impl Flash {
    /// At the top of the page.
    pub fn top(note: Note) -> Self {
        Self {
            note,
            ..Self::default()
        }
    }

    /// Beside a form, with what was typed there, unless that is secret or much.
    pub fn beside(form: &str, note: Note, fields: &[(String, String)]) -> Self {
        let is_shown = |name: &str| name != super::posted::CSRF && !name.starts_with("secret:");
        let entered = fields.iter().filter(|(name, _)| is_shown(name));
        let entered: Vec<_> = entered.cloned().collect();
        let bytes: usize = entered
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        Self {
            note,
            form: form.to_owned(),
            entered: if bytes <= MAX_ENTERED_BYTES {
                entered
            } else {
                Vec::new()
            },
        }
    }
}

/// What a template makes.
pub fn draw(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(why) => {
            tracing::error!(%why, "a page of the console cannot be drawn");
            Trouble::broken("The page cannot be drawn.").into_response()
        }
    }
}
