//! Attacks through names: what a name leads to is decided by who owns it, and may change at any time. The
//! engine of the table has a resolver that answers for them; see [`resolver`].

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use external_worker_host::engine::Resolver;

use crate::network::{Peer, reach, tried};
use crate::scene::Scene;
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row(
            "names/flood",
            "answered: 64 and *the instance has looked up as many names as it may*; 0 came",
            at_listener,
        ),
        row(
            "names/http_leads_inside",
            "Denied: http://inside.example:*it leads to 127.0.0.1, a loopback address, and no grant names that itself*; 0 came",
            at_listener,
        ),
        row(
            "names/http_rebinds",
            "answered: [IpAddress::Ipv4((93, 184, 216, 34))], Unavailable; 0 came",
            at_listener,
        ),
        row(
            "names/leads_both_ways",
            "answered: [IpAddress::Ipv4((93, 184, 216, 34))], Denied; connecting to tcp 127.0.0.1:*; 0 came",
            at_listener,
        ),
        row(
            "names/leads_everywhere",
            "answered: 16 addresses; 0 came",
            at_listener,
        ),
        row(
            "names/leads_inside",
            "Unavailable: AccessDenied; looking up `inside.example`, which leads to 127.0.0.1: *; 0 came",
            at_listener,
        ),
        row(
            "names/leads_inside_mapped",
            "Unavailable: AccessDenied; looking up `mapped.example`, which leads to 127.0.0.1: *; 0 came",
            at_listener,
        ),
        row(
            "names/rebinds",
            "answered: [\"[IpAddress::Ipv4((93, 184, 216, 34))]\", \"[IpAddress::Ipv4((93, 184, 216, 34))]\"], Denied; connecting to tcp 127.0.0.1:*; 0 came",
            at_listener,
        ),
        row(
            "names/rebinds_at_once",
            "answered: 1 answers; *0 came",
            at_listener,
        ),
        row(
            "names/rebinds_spelled",
            "answered: 1 answers; 0 came",
            at_listener,
        ),
    ]
}

/// Times that `rebinds.example` was looked up in a row.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Answers as the owners of hostile names would; the system answers for the others.
pub fn resolver() -> Resolver {
    let ip = |text: &str| text.parse::<IpAddr>().map_err(io::Error::other);
    Resolver::new(move |name| match name {
        // Outside once, then inside.
        "rebinds.example" => match ASKED.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![ip("93.184.216.34")?]),
            _ => Ok(vec![ip("127.0.0.1")?]),
        },
        "inside.example" => Ok(vec![ip("127.0.0.1")?]),
        "mapped.example" => Ok(vec![ip("::ffff:127.0.0.1")?, ip("64:ff9b::7f00:1")?]),
        "both.example" => Ok(vec![ip("93.184.216.34")?, ip("127.0.0.1")?]),
        "crowd.example" => Ok((0..100_000_u32)
            .map(|n| IpAddr::from((0x5db8_0000 + n).to_be_bytes()))
            .collect()),
        name if name.ends_with(".flood.example") => Ok(vec![ip("93.184.216.34")?]),
        name => Ok(Resolver::default().ask(name)?.addresses),
    })
}

/// Every name is granted, and a server of the machine itself counts who comes.
async fn at_listener(scene: Scene) -> String {
    ASKED.store(0, Ordering::Relaxed);
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    let listener = Peer::serve(move |_stream| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(()))
    })
    .await;
    let rule = |host: &str| {
        let port = listener.address.port();
        format!(
            "[[http]]\nhost = \"{host}\"\nports = [{port}]\nscheme = \"http\"\nmethods = [\"GET\"]\n"
        )
    };
    let grants = rule("rebinds.example") + &rule("inside.example");
    let scene = reach(scene).grant(&grants);
    let did = tried(scene, &listener.address.to_string()).await;
    format!("{did}; {} came", came.load(Ordering::Relaxed))
}
