//! Probes the grant `sockets`: one class through WASI 0.3, which the SDK uses, and one through
//! WASI 0.2, which older components use. Both have the same nodes where both can do the same.

mod p2;
mod p3;

use external_worker::export;

export!(p3::Sockets, p2::Sockets2; requests: { sockets: "it probes them" });
