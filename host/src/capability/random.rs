//! Random bytes. Those that nobody can guess take a grant; the insecure ones are always there,
//! because standard libraries seed their hash maps with them, and come from the instance's id alone.

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use wasmtime::component::Linker;
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx};
use wasmtime_wasi::{WasiCtx, p2, p3};

use super::{CapabilityView, Prepare};
use crate::error::Result;
use crate::limits::MAX_RANDOM_BYTES;
use crate::policy::Capability;

/// Which capability this is.
pub const NAME: Capability = Capability::Random;

/// The random sources of one instance.
pub struct State {
    ctx: WasiRandomCtx,
}

/// Sets up the random sources.
///
/// # Errors
/// Never; all capabilities share the signature.
pub fn prepare(cx: &Prepare) -> Result<State> {
    let seed = cx.instance.as_u128();
    let (high, low) = cx.instance.as_u64_pair();
    let mut wasi = WasiCtx::builder()
        .insecure_random(SmallRng::seed_from_u64(high ^ low))
        .insecure_random_seed(seed)
        .max_random_size(MAX_RANDOM_BYTES)
        .build();
    Ok(State {
        ctx: std::mem::take(wasi.random()),
    })
}

/// Links the insecure sources, and the secure one where it is granted.
///
/// # Errors
/// When they are linked already.
pub fn link<T: CapabilityView>(linker: &mut Linker<T>, secure: bool) -> wasmtime::Result<()> {
    p2::bindings::random::insecure::add_to_linker::<T, WasiRandom>(linker, view)?;
    p2::bindings::random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, view)?;
    p3::bindings::random::insecure::add_to_linker::<T, WasiRandom>(linker, view)?;
    p3::bindings::random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, view)?;
    if secure {
        p2::bindings::random::random::add_to_linker::<T, WasiRandom>(linker, view)?;
        p3::bindings::random::random::add_to_linker::<T, WasiRandom>(linker, view)?;
    }
    Ok(())
}

fn view<T: CapabilityView>(data: &mut T) -> &mut WasiRandomCtx {
    &mut data.capabilities().random.ctx
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::bindings::random::insecure::Host as _;
    use wasmtime_wasi::p2::bindings::random::insecure_seed::Host as _;

    use super::super::testing;
    use super::*;

    #[test]
    fn insecure_bytes_follow_from_the_instance_and_differ_between_instances() {
        let draw = |instance: u128| {
            let mut cx = testing::prepare();
            cx.instance = uuid::Uuid::from_u128(instance);
            let mut state = prepare(&cx).unwrap();
            let bytes = state.ctx.get_insecure_random_bytes(64).unwrap();
            (bytes, state.ctx.insecure_seed().unwrap())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7).0, draw(8).0);
        assert_ne!(draw(7).1, draw(8).1);
    }
}
