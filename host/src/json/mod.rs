//! JSON as Python writes it: nested deeper than usual though not without end, and with the numbers that
//! RFC 8259 has no words for: `NaN`, `Infinity`, `-Infinity`, and integers of any length.
//!
//! The parser knows none of them. So each is put into quotes before the text is parsed, behind a mark
//! that nobody outside of this process can know, and taken out of them again when the document is
//! written. Between the two it is a text to whoever does not ask [`odd`].
//!
//! What is kept (values, saves, exports) is written as Python writes it. What goes to clients is JSON
//! that everybody reads, since a browser drops a message with other words: an infinity is `1e999`
//! there, which every parser of doubles takes for one, and what is not a number is `null`.

mod cost;
mod text;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value as Json};

pub use cost::cost;
pub use text::{Bounds, JsonText, entries_size};

use crate::limits::{MAX_MESSAGE_COST, MAX_NUMBER_BYTES, MAX_SAVED_JSON_DEPTH};

/// Why a document is not read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JsonProblem {
    /// As a tree it would be too large.
    #[error("it has too many parts to be read")]
    TooMuch,
    /// It is nested too deep.
    #[error("it is nested deeper than {MAX_SAVED_JSON_DEPTH} levels")]
    TooDeep,
    /// It is no JSON. Line only: the text may hold a secret.
    #[error("it is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

/// A number that is no JSON number of the parser's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Odd<'a> {
    /// Not a number, or an infinity.
    Float(f64),
    /// The digits of an integer that has no place in 64 bits.
    Integer(&'a str),
}

/// What stands before an odd number in its quotes. Whoever could guess it could make a text a number.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("\u{f8ff}{random}")
});

/// Reads one document of at most [`MAX_SAVED_JSON_DEPTH`] levels.
///
/// # Errors
/// When it is nested deeper, or no JSON.
pub fn parse(text: &[u8]) -> Result<Json, JsonProblem> {
    if depth(text) > MAX_SAVED_JSON_DEPTH {
        return Err(JsonProblem::TooDeep);
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => marked(text),
        Err(error) => {
            let (line, column) = place(text.get(..error.valid_up_to()).unwrap_or_default());
            return Err(JsonProblem::Syntax { line, column });
        }
    };
    let syntax = |error: serde_json::Error| JsonProblem::Syntax {
        line: error.line(),
        column: error.column(),
    };
    let mut reader = serde_json::Deserializer::from_str(&text);
    // The depth is known by now.
    reader.disable_recursion_limit();
    let json = Json::deserialize(&mut reader).map_err(syntax)?;
    reader.end().map_err(syntax)?;
    Ok(json)
}

/// [`parse`] of a document of a stranger, whose parts may take a hundred times its bytes: of at most
/// [`MAX_MESSAGE_COST`].
///
/// # Errors
/// As [`parse`], or when it is more.
pub fn parse_strangers(text: &[u8]) -> Result<Json, JsonProblem> {
    if cost(text) > MAX_MESSAGE_COST {
        return Err(JsonProblem::TooMuch);
    }
    parse(text)
}

fn place(before: &[u8]) -> (usize, usize) {
    let lines = before.split(|byte| *byte == b'\n');
    let column = lines.clone().next_back().map_or(0, <[u8]>::len);
    (lines.count(), column + 1)
}

/// The document as Python writes it and [`parse`] reads it.
pub fn to_text(json: &impl Serialize) -> String {
    // Maps with text for keys, and JSON: that always has a form.
    unmarked(serde_json::to_string(json).unwrap_or_default(), python)
}

/// [`to_text`] over several lines.
pub fn to_pretty(json: &impl Serialize) -> String {
    unmarked(
        serde_json::to_string_pretty(json).unwrap_or_default(),
        python,
    )
}

/// The document as every parser of JSON takes it: infinities are numbers that are too large for a double,
/// and become infinities again, what is not a number is null.
pub fn to_wire(json: &impl Serialize) -> String {
    wire(serde_json::to_string(json).unwrap_or_default())
}

/// [`to_wire`], of what is a text already.
pub fn wire(text: String) -> String {
    unmarked(text, |odd| match odd {
        "NaN" => "null",
        "Infinity" => "1e999",
        "-Infinity" => "-1e999",
        digits => digits,
    })
}

fn python(odd: &str) -> &str {
    odd
}

/// A number as JSON.
pub fn number(value: f64) -> Json {
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => mark("NaN"),
        None if value < 0.0 => mark("-Infinity"),
        None => mark("Infinity"),
    }
}

