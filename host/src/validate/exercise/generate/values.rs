//! Values of a type: plain ones, those at its boundaries, and those that are not of it.

use data_encoding::BASE64;
use serde_json::{Map, Value as Json, json};

use super::{arrays, spread, words};
use crate::bindings::types::Port;
use crate::json::{self as document, number};
use crate::limits;
use crate::nodespace::{Shape, Type};

const INTEGERS: [i64; 24] = [
    0,
    1,
    -1,
    2,
    7,
    127,
    128,
    -129,
    255,
    256,
    -32_769,
    65_535,
    65_536,
    1_000_000,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 31,
    u32::MAX as i64,
    1 << 32,
    (1 << 53) + 1,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];
const NUMBERS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    1.5,
    1e-300,
    5e-324,
    f64::EPSILON,
    9_007_199_254_740_993.0,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];
/// What two numbers are to each other: nothing, the same, one more, one less, and what has no quotient.
const PAIRS: [(i64, i64); 8] = [
    (0, 0),
    (1, 0),
    (0, 1),
    (2, 2),
    (2, 3),
    (3, 2),
    (i64::MIN, -1),
    (i64::MAX, 1),
];
/// What a dictionary has, the first of which its type takes.
const KEYS: [&str; 2] = ["a", "1"];
/// Length of a list that is long.
const LONG: usize = 1_000;

/// What is known of the values of an input.
struct Wanted {
    type_: Type,
    /// The only values there are; empty: any of the type.
    choices: Vec<Json>,
    low: Option<f64>,
    high: Option<f64>,
}

impl Wanted {
    fn of(port: &Port) -> Self {
        let options = port.value_options.as_deref();
        let options = options.and_then(|text| serde_json::from_str::<Json>(text).ok());
        let choices = match options.as_ref().and_then(|options| options.get("options")) {
            Some(Json::Array(choices)) => choices.clone(),
            // An enum says which of its members are values.
            Some(Json::Object(choices)) => match choices.get("values") {
                Some(Json::Array(values)) => values.clone(),
                _ => choices.values().cloned().collect(),
            },
            _ => Vec::new(),
        };
        let bound = |name: &str| options.as_ref()?.get(name)?.as_f64();
        Self {
            type_: Type::from_text(&port.type_),
            choices,
            low: bound("min"),
            high: bound("max"),
        }
    }

    fn has_bounds(&self) -> bool {
        self.low.is_some() || self.high.is_some()
    }

    /// Whether `text` is no number, or one within the bounds.
    fn takes(&self, text: &str) -> bool {
        match text.parse::<f64>() {
            Ok(number) if self.has_bounds() => {
                self.low.is_none_or(|low| number >= low)
                    && self.high.is_none_or(|high| number <= high)
            }
            _ => true,
        }
    }

    /// The bounds themselves, as numbers of the type.
    fn bounds(&self) -> Vec<String> {
        let (low, high) = (self.low, self.high);
        match numbers_of(self.type_.shape()) {
            Some(Numbers::Integers) => {
                let ends = [low.map(f64::ceil), high.map(f64::floor)];
                let ends = ends.into_iter().flatten();
                ends.map(|end| (end as i64).to_string()).collect()
            }
            Some(Numbers::Floats) => {
                let ends = [low, high].into_iter().flatten();
                ends.map(|end| document::to_text(&number(end))).collect()
            }
            None => Vec::new(),
        }
    }
}

/// The plainest value for `port` that means something.
pub(in super::super) fn plain(port: &Port) -> String {
    let wanted = Wanted::of(port);
    if let Some(choice) = wanted.choices.first() {
        return document::to_text(choice);
    }
    let plain = outside(wanted.type_.shape(), &mut |shape| vec![plain_of(shape)]);
    let plain = plain
        .into_iter()
        .next()
        .unwrap_or_else(|| "null".to_owned());
    if wanted.takes(&plain) {
        return plain;
    }
    wanted.bounds().into_iter().next().unwrap_or(plain)
}

