//! How many instances a component makes of what is in it, before any of it is compiled: the compiler follows
//! each one, and components that each instantiate the one before twice double with every line.

use wasmparser::{ComponentInstance, Instance, Parser, Payload};

use crate::limits;

/// What a component comes to when it is instantiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Instances {
    /// Instances of modules and of components.
    pub(super) made: u64,
    /// Instances of components that have code. In each of them one task at most keeps a stack while it
    /// waits: until it goes on, the engine enters that instance for nobody else.
    pub(super) running: u64,
}

/// A component that is being read.
#[derive(Default)]
struct Reading {
    made: u64,
    running_inside: u64,
    has_code: bool,
}

impl Reading {
    fn instances(&self) -> Instances {
        Instances {
            made: self.made,
            running: self.running_inside.saturating_add(self.has_code.into()),
        }
    }
}

/// Counts them; `None`: there are more than are followed. Which component is meant is not looked up: each
/// instance counts as one of the largest component before it. What does not parse is left to the compiler,
/// which refuses it.
pub(super) fn count(wasm: &[u8]) -> Option<Instances> {
    let mut largest = Instances::default();
    let mut reading = Reading::default();
    // Those that it is in.
    let mut outer = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                outer.push(std::mem::take(&mut reading));
            }
            Ok(Payload::End(_)) => {
                let Some(next) = outer.pop() else {
                    break;
                };
                let inner = std::mem::replace(&mut reading, next).instances();
                largest.made = largest.made.max(inner.made);
                largest.running = largest.running.max(inner.running);
            }
            Ok(Payload::InstanceSection(section)) => {
                let is_made = |one: &_| matches!(one, Ok(Instance::Instantiate { .. }));
                let made = section.into_iter().filter(is_made).count() as u64;
                reading.has_code |= made > 0;
                reading.made = reading.made.saturating_add(made);
            }
            Ok(Payload::ComponentInstanceSection(section)) => {
                let is_made = |one: &_| matches!(one, Ok(ComponentInstance::Instantiate { .. }));
                let made = section.into_iter().filter(is_made).count() as u64;
                let of = |each: u64| made.saturating_mul(each);
                let all = of(largest.made.saturating_add(1));
                reading.made = reading.made.saturating_add(all);
                let running = of(largest.running);
                reading.running_inside = reading.running_inside.saturating_add(running);
            }
            Ok(_) => {}
            Err(_) => return Some(Instances::default()),
        }
        if reading.made > limits::MAX_INSTANTIATIONS {
            return None;
        }
    }
    Some(reading.instances())
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
        let three = count(&doubling(3)).unwrap();
        assert_eq!(
            (three.made, three.running),
            (1 + 2 * (1 + 2 * (1 + 2 * (1 + 1))), 8)
        );
        assert_eq!(count(&doubling(64)), None);
    }

    #[test]
    fn what_does_not_parse_is_left_to_the_compiler() {
        let broken = count(b"\0asm\x0d\0\x01\0\x05\xff");
        assert_eq!(broken, Some(Instances::default()));
    }
}
