//! Turns what a parser says about a policy into one sentence with the line and, where a word is
//! misspelled, the word that was meant.

/// The sentence for `err`, which came up while reading `text`: a policy, or another file of the operator.
pub(crate) fn describe(err: &toml::de::Error, text: &str) -> String {
    let message = err.message().trim().replace('\n', "; ");
    let hint = suggestion(&message)
        .map(|word| format!("; did you mean `{word}`?"))
        .unwrap_or_default();
    match err.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count().saturating_add(1);
            let column = before
                .chars()
                .rev()
                .take_while(|c| *c != '\n')
                .count()
                .saturating_add(1);
            format!("line {line}, column {column}: {message}{hint}")
        }
        None => format!("{message}{hint}"),
    }
}

/// The expected word that is closest to the unknown one, both taken from serde's message:
/// "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
}

/// The word of `known` that is closest to `unknown`, where one is close enough to have been meant.
pub(crate) fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let longest = unknown.chars().count().max(3) / 3;
    known
        .into_iter()
        .map(|word| (distance(unknown, word), word))
        .filter(|(distance, _)| *distance <= longest.max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut left_before = None;
    for (row, l) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut right_before = None;
        for (column, r) in right.iter().copied().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let mut best = at(&above, column).saturating_add(usize::from(l != r));
            best = best.min(at(&above, column + 1).saturating_add(1));
            best = best.min(at(&current, column).saturating_add(1));
            if left_before == Some(r) && right_before == Some(l) && column > 0 {
                best = best.min(at(&older, column - 1).saturating_add(1));
            }
            current.push(best);
            right_before = Some(r);
        }
        left_before = Some(l);
        older = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let table = [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("baud-rate", "baud-rates", 1),
            ("sreial", "serial", 1),
            ("kitten", "sitting", 3),
        ];
        for (left, right, expected) in table {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn only_a_likely_word_is_suggested() {
        let message = "unknown field `baudrates`, expected one of `name`, `baud-rates`";
        assert_eq!(suggestion(message), Some("baud-rates"));
        assert_eq!(
            suggestion("unknown field `xyz`, expected one of `name`, `device`"),
            None
        );
        assert_eq!(suggestion("invalid type: `name`, `names`"), None);
    }
}
