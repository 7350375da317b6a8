//! A node library: what a graph cannot do without. It requests nothing, so it needs no policy.
//!
//! Nodes say what they are; what takes more than a line to say is beside them, by what it is about.

mod calendar;
mod chance;
mod numbers;
mod order;
mod part;
#[cfg(test)]
mod tests;

use external_worker::prelude::*;

export!(Basic);

/// Nodes that every graph needs: numbers, text, lists, dictionaries, choices, chance, time and statistics.
#[node_library(id = "basic", title = "Basic")]
pub mod basic {
    /// Values to begin with.
    pub mod constants {
        /// A number.
        #[node]
        pub fn number(#[default(0.0)] value: f64) -> f64 {
            value
        }

        /// A whole number.
        #[node]
        pub fn integer(#[default(0)] value: i64) -> i64 {
            value
        }

        /// Text.
        #[node]
        pub fn text(#[default("")] value: String) -> String {
            value
        }

        /// True or false.
        #[node]
        pub fn truth(#[default(false)] value: bool) -> bool {
            value
        }

        /// The circumference of a circle by its diameter.
        #[node]
        pub fn pi() -> f64 {
            std::f64::consts::PI
        }

        /// The base of the natural logarithm.
        #[node]
        pub fn e() -> f64 {
            std::f64::consts::E
        }
    }

    /// Arithmetic. A result that is no finite number is an error.
    pub mod math {
        use crate::numbers::{finite, invalid};
        use external_worker::Result;

        /// The sum of two numbers.
        #[node]
        pub fn add(a: f64, b: f64) -> Result<f64> {
            finite(a + b)
        }

        /// The first number less the second.
        #[node]
        pub fn subtract(a: f64, b: f64) -> Result<f64> {
            finite(a - b)
        }

        /// The product of two numbers.
        #[node]
        pub fn multiply(a: f64, b: f64) -> Result<f64> {
            finite(a * b)
        }

        /// The first number by the second.
        #[node]
        pub fn divide(a: f64, b: f64) -> Result<f64> {
            finite(a / b)
        }

        /// The quotient of two whole numbers, rounded down, and what remains.
        #[node(outputs = [{"name": "quotient"}, {"name": "remainder"}])]
        pub fn divide_whole(a: i64, #[default(1)] b: i64) -> Result<(i64, i64)> {
            let quotient = a.checked_div_euclid(b);
            let both = quotient.zip(a.checked_rem_euclid(b));
            both.ok_or_else(|| invalid("the quotient is no whole number"))
        }

        /// The first number to the power of the second.
        #[node]
        pub fn power(base: f64, exponent: f64) -> Result<f64> {
            finite(base.powf(exponent))
        }

        /// The number with the other sign.
        #[node]
        pub fn negate(x: f64) -> f64 {
            -x
        }

        /// The number without its sign.
        #[node]
        pub fn absolute(x: f64) -> f64 {
            x.abs()
        }

        /// The square root.
        #[node]
        pub fn square_root(x: f64) -> Result<f64> {
            finite(x.sqrt())
        }

        /// The base of the natural logarithm to the power of the number.
        #[node]
        pub fn exponential(x: f64) -> Result<f64> {
            finite(x.exp())
        }

        /// The logarithm, to the base 10 where none is given.
        #[node]
        pub fn logarithm(x: f64, #[default(10.0)] base: f64) -> Result<f64> {
            let result = if base == 10.0 { x.log10() } else { x.log(base) };
            finite(result)
        }

        /// The sine of an angle in radians.
        #[node]
        pub fn sine(angle: f64) -> Result<f64> {
            finite(angle.sin())
        }

        /// The cosine of an angle in radians.
        #[node]
        pub fn cosine(angle: f64) -> Result<f64> {
            finite(angle.cos())
        }

        /// The number rounded to so many digits after the point.
        #[node(default_io_options = {"digits": {"value_options": {"min": 0, "max": 15}}})]
        pub fn round(x: f64, #[default(0)] digits: u8) -> f64 {
            let factor = 10f64.powi(i32::from(digits.min(15)));
            let scaled = x * factor;
            if scaled.is_finite() {
                scaled.round() / factor
            } else {
                x
            }
        }

