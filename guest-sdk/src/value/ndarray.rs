//! N-dimensional arrays: bytes outside, numbers inside.

use bytemuck::allocation::{pod_collect_to_vec, try_cast_vec};
use bytemuck::{AnyBitPattern, NoUninit};
use serde_json::Value as JsonValue;

use super::{FromPort, IntoPort, PortType, Value, mismatch, scalars};
use crate::bindings::funcnodes::external_worker::types::{Dtype, Ndarray};
use crate::error::{Error, Result};

/// A dense, row-major array of numbers or bools, of FuncNodes type `"ndarray"`.
///
/// An input takes an array of every element type as long as nothing is lost: `NdArray<f64>` takes
/// `u8` and `f32`, `NdArray<u8>` takes `f64` only of whole numbers from 0 to 255. It also takes
/// nested lists.
///
/// ```
/// use external_worker::prelude::*;
///
/// fn mean(image: NdArray<f32>) -> f64 {
///     let sum: f64 = image.data().iter().map(|v| f64::from(*v)).sum();
///     sum / image.data().len().max(1) as f64
/// }
/// let image = NdArray::new([2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
/// assert_eq!(mean(image), 2.5);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NdArray<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T> NdArray<T> {
    /// An array of `data` in row-major order; its length has to be the product of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        if product(&shape) != Some(data.len()) {
            return Err(Error::invalid_input(format!(
                "an array of shape {shape:?} does not have {} elements",
                data.len()
            )));
        }
        Ok(Self { shape, data })
    }

    /// The length of each axis; empty for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All elements in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// All elements, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// All elements.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// One element by its place on each axis.
    pub fn get(&self, place: &[usize]) -> Option<&T> {
        if place.len() != self.shape.len() {
            return None;
        }
        let mut index = 0;
        for (at, length) in place.iter().zip(&self.shape) {
            if at >= length {
                return None;
            }
            index = index * length + at;
        }
        self.data.get(index)
    }
}

/// One axis.
impl<T> From<Vec<T>> for NdArray<T> {
    fn from(data: Vec<T>) -> Self {
        Self {
            shape: vec![data.len()],
            data,
        }
    }
}

fn product(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, length| product.checked_mul(*length))
}

/// An element on its way between two types.
#[derive(Clone, Copy)]
pub enum Number {
    /// Every integer type and bool.
    Integer(i128),
    /// Both float types.
    Float(f64),
}

/// What an [`NdArray`] consists of: `bool`, the integers of 8 to 64 bits, `f32` and `f64`.
pub trait Element: sealed::Sealed + Copy + 'static {
    #[doc(hidden)]
    const DTYPE: Dtype;
    #[doc(hidden)]
    fn into_bytes(data: Vec<Self>) -> Vec<u8>;
    #[doc(hidden)]
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self>;
    #[doc(hidden)]
    fn number(self) -> Number;
    #[doc(hidden)]
    fn from_number(number: Number) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

/// The same memory as elements of another type: as it is where both are aligned alike, else copied at
/// once. WebAssembly has the little end first, as arrays have.
fn cast<A: NoUninit, B: NoUninit + AnyBitPattern>(data: Vec<A>) -> Vec<B> {
    try_cast_vec(data).unwrap_or_else(|(_, data)| pod_collect_to_vec(&data))
}

macro_rules! elements {
    ($($element:ty: $dtype:ident, |$value:ident| $number:expr, |$from:ident| $back:expr;)*) => {$(
        impl sealed::Sealed for $element {}

        impl Element for $element {
            const DTYPE: Dtype = Dtype::$dtype;

            fn into_bytes(data: Vec<Self>) -> Vec<u8> {
                cast(data)
            }
            fn from_bytes(bytes: Vec<u8>) -> Vec<Self> {
                cast(bytes)
            }
            fn number(self) -> Number {
                let $value = self;
                $number
            }
            fn from_number($from: Number) -> Option<Self> {
                $back
            }
        }
    )*};
}

macro_rules! integer_elements {
    ($($element:ty: $dtype:ident),*) => {
        elements!($($element: $dtype,
            |value| Number::Integer(value.into()),
            |from| match from {
                Number::Integer(value) => value.try_into().ok(),
                Number::Float(value) => exact(value).and_then(|value| value.try_into().ok()),
            };
        )*);
    };
}

