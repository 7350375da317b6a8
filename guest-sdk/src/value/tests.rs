//! Conversions there and back, and what they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde_json::json;

use super::*;

#[track_caller]
fn there_and_back<T: IntoPort + FromPort + Clone + PartialEq + Debug>(value: T) {
    assert_eq!(
        T::from_value(value.clone().into_value().unwrap()).unwrap(),
        value
    );
    assert_eq!(
        T::from_json(value.clone().into_json().unwrap()).unwrap(),
        value
    );
}

#[test]
fn values_come_back() {
    there_and_back(i64::MIN);
    there_and_back(255u8);
    there_and_back(1.5f64);
    there_and_back(1.5f32);
    there_and_back(true);
    there_and_back(String::from("ä\n\"\u{1F600}"));
    there_and_back(vec![vec![1u16], vec![]]);
    there_and_back(BTreeSet::from(["a".to_owned()]));
    there_and_back(BTreeMap::from([
        ("k".to_owned(), Some(1.0)),
        ("l".to_owned(), None),
    ]));
    there_and_back(Some(vec![Some(3), None]));
    there_and_back(json!({"a": [1, 2.5, null, "x"]}));
    there_and_back(NdArray::new([2, 0], Vec::<f64>::new()).unwrap());
    there_and_back(NdArray::new([2, 2], vec![true, false, true, true]).unwrap());
    there_and_back(NdArray::new([], vec![u64::MAX]).unwrap());
    there_and_back(NdArray::from(vec![i64::MIN, i64::MAX]));
    for length in 0..20u8 {
        there_and_back(Bytes(
            (0..length).map(|byte| byte.wrapping_mul(53)).collect(),
        ));
    }
}

#[test]
fn a_list_of_bytes_is_base64() {
    let json = vec![Bytes::from("ab"), Bytes::from("abc")]
        .into_json()
        .unwrap();
    assert_eq!(json, json!(["YWI=", "YWJj"]));
    for wrong in ["YWI", "Y===", "Y*I=", "===="] {
        assert!(Bytes::from_json(json!(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(u64::MAX.into_value().is_err());
    assert_eq!(u64::MAX.into_json().unwrap(), json!(u64::MAX));
    assert!(i64::from_json(json!(u64::MAX)).is_err());
    assert!(i64::from_value(Value::Number(1e300)).is_err());
    assert!(f32::from_value(Value::Number(1e300)).is_err());
    assert!(
        f32::from_value(Value::Number(f64::INFINITY))
            .unwrap()
            .is_infinite()
    );
    assert!(f64::NAN.into_json().is_err());
    assert!(matches!(f64::NAN.into_value(), Ok(Value::Number(n)) if n.is_nan()));
    assert!(bool::from_value(Value::Integer(1)).is_err());
    assert!(NdArray::new([2, 2], vec![1]).is_err());
    assert!(NdArray::<bool>::from_json(json!([2])).is_err());
    assert!(NdArray::<i8>::from_json(json!([1.5])).is_err());
}

#[test]
fn an_array_has_places() {
    let array = NdArray::new([2, 3], (0..6).collect()).unwrap();
    assert_eq!(
        (array.get(&[1, 2]), array.get(&[2, 0]), array.get(&[1])),
        (Some(&5), None, None)
    );
    assert_eq!(array.into_json().unwrap(), json!([[0, 1, 2], [3, 4, 5]]));
}