        /// The next whole number below.
        #[node]
        pub fn floor(x: f64) -> f64 {
            x.floor()
        }

        /// The next whole number above.
        #[node]
        pub fn ceiling(x: f64) -> f64 {
            x.ceil()
        }

        /// The smaller of two numbers.
        #[node]
        pub fn smaller(a: f64, b: f64) -> f64 {
            a.min(b)
        }

        /// The larger of two numbers.
        #[node]
        pub fn larger(a: f64, b: f64) -> f64 {
            a.max(b)
        }

        /// The number, or the bound that it is beyond.
        #[node]
        pub fn clamp(x: f64, #[default(0.0)] low: f64, #[default(1.0)] high: f64) -> f64 {
            x.min(high).max(low)
        }
    }

    /// Whether two values are alike, or in order.
    pub mod compare {
        use crate::order::same;
        use external_worker::serde_json::Value as Json;

        /// Whether two values are the same.
        #[node]
        pub fn equal(a: Json, b: Json) -> bool {
            same(&a, &b)
        }

        /// Whether two values are not the same.
        #[node]
        pub fn different(a: Json, b: Json) -> bool {
            !same(&a, &b)
        }

        /// Whether the first number is less than the second.
        #[node]
        pub fn less(a: f64, b: f64) -> bool {
            a < b
        }

        /// Whether the first number is less than the second, or the same.
        #[node]
        pub fn less_or_equal(a: f64, b: f64) -> bool {
            a <= b
        }

        /// Whether the first number is more than the second.
        #[node]
        pub fn greater(a: f64, b: f64) -> bool {
            a > b
        }

        /// Whether the first number is more than the second, or the same.
        #[node]
        pub fn greater_or_equal(a: f64, b: f64) -> bool {
            a >= b
        }

        /// Whether a number is within two bounds, or on one of them.
        #[node]
        pub fn between(x: f64, #[default(0.0)] low: f64, #[default(1.0)] high: f64) -> bool {
            low <= x && x <= high
        }
    }

    /// True and false.
    pub mod logic {
        /// Whether both are true.
        #[node]
        pub fn and(a: bool, b: bool) -> bool {
            a && b
        }

        /// Whether one of them is true, or both.
        #[node]
        pub fn or(a: bool, b: bool) -> bool {
            a || b
        }

        /// Whether one of them is true, and the other is not.
        #[node]
        pub fn exclusive_or(a: bool, b: bool) -> bool {
            a != b
        }

        /// The opposite.
        #[node]
        pub fn not(a: bool) -> bool {
            !a
        }

        /// Whether all of a list are true.
        #[node]
        pub fn all(list: Vec<bool>) -> bool {
            list.into_iter().all(|it| it)
        }

        /// Whether any of a list is true.
        #[node]
        pub fn any(list: Vec<bool>) -> bool {
            list.into_iter().any(|it| it)
        }
    }

    /// Text.
    pub mod text {
        use crate::numbers::{finite, invalid, whole};
        use crate::part::{MOST, part};
        use external_worker::Result;

        /// One text after the other.
        #[node]
        pub fn concatenate(a: &str, b: &str) -> String {
            format!("{a}{b}")
        }

        /// How many characters the text has.
        #[node]
        pub fn length(text: &str) -> i64 {
            whole(text.chars().count())
        }

        /// The text in capitals.
        #[node]
        pub fn upper(text: &str) -> String {
            text.to_uppercase()
        }

        /// The text in small letters.
        #[node]
        pub fn lower(text: &str) -> String {
            text.to_lowercase()
        }

        /// The text without blanks at its ends.
        #[node]
        pub fn trim(text: &str) -> String {
            text.trim().to_owned()
        }

        /// Whether the text has another in it.
        #[node]
        pub fn contains(text: &str, part: &str) -> bool {
            text.contains(part)
        }

