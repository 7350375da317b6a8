//! Whole numbers of JSON. Its schemas take `901.0` for one, as it is written where a language has no other numbers; so
//! does this. None is larger than what a file in TOML, a database or a client in Java can have, too.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// The largest number.
pub(crate) const MOST: u64 = i64::MAX as u64;
/// The first number that is too large.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// A whole number.
pub(crate) fn whole<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_u64(Whole(PhantomData))
}

/// A whole number, or none.
pub(crate) fn whole_or_none<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let number = Option::<AWhole<T>>::deserialize(deserializer)?;
    Ok(number.map(|AWhole(number)| number))
}

/// A whole number, or none, where it is said.
pub(crate) fn told<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    whole_or_none(deserializer).map(Some)
}

struct AWhole<T>(T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for AWhole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer).map(Self)
    }
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of {} bits", 8 * size_of::<T>())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let wrong = |()| E::invalid_value(Unexpected::Unsigned(number), &self);
        if number > MOST {
            return Err(wrong(()));
        }
        T::try_from(number).map_err(|_| wrong(()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        if number.fract() == 0.0 && (0.0..TOO_LARGE).contains(&number) {
            // Exact, as it is whole and in range.
            return self.visit_u64(number as u64);
        }
        Err(E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Quotas;

    #[test]
    fn what_is_whole_is_taken_however_it_is_written() {
        let read = |text: &str| serde_json::from_str::<Quotas>(text);
        let quotas = read(
            r#"{"memory": 9223372036854775807, "disk": 1e3, "modules": 5.0, "instances": null}"#,
        );
        let quotas = quotas.unwrap();
        assert_eq!(
            (quotas.memory, quotas.disk),
            (Some(super::MOST), Some(1000))
        );
        assert_eq!((quotas.modules, quotas.instances), (Some(5), None));
        for wrong in [
            "-1",
            "0.5",
            "1e300",
            "9223372036854775808",
            "\"5\"",
            "[]",
            "-0.5",
        ] {
            read(&format!("{{\"memory\": {wrong}}}")).unwrap_err();
        }
        read(r#"{"modules": 4294967296}"#).unwrap_err();
        read(r#"{"cpu-weight": 65536.0}"#).unwrap_err();
    }
}
