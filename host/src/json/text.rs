//! A stranger's JSON that the host only passes on: checked once in a stream, then carried as the text that
//! it came as. As a tree it can be a hundred times as large, so who needs a tree asks what it would cost,
//! pays for it, and lets it go.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::{marked, odd, to_text, wire};
use crate::text::{clamp, shorten};

/// Bytes of a node of the B-tree that a dictionary is: eleven keys and values, however few are used.
const NODE: u64 = 11 * (size_of::<String>() + size_of::<Json>()) as u64 + 120;
/// Bytes of a heap allocation beyond those that were asked for.
const ALLOCATION: u64 = 16;

/// JSON that was checked. Clones share the text.
#[derive(Clone)]
pub struct JsonText {
    text: Arc<str>,
    tree: u64,
}

impl JsonText {
    /// Checks `text`: that it is JSON, nested no deeper than the parser goes, its numbers within a double.
    ///
    /// # Errors
    /// What is wrong, in the parser's words.
    pub fn check(text: &str) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let tree = Weighed::deserialize(&mut reader)?.0;
        reader.end()?;
        Ok(Self {
            text: text.into(),
            tree,
        })
    }

    /// The text of a document of the host's own.
    pub fn of(json: &Json) -> Self {
        Self {
            text: to_text(json).into(),
            tree: weight(json),
        }
    }

    /// The text, its numbers as Python writes them.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as every parser of JSON takes it.
    pub fn wire(&self) -> Cow<'_, str> {
        match marked(&self.text) {
            Cow::Borrowed(plain) => Cow::Borrowed(plain),
            Cow::Owned(marked) => Cow::Owned(wire(marked)),
        }
    }

    /// Bytes of the text.
    pub fn size(&self) -> u64 {
        self.text.len() as u64
    }

    /// Bytes of the heap that [`JsonText::tree`] takes, about; never much too little.
    pub fn tree_size(&self) -> u64 {
        self.tree
    }

    /// The document as a tree; see [`JsonText::tree_size`].
    pub fn tree(&self) -> Json {
        let text = marked(&self.text);
        let mut reader = serde_json::Deserializer::from_str(&text);
        // What was read once is read again, however deep what the host itself keeps may be.
        reader.disable_recursion_limit();
        Json::deserialize(&mut reader).unwrap_or_default()
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.text.trim_ascii_start().starts_with('[')
    }

    /// Whether it is a list or a dictionary.
    pub fn is_nested(&self) -> bool {
        self.text.trim_ascii_start().starts_with(['[', '{'])
    }

    /// The beginning of the document, within `bounds`: no more than that is looked at, or made of it.
    pub fn preview(&self, bounds: Bounds) -> Json {
        let mut left = bounds.parts;
        let beginning = beginning(&self.text, bounds.bytes);
        let text = marked(&beginning);
        let mut reader = serde_json::Deserializer::from_str(&text);
        reader.disable_recursion_limit();
        let mut shown = Json::Null;
        let preview = Preview {
            bounds: &bounds,
            left: &mut left,
            shown: &mut shown,
        };
        // Where the beginning ends, what was read until there is what is shown.
        let _ = preview.deserialize(&mut reader);
        shown
    }
}

/// At most so many bytes of a document, and no half of a number, of a name or of a character.
fn beginning(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let text = clamp(text, bytes);
    match open_text(text) {
        Some(whole) => Cow::Owned(format!("{}...\"", text.get(..whole).unwrap_or_default())),
        None => {
            let is_part = |c: char| !matches!(c, ',' | ':' | '[' | ']' | '{' | '}' | '"');
            Cow::Borrowed(text.trim_end_matches(is_part))
        }
    }
}

/// Where the last whole character of the string ends in which `text` ends; `None`: it ends in none.
fn open_text(text: &str) -> Option<usize> {
    // Of `\u` with its digits, twice where two make one character.
    const PAIR: usize = 12;
    let (mut at, mut is_open) = (0, false);
    // Where the last two escapes begin; no text begins with one.
    let mut escapes = [0; 2];
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => is_open = !is_open,
            b'\\' if is_open => {
                escapes = [escapes[1], at];
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    let [first, last] = escapes;
    let whole = match last > 0 && bytes.len().saturating_sub(last) < PAIR {
        // It may be the second half of one character.
        true if last.saturating_sub(first) == PAIR / 2 => first,
        true => last,
        false => bytes.len(),
    };
    is_open.then_some(whole)
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({:?})", clamp(&self.text, 100))
    }
}