        /// Whether the text begins with another.
        #[node]
        pub fn starts_with(text: &str, part: &str) -> bool {
            text.starts_with(part)
        }

        /// Whether the text ends with another.
        #[node]
        pub fn ends_with(text: &str, part: &str) -> bool {
            text.ends_with(part)
        }

        /// The text with something else in the place of each part.
        #[node]
        pub fn replace(text: &str, part: &str, by: &str) -> Result<String> {
            let times = text.matches(part).count();
            if times.saturating_mul(by.len()) > MOST {
                return Err(invalid("the text would be too long"));
            }
            Ok(text.replace(part, by))
        }

        /// What is between the separators, or between blanks where there is none.
        #[node]
        pub fn split(text: &str, #[default(",")] separator: &str) -> Vec<String> {
            match separator {
                "" => text.split_whitespace().map(str::to_owned).collect(),
                separator => text.split(separator).map(str::to_owned).collect(),
            }
        }

        /// The texts one after the other, with the separator between them.
        #[node]
        pub fn join(list: Vec<String>, #[default(",")] separator: &str) -> Result<String> {
            if list.len().saturating_mul(separator.len()) > MOST {
                return Err(invalid("the text would be too long"));
            }
            Ok(list.join(separator))
        }

        /// The characters from one place up to another; a negative place counts from the end.
        #[node]
        pub fn slice(text: &str, #[default(0)] start: i64, end: Option<i64>) -> String {
            let characters: Vec<char> = text.chars().collect();
            part(&characters, start, end).iter().collect()
        }

        /// The text so many times.
        #[node]
        pub fn repeat(text: &str, #[default(2)] times: u32) -> Result<String> {
            let times = times as usize;
            if times.saturating_mul(text.len()) > MOST {
                return Err(invalid("the text would be too long"));
            }
            Ok(text.repeat(times))
        }

        /// The number that the text says.
        #[node]
        pub fn parse_number(#[default("0")] text: &str) -> Result<f64> {
            let number = text
                .trim()
                .parse::<f64>()
                .map_err(|_| invalid("the text is no number"));
            finite(number?)
        }

        /// The number as text, with so many digits after the point.
        #[node(default_io_options = {"digits": {"value_options": {"min": 0, "max": 15}}})]
        pub fn format_number(x: f64, digits: Option<u8>) -> String {
            match digits {
                Some(digits) => format!("{x:.*}", usize::from(digits.min(15))),
                None => x.to_string(),
            }
        }
    }

    /// Lists of anything.
    pub mod lists {
        use crate::numbers::{invalid, whole};
        use crate::order::{by_value, same};
        use crate::part::{MOST, part, place};
        use external_worker::Result;
        use external_worker::serde_json::Value as Json;

        /// How long the list is.
        #[node]
        pub fn length(list: Vec<Json>) -> i64 {
            whole(list.len())
        }

        /// What is at a place, from 0; a negative place counts from the end. Nothing where there is none.
        #[node]
        pub fn item(list: Vec<Json>, #[default(0)] index: i64) -> Option<Json> {
            let at = place(list.len(), index)?;
            list.into_iter().nth(at)
        }

        /// The list with something more at its end.
        #[node]
        pub fn append(mut list: Vec<Json>, value: Json) -> Vec<Json> {
            list.push(value);
            list
        }

        /// One list after the other.
        #[node]
        pub fn concatenate(mut a: Vec<Json>, b: Vec<Json>) -> Vec<Json> {
            a.extend(b);
            a
        }

        /// The part from one place up to another; a negative place counts from the end.
        #[node]
        pub fn slice(list: Vec<Json>, #[default(0)] start: i64, end: Option<i64>) -> Vec<Json> {
            part(&list, start, end).to_vec()
        }

        /// The list from its end to its beginning.
        #[node]
        pub fn reversed(mut list: Vec<Json>) -> Vec<Json> {
            list.reverse();
            list
        }

        /// The list in order: numbers by size, then text by its letters, then the rest.
        #[node]
        pub fn sorted(mut list: Vec<Json>, #[default(false)] descending: bool) -> Vec<Json> {
            list.sort_by(by_value);
            if descending {
                list.reverse();
            }
            list
        }

