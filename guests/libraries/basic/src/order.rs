//! Which values are the same, and which comes first.

use std::cmp::Ordering;

use external_worker::serde_json::Value as Json;

/// Whether two values are the same; 1 and 1.0 are.
pub fn same(a: &Json, b: &Json) -> bool {
    by_value(a, b).is_eq()
}

/// Numbers by size, then text by its letters, then truth, lists, dictionaries and nothing.
pub fn by_value(a: &Json, b: &Json) -> Ordering {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => number(a).total_cmp(&number(b)),
        },
        (Json::String(x), Json::String(y)) => x.cmp(y),
        (Json::Bool(x), Json::Bool(y)) => x.cmp(y),
        (Json::Array(x), Json::Array(y)) => {
            let pairs = x.iter().zip(y).map(|(x, y)| by_value(x, y));
            first(pairs).then(x.len().cmp(&y.len()))
        }
        (Json::Object(x), Json::Object(y)) => {
            let pairs = x.iter().zip(y);
            let pairs = pairs.map(|(x, y)| x.0.cmp(y.0).then_with(|| by_value(x.1, y.1)));
            first(pairs).then(x.len().cmp(&y.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn first(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Never minus zero, which is the same as zero.
fn number(json: &Json) -> f64 {
    json.as_f64().unwrap_or_default() + 0.0
}

fn rank(json: &Json) -> u8 {
    match json {
        Json::Number(_) => 0,
        Json::String(_) => 1,
        Json::Bool(_) => 2,
        Json::Array(_) => 3,
        Json::Object(_) => 4,
        Json::Null => 5,
    }
}