integer_elements!(u8: U8, i8: S8, u16: U16, i16: S16, u32: U32, i32: S32, u64: U64, i64: S64);

elements! {
    f64: F64, |value| Number::Float(value), |from| match from {
        Number::Float(value) => Some(value),
        Number::Integer(value) => float(value),
    };
    f32: F32, |value| Number::Float(value.into()), |from| match from {
        Number::Float(value) => narrow(value),
        Number::Integer(value) => float(value).and_then(narrow),
    };
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small enough"
)]
fn exact(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2f64.powi(64)).then_some(value as i128)
}

#[expect(clippy::cast_precision_loss, reason = "checked by the way back")]
fn float(value: i128) -> Option<f64> {
    let float = value as f64;
    (exact(float) == Some(value)).then_some(float)
}

#[expect(clippy::cast_possible_truncation, reason = "checked by the way back")]
fn narrow(value: f64) -> Option<f32> {
    let narrow = value as f32;
    (f64::from(narrow) == value || value.is_nan()).then_some(narrow)
}

impl sealed::Sealed for bool {}

impl Element for bool {
    const DTYPE: Dtype = Dtype::Boolean;

    fn into_bytes(data: Vec<Self>) -> Vec<u8> {
        cast(data)
    }
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self> {
        bytes.into_iter().map(|byte| byte != 0).collect()
    }
    fn number(self) -> Number {
        Number::Integer(self.into())
    }
    fn from_number(number: Number) -> Option<Self> {
        match number {
            Number::Integer(0) => Some(false),
            Number::Integer(1) => Some(true),
            Number::Integer(_) | Number::Float(_) => None,
        }
    }
}

/// `$then` with `$T` as the Rust type of a dtype.
macro_rules! by_dtype {
    ($dtype:expr, $T:ident => $then:expr) => {
        match $dtype {
            Dtype::Boolean => {
                type $T = bool;
                $then
            }
            Dtype::U8 => {
                type $T = u8;
                $then
            }
            Dtype::S8 => {
                type $T = i8;
                $then
            }
            Dtype::U16 => {
                type $T = u16;
                $then
            }
            Dtype::S16 => {
                type $T = i16;
                $then
            }
            Dtype::U32 => {
                type $T = u32;
                $then
            }
            Dtype::S32 => {
                type $T = i32;
                $then
            }
            Dtype::U64 => {
                type $T = u64;
                $then
            }
            Dtype::S64 => {
                type $T = i64;
                $then
            }
            Dtype::F32 => {
                type $T = f32;
                $then
            }
            Dtype::F64 => {
                type $T = f64;
                $then
            }
        }
    };
}

/// The shape, if the bytes are what shape and dtype say.
fn checked_shape(array: &Ndarray) -> Result<Vec<usize>> {
    let size = by_dtype!(array.dtype, T => size_of::<T>());
    let shape: Option<Vec<usize>> = array
        .shape
        .iter()
        .map(|length| usize::try_from(*length).ok())
        .collect();
    let bytes = shape
        .as_deref()
        .and_then(product)
        .and_then(|count| count.checked_mul(size));
    match shape {
        Some(shape) if bytes == Some(array.data.len()) => Ok(shape),
        _ => Err(Error::invalid_input(format!(
            "an array of shape {:?} with {size} bytes an element does not have {} bytes",
            array.shape,
            array.data.len()
        ))),
    }
}

fn from_array<T: Element>(array: Ndarray) -> Result<NdArray<T>> {
    let shape = checked_shape(&array)?;
    let data = if array.dtype == T::DTYPE {
        T::from_bytes(array.data)
    } else {
        by_dtype!(array.dtype, From => convert(&From::from_bytes(array.data)))?
    };
    Ok(NdArray { shape, data })
}

/// An element type as numpy calls it, which is what users of arrays know.
const fn name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Boolean => "bool",
        Dtype::U8 => "uint8",
        Dtype::S8 => "int8",
        Dtype::U16 => "uint16",
        Dtype::S16 => "int16",
        Dtype::U32 => "uint32",
        Dtype::S32 => "int32",
        Dtype::U64 => "uint64",
        Dtype::S64 => "int64",
        Dtype::F32 => "float32",
        Dtype::F64 => "float64",
    }
}