        /// Each of the list once, in order.
        #[node]
        pub fn unique(mut list: Vec<Json>) -> Vec<Json> {
            list.sort_by(by_value);
            list.dedup_by(|a, b| same(a, b));
            list
        }

        /// Whether the value is in the list.
        #[node]
        pub fn contains(list: Vec<Json>, value: Json) -> bool {
            list.iter().any(|it| same(it, &value))
        }

        /// The lists in the list one after the other.
        #[node]
        pub fn flattened(list: Vec<Vec<Json>>) -> Vec<Json> {
            list.into_iter().flatten().collect()
        }

        /// Whole numbers from one up to another, which is not in it.
        #[node]
        pub fn range(
            #[default(0)] start: i64,
            #[default(10)] end: i64,
            #[default(1)] step: i64,
        ) -> Result<Vec<i64>> {
            let (from, to, by) = (i128::from(start), i128::from(end), i128::from(step));
            if by == 0 {
                return Err(invalid("the step is 0"));
            }
            let count = (to - from + by - by.signum()) / by;
            if count > MOST as i128 {
                return Err(invalid("the list would be too long"));
            }
            let numbers = (0..count.max(0)).map(|n| from + n * by);
            Ok(numbers.filter_map(|n| i64::try_from(n).ok()).collect())
        }
    }

    /// Dictionaries: values by names.
    pub mod dictionaries {
        use external_worker::serde_json::Value as Json;
        use std::collections::BTreeMap;

        /// The value of a name. Nothing where there is none.
        #[node]
        pub fn get(mut dictionary: BTreeMap<String, Json>, name: &str) -> Option<Json> {
            dictionary.remove(name)
        }

        /// The dictionary with this value for the name.
        #[node]
        pub fn set(
            mut dictionary: BTreeMap<String, Json>,
            name: String,
            value: Json,
        ) -> BTreeMap<String, Json> {
            dictionary.insert(name, value);
            dictionary
        }

        /// The dictionary without the name.
        #[node]
        pub fn without(
            mut dictionary: BTreeMap<String, Json>,
            name: &str,
        ) -> BTreeMap<String, Json> {
            dictionary.remove(name);
            dictionary
        }

        /// Whether the dictionary has the name.
        #[node]
        pub fn has(dictionary: BTreeMap<String, Json>, name: &str) -> bool {
            dictionary.contains_key(name)
        }

        /// The names, in alphabetical order.
        #[node]
        pub fn names(dictionary: BTreeMap<String, Json>) -> Vec<String> {
            dictionary.into_keys().collect()
        }

        /// The values, in the order of their names.
        #[node]
        pub fn values(dictionary: BTreeMap<String, Json>) -> Vec<Json> {
            dictionary.into_values().collect()
        }

        /// Both together; where both have a name, the value of the second.
        #[node]
        pub fn merged(
            mut a: BTreeMap<String, Json>,
            b: BTreeMap<String, Json>,
        ) -> BTreeMap<String, Json> {
            a.extend(b);
            a
        }

        /// A dictionary of names and as many values.
        #[node]
        pub fn from_lists(names: Vec<String>, values: Vec<Json>) -> BTreeMap<String, Json> {
            names.into_iter().zip(values).collect()
        }
    }

    /// JSON.
    pub mod json {
        use crate::numbers::invalid;
        use external_worker::Result;
        use external_worker::serde_json::{self, Value as Json};

        /// The value that a JSON text says.
        #[node]
        pub fn parse(#[default("null")] text: &str) -> Result<Json> {
            serde_json::from_str(text).map_err(|error| invalid(&format!("no JSON: {error}")))
        }

        /// The value as JSON text.
        #[node]
        pub fn write(value: Json, #[default(false)] pretty: bool) -> Result<String> {
            match pretty {
                true => Ok(serde_json::to_string_pretty(&value)?),
                false => Ok(serde_json::to_string(&value)?),
            }
        }

