//! Making a stranger's words fit to be read: clamped, and without the control characters that
//! could move a terminal's cursor or forge a log line.

/// `text` with at most `max_bytes` bytes, each control character but tab and newline replaced by
/// U+FFFD, and bidirectional overrides too: they make a line read as another.
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

/// [`clean`], on one line that ends with no space; what is clean stays as it is.
pub fn clean_line(text: &str, max_bytes: usize) -> String {
    let line = clean(text.trim_end(), max_bytes).replace('\n', " ");
    line.trim_end().to_owned()
}

/// `text` with its first letter in upper case, to begin a sentence.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What a person wrote into a file, without the byte order mark that some editors begin it with.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// `text` up to `chars` characters.
pub fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// The longest prefix of `text` that has at most `max_bytes` bytes.
pub fn clamp(text: &str, max_bytes: usize) -> &str {
    let end = text.floor_char_boundary(max_bytes);
    text.get(..end).unwrap_or_default()
}

/// Whether a character neither moves a cursor nor reorders a line.
pub(crate) fn is_harmless(c: char) -> bool {
    let overrides = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\n' || c == '\t' || !(c.is_control() || overrides)
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
        assert_eq!(clean_line("one\ntwo\n", 100), "one two");
        assert_eq!(clean_line("one\ntwo", 4), "one");
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
