//! Attacks with a folder of its own: what is in it is counted, nothing leads out of it, and the host removes
//! whatever a guest made of it.

use crate::scene::Scene;
use crate::table::{Row, row};

/// Names that may be in the folder, where bytes are not what ends it.
const NAMES: u64 = 1_000;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row(
            "data/deep",
            "answered: 1000 and insufficient-space",
            crowded,
        ),
        row(
            "data/entries",
            "answered: 1000 and insufficient-space",
            crowded,
        ),
        row("data/link_out", "Unavailable: not-permitted", small),
        row(
            "data/link_through_itself",
            "Unavailable: not-permitted",
            small,
        ),
        row("data/links_in_circles", "Unavailable: loop", small),
        row("data/names_odd", "answered: 8 of 8", small),
        row("data/neighbours", "Unavailable: not-permitted", small),
        row(
            "data/quota_bytes",
            "Unavailable: insufficient-space | Unavailable: quota",
            small,
        ),
        row(
            "data/quota_sparse",
            "Unavailable: insufficient-space | Unavailable: quota",
            small,
        ),
        row("data/replaced_root", "Unavailable: *", small),
    ]
}

async fn small(scene: Scene) -> String {
    scene.grant("[data]\nquota = \"128 KiB\"\n").call("").await
}

/// With room for bytes, but not for names.
async fn crowded(scene: Scene) -> String {
    let grant = format!("[data]\nquota = \"1 GiB\"\nmax-files = {NAMES}\n");
    scene
        .grant(&grant)
        .budget("call-deadline-ms", 30_000)
        .budget("cpu-spin-ms", 30_000)
        .call("")
        .await
}