fn mark(odd: &str) -> Json {
    Json::String(format!("{}{odd}", *MARK))
}

/// The number that a text of a document stands for; `None`: it is a text.
pub fn odd(text: &str) -> Option<Odd<'_>> {
    Some(match text.strip_prefix(MARK.as_str())? {
        "NaN" => Odd::Float(f64::NAN),
        "Infinity" => Odd::Float(f64::INFINITY),
        "-Infinity" => Odd::Float(f64::NEG_INFINITY),
        digits => Odd::Integer(digits),
    })
}

/// `json` with numbers of the parser's only: what has none is null. For documents in which every JSON
/// parser and every schema has its say.
pub fn without_odd(json: &mut Json) {
    match json {
        Json::String(text) => match odd(text) {
            Some(Odd::Float(_)) => *json = Json::Null,
            Some(Odd::Integer(digits)) => {
                let number = digits.parse().ok().and_then(Number::from_f64);
                *json = number.map_or(Json::Null, Json::Number);
            }
            None => {}
        },
        Json::Array(items) => items.iter_mut().for_each(without_odd),
        Json::Object(entries) => entries.values_mut().for_each(without_odd),
        _ => {}
    }
}

/// `text` with its odd numbers in quotes, behind the mark: what the parser reads. What is no JSON is none
/// afterwards.
pub fn marked(text: &str) -> Cow<'_, str> {
    let mut marked = String::new();
    let (mut done, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at),
            b'-' | b'0'..=b'9' | b'N' | b'I' => {
                let end = after_word(bytes, at);
                let word = text.get(at..end).unwrap_or_default();
                if let Some(odd) = odd_word(word).filter(|_| !is_key(bytes, end)) {
                    marked.push_str(text.get(done..at).unwrap_or_default());
                    marked.push('"');
                    marked.push_str(&MARK);
                    marked.push_str(odd);
                    marked.push('"');
                    done = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    marked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(marked)
}

/// Behind the string that begins at `at`.
fn after_string(bytes: &[u8], at: usize) -> usize {
    let mut is_escaped = false;
    let rest = bytes.iter().enumerate().skip(at.saturating_add(1));
    for (index, byte) in rest {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index.saturating_add(1),
            _ => {}
        }
    }
    bytes.len()
}

/// Behind the number or name that begins at `at`.
fn after_word(bytes: &[u8], at: usize) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let word = bytes.iter().skip(at).take_while(|byte| is_part(byte));
    at.saturating_add(word.count())
}

/// Whether what ends at `end` stands for the key of an entry: there the parser shall meet it.
fn is_key(bytes: &[u8], end: usize) -> bool {
    let next = bytes
        .iter()
        .skip(end)
        .find(|byte| !byte.is_ascii_whitespace());
    next == Some(&b':')
}

/// The odd number that a word is, as it is written.
fn odd_word(word: &str) -> Option<&str> {
    match word {
        "NaN" | "Infinity" | "-Infinity" => return Some(word),
        // Every integer this short has a place.
        _ if word.len() < "9223372036854775807".len() => {
            // A double reaches 1e308, in four characters more at most.
            word.contains(['e', 'E']).then_some(())?;
        }
        _ => {}
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_number = !digits.starts_with('0') && word.len() <= MAX_NUMBER_BYTES;
        let has_place = word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok();
        return (is_number && !has_place).then_some(word);
    }
    let is_infinite = is_float(digits) && word.parse::<f64>().is_ok_and(f64::is_infinite);
    is_infinite.then_some(if word.starts_with('-') {
        "-Infinity"
    } else {
        "Infinity"
    })
}

/// Whether it is a number with a fraction or an exponent, by the grammar of JSON.
fn is_float(number: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|part| part.strip_prefix(['+', '-']).unwrap_or(part));
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

