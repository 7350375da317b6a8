//! Classes that are clean to whoever only reads and describes them, each with a fault that shows when it runs.
//! The mistakes are those that authors make.

use std::hint::black_box;

use external_worker::prelude::*;

/// Nothing is wrong with it.
#[derive(Default)]
pub struct Fine {
    last: State<f64>,
}

#[external_worker(id = "fine")]
impl Fine {
    async fn r#loop(&self) -> Result<()> {
        Ok(())
    }

    /// The mean of what comes, and nothing for nothing.
    #[node]
    fn mean(&self, array: NdArray<f64>) -> f64 {
        let mean = array.data().iter().sum::<f64>() / array.data().len().max(1) as f64;
        self.last.set(mean);
        mean
    }

    /// The last mean, in words.
    #[node]
    fn say(&self, before: String, times: Option<u8>) -> String {
        let last = self.last.get();
        format!("{before}{last}").repeat(times.unwrap_or(1).min(3).into())
    }
}

/// Methods of which each panics for another value.
#[derive(Default)]
pub struct Panicking;

#[external_worker(id = "panicking")]
impl Panicking {
    /// Forgets that a divisor may be zero.
    #[node]
    fn divide(&self, a: i64, b: i64) -> i64 {
        a / b
    }

    /// Takes as much memory as it is told to.
    #[node]
    fn allocate(&self, n: u32) -> usize {
        black_box(vec![0_u8; n as usize]).len()
    }

    /// Takes what is first of nothing.
    #[node]
    fn head(&self, array: NdArray<f64>) -> f64 {
        array.data()[0]
    }

    /// Believes that arrays have one axis.
    #[node]
    fn length(&self, array: NdArray<f64>) -> usize {
        match array.shape() {
            [length] => *length,
            other => panic!("the shape is {other:?}"),
        }
    }

    /// Believes that the first of two places comes first.
    #[node]
    fn between(&self, first: u8, last: u8) -> usize {
        let all = [0; 256];
        black_box(&all)[usize::from(first)..usize::from(last)].len()
    }

    /// Believes that a character is a byte.
    #[node]
    fn initial(&self, text: String) -> String {
        text[..1].to_owned()
    }
}

/// An input is declared as something else than the code takes.
#[derive(Default)]
pub struct Declared;

#[external_worker(id = "declared")]
impl Declared {
    /// Takes a code, and says that it takes any text.
    #[node]
    fn double(&self, n: String) -> Result<i64> {
        match n
            .strip_prefix("N-")
            .and_then(|digits| digits.parse::<i64>().ok())
        {
            Some(number) => Ok(number.wrapping_mul(2)),
            None => Err(Error::invalid_input("a code is `N-` and a number")),
        }
    }
}

/// Its loop never ends well.
#[derive(Default)]
pub struct Failing;

#[external_worker(id = "failing")]
impl Failing {
    async fn r#loop(&self) -> Result<()> {
        Err("nobody wrote this part".into())
    }
}

/// Its loop never gives way.
#[derive(Default)]
pub struct Spinning;

#[external_worker(id = "spinning")]
impl Spinning {
    async fn r#loop(&self) {
        loop {
            black_box(());
        }
    }

    /// Is as it should be.
    #[node]
    fn one(&self) -> i64 {
        1
    }
}

/// Its loop keeps a little of each turn.
#[derive(Default)]
pub struct LeakingTurns {
    kept: State<Vec<Vec<u8>>>,
}

#[external_worker(id = "leaking_turns")]
impl LeakingTurns {
    async fn r#loop(&self) {
        self.kept.update(|kept| kept.push(vec![1; 10_000]));
    }
}

/// A method keeps very little of each call, and another one nothing.
#[derive(Default)]
pub struct LeakingCalls {
    kept: State<Vec<Vec<u8>>>,
}

#[external_worker(id = "leaking_calls")]
impl LeakingCalls {
    /// Keeps a note.
    #[node]
    fn note(&self) -> usize {
        self.kept.update(|kept| {
            kept.push(vec![1; 100]);
            kept.len()
        })
    }

    /// Keeps nothing.
    #[node]
    fn pass(&self, value: i64) -> i64 {
        value
    }
}

/// What it talks to is not there.
#[derive(Default)]
pub struct Lonely;

#[external_worker(id = "lonely")]
impl Lonely {
    /// Asks somebody who never answers.
    #[node]
    fn ask(&self, question: String) -> Result<String> {
        let _ = question;
        Err(Error::unavailable("the instrument is not there"))
    }

    /// Needs nobody.
    #[node]
    fn name(&self) -> String {
        "lonely".to_owned()
    }
}

export!(
    Fine,
    Panicking,
    Declared,
    Failing,
    Spinning,
    LeakingTurns,
    LeakingCalls,
    Lonely,
);
