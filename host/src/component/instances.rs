//! How many instances a component makes of what is in it, before any of it is compiled: the compiler follows
//! each one, and components that each instantiate the one before twice double with every line.

use wasmparser::{ComponentInstance, Instance, Parser, Payload};

use crate::limits;

/// Whether `wasm` makes more instances than are followed. Which component is meant is not looked up: each
/// instance counts as one of the largest component before it. What does not parse is left to the compiler,
/// which refuses it.
pub(super) fn are_too_many(wasm: &[u8]) -> bool {
    let mut largest = 0_u64;
    // Of the component that is being read, and of those that it is in.
    let mut counts = vec![0_u64];
    for payload in Parser::new(0).parse_all(wasm) {
        let made = match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                counts.push(0);
                continue;
            }
            Ok(Payload::End(_)) => {
                largest = largest.max(counts.pop().unwrap_or_default());
                continue;
            }
            Ok(Payload::InstanceSection(section)) => section
                .into_iter()
                .filter(|instance| matches!(instance, Ok(Instance::Instantiate { .. })))
                .count() as u64,
            Ok(Payload::ComponentInstanceSection(section)) => {
                let made = section
                    .into_iter()
                    .filter(|made| matches!(made, Ok(ComponentInstance::Instantiate { .. })));
                (made.count() as u64).saturating_mul(largest.saturating_add(1))
            }
            Ok(_) => continue,
            Err(_) => return false,
        };
        let Some(count) = counts.last_mut() else {
            return false;
        };
        *count = count.saturating_add(made);
        if *count > limits::MAX_INSTANTIATIONS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each component instantiates the one before it twice.
    fn doubling(times: usize) -> Vec<u8> {
        let mut text =
            "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for n in 0..times {
            text += &format!(
                "(component $c{} (alias outer $top $c{n} (component $c))
                    (instance (instantiate $c)) (instance (instantiate $c)))",
                n + 1
            );
        }
        let text = format!("(component $top {text} (instance (instantiate $c{times})))");
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn what_doubles_is_seen_before_it_is_made() {
        assert!(!are_too_many(&doubling(3)));
        assert!(are_too_many(&doubling(64)));
    }

    #[test]
    fn what_does_not_parse_is_left_to_the_compiler() {
        assert!(!are_too_many(b"\0asm\x0d\0\x01\0\x05\xff"));
    }
}
