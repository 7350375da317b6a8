//! State that nobody keeps, and a lock that everybody gets in turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::Task;
use crate::prelude::*;

#[test]
fn state_says_who_uses_it() {
    let state = State::new(1);
    assert_eq!(
        state.with(|a| state.with(|b| a + b)),
        2,
        "reading twice is fine"
    );
    let nested = catch_unwind(AssertUnwindSafe(|| state.with(|_| state.set(2))));
    let text = *nested.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.starts_with("this State is changed inside a closure of State::with"),
        "{text}"
    );
    assert_eq!((state.replace(5), state.take(), state.get()), (1, 5, 0));
}

#[test]
fn a_lock_is_given_in_turn() {
    let lock = Rc::new(Lock::new(Vec::new()));
    let guard = lock.try_lock().unwrap();
    assert!(lock.try_lock().is_none());
    let task = |name: &'static str| {
        let lock = Rc::clone(&lock);
        Task::new(async move { lock.lock().await.push(name) })
    };
    let (mut a, mut b, mut c) = (task("a"), task("b"), task("c"));
    assert!(a.poll().is_none() && b.poll().is_none() && c.poll().is_none());
    drop(guard);
    assert!(a.is_woken() && !b.is_woken());
    assert!(b.poll().is_none(), "it is not b's turn");
    drop(a);
    assert!(b.is_woken(), "a gave up its place");
    assert!(c.poll().is_none());
    assert!(b.poll().is_some());
    assert!(c.is_woken() && c.poll().is_some());
    assert_eq!(*lock.try_lock().unwrap(), ["b", "c"]);
}