        /// What is at a place in the value, such as `/rows/0/name`. Nothing where there is none.
        #[node]
        pub fn at(value: Json, #[default("")] pointer: &str) -> Option<Json> {
            value.pointer(pointer).cloned()
        }
    }

    /// What goes on, and when.
    pub mod flow {
        use crate::numbers::invalid;
        use external_worker::{Call, Result, Value, sleep};
        use std::time::Duration;

        const LONGEST: f64 = 20.0;

        /// One of two values: the first if the condition is true.
        #[node]
        pub fn select(condition: bool, if_true: Value, if_false: Value) -> Value {
            if condition { if_true } else { if_false }
        }

        /// The value while the gate is open, and nothing while it is closed.
        #[node]
        pub fn gate(value: Value, #[default(true)] open: bool) -> Option<Value> {
            open.then_some(value)
        }

        /// The value, or another where there is none.
        #[node]
        pub fn or_else(value: Option<Value>, other: Value) -> Value {
            value.unwrap_or(other)
        }

        /// The value, so many seconds later.
        #[node(default_io_options = {"seconds": {"value_options": {"min": 0, "max": 20}}})]
        pub async fn wait(call: Call, value: Value, #[default(1.0)] seconds: f64) -> Result<Value> {
            if !(0.0..=LONGEST).contains(&seconds) {
                return Err(invalid("the wait is between 0 and 20 seconds"));
            }
            call.progress(0.0, "waiting");
            sleep(Duration::from_secs_f64(seconds)).await;
            Ok(value)
        }
    }

    /// Chance, good for simulations and not for secrets.
    pub mod chance {
        use crate::chance::{below, fraction};
        use external_worker::serde_json::Value as Json;

        /// A number between two bounds.
        #[node]
        pub fn number(#[default(0.0)] low: f64, #[default(1.0)] high: f64) -> f64 {
            let share = fraction();
            low * (1.0 - share) + high * share
        }

        /// A whole number between two bounds, which are among them.
        #[node]
        pub fn integer(#[default(1)] low: i64, #[default(6)] high: i64) -> i64 {
            let (low, high) = (low.min(high), low.max(high));
            let count = high.abs_diff(low).saturating_add(1);
            low.wrapping_add_unsigned(below(count))
        }

        /// One of a list. Nothing where it is empty.
        #[node]
        pub fn choice(list: Vec<Json>) -> Option<Json> {
            let at = below(list.len() as u64);
            list.into_iter().nth(usize::try_from(at).ok()?)
        }

        /// The list in another order.
        #[node]
        pub fn shuffled(mut list: Vec<Json>) -> Vec<Json> {
            for last in (1..list.len()).rev() {
                let other = below(last as u64 + 1);
                list.swap(last, usize::try_from(other).unwrap_or(last));
            }
            list
        }
    }

    /// Points in time, as seconds since the beginning of 1970, and lengths of time.
    pub mod time {
        use crate::calendar;
        use external_worker::Result;

        /// A point in time as text, such as `2026-01-31T12:00:00Z`.
        #[node]
        pub fn to_text(#[default(0.0)] seconds: f64) -> Result<String> {
            calendar::text(seconds)
        }

        /// The point in time that a text says, such as `2026-01-31T12:00:00Z`.
        #[node]
        pub fn from_text(#[default("1970-01-01T00:00:00Z")] text: &str) -> Result<f64> {
            calendar::seconds(text)
        }

        /// The day of the week, from 1 for Monday to 7 for Sunday.
        #[node]
        pub fn weekday(#[default(0.0)] seconds: f64) -> Result<i64> {
            calendar::weekday(seconds)
        }

        /// A length of time as text, such as `1:02:03`.
        #[node]
        pub fn duration_text(#[default(0.0)] seconds: f64) -> Result<String> {
            calendar::duration(seconds)
        }
    }

    /// Statistics over arrays of numbers.
    pub mod statistics {
        use crate::numbers::{self, finite, invalid, whole};
        use crate::part::MOST;
        use external_worker::{NdArray, Result};

