//! Crates that work.
//!
//! A component is compiled for `wasm32-wasip2`: a standard library, files and clocks where they are granted,
//! and one thread. Tried in components:
//!
//! | crate | works |
//! |---|---|
//! | `serde_json`, `chrono`, `regex`, `uuid`, `nalgebra`, `ndarray` | yes |
//! | `image`, `png` | yes |
//! | `futures`, `mqttbytes`, `rust-mqtt` | yes |
//! | `tungstenite`, `async-tungstenite` | yes, on a stream of one's own |
//! | `rayon` | yes, on one thread |
//! | `tokio` | with the features `rt`, `macros`, `time`, `sync`, `io-util`; not with `full` |
//! | `reqwest`, `ureq` | no: use [`http`](crate::http) |
//! | `rumqttc` | no: use `rust-mqtt` or `mqttbytes` on [`tcp`](crate::tcp) |
//! | `rustls` with `ring` or its default | no: the host speaks TLS for [`http`](crate::http) |
//!
//! What opens sockets, starts threads or compiles C by itself does not work; a crate that only turns bytes
//! into messages and back does, and can be fed from [`tcp`](crate::tcp) or [`serial`](crate::serial). A component has 0.5 to
//! 0.9 MB. The first `ewh build` takes some minutes, those after it seconds.
