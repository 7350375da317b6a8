//! Probes the grant `random`, and the insecure sources that need none.

use external_worker::bindings::wasi::random::{insecure, insecure_seed, random};
use external_worker::prelude::*;

/// See the crate.
#[derive(Default)]
pub struct Random;

#[external_worker(id = "random")]
impl Random {
    /// Bytes that nobody can guess, through WASI 0.3; fewer than asked for when that is too many.
    #[node(trigger_on_call = false)]
    fn secret(&self, count: u32) -> Bytes {
        Bytes::from(random::get_random_bytes(count.into()))
    }

    /// Bytes that nobody can guess, through WASI 0.2; too many end the instance.
    #[node(trigger_on_call = false)]
    fn secret2(&self, count: u32) -> Bytes {
        Bytes::from(wasip2::random::random::get_random_bytes(count.into()))
    }

    /// Numbers that follow from the instance's id.
    #[node(trigger_on_call = false)]
    fn guessable(&self) -> String {
        let seed3 = insecure_seed::get_insecure_seed();
        let seed2 = wasip2::random::insecure_seed::insecure_seed();
        format!("{seed3:?} {}", seed2 == seed3)
    }

    /// A number that follows from the instance's id and what was asked before.
    #[node(trigger_on_call = false)]
    fn dice(&self) -> String {
        insecure::get_insecure_random_u64().to_string()
    }
}

export!(Random; requests: { random: "it probes it" });
