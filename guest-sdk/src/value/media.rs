//! Bytes with a media type: pictures, sounds, documents.

use serde_json::Value as JsonValue;

use super::{FromPort, IntoPort, PortType, Value, base64, mismatch};
use crate::bindings::funcnodes::external_worker::types as wit;
use crate::error::Result;

/// Bytes with a media type. The user interface shows PNG, JPEG, GIF, WebP, BMP, AVIF and SVG as pictures, and
/// of anything else what it is. An input takes bytes and data URLs (`data:image/png;base64,…`), too.
///
/// ```
/// use external_worker::prelude::*;
///
/// #[derive(Default)]
/// struct Camera;
///
/// #[external_worker(id = "camera")]
/// impl Camera {
///     #[node]
///     fn dot(&self) -> Media {
///         Media::svg("<svg xmlns='http://www.w3.org/2000/svg'><circle r='5'/></svg>")
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Media {
    /// Such as `image/png`, in lower case.
    pub media_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Media {
    /// `data` of that type.
    pub fn new(media_type: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        let (media_type, data) = (media_type.into(), data.into());
        Self { media_type, data }
    }

    /// The bytes of a PNG.
    pub fn png(data: impl Into<Vec<u8>>) -> Self {
        Self::new("image/png", data)
    }

    /// The bytes of a JPEG.
    pub fn jpeg(data: impl Into<Vec<u8>>) -> Self {
        Self::new("image/jpeg", data)
    }

    /// The source of an SVG.
    pub fn svg(source: impl Into<String>) -> Self {
        Self::new("image/svg+xml", source.into())
    }

    pub(super) fn data_url(&self) -> String {
        format!(
            "data:{};base64,{}",
            self.media_type,
            base64::encode(&self.data)
        )
    }
}

impl From<wit::Media> for Media {
    fn from(wit::Media { media_type, data }: wit::Media) -> Self {
        Self { media_type, data }
    }
}

impl PortType for Media {
    fn type_schema() -> JsonValue {
        "media".into()
    }
}

impl IntoPort for Media {
    fn into_json(self) -> Result<JsonValue> {
        Ok(self.data_url().into())
    }
    fn into_value(self) -> Result<Value> {
        let Self { media_type, data } = self;
        Ok(Value::Media(wit::Media { media_type, data }))
    }
}

impl FromPort for Media {
    fn from_json(json: JsonValue) -> Result<Self> {
        let url = match &json {
            JsonValue::String(text) => text
                .strip_prefix("data:")
                .and_then(|url| url.split_once(";base64,")),
            _ => None,
        };
        match url {
            Some((media_type, data)) => Ok(Self::new(media_type, base64::decode(data)?)),
            None => Err(mismatch("media", &json)),
        }
    }
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Media(media) => Ok(media.into()),
            Value::Bytes(data) => Ok(Self::new("application/octet-stream", data)),
            other => Self::from_json(super::json_from_value(other)?),
        }
    }
}