        /// How many numbers there are.
        #[node]
        pub fn count(array: NdArray<f64>) -> i64 {
            whole(array.data().len())
        }

        /// The sum.
        #[node]
        pub fn sum(array: NdArray<f64>) -> Result<f64> {
            finite(array.data().iter().sum())
        }

        /// The mean.
        #[node]
        pub fn mean(array: NdArray<f64>) -> Result<f64> {
            numbers::mean(array.data())
        }

        /// What half of the numbers are below.
        #[node]
        pub fn median(array: NdArray<f64>) -> Result<f64> {
            numbers::quantile(array.into_data(), 0.5)
        }

        /// What a share of the numbers are below.
        #[node(default_io_options = {"share": {"value_options": {"min": 0, "max": 1}}})]
        pub fn quantile(array: NdArray<f64>, #[default(0.5)] share: f64) -> Result<f64> {
            numbers::quantile(array.into_data(), share)
        }

        /// The standard deviation of all of them.
        #[node]
        pub fn deviation(array: NdArray<f64>) -> Result<f64> {
            numbers::variance(array.data()).map(f64::sqrt)
        }

        /// The square of the standard deviation.
        #[node]
        pub fn variance(array: NdArray<f64>) -> Result<f64> {
            numbers::variance(array.data())
        }

        /// The smallest number.
        #[node]
        pub fn smallest(array: NdArray<f64>) -> Result<f64> {
            numbers::quantile(array.into_data(), 0.0)
        }

        /// The largest number.
        #[node]
        pub fn largest(array: NdArray<f64>) -> Result<f64> {
            numbers::quantile(array.into_data(), 1.0)
        }

        /// How many numbers are in each of so many equal parts between the smallest and the largest.
        #[node(
            outputs = [{"name": "counts"}, {"name": "edges"}],
            default_io_options = {"parts": {"value_options": {"min": 1, "max": 1000}}},
        )]
        pub fn histogram(
            array: NdArray<f64>,
            #[default(10)] parts: u32,
        ) -> Result<(Vec<i64>, Vec<f64>)> {
            numbers::histogram(array.data(), parts)
        }

        /// Each number with all before it added.
        #[node]
        pub fn cumulative(array: NdArray<f64>) -> Result<NdArray<f64>> {
            let mut sum = 0.0;
            let sums = array.data().iter().map(|x| {
                sum += x;
                sum
            });
            numbers::line(sums.collect())
        }

        /// Each number less the one before it.
        #[node]
        pub fn differences(array: NdArray<f64>) -> Result<NdArray<f64>> {
            let data = array.data();
            let pairs = data.iter().zip(data.iter().skip(1));
            numbers::line(pairs.map(|(before, x)| x - before).collect())
        }

        /// The mean of each number and those before it, so many together.
        #[node(default_io_options = {"width": {"value_options": {"min": 1}}})]
        pub fn moving_mean(array: NdArray<f64>, #[default(3)] width: u32) -> Result<NdArray<f64>> {
            numbers::moving_mean(array.data(), width as usize)
        }

        /// So many numbers from one to another, evenly spaced.
        #[node(default_io_options = {"count": {"value_options": {"min": 1, "max": 100_000}}})]
        pub fn evenly_spaced(
            #[default(0.0)] start: f64,
            #[default(1.0)] end: f64,
            #[default(11)] count: u32,
        ) -> Result<NdArray<f64>> {
            if count as usize > MOST {
                return Err(invalid("the array would be too long"));
            }
            let steps = f64::from(count.max(2) - 1);
            let share = |n: u32| f64::from(n) / steps;
            let numbers = (0..count).map(|n| start * (1.0 - share(n)) + end * share(n));
            numbers::line(numbers.collect())
        }

        /// An array of the numbers of a list.
        #[node]
        pub fn from_list(list: Vec<f64>) -> Result<NdArray<f64>> {
            numbers::line(list)
        }

        /// The numbers of an array as a list.
        #[node]
        pub fn to_list(array: NdArray<f64>) -> Vec<f64> {
            array.into_data()
        }
    }
}
