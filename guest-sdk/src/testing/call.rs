//! A call of a node: what goes in, and what comes out.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use serde_json::Value as JsonValue;

use super::clock::{self, block_on};
use crate::error::{Error, Result};
use crate::value::{FromPort, Value, json_from_value, value_from_json};

#[derive(Default)]
struct Answer {
    outputs: RefCell<Option<Result<Outputs>>>,
    reader: RefCell<Option<Waker>>,
}

impl Answer {
    fn give(&self, outputs: Result<Outputs>) {
        self.outputs.replace(Some(outputs));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// A call under way.
pub struct OpenCall {
    answer: Rc<Answer>,
    cancel: Box<dyn Fn()>,
}

impl OpenCall {
    /// Lets `calling` go on in the background; `cancel` asks it to end.
    pub(super) fn begin(
        calling: impl Future<Output = Result<Vec<(String, Value)>>> + 'static,
        cancel: impl Fn() + 'static,
    ) -> Self {
        let answer: Rc<Answer> = Rc::default();
        let answered = Rc::clone(&answer);
        clock::spawn(async move { answered.give(calling.await.map(Outputs)) });
        let cancel = Box::new(cancel);
        Self { answer, cancel }
    }

    /// Whether there is an answer.
    pub fn is_done(&self) -> bool {
        self.answer.outputs.borrow().is_some()
    }

    /// Asks the call to end soon, as a host does whose client has left.
    pub fn cancel(&self) {
        (self.cancel)();
    }

    /// Waits for the outputs.
    ///
    /// # Errors
    /// What the node returned.
    pub fn finish(self) -> Result<Outputs> {
        block_on(poll_fn(|cx| match self.answer.outputs.take() {
            Some(outputs) => Poll::Ready(outputs),
            None => {
                self.answer.reader.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }))
    }
}

/// What a node returned, by the names of its outputs.
#[derive(Clone, Debug)]
pub struct Outputs(Vec<(String, Value)>);

impl Outputs {
    pub(super) fn new(outputs: Vec<(String, Value)>) -> Self {
        Self(outputs)
    }

    /// One of them, as a Rust type.
    ///
    /// # Errors
    /// When there is no such output, or it is of another type.
    pub fn get<T: FromPort>(&self, output: &str) -> Result<T> {
        let found = self.0.iter().find(|(name, _)| name == output);
        let Some((_, value)) = found else {
            let names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::invalid_input(format!(
                "there is no output {output:?}; outputs: {}",
                names.join(", ")
            )));
        };
        T::from_value(value.clone())
    }

    /// The only one there is, as a Rust type.
    ///
    /// # Errors
    /// When there are several or none, or it is of another type.
    pub fn one<T: FromPort>(&self) -> Result<T> {
        match &*self.0 {
            [(_, value)] => T::from_value(value.clone()),
            others => Err(Error::invalid_input(format!(
                "the node has {} outputs, not one",
                others.len()
            ))),
        }
    }

    /// All of them, as they are.
    pub fn values(&self) -> &[(String, Value)] {
        &self.0
    }

    /// All of them as JSON; bytes are base64, and an array is a list.
    ///
    /// # Errors
    /// When JSON cannot say one of them.
    pub fn json(&self) -> Result<JsonValue> {
        let entry =
            |(name, value): &(String, Value)| Ok((name.clone(), json_from_value(value.clone())?));
        self.0
            .iter()
            .map(entry)
            .collect::<Result<_>>()
            .map(JsonValue::Object)
    }
}

/// What a call can be given: a JSON object, or names and values where JSON is not enough.
pub trait CallInputs {
    /// The inputs by their names.
    ///
    /// # Errors
    /// When this is no set of inputs.
    fn into_inputs(self) -> Result<Vec<(String, Value)>>;
}

impl CallInputs for () {
    fn into_inputs(self) -> Result<Vec<(String, Value)>> {
        Ok(Vec::new())
    }
}

impl CallInputs for JsonValue {
    fn into_inputs(self) -> Result<Vec<(String, Value)>> {
        let JsonValue::Object(inputs) = self else {
            let text = "inputs are a JSON object, such as json!({\"n\": 1})";
            return Err(Error::invalid_input(text));
        };
        let inputs = inputs.into_iter();
        Ok(inputs
            .map(|(name, json)| (name, value_from_json(json)))
            .collect())
    }
}

impl<const N: usize> CallInputs for [(&str, Value); N] {
    fn into_inputs(self) -> Result<Vec<(String, Value)>> {
        let inputs = self.into_iter();
        Ok(inputs
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }
}
