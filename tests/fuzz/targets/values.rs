//! Values of guests and clients, and the types that take them.

use external_worker_host::bindings::types::{Dtype, Ndarray, Value as GuestValue};
use external_worker_host::instance::value::check;
use external_worker_host::json;
use external_worker_host::limits;
use external_worker_host::nodespace::{SharedValue, Type, Value};
use external_worker_host::values::{from_guest, to_guest};

use super::messages::value_frames;
use super::{Reader, parts, readable_line};

/// What a preview of anything may come to, as JSON.
const MAX_PREVIEW_BYTES: usize = 8 * limits::MAX_PREVIEW_PARTS * limits::MAX_PREVIEW_TEXT;
const DTYPES: [Dtype; 11] = [
    Dtype::Boolean,
    Dtype::U8,
    Dtype::S8,
    Dtype::U16,
    Dtype::S16,
    Dtype::U32,
    Dtype::S32,
    Dtype::U64,
    Dtype::S64,
    Dtype::F32,
    Dtype::F64,
];

/// Two JSON documents, a type and a value; any bytes are a guest's values as well.
pub fn values(data: &[u8]) {
    let mut documents = parts(data);
    let ty = documents.next().unwrap_or_default();
    let value = documents.next().unwrap_or(ty);
    let ty = serde_json::from_slice(ty).map_or_else(|_| Type::any(), |ty| Type::parse(&ty));
    assert_eq!(Type::parse(ty.json()), ty);
    ty.default_value_options();
    readable_line(&ty.to_string(), limits::MAX_TEXT_BYTES);
    if let Some(read) = std::str::from_utf8(value)
        .ok()
        .and_then(|text| ty.read(text))
    {
        // What a person typed is of the type by then.
        assert!(same(&ty.coerce(read.clone()).unwrap(), &read), "{read:?}");
        shown(&read);
    }
    match json::parse(value) {
        Ok(value) => {
            let written = json::to_text(&value);
            assert_eq!(json::parse(written.as_bytes()).unwrap(), value);
            if let Some(value) = Value::from_wire(value) {
                taken(&ty, value);
            }
        }
        Err(problem) => readable_line(&problem.to_string(), limits::MAX_NAME_BYTES),
    }
    let guest = guest_value(&mut Reader(data));
    if check(&guest, data.len() as u64 + 1000).is_ok() {
        taken(&ty, from_guest(guest));
    }
}

/// A value as an input of this type takes it.
fn taken(ty: &Type, value: Value) {
    shown(&value);
    let value = SharedValue::new(value);
    match ty.coerce(&value) {
        Ok(taken) => {
            // What was taken is taken as it is.
            assert!(same(&ty.coerce(&taken).unwrap(), &taken), "{taken:?}");
            shown(&taken);
        }
        Err(problem) => readable_line(&problem, 64 * limits::MAX_SHOWN_VALUE_BYTES),
    }
}

fn shown(value: &Value) {
    let text = json::parse(value.to_text().as_bytes()).unwrap();
    assert_eq!(json::to_wire(&text), json::to_wire(&value.to_json()));
    let preview = value.preview_json().to_string();
    assert!(preview.len() <= MAX_PREVIEW_BYTES, "{}", preview.len());
    let guest = to_guest(value);
    // A guest is sent JSON that every parser reads.
    let json = value.to_json();
    if check(&guest, u64::MAX).is_ok() && json::to_wire(&json) == json::to_text(&json) {
        assert!(same(&from_guest(guest), value), "{value:?}");
    }
    value_frames(value);
}

/// Equality in which what is no number equals itself, and an empty text of JSON is none.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

fn guest_value(reader: &mut Reader<'_>) -> GuestValue {
    match reader.byte() % 8 {
        0 => GuestValue::None,
        1 => GuestValue::Boolean(reader.flag()),
        2 => GuestValue::Integer(i64::from_le_bytes(eight(reader))),
        3 => GuestValue::Number(f64::from_le_bytes(eight(reader))),
        4 => GuestValue::Text(reader.text()),
        5 => GuestValue::Bytes(reader.bytes().to_vec()),
        6 => GuestValue::Json(reader.text()),
        _ => GuestValue::Array(Ndarray {
            dtype: DTYPES[usize::from(reader.byte()) % DTYPES.len()],
            shape: reader.list(40, |reader| match reader.byte() {
                255 => u64::from_le_bytes(eight(reader)),
                axis => axis.into(),
            }),
            data: reader.bytes().to_vec(),
        }),
    }
}

fn eight(reader: &mut Reader<'_>) -> [u8; 8] {
    std::array::from_fn(|_| reader.byte())
}
