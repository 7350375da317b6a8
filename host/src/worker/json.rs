//! Reading JSON that is nested deeper than usual, but not without end.
//!
//! What clients and guests send is read with the parser's own limit of 128 levels. Saved, it is some
//! levels deeper inside the document of its node, and has to be readable all the same.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::limits::MAX_SAVED_JSON_DEPTH;

/// Why a document is not read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JsonProblem {
    /// It is nested too deep.
    #[error("it is nested deeper than {MAX_SAVED_JSON_DEPTH} levels")]
    TooDeep,
    /// It is no JSON. Line and column only: the text may hold a secret.
    #[error("it is no JSON (line {line}, column {column})")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

/// Reads one document of at most [`MAX_SAVED_JSON_DEPTH`] levels.
///
/// # Errors
/// When it is nested deeper, or no JSON.
pub fn parse(text: &[u8]) -> Result<Json, JsonProblem> {
    if depth(text) > MAX_SAVED_JSON_DEPTH {
        return Err(JsonProblem::TooDeep);
    }
    let syntax = |error: serde_json::Error| JsonProblem::Syntax {
        line: error.line(),
        column: error.column(),
    };
    let mut reader = serde_json::Deserializer::from_slice(text);
    // The depth is known by now.
    reader.disable_recursion_limit();
    let json = Json::deserialize(&mut reader).map_err(syntax)?;
    reader.end().map_err(syntax)?;
    Ok(json)
}

/// How many brackets are open at once, at most. Exact for JSON; never too little for what a parser
/// reads of anything else before it gives up.
fn depth(text: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                open += 1;
                deepest = deepest.max(open);
            }
            (false, b']' | b'}') => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, core: &str) -> String {
        format!("{}{core}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn what_a_client_may_send_is_readable_inside_a_node() {
        let sent: Json = serde_json::from_str(&nested(127, r#""]\"[[""#)).unwrap();
        let saved = serde_json::json!({"io": {"x": {"value": sent}}});
        let text = saved.to_string();
        serde_json::from_str::<Json>(&text).unwrap_err();
        assert_eq!(parse(text.as_bytes()).unwrap(), saved);
    }

    #[test]
    fn what_has_no_end_is_refused_before_it_is_read() {
        assert!(parse(nested(MAX_SAVED_JSON_DEPTH, "1").as_bytes()).is_ok());
        for text in [nested(MAX_SAVED_JSON_DEPTH + 1, "1"), "[".repeat(1 << 20)] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonProblem::TooDeep)));
        }
    }

    #[test]
    fn a_problem_says_where_and_not_what() {
        let problem = parse(b"{\"token\":\n \"s3cr3t\",}")
            .unwrap_err()
            .to_string();
        assert!(
            problem.contains("line 2") && !problem.contains("s3cr3t"),
            "{problem}"
        );
        parse(b"1 2").unwrap_err();
        parse(b"\xff").unwrap_err();
    }
}