/// How much of a document a preview shows.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Parts in all.
    pub parts: usize,
    /// Items of a list.
    pub items: usize,
    /// Entries of a dictionary.
    pub entries: usize,
    /// Characters of a text.
    pub chars: usize,
    /// Bytes of the document that are looked at.
    pub bytes: usize,
}

/// What a tree of the host takes of the heap.
fn weight(json: &Json) -> u64 {
    let below = match json {
        Json::String(text) => of_text(text.len()),
        Json::Array(items) => of_list(items.len()).saturating_add(items.iter().map(weight).sum()),
        Json::Object(entries) => entries_size(entries),
        _ => 0,
    };
    below.saturating_add(size_of::<Json>() as u64)
}

/// Bytes of the heap that the entries of a dictionary take.
pub fn entries_size(entries: &Map<String, Json>) -> u64 {
    let below = entries.iter();
    let below = below.map(|(key, value)| of_text(key.len()).saturating_add(weight(value)));
    of_dictionary(entries.len()).saturating_add(below.sum())
}

fn of_text(bytes: usize) -> u64 {
    (bytes as u64).saturating_add(ALLOCATION)
}

/// A list grows by doubling.
fn of_list(items: usize) -> u64 {
    let room = if items == 0 {
        0
    } else {
        items.max(4).next_power_of_two() as u64
    };
    // The items themselves are counted one by one.
    let spare = room.saturating_sub(items as u64);
    spare
        .saturating_mul(size_of::<Json>() as u64)
        .saturating_add(ALLOCATION)
}

/// The nodes of a B-tree are at least half full, but for the first.
fn of_dictionary(entries: usize) -> u64 {
    let nodes = if entries == 0 {
        0
    } else {
        (entries as u64).div_ceil(5)
    };
    nodes.saturating_mul(NODE.saturating_add(ALLOCATION))
}

/// The weight of what was read and not kept. `IgnoredAny` takes more than the parser that reads it later:
/// what is nested too deep, half of a surrogate pair, and numbers beyond a double.
struct Weighed(u64);

impl<'de> Deserialize<'de> for Weighed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Weigh)
    }
}

struct Weigh;

const SCALAR: Weighed = Weighed(size_of::<Json>() as u64);

