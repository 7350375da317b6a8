//! Arrays of every element type and of the shapes that programs take for granted, as `ewh run --input` reads
//! them.

use serde_json::{Value as Json, json};

use crate::json::{self as document, number};
use crate::nodespace::Dtype;

/// One as everybody expects it.
pub(super) fn plain() -> String {
    written(Dtype::F64, json!([2]), json!([1.0, 2.5]))
}

/// One of every kind.
pub(super) fn all() -> Vec<String> {
    let mut arrays: Vec<_> = Dtype::ALL
        .into_iter()
        .map(|dtype| {
            let ones = match dtype {
                Dtype::Boolean => json!([true, false]),
                _ => json!([1, 2]),
            };
            written(dtype, json!([2]), ones)
        })
        .collect();
    let shapes = [
        json!([]),
        json!([0]),
        json!([1]),
        json!([0, 3]),
        json!([3, 0]),
        json!([2, 2]),
        json!([1, 3]),
        json!([3, 1]),
        json!([2, 2, 3]),
        json!([1, 1, 1, 1, 1, 1, 1, 1]),
        json!([1_000]),
        json!([1, 1_000]),
        json!([65_537]),
    ];
    arrays.extend(shapes.map(|shape| {
        let is_empty = shape
            .as_array()
            .is_some_and(|axes| axes.contains(&json!(0)));
        let data = if is_empty { json!([]) } else { json!(1.5) };
        written(Dtype::F64, shape, data)
    }));
    // Pictures: in grey, in colours, and one as large as a camera's.
    arrays.push(written(Dtype::U8, json!([4, 4]), json!(128)));
    arrays.push(written(Dtype::U8, json!([4, 4, 3]), json!(255)));
    arrays.push(written(Dtype::U8, json!([480, 640, 3]), json!(0)));
    arrays.push(written(Dtype::U8, json!([0]), json!([])));
    let values = |dtype, values: Vec<Json>| written(dtype, json!([values.len()]), values.into());
    let floats = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    arrays.push(values(Dtype::F64, vec![number(f64::NAN)]));
    arrays.push(values(Dtype::F64, floats.map(number).to_vec()));
    arrays.push(values(Dtype::F32, floats.map(number).to_vec()));
    arrays.push(values(Dtype::F64, vec![json!(f64::MAX), json!(f64::MIN)]));
    arrays.push(values(Dtype::F64, vec![json!(0), json!(0)]));
    arrays.push(values(Dtype::U8, vec![json!(0), json!(255)]));
    arrays.push(values(Dtype::S8, vec![json!(-128), json!(127)]));
    arrays.push(values(Dtype::S32, vec![json!(i32::MIN), json!(i32::MAX)]));
    arrays.push(values(Dtype::S64, vec![json!(i64::MIN), json!(i64::MAX)]));
    arrays.push(values(Dtype::U64, vec![json!(u64::MAX)]));
    arrays
}

fn written(dtype: Dtype, shape: Json, data: Json) -> String {
    document::to_text(&json!({ "dtype": dtype.name(), "shape": shape, "data": data }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodespace::{Type, Value};

    #[test]
    fn each_is_an_array_of_its_own() {
        let type_ = Type::from_text(r#""ndarray""#);
        let arrays: Vec<_> = all()
            .iter()
            .map(|text| match type_.read(text) {
                Some(Value::Array(array)) => array,
                other => panic!("{text} is {other:?}"),
            })
            .collect();
        for (at, array) in arrays.iter().enumerate() {
            assert!(array.is_consistent(), "{:?}", array.shape);
            assert!(!arrays[..at].contains(array), "{:?} twice", array.shape);
        }
        for dtype in Dtype::ALL {
            assert!(arrays.iter().any(|array| array.dtype == dtype), "{dtype:?}");
        }
        assert!(arrays.iter().any(|array| array.shape.is_empty()));
        assert!(arrays.iter().any(|array| array.shape == [3, 0]));
        assert!(type_.read(&plain()).is_some());
    }
}