/// Every value for `port` that is worth a call of its own, the same ones each time.
pub(in super::super) fn boundaries(port: &Port) -> Vec<String> {
    let wanted = Wanted::of(port);
    if !wanted.choices.is_empty() {
        let choices = wanted.choices.iter().map(document::to_text).collect();
        return spread(choices, limits::MAX_BOUNDARIES);
    }
    let mut all = wanted.bounds();
    all.extend(outside(wanted.type_.shape(), &mut |shape| inside(shape)));
    all.retain(|text| wanted.takes(text));
    let mut once = Vec::new();
    for text in all {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    spread(once, limits::MAX_BOUNDARIES)
}

/// Values for two inputs that have something to do with each other; none, unless both take numbers.
pub(in super::super) fn pairs(one: &Port, other: &Port) -> Vec<(String, String)> {
    let (one, other) = (Wanted::of(one), Wanted::of(other));
    let kinds = [&one, &other].map(|wanted| numbers_of(wanted.type_.shape()));
    let [Some(first), Some(second)] = kinds else {
        return Vec::new();
    };
    if !one.choices.is_empty() || !other.choices.is_empty() {
        return Vec::new();
    }
    let written = |numbers: Numbers, value: i64| match numbers {
        Numbers::Integers => value.to_string(),
        Numbers::Floats => document::to_text(&number(value as f64)),
    };
    let pairs = PAIRS.map(|(a, b)| (written(first, a), written(second, b)));
    let taken = pairs.into_iter();
    taken
        .filter(|(a, b)| one.takes(a) && other.takes(b))
        .collect()
}

/// Values that are not of the type of `port`; none: everything is. Nothing at all is right where there is a
/// default to take instead.
pub(in super::super) fn wrong(port: &Port) -> Vec<String> {
    let type_ = Type::from_text(&port.type_);
    let is_needed = port.required && port.default.is_none();
    let anything = anything().into_iter();
    let texts = anything
        .filter(|json| is_needed || !json.is_null())
        .map(|json| document::to_text(&json));
    texts
        .filter(|text| {
            let value = Type::any().read(text);
            value.is_some_and(|value| type_.coerce(value).is_err())
        })
        .collect()
}

/// What kind of numbers a type is of.
#[derive(Debug, Clone, Copy)]
enum Numbers {
    Integers,
    Floats,
}

fn numbers_of(shape: &Shape) -> Option<Numbers> {
    match shape.meant() {
        Shape::Integer => Some(Numbers::Integers),
        Shape::Number => Some(Numbers::Floats),
        Shape::AnyOf(alternatives) => alternatives.iter().find_map(numbers_of),
        _ => None,
    }
}

/// Values of `shape` as they are typed: what is not an array, bytes, media or a text at the top is what `inside`
/// makes of it.
fn outside(shape: &Shape, inside: &mut impl FnMut(&Shape) -> Vec<Json>) -> Vec<String> {
    match shape.meant() {
        Shape::Array => {
            let mut all = vec![arrays::plain()];
            all.extend(arrays::all());
            all
        }
        Shape::Bytes => words::bytes(),
        Shape::Media => words::media(),
        Shape::AnyOf(alternatives) => {
            let all = alternatives.iter();
            all.flat_map(|shape| outside(shape, inside)).collect()
        }
        shape => inside(shape).iter().map(document::to_text).collect(),
    }
}

/// The plain value of `shape`, as it is inside of another one.
fn plain_of(shape: &Shape) -> Json {
    match shape.meant() {
        Shape::None => Json::Null,
        Shape::Integer => json!(1),
        Shape::Number => json!(1.5),
        Shape::Boolean => json!(false),
        Shape::Text => json!(words::PLAIN),
        Shape::Bytes => json!(BASE64.encode(words::PLAIN.as_bytes())),
        Shape::Media => words::media().into_iter().next().into(),
        Shape::Array => json!([1.0, 2.5]),
        Shape::List { items, .. } => json!([plain_of(items)]),
        Shape::Tuple(items) => items.iter().map(plain_of).collect(),
        Shape::Dict { keys, values } => entry(keys, plain_of(values)),
        Shape::Enum(of) => of.values.first().cloned().unwrap_or(Json::Null),
        Shape::AnyOf(alternatives) => alternatives.first().map_or(Json::Null, plain_of),
        Shape::Any | Shape::Named(..) => json!(7),
    }
}

/// The values at the boundaries of `shape`, as they are inside of another one.
fn inside(shape: &Shape) -> Vec<Json> {
    let all = match shape.meant() {
        Shape::None => vec![Json::Null],
        Shape::Integer => INTEGERS.map(Json::from).to_vec(),
        Shape::Number => NUMBERS.map(number).to_vec(),
        Shape::Boolean => vec![json!(false), json!(true)],
        Shape::Text => words::texts().into_iter().map(Json::from).collect(),
        Shape::Bytes => ["", words::PLAIN, "\u{0}"]
            .map(|text| BASE64.encode(text.as_bytes()).into())
            .to_vec(),
        Shape::Media => words::media().into_iter().map(Json::from).collect(),
        Shape::Array => vec![
            json!([]),
            json!([1.0, 2.5]),
            json!([[1, 2], [3, 4]]),
            json!([[], []]),
            json!(1.0),
            vec![0; LONG].into(),
        ],
        Shape::List { items, .. } => lists(items),
        Shape::Tuple(items) => tuples(items),
        Shape::Dict { keys, values } => dictionaries(keys, values),
        Shape::Enum(of) => of.values.clone(),
        Shape::AnyOf(alternatives) => alternatives.iter().flat_map(inside).collect(),
        Shape::Any | Shape::Named(..) => {
            let mut all = anything();
            all.extend(["", "\u{0}", "ééé"].map(Json::from));
            all.extend([json!(i64::MAX), json!(i64::MIN), json!([]), json!({})]);
            all.push(deep());
            all
        }
    };
    spread(all, limits::MAX_BOUNDARIES)
}

fn lists(items: &Shape) -> Vec<Json> {
    let plain = plain_of(items);
    let mut lists = vec![
        json!([]),
        json!([plain]),
        json!([plain, plain, plain]),
        vec![plain.clone(); LONG].into(),
    ];
    for item in inside(items) {
        lists.push(json!([item]));
    }
    let ends = inside(items).into_iter().take(3);
    lists.push(ends.collect());
    lists
}

/// Each item at each of its boundaries, while the others are plain.
fn tuples(items: &[Shape]) -> Vec<Json> {
    let plain: Vec<_> = items.iter().map(plain_of).collect();
    let mut tuples = vec![Json::from(plain.clone())];
    for (at, shape) in items.iter().enumerate() {
        for item in inside(shape) {
            let mut tuple = plain.clone();
            if let Some(place) = tuple.get_mut(at) {
                *place = item;
            }
            tuples.push(tuple.into());
        }
    }
    tuples
}

fn dictionaries(keys: &Shape, values: &Shape) -> Vec<Json> {
    let plain = plain_of(values);
    let mut all = vec![json!({}), entry(keys, plain.clone())];
    all.extend(inside(values).into_iter().map(|value| entry(keys, value)));
    let odd = ["", "ééé", "\u{0}"].into_iter();
    let odd = odd.filter(|key| keys.takes_key(key));
    all.extend(odd.map(|key| json!({ key: plain })));
    let many = (0..LONG).map(|n| n.to_string());
    let many = many.filter(|key| keys.takes_key(key));
    all.push(Json::Object(many.map(|key| (key, plain.clone())).collect()));
    all
}

/// A dictionary of one entry, if there is a key.
fn entry(keys: &Shape, value: Json) -> Json {
    let key = KEYS.into_iter().find(|key| keys.takes_key(key));
    let entry = key.map(|key| (key.to_owned(), value));
    Json::Object(entry.into_iter().collect::<Map<_, _>>())
}

/// One of every kind.
pub(super) fn anything() -> Vec<Json> {
    vec![
        Json::Null,
        json!(true),
        json!(7),
        json!(-2.5),
        json!("seven"),
        json!([1, [2]]),
        json!({ "a": { "b": null } }),
    ]
}

/// Lists in lists.
fn deep() -> Json {
    (0..limits::DEEP_JSON).fold(json!(1), |inner, _| json!([inner]))
}

#[cfg(test)]
mod tests {
    use super::super::Generator;
    use super::*;
    use crate::nodespace::Value;

    fn port(type_: &str, options: Option<&str>) -> Port {
        Port {
            name: "x".to_owned(),
            type_: type_.to_owned(),
            description: None,
            default: None,
            required: true,
            does_trigger: true,
            hidden: false,
            value_options: options.map(str::to_owned),
            render_options: None,
        }
    }

    #[test]
    fn values_are_of_their_type_and_wrong_ones_are_not() {
        for text in [
            r#""int""#,
            r#""float""#,
            r#""bool""#,
            r#""str""#,
            r#""bytes""#,
            r#"{"anyOf":["int","None"]}"#,
            r#"{"type":"array","items":{"type":"object","keys":"str","values":"int"}}"#,
            r#"{"type":"enum","values":["f","s"],"keys":["fast","safe"]}"#,
            r#""number""#,
            r#""ndarray""#,
            r#"{"anyOf":["ndarray","None"]}"#,
            r#""set""#,
            r#""dict""#,
            r#"{"allOf":["int",{"type":"array","items":"bytes"}]}"#,
            r#"{"type":"object","keys":"int","values":"str"}"#,
        ] {
            let port = port(text, None);
            let type_ = Type::from_text(&port.type_);
            let mut all = boundaries(&port);
            assert!(all.len() <= limits::MAX_BOUNDARIES, "{}", all.len());
            assert_eq!(all, boundaries(&port), "the same each time");
            all.push(plain(&port));
            for value in &all {
                let read = type_.read(value);
                let read = read.unwrap_or_else(|| panic!("{value} is no {text}"));
                type_.coerce(read).unwrap();
            }
            if text != r#""bytes""# {
                assert!(!wrong(&port).is_empty(), "{text}");
            }
            for value in wrong(&port) {
                type_.coerce(Type::any().read(&value).unwrap()).unwrap_err();
            }
        }
        assert_eq!(wrong(&port(r#""Any""#, None)), [""; 0]);
    }

    #[test]
    fn what_an_input_says_of_its_values_holds() {
        let limited = port(r#""int""#, Some(r#"{"min": 3, "max": 5}"#));
        assert_eq!(boundaries(&limited), ["3", "5"]);
        assert_eq!(plain(&limited), "3");
        let limited = port(r#""float""#, Some(r#"{"min": 0.5}"#));
        let all = boundaries(&limited);
        assert!(all.contains(&"0.5".to_owned()) && !all.contains(&"NaN".to_owned()));
        let chosen = port(r#""str""#, Some(r#"{"options": ["a", "b"]}"#));
        assert_eq!(boundaries(&chosen), [r#""a""#, r#""b""#]);
        let of_enum = r#"{"options": {"type": "enum", "values": ["lo"], "keys": ["Low"]}}"#;
        assert_eq!(boundaries(&port(r#""str""#, Some(of_enum))), [r#""lo""#]);
        let mut generator = Generator::new(1);
        for _ in 0..50 {
            let value = generator.value(&chosen);
            assert!(boundaries(&chosen).contains(&value), "{value}");
        }
    }

    #[test]
    fn numbers_come_in_pairs_that_have_to_do_with_each_other() {
        let int = port(r#""int""#, None);
        let maybe = port(r#"{"anyOf":["float","None"]}"#, None);
        let written = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let both = pairs(&int, &int);
        for pair in [("1", "0"), ("2", "2"), ("3", "2"), ("2", "3")] {
            assert!(both.contains(&written(pair.0, pair.1)), "{pair:?}");
        }
        assert!(pairs(&int, &maybe).contains(&written("1", "0.0")));
        assert!(pairs(&int, &port(r#""str""#, None)).is_empty());
        let above = port(r#""int""#, Some(r#"{"min": 1}"#));
        assert!(!pairs(&int, &above).contains(&written("1", "0")));
    }

    #[test]
    fn numbers_have_their_ends_and_what_is_odd() {
        let ints = boundaries(&port(r#""int""#, None));
        for number in ["0", "255", "256", "2147483647", "-2147483648"] {
            assert!(ints.contains(&number.to_owned()), "{number}");
        }
        let floats = boundaries(&port(r#""float""#, None));
        assert!(floats.contains(&"NaN".to_owned()), "{floats:?}");
        let type_ = Type::from_text(r#""float""#);
        assert!(matches!(type_.read("-Infinity"), Some(Value::Number(n)) if n < 0.0));
        let deep = boundaries(&port(r#""Any""#, None));
        assert!(deep.iter().any(|text| text.starts_with("[[[[")));
    }
}
