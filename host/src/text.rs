//! Making a stranger's words fit to be read: clamped, and without the characters that move a
//! terminal's cursor, forge a line of a log, turn a line around or hide in it.
//!
//! [`is_harmless`] is the one alphabet. Where words are shown, what is not in it is replaced
//! ([`clean`]); where it matters what exactly was written, it is spelled out ([`spelled`]).

/// `text` with at most `max_bytes` bytes, each character that [`is_harmless`] does not know replaced by
/// U+FFFD.
pub fn clean(text: &str, max_bytes: usize) -> String {
    let harmless = |c| {
        if is_harmless(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    let cleaned: String = clamp(text, max_bytes).chars().map(harmless).collect();
    // What replaces a character may be longer than it was.
    clamp(&cleaned, max_bytes).to_owned()
}

/// The first line of `text`.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// [`clean`], on one line that ends with no space; what is clean stays as it is.
pub(crate) fn clean_line(text: &str, max_bytes: usize) -> String {
    let line = clean(text.trim_end(), max_bytes).replace('\n', " ");
    line.trim_end().to_owned()
}

/// `text` up to `max_chars` characters, on one line, each character that would do harm there written as
/// `\u{…}`.
pub fn spelled(text: &str, max_chars: usize) -> String {
    let mut spelled = String::with_capacity(text.len().min(max_chars));
    let mut chars = text.chars();
    for c in chars.by_ref().take(max_chars) {
        if c != '\n' && is_harmless(c) {
            spelled.push(c);
        } else {
            spelled.extend(escaped(c));
        }
    }
    if chars.next().is_some() {
        spelled.push('…');
    }
    spelled
}

/// A character that would do harm, as it is spelled instead.
pub(crate) fn escaped(c: char) -> std::char::EscapeUnicode {
    c.escape_unicode()
}

/// `text` with its first letter in upper case, to begin a sentence.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What a person wrote into a file, without the byte order mark that some editors begin it with.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// `text` up to `chars` characters.
pub(crate) fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// The longest prefix of `text` that has at most `max_bytes` bytes.
pub(crate) fn clamp(text: &str, max_bytes: usize) -> &str {
    let end = text.floor_char_boundary(max_bytes);
    text.get(..end).unwrap_or_default()
}

/// Whether a character may be in a text that is shown: it moves no cursor, turns no line around, and is
/// seen. Newline and tab may.
pub(crate) fn is_harmless(c: char) -> bool {
    c == '\n' || c == '\t' || !(c.is_control() || is_hidden(c))
}

/// Whether a character may be in a name of one line.
pub(crate) fn is_harmless_in_names(c: char) -> bool {
    c != '\n' && c != '\t' && is_harmless(c)
}

/// What Unicode calls format characters, and the separators of lines and paragraphs: overrides and
/// marks of direction, joiners, zero-width spaces, byte order marks, invisible operators, tags.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// JSON text with everything that could move a cursor written as an escape.
pub fn harmless_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmless(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_lose_their_power() {
        assert_eq!(
            clean("a\x1b[2Jb\u{202e}c\r", 100),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}"
        );
        for hidden in
            "\u{200b}\u{200d}\u{200e}\u{2028}\u{2029}\u{2060}\u{2066}\u{feff}\u{ad}\u{e0041}"
                .chars()
        {
            assert_eq!(clean(&format!("a{hidden}b"), 100), "a\u{fffd}b");
            assert_eq!(
                spelled(&hidden.to_string(), 1),
                hidden.escape_unicode().to_string()
            );
            assert!(!is_harmless_in_names(hidden));
        }
        let seen = "Ärger, 東京, עברית, हिन्दी, €, 🔬\t\n";
        assert_eq!(clean(seen, 100), seen);
        assert_eq!(clean_line("one\ntwo\n", 100), "one two");
        assert_eq!(clean_line("one\ntwo", 4), "one");
    }

    #[test]
    fn what_is_spelled_out_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(spelled("a\n\u{1b}\tb", 9), "a\\u{a}\\u{1b}\tb");
        assert_eq!(spelled("äöü", 2), "äö…");
        assert_eq!(spelled("äöü", 3), "äöü");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_file_without_a_mark() {
        assert_eq!(capitalised("ändere es"), "Ändere es");
        assert_eq!(capitalised(""), "");
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
    }

    #[test]
    fn a_clamp_never_cuts_a_character() {
        assert_eq!(clamp("aé", 2), "a");
        assert_eq!(clamp("aé", 3), "aé");
    }
}
