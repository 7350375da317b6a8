//! Random bytes. Those that nobody can guess take a grant; the insecure ones are always there,
//! because standard libraries seed their hash maps with them, and come from the instance's id alone.
//! Should the secure ones be linked without a grant, they are as guessable: for a component that describes
//! itself, and for a runtime, whose own libraries draw from them. It refuses them to its program.

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use wasmtime::component::Linker;
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx};
use wasmtime_wasi::{WasiCtx, p2, p3};

use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach};
use crate::limits::MAX_RANDOM_BYTES;
use crate::policy::{Capability, Policy, Switch};

/// The random sources of one instance.
pub struct State {
    ctx: WasiRandomCtx,
}

/// The capability.
pub struct Random;

impl Provider for Random {
    const CAPABILITY: Capability = Capability::Random;

    type State = State;

    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        let (high, low) = cx.instance.as_u64_pair();
        let guessable = || SmallRng::seed_from_u64(high ^ low);
        let mut builder = WasiCtx::builder();
        builder
            .insecure_random(guessable())
            .insecure_random_seed(cx.instance.as_u128())
            .max_random_size(MAX_RANDOM_BYTES);
        if !guard.granted().random.0 {
            builder.secure_random(guessable());
        } else if let Some(stand_ins) = &cx.stand_ins {
            // The same every time: what goes wrong can be seen again.
            builder.secure_random(SmallRng::seed_from_u64(stand_ins.seed()));
        }
        let mut wasi = builder.build();
        State {
            ctx: std::mem::take(wasi.random()),
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()> {
        p2::bindings::random::insecure::add_to_linker::<T, WasiRandom>(linker, view)?;
        p2::bindings::random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, view)?;
        p3::bindings::random::insecure::add_to_linker::<T, WasiRandom>(linker, view)?;
        p3::bindings::random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, view)?;
        if is_granted {
            p2::bindings::random::random::add_to_linker::<T, WasiRandom>(linker, view)?;
            p3::bindings::random::random::add_to_linker::<T, WasiRandom>(linker, view)?;
        }
        Ok(())
    }

    /// The kernel gives random bytes to everybody.
    fn reach(_: &Policy, _: &mut Reach) {}

    fn grant(_: &Devices, policy: &mut Policy) {
        policy.random = Switch(true);
    }
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

    use wasmtime_wasi::p2::bindings::random::random::Host as _;

    fn state(policy: &str, instance: u128) -> State {
        let mut cx = testing::prepare();
        cx.instance = uuid::Uuid::from_u128(instance);
        Random::prepare(&testing::guard(testing::granted(policy), &cx), &cx)
    }

    #[test]
    fn insecure_bytes_follow_from_the_instance_and_differ_between_instances() {
        let draw = |instance| {
            let mut state = state("", instance);
            let bytes = state.ctx.get_insecure_random_bytes(64).unwrap();
            (bytes, state.ctx.insecure_seed().unwrap())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7).0, draw(8).0);
        assert_ne!(draw(7).1, draw(8).1);
    }

    #[test]
    fn secure_bytes_are_so_only_with_a_grant() {
        let draw = |policy| state(policy, 7).ctx.get_random_bytes(64).unwrap();
        assert_ne!(draw("random = true"), draw("random = true"));
        assert_eq!(draw(""), draw(""));
    }

    #[test]
    fn no_call_returns_more_bytes_than_there_may_be() {
        let mut state = state("random = true", 7);
        state
            .ctx
            .get_random_bytes(MAX_RANDOM_BYTES + 1)
            .unwrap_err();
        let most = p3::bindings::random::random::Host::get_random_bytes(&mut state.ctx, u64::MAX);
        assert_eq!(most.unwrap().len() as u64, MAX_RANDOM_BYTES);
    }
}
