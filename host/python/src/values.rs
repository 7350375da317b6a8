//! Values on their way between Python and guests. Arrays come and go by the buffer protocol, without a copy made in
//! Python; lists, dictionaries and what else JSON can say are written and read by Python's own `json`.

use std::ffi::{c_int, c_void};

use external_worker_host::bindings::types as wit;
use external_worker_host::instance::exports::Ports;
use external_worker_host::json::{self, JsonText};
use external_worker_host::media;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyMemoryView, PyString, PyTuple,
};
use serde_json::Value as Json;

/// What of it is easier said in Python.
const MODULE: &str = "external_worker_host._values";
/// JSON up to this size is read and written with the interpreter's lock held: about a millisecond.
const LOCKED_BYTES: usize = 64 * 1024;

static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static PLAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Bytes with a media type: a picture, a sound, a document.
#[pyclass(frozen, eq, hash, module = "external_worker_host")]
#[derive(PartialEq, Eq, Hash)]
pub struct Media {
    /// Such as `image/png`.
    #[pyo3(get)]
    media_type: String,
    data: Vec<u8>,
}

#[pymethods]
impl Media {
    #[new]
    fn new(media_type: String, data: Vec<u8>) -> PyResult<Self> {
        if !media::is_type(&media_type) {
            let problem = format!("`{media_type}` is no media type; one is written as `image/png`");
            return Err(PyValueError::new_err(problem));
        }
        Ok(Self { media_type, data })
    }

    /// The bytes.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    fn __repr__(&self) -> String {
        format!("Media({:?}, {} bytes)", self.media_type, self.data.len())
    }
}

/// The values by name that are given to a call.
///
/// # Errors
/// `TypeError` for what no guest can be given, with its name.
pub fn ports(values: &Bound<'_, PyDict>) -> PyResult<Ports> {
    let mut ports = Ports::with_capacity(values.len());
    for (name, value) in values {
        let name: String = name.extract()?;
        let value = to_guest(&value).map_err(|error| at(values.py(), &name, &error))?;
        ports.push((name, value));
    }
    Ok(ports)
}

/// `error`, and which input it is about.
fn at(py: Python<'_>, name: &str, error: &PyErr) -> PyErr {
    let named = PyTypeError::new_err(format!("`{name}`: {}", error.value(py)));
    named.set_cause(py, Some(error.clone_ref(py)));
    named
}

/// One output as it is, none as `None`, more by their names.
pub fn one(py: Python<'_>, mut outputs: Ports) -> PyResult<Py<PyAny>> {
    match (outputs.pop(), outputs.is_empty()) {
        (None, _) => Ok(py.None()),
        (Some((_, value)), true) => Ok(from_guest(py, value)?.unbind()),
        (Some(last), false) => {
            outputs.push(last);
            named(py, outputs)
        }
    }
}

/// All outputs by their names.
pub fn named(py: Python<'_>, outputs: Ports) -> PyResult<Py<PyAny>> {
    let all = PyDict::new(py);
    for (name, value) in outputs {
        all.set_item(name, from_guest(py, value)?)?;
    }
    Ok(all.into_any().unbind())
}

/// A value of Python for a guest.
pub fn to_guest(value: &Bound<'_, PyAny>) -> PyResult<wit::Value> {
    if value.is_none() {
        Ok(wit::Value::None)
    } else if let Ok(it) = value.cast::<PyBool>() {
        Ok(wit::Value::Boolean(it.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        integer(value)
    } else if let Ok(it) = value.cast_exact::<PyFloat>() {
        Ok(wit::Value::Number(it.value()))
    } else if let Ok(it) = value.cast::<PyString>() {
        Ok(wit::Value::Text(it.to_str()?.to_owned()))
    } else if let Ok(it) = value.cast::<PyBytes>() {
        Ok(wit::Value::Bytes(it.as_bytes().to_vec()))
    } else if let Ok(it) = value.cast::<PyByteArray>() {
        Ok(wit::Value::Bytes(it.to_vec()))
    } else if let Ok(it) = value.cast::<Media>() {
        let media = it.get();
        Ok(wit::Value::Media(wit::Media {
            media_type: media.media_type.clone(),
            data: media.data.clone(),
        }))
    } else if let Ok(buffer) = PyUntypedBuffer::get(value) {
        array(value, &buffer)
    } else if value.is_instance_of::<PyFloat>() {
        Ok(wit::Value::Number(value.extract()?))
    } else {
        Ok(wit::Value::Json(json_text(value)?))
    }
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<wit::Value> {
    match value.extract::<i64>() {
        Ok(it) => Ok(wit::Value::Integer(it)),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            Ok(wit::Value::Json(json_text(value)?))
        }
        Err(error) => Err(error),
    }
}

/// `value` as JSON that every parser takes.
fn json_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    made_of(value, |json| JsonText::of(&json).wire().into_owned())
}

/// `value` as a document.
pub fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Json> {
    made_of(value, |json| json)
}

/// What `make` makes of `value` as a document: without the interpreter's lock where other threads would notice.
fn made_of<T: Send>(value: &Bound<'_, PyAny>, make: impl FnOnce(Json) -> T + Send) -> PyResult<T> {
    let dumps = DUMPS.import(value.py(), MODULE, "dumps")?;
    let text: String = dumps.call1((value,))?.extract()?;
    let read = || json::parse(text.as_bytes()).map(make);
    let made = match text.len() > LOCKED_BYTES {
        true => value.py().detach(read),
        false => read(),
    };
    made.map_err(|problem| PyValueError::new_err(problem.to_string()))
}

/// A document, or `None`, as Python reads it.
pub fn from_json<'py>(py: Python<'py>, json: &Json) -> PyResult<Bound<'py, PyAny>> {
    from_text(py, &json::to_text(json))
}