impl<'de> Visitor<'de> for Weigh {
    type Value = Weighed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Weighed, E> {
        Ok(SCALAR)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Weighed, E> {
        Ok(SCALAR)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Weighed, E> {
        Ok(SCALAR)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Weighed, E> {
        Ok(SCALAR)
    }

    fn visit_str<E>(self, text: &str) -> Result<Weighed, E> {
        Ok(Weighed(SCALAR.0.saturating_add(of_text(text.len()))))
    }

    fn visit_unit<E>(self) -> Result<Weighed, E> {
        Ok(SCALAR)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Weighed, A::Error> {
        let (mut count, mut sum) = (0_usize, SCALAR.0);
        while let Some(item) = items.next_element::<Weighed>()? {
            count = count.saturating_add(1);
            sum = sum.saturating_add(item.0);
        }
        Ok(Weighed(sum.saturating_add(of_list(count))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Weighed, A::Error> {
        let (mut count, mut sum) = (0_usize, SCALAR.0);
        while let Some((key, value)) = entries.next_entry::<Weighed, Weighed>()? {
            count = count.saturating_add(1);
            // The key is a text and no value.
            let key = key.0.saturating_sub(SCALAR.0);
            sum = sum.saturating_add(key).saturating_add(value.0);
        }
        Ok(Weighed(sum.saturating_add(of_dictionary(count))))
    }
}

/// Reads the beginning of a document into `shown`, and passes over the rest. What was read before an error is
/// shown.
struct Preview<'a> {
    bounds: &'a Bounds,
    left: &'a mut usize,
    shown: &'a mut Json,
}

impl Preview<'_> {
    fn below<'a>(&'a mut self, shown: &'a mut Json) -> Preview<'a> {
        Preview {
            bounds: self.bounds,
            left: self.left,
            shown,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Preview<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.left = self.left.saturating_sub(1);
        if *self.left == 0 {
            return IgnoredAny::deserialize(deserializer).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Preview<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.shown = value.into();
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.shown = value.into();
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.shown = value.into();
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.shown = value.into();
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.shown = match odd(text) {
            Some(_) => text.into(),
            None => shorten(text, self.bounds.chars).into(),
        };
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut shown = Vec::new();
        let read = loop {
            if shown.len() >= self.bounds.items {
                break pass_over(&mut items);
            }
            let mut item = Json::Null;
            match items.next_element_seed(self.below(&mut item)) {
                Ok(Some(())) => shown.push(item),
                Ok(None) => break Ok(()),
                Err(error) => {
                    shown.extend((!item.is_null()).then_some(item));
                    break Err(error);
                }
            }
        };
        *self.shown = Json::Array(shown);
        read
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let mut shown = Map::new();
        let read = loop {
            if shown.len() >= self.bounds.entries {
                break pass_over_entries(&mut entries);
            }
            let key = match entries.next_key::<String>() {
                Ok(Some(key)) => shorten(&key, self.bounds.chars),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let mut value = Json::Null;
            let read = entries.next_value_seed(self.below(&mut value));
            if read.is_ok() || !value.is_null() {
                shown.insert(key, value);
            }
            if read.is_err() {
                break read;
            }
        };
        *self.shown = Json::Object(shown);
        read
    }
}

fn pass_over<'de, A: SeqAccess<'de>>(items: &mut A) -> Result<(), A::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn pass_over_entries<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<(), A::Error> {
    while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_what_can_be_read_later() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in ["null", r#"{"a":[1,-1,2.5,true,"x",{}]}"#, &nested(127)] {
            let json = JsonText::check(text).unwrap();
            assert_eq!(json.as_str(), text);
            assert_eq!(json.tree(), serde_json::from_str::<Json>(text).unwrap());
        }
        for text in [
            "",
            "1 2",
            r#"{"a":}"#,
            "1e999",
            "NaN",
            "\"\u{1}\"",
            r#"{"\ud800":1}"#,
            &nested(128),
            &nested(10_000),
        ] {
            JsonText::check(text).unwrap_err();
            serde_json::from_str::<Json>(text).unwrap_err();
        }
    }

    #[test]
    fn a_tree_costs_what_its_parts_cost_whoever_counts_them() {
        for json in [
            json!(1),
            json!("text"),
            json!([1, [2, "x"], {}]),
            json!({"a": {"": 0}, "b": vec![0; 100]}),
        ] {
            let text = json.to_string();
            let read = JsonText::check(&text).unwrap();
            assert_eq!(read.tree_size(), JsonText::of(&json).tree_size(), "{text}");
        }
    }

    #[test]
    fn small_dictionaries_are_not_small_in_a_tree() {
        let text = format!("[{}]", vec![r#"{"":0}"#; 1000].join(","));
        let size = JsonText::check(&text).unwrap().tree_size();
        // Measured: 664 bytes each.
        assert!((650_000..900_000).contains(&size), "{size}");
    }

    #[test]
    fn a_preview_makes_no_more_than_it_shows() {
        let bounds = Bounds {
            parts: 6,
            items: 2,
            entries: 2,
            chars: 3,
            bytes: 1_000,
        };
        let of = |text: &str| JsonText::check(text).unwrap().preview(bounds);
        assert_eq!(of(r#"[1,2,3,{"a":[]}]"#), json!([1, 2]));
        assert_eq!(
            of(r#"{"a":"long text","b":1,"c":2}"#),
            json!({"a": "lon...", "b": 1})
        );
        assert_eq!(
            of("[[1,2,9],[3,4],5]"),
            json!([[1, 2], [null, null]]),
            "the parts are used up"
        );
    }

    #[test]
    fn a_preview_looks_at_no_more_than_the_beginning() {
        let whole = r#"{"a":[1,23,"x\u00e9\ud83d\ude00y\n"],"long":"text é","b":{"c":-4.5e3,"d":null},"e":true}"#;
        let text = JsonText::check(whole).unwrap();
        let of = |bytes| {
            text.preview(Bounds {
                parts: 100,
                items: 100,
                entries: 100,
                chars: 100,
                bytes,
            })
        };
        assert_eq!(of(whole.len()), text.tree());
        let shown = |part: &str| of(whole.find(part).unwrap() + part.len());
        assert_eq!(
            shown(r#"{"a":[1"#),
            json!({"a": []}),
            "it may be the half of a number"
        );
        assert_eq!(shown(r#"{"a":[1,2"#), json!({"a": [1]}));
        assert_eq!(shown(r"x\u00e9\ud83d\ude"), json!({"a": [1, 23, "xé..."]}));
        assert_eq!(
            shown(r#""text "#),
            json!({"a": [1, 23, "xé😀y\n"], "long": "text ..."})
        );
        // Whatever is cut, what is shown is there, and there is more of it the more is looked at.
        for bytes in 0..=whole.len() {
            let (less, more) = (of(bytes).to_string(), of(bytes + 1).to_string());
            assert!(less.len() <= more.len() + "...\"".len(), "{less} {more}");
        }
    }
}
