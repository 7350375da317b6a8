//! Making a stranger's words fit to be read: clamped, and without the characters that move a terminal's cursor, forge
//! a line of a log, turn a line around or hide in it. The alphabet is that of `text` in the host.

/// `text` on one line with at most `max_bytes` bytes, each character that would do harm replaced by U+FFFD.
pub(crate) fn clean_line(text: &str, max_bytes: usize) -> String {
    replaced(text, max_bytes, is_harmless_in_names)
}

/// `text` with at most `max_bytes` bytes, each character that would do harm replaced by U+FFFD.
pub(crate) fn clean(text: &str, max_bytes: usize) -> String {
    replaced(text, max_bytes, is_harmless)
}

/// Whether `text` can be a name of one line: neither empty nor longer than `max_bytes`.
pub(crate) fn is_name(text: &str, max_bytes: usize) -> bool {
    !text.is_empty() && text.len() <= max_bytes && text.chars().all(is_harmless_in_names)
}

/// Whether a character may be in a name of one line.
pub(crate) fn is_harmless_in_names(c: char) -> bool {
    c != '\n' && c != '\t' && is_harmless(c)
}

fn is_harmless(c: char) -> bool {
    c == '\n' || c == '\t' || !(c.is_control() || is_hidden(c))
}

fn replaced(text: &str, max_bytes: usize, is_good: fn(char) -> bool) -> String {
    let harmless = |c| {
        if is_good(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    let mut cleaned: String = clamp(text, max_bytes).chars().map(harmless).collect();
    // What replaces a character may be longer than it was.
    cleaned.truncate(cleaned.floor_char_boundary(max_bytes));
    cleaned
}

fn clamp(text: &str, max_bytes: usize) -> &str {
    let end = text.floor_char_boundary(max_bytes);
    text.get(..end).unwrap_or_default()
}

/// What Unicode calls format characters, and the separators of lines and paragraphs.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_harm_is_replaced_and_what_is_long_is_cut() {
        assert_eq!(
            clean_line("a\x1b[2J\u{202e}b\nc", 100),
            "a\u{fffd}[2J\u{fffd}b\u{fffd}c"
        );
        assert_eq!(clean("a\n\tb\r", 100), "a\n\tb\u{fffd}");
        assert_eq!(clean_line("äää", 3), "ä");
        assert_eq!(clean_line("\x01\x01\x01", 4), "\u{fffd}");
        assert!(is_name("a b", 3) && !is_name("a\0b", 3) && !is_name("", 3) && !is_name("abcd", 3));
    }
}