/// JSON as Python reads it.
pub fn from_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    LOADS.import(py, "json", "loads")?.call1((text,))
}

/// A guest's value for Python.
pub fn from_guest(py: Python<'_>, value: wit::Value) -> PyResult<Bound<'_, PyAny>> {
    match value {
        wit::Value::None => Ok(py.None().into_bound(py)),
        wit::Value::Boolean(it) => Ok(PyBool::new(py, it).to_owned().into_any()),
        wit::Value::Integer(it) => Ok(it.into_pyobject(py)?.into_any()),
        wit::Value::Number(it) => Ok(PyFloat::new(py, it).into_any()),
        wit::Value::Text(it) => Ok(PyString::new(py, &it).into_any()),
        wit::Value::Bytes(it) => Ok(PyBytes::new(py, &it).into_any()),
        wit::Value::Json(it) => from_text(py, &it),
        wit::Value::Array(it) => {
            let format = format_of(it.dtype);
            let bytes = Bound::new(py, Bytes(it.data))?;
            let shape = PyTuple::new(py, it.shape)?;
            ARRAY
                .import(py, MODULE, "array")?
                .call1((bytes, format, shape))
        }
        wit::Value::Media(wit::Media { media_type, data }) => {
            Ok(Bound::new(py, Media { media_type, data })?.into_any())
        }
    }
}

/// An array of Python, or what a number of numpy's stands for.
fn array(value: &Bound<'_, PyAny>, buffer: &PyUntypedBuffer) -> PyResult<wit::Value> {
    let py = value.py();
    if buffer.dimensions() == 0 {
        return to_guest(&value.call_method0("item")?);
    }
    let is_bytes = value.is_instance_of::<PyMemoryView>();
    let dtype = dtype_of(buffer.format().to_bytes(), buffer.item_size());
    let (Some(dtype), true) = (dtype, buffer.is_c_contiguous()) else {
        // It comes back whole, in this machine's order, or not at all.
        let plain = PLAIN.import(py, MODULE, "plain")?.call1((value,))?;
        if plain.is(value) {
            let kind = value.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "no guest can be given a `{kind}` of these elements"
            )));
        }
        return to_guest(&plain);
    };
    // SAFETY: the buffer is contiguous, has so many bytes, and stays as it is while it is held; whoever writes to it
    // has the lock of the interpreter, or races with whoever reads it as in Python itself.
    let data = unsafe {
        match buffer.len_bytes() {
            0 => &[],
            bytes => std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), bytes),
        }
    };
    if is_bytes && dtype == wit::Dtype::U8 && buffer.dimensions() == 1 {
        return Ok(wit::Value::Bytes(data.to_vec()));
    }
    Ok(wit::Value::Array(wit::Ndarray {
        dtype,
        shape: buffer.shape().iter().map(|&axis| axis as u64).collect(),
        data: data.to_vec(),
    }))
}

/// The elements that a format of the buffer protocol stands for, in the order of this machine, which is
/// little-endian like the contract.
fn dtype_of(format: &[u8], size: usize) -> Option<wit::Dtype> {
    use wit::Dtype::{Boolean, F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
    if cfg!(target_endian = "big") {
        return None;
    }
    let letter = match format {
        [letter] | [b'@' | b'=' | b'<', letter] => *letter,
        _ => return None,
    };
    match (letter, size) {
        (b'?', 1) => Some(Boolean),
        (b'B', 1) => Some(U8),
        (b'b', 1) => Some(S8),
        (b'H', 2) => Some(U16),
        (b'h', 2) => Some(S16),
        (b'I' | b'L', 4) => Some(U32),
        (b'i' | b'l', 4) => Some(S32),
        (b'L' | b'Q' | b'N', 8) => Some(U64),
        (b'l' | b'q' | b'n', 8) => Some(S64),
        (b'f', 4) => Some(F32),
        (b'd', 8) => Some(F64),
        _ => None,
    }
}

/// What `struct` and numpy call these elements.
const fn format_of(dtype: wit::Dtype) -> &'static str {
    match dtype {
        wit::Dtype::Boolean => "?",
        wit::Dtype::U8 => "B",
        wit::Dtype::S8 => "b",
        wit::Dtype::U16 => "H",
        wit::Dtype::S16 => "h",
        wit::Dtype::U32 => "I",
        wit::Dtype::S32 => "i",
        wit::Dtype::U64 => "Q",
        wit::Dtype::S64 => "q",
        wit::Dtype::F32 => "f",
        wit::Dtype::F64 => "d",
    }
}

/// What a guest gave, owned by an array of Python, which may write to it.
#[pyclass]
struct Bytes(Vec<u8>);

#[pymethods]
impl Bytes {
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let (pointer, length) = {
            let mut this = slf.borrow_mut();
            (this.0.as_mut_ptr(), this.0.len())
        };
        let length = ffi::Py_ssize_t::try_from(length)?;
        // SAFETY: the bytes stay where they are as long as the object lives, which the view holds; nothing here
        // changes them or hands them out otherwise.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                pointer.cast::<c_void>(),
                length,
                0,
                flags,
            )
        };
        match filled {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}