/// `text` with each odd number as `say` writes it, without its quotes.
fn unmarked(text: String, say: impl Fn(&str) -> &str) -> String {
    let opening = format!("\"{}", *MARK);
    if !text.contains(&opening) {
        return text;
    }
    let mut unmarked = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, marked)) = rest.split_once(&opening) {
        let (odd, after) = marked.split_once('"').unwrap_or((marked, ""));
        unmarked.push_str(before);
        match odd_word(odd) {
            Some(_) => unmarked.push_str(say(odd)),
            // Somebody shortened it: what is left is shown as a text.
            None => unmarked.push_str(&Json::from(odd).to_string()),
        }
        rest = after;
    }
    unmarked.push_str(rest);
    unmarked
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
    fn small_parts_cost_what_they_are_and_texts_their_bytes() {
        let objects = r#"{"":0},"#.repeat(1000);
        assert!(cost(objects.as_bytes()) > 600_000);
        let text = format!("\"{}\"", r#"{[,\"{"#.repeat(1000));
        assert!(
            cost(text.as_bytes()) < text.len() + 100,
            "{}",
            cost(text.as_bytes())
        );
        let numbers = "[1,2,3]".repeat(1000);
        assert!(cost(numbers.as_bytes()) >= 1000 * (128 + 2 * 32));
    }

    #[test]
    fn what_is_small_as_text_and_large_as_a_tree_is_refused_unread() {
        let bomb = format!("[{}0]", r#"{"":0},"#.repeat(MAX_MESSAGE_COST / 600));
        assert!(matches!(
            parse_strangers(bomb.as_bytes()),
            Err(JsonProblem::TooMuch)
        ));
        parse_strangers(br#"{"a": [1, {"b": 2}]}"#).unwrap();
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
        let problem = parse(b"[\n\"\xff\"]").unwrap_err().to_string();
        assert!(problem.contains("line 2, column 2"), "{problem}");
    }

    #[test]
    fn numbers_come_back_as_python_wrote_them() {
        let digits = "9".repeat(MAX_NUMBER_BYTES);
        for text in [
            "NaN",
            "[NaN,Infinity,-Infinity,-0.0,0.1,1e+300,5e-324]",
            r#"{"NaN":NaN,"a":["NaN","Infinity: NaN","\"NaN",-Infinity]}"#,
            "[9223372036854775807,9223372036854775808,18446744073709551616]",
            "[-9223372036854775808,-9223372036854775809,9007199254740993]",
            &digits,
        ] {
            let json = parse(text.as_bytes()).unwrap();
            assert_eq!(to_text(&json), text);
            assert_eq!(parse(to_pretty(&json).as_bytes()).unwrap(), json);

            // To other parsers a double that is too large is infinite; this one says so.
            let sent = to_wire(&json).replace("e999", "").replace(&digits, "0");
            serde_json::from_str::<Json>(&sent).unwrap();
        }
        let json = parse(b"[1e400, -1.5E+999,1e-400]").unwrap();
        assert_eq!(to_text(&json), "[Infinity,-Infinity,0.0]");
        assert_eq!(to_wire(&json), "[1e999,-1e999,0.0]");
        assert_eq!(to_wire(&number(f64::NAN)), "null");
    }

    #[test]
    fn every_double_comes_back() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let value = f64::from_bits(bits);
            let json = number(value);
            let read = parse(to_text(&json).as_bytes()).unwrap();
            assert_eq!(read, json, "{value:e}");
            let came = match &read {
                Json::String(text) => match odd(text).unwrap() {
                    Odd::Float(float) => float,
                    Odd::Integer(digits) => panic!("{digits}"),
                },
                number => number.as_f64().unwrap(),
            };
            assert!(came.to_bits() == bits || came.is_nan() && value.is_nan());
        }
    }

    #[test]
    fn what_python_does_not_read_is_not_read() {
        for text in [
            "{NaN:1}",
            "{Infinity :1}",
            "[nan]",
            "[-NaN]",
            "[+Infinity]",
            "[NaN NaN]",
            "[NaN1]",
            "[Infinity.]",
            "[00000000000000000000001]",
            "[1.e999]",
            "[.5e999]",
            "[1e]",
            "[--99999999999999999999]",
            "\"NaN",
            "NaN\"",
        ] {
            parse(text.as_bytes()).unwrap_err();
        }
        let too_long = "9".repeat(MAX_NUMBER_BYTES + 1);
        parse(too_long.as_bytes()).unwrap_err();
    }

    #[test]
    fn a_text_is_no_number_and_a_number_that_was_cut_is_a_text() {
        for text in [
            "NaN",
            "\u{f8ff}NaN",
            "\u{f8ff}00000000000000000000000000000000NaN",
        ] {
            assert_eq!(odd(text), None);
            let json = Json::from(text);
            assert_eq!(parse(to_text(&json).as_bytes()).unwrap(), json);
        }
        let cut = mark("99999999999999999999...");
        assert_eq!(to_wire(&cut), "\"99999999999999999999...\"");
    }

    #[test]
    fn documents_for_schemas_have_no_odd_numbers() {
        let mut json = parse(br#"{"a":[NaN,1,99999999999999999999],"b":{"c":-Infinity}}"#).unwrap();
        without_odd(&mut json);
        assert_eq!(json.to_string(), r#"{"a":[null,1,1e+20],"b":{"c":null}}"#);
    }
}