fn convert<F: Element, T: Element>(data: &[F]) -> Result<Vec<T>> {
    let convert = |(i, value): (usize, &F)| {
        T::from_number(value.number()).ok_or_else(|| {
            Error::invalid_input(format!(
                "element {i} does not fit: {} cannot become {} without loss",
                name(F::DTYPE),
                name(T::DTYPE)
            ))
        })
    };
    data.iter().enumerate().map(convert).collect()
}

impl<T: Element> PortType for NdArray<T> {
    fn type_schema() -> JsonValue {
        "ndarray".into()
    }
}

impl<T: Element> IntoPort for NdArray<T> {
    fn into_json(self) -> Result<JsonValue> {
        lists(&self.shape, &mut self.data.into_iter())
    }
    fn into_value(self) -> Result<Value> {
        let shape = self.shape.iter().map(|length| *length as u64).collect();
        Ok(Value::Array(Ndarray {
            dtype: T::DTYPE,
            shape,
            data: T::into_bytes(self.data),
        }))
    }
}

impl<T: Element> FromPort for NdArray<T> {
    fn from_json(json: JsonValue) -> Result<Self> {
        let mut shape = Vec::new();
        let mut next = &json;
        while let JsonValue::Array(items) = next {
            shape.push(items.len());
            match items.first() {
                Some(first) => next = first,
                None => break,
            }
        }
        let mut data = Vec::new();
        flatten(&json, &shape, &mut data)?;
        Ok(Self { shape, data })
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Array(array) => from_array(array),
            Value::Bytes(_) => Err(Error::invalid_input("expected an ndarray, got bytes")),
            other => Self::from_json(super::json_from_value(other)?),
        }
    }
}

/// An array of whatever type as nested lists.
pub(super) fn nested(array: Ndarray) -> Result<JsonValue> {
    let shape = checked_shape(&array)?;
    by_dtype!(array.dtype, T => lists(&shape, &mut T::from_bytes(array.data).into_iter()))
}

fn lists<T: Element>(shape: &[usize], data: &mut impl Iterator<Item = T>) -> Result<JsonValue> {
    match shape.split_first() {
        None => data.next().map_or(Ok(JsonValue::Null), number_json),
        Some((length, rest)) => {
            let items: Result<Vec<_>> = (0..*length).map(|_| lists(rest, data)).collect();
            items.map(JsonValue::Array)
        }
    }
}

fn number_json<T: Element>(value: T) -> Result<JsonValue> {
    if T::DTYPE == Dtype::Boolean {
        return Ok(JsonValue::Bool(matches!(
            value.number(),
            Number::Integer(1)
        )));
    }
    match value.number() {
        Number::Float(float) => scalars::float_json(float),
        Number::Integer(integer) => match (i64::try_from(integer), u64::try_from(integer)) {
            (Ok(value), _) => Ok(value.into()),
            (_, Ok(value)) => Ok(value.into()),
            _ => Err(Error::internal("an element has more than 64 bits")),
        },
    }
}

fn flatten<T: Element>(json: &JsonValue, shape: &[usize], data: &mut Vec<T>) -> Result<()> {
    match (json, shape.split_first()) {
        (JsonValue::Array(items), Some((length, rest))) if items.len() == *length => {
            items.iter().try_for_each(|item| flatten(item, rest, data))
        }
        (JsonValue::Array(_), _) | (_, Some(_)) => Err(Error::invalid_input(
            "the lists of an ndarray have different lengths",
        )),
        (scalar, None) => {
            let number = match scalar {
                JsonValue::Bool(value) => Some(Number::Integer((*value).into())),
                JsonValue::Number(number) => match (number.as_i64(), number.as_u64()) {
                    (Some(value), _) => Some(Number::Integer(value.into())),
                    (_, Some(value)) => Some(Number::Integer(value.into())),
                    _ => number.as_f64().map(Number::Float),
                },
                _ => None,
            };
            let number = number.ok_or_else(|| mismatch("a number", scalar))?;
            data.push(T::from_number(number).ok_or_else(|| {
                Error::invalid_input(format!("{scalar} does not fit {}", name(T::DTYPE)))
            })?);
            Ok(())
        }
    }
}
