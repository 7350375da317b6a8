//! Networks.
//!
//! [`tcp`](crate::tcp), [`udp`](crate::udp) and [`http`](crate::http) wait without keeping the worker from
//! other work; the standard library's sockets would stop all of it. What may be reached is what the operator
//! granted, by name and port.
//!
//! ```
//! use external_worker::prelude::*;
//! use external_worker::tcp::TcpStream;
//! use external_worker::testing::{Bench, Line, Page};
//! use external_worker::{http, timeout};
//!
//! /// Asks a server one question, and waits at most two seconds for each part of it.
//! async fn ask(server: &str, question: &str) -> Result<String> {
//!     let limit = Duration::from_secs(2);
//!     let peer = timeout(limit, TcpStream::connect(server)).await?;
//!     peer.write_all(format!("{question}\n").as_bytes()).await?;
//!     timeout(limit, peer.read_line(1024)).await
//! }
//!
//! async fn latest(url: &str) -> Result<f64> {
//!     let answer = http::get(url).timeout(Duration::from_secs(5)).send().await?;
//!     answer.ok()?.json()
//! }
//!
//! let bench = Bench::new();
//! bench
//!     .tcp("meter.example:5025", Line::new().answers("*IDN?\n", "ACME\n"))
//!     .page(Page::get("https://lab.example/t", "21.5"));
//! external_worker::testing::block_on(async {
//!     assert_eq!(ask("meter.example:5025", "*IDN?").await.unwrap(), "ACME");
//!     ask("meter.example:5025", "what?").await.unwrap_err();
//!     assert_eq!(latest("https://lab.example/t").await.unwrap(), 21.5);
//! });
//! assert_eq!(external_worker::testing::now(), Duration::from_secs(2));
//! ```
//!
//! The host speaks TLS for `https`. A connection that breaks is an error of the next read or write; connect
//! again in the next turn of the loop, which waits longer after each that failed.
