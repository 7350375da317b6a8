//! Tells a component from a core module by its first eight bytes.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::Error;

/// What a file that should be WebAssembly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmKind {
    /// A component: layer 1.
    Component,
    /// A core module: layer 0.
    CoreModule,
    /// WebAssembly of a layer or version that is not known here.
    Unknown {
        /// The binary format's version.
        version: u16,
        /// The layer: 0 for core, 1 for components.
        layer: u16,
    },
    /// Something else.
    NotWasm,
}

impl WasmKind {
    /// Reads the preamble: magic, version and layer, the last two little-endian.
    pub fn of(bytes: &[u8]) -> Self {
        let Some((b"\0asm", rest)) = bytes.split_first_chunk::<4>() else {
            return Self::NotWasm;
        };
        let Some(&[v0, v1, l0, l1]) = rest.first_chunk::<4>() else {
            return Self::NotWasm;
        };
        match (u16::from_le_bytes([v0, v1]), u16::from_le_bytes([l0, l1])) {
            (0x0d, 1) => Self::Component,
            (1, 0) => Self::CoreModule,
            (version, layer) => Self::Unknown { version, layer },
        }
    }
}

impl fmt::Display for WasmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component => f.write_str("a component"),
            Self::CoreModule => f.write_str("a core module"),
            Self::Unknown { version, layer } => {
                write!(f, "WebAssembly of version {version}, layer {layer}")
            }
            Self::NotWasm => f.write_str("no WebAssembly"),
        }
    }
}

/// Says what the file at `path` is.
pub fn wasm_kind(path: &Path) -> Result<WasmKind, Error> {
    let mut head = Vec::with_capacity(8);
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.take(8)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    Ok(WasmKind::of(&head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preamble_decides() {
        assert_eq!(WasmKind::of(b"\0asm\x0d\0\x01\0..."), WasmKind::Component);
        assert_eq!(WasmKind::of(b"\0asm\x01\0\0\0"), WasmKind::CoreModule);
        let unknown = WasmKind::Unknown {
            version: 0x0e,
            layer: 1,
        };
        assert_eq!(WasmKind::of(b"\0asm\x0e\0\x01\0"), unknown);
        assert_eq!(WasmKind::of(b"\0asm\x0d\0\x01"), WasmKind::NotWasm);
        assert_eq!(WasmKind::of(b"#!/bin/sh"), WasmKind::NotWasm);
        assert_eq!(WasmKind::of(b""), WasmKind::NotWasm);
    }
}
