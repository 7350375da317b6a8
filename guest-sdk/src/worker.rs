//! What the macro makes of a type, and the same without its type.
#![allow(missing_docs, reason = "reached by the macros only")]

use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::bindings::funcnodes::external_worker::types::{Shelf as WitShelf, WorkerClass};
use crate::context::Context;
use crate::describe::{Inputs, Outputs};
use crate::error::{Error, Result};
use crate::shelf::Shelf;

/// A future of the one thread that a component has.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A node at work.
pub type Calling<'a> = BoxFuture<'a, Result<Outputs>>;

/// The configuration of a worker that has nothing to configure.
#[crate::config]
#[derive(Debug, Default)]
pub struct NoConfig {}

/// An external worker class; `#[external_worker]` implements it, and `#[node_library]` does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an external worker",
    label = "has no impl block with #[external_worker(..)]",
    note = "put #[external_worker(id = \"my_worker\")] on `impl {Self} {{ .. }}`"
)]
pub trait Worker: Sized + 'static {
    /// What the user can set.
    type Config: DeserializeOwned + schemars::JsonSchema + 'static;
    /// NODECLASSID.
    const CLASS_ID: &'static str;
    /// Whether the class has the hooks `save` and `restore`.
    const KEEPS_STATE: bool = false;
    /// Whether the class is a node library: `call` answers the nodes of its `shelves` too, by their paths.
    const IS_LIBRARY: bool = false;

    fn class() -> WorkerClass;

    fn start(context: Context<Self::Config>) -> BoxFuture<'static, Result<Self>>;

    fn turn(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn config_updated(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn shelf(&self) -> Result<Option<Shelf>> {
        Ok(None)
    }

    /// The shelves of a library.
    fn shelves() -> Vec<WitShelf> {
        Vec::new()
    }

    fn stopped(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn saved(&self) -> BoxFuture<'_, Result<Vec<u8>>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn restored(&self, _state: Vec<u8>) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Err(Error::unavailable(format!(
            "the class {} keeps no state",
            Self::CLASS_ID
        )))))
    }

    /// None: there is no such node.
    fn call<'a>(&'a self, node: &str, inputs: Inputs) -> Option<Calling<'a>>;
}

/// A running worker of any class.
pub(crate) trait Instance {
    fn turn(&self) -> BoxFuture<'_, Result<()>>;
    fn config_updated(&self) -> BoxFuture<'_, Result<()>>;
    fn shelf(&self) -> Result<Option<Shelf>>;
    /// The shelves of a library; `None`: it is none.
    fn library_shelves(&self) -> Option<Vec<WitShelf>>;
    fn is_library(&self) -> bool;
    fn stopped(&self) -> BoxFuture<'_, Result<()>>;
    fn saved(&self) -> BoxFuture<'_, Result<Vec<u8>>>;
    fn restored(&self, state: Vec<u8>) -> BoxFuture<'_, Result<()>>;
    fn call<'a>(&'a self, node: &str, inputs: Inputs) -> Option<Calling<'a>>;
    fn parse_config(&self, json: &str) -> Result<Rc<dyn std::any::Any>>;
    fn loop_delay(&self) -> u32;
    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any>;
}

impl<W: Worker> Instance for W {
    fn turn(&self) -> BoxFuture<'_, Result<()>> {
        Worker::turn(self)
    }
    fn config_updated(&self) -> BoxFuture<'_, Result<()>> {
        Worker::config_updated(self)
    }
    fn shelf(&self) -> Result<Option<Shelf>> {
        Worker::shelf(self)
    }
    fn library_shelves(&self) -> Option<Vec<WitShelf>> {
        W::IS_LIBRARY.then(W::shelves)
    }
    fn is_library(&self) -> bool {
        W::IS_LIBRARY
    }
    fn stopped(&self) -> BoxFuture<'_, Result<()>> {
        Worker::stopped(self)
    }
    fn saved(&self) -> BoxFuture<'_, Result<Vec<u8>>> {
        Worker::saved(self)
    }
    fn restored(&self, state: Vec<u8>) -> BoxFuture<'_, Result<()>> {
        Worker::restored(self, state)
    }
    fn call<'a>(&'a self, node: &str, inputs: Inputs) -> Option<Calling<'a>> {
        Worker::call(self, node, inputs)
    }
    fn parse_config(&self, json: &str) -> Result<Rc<dyn std::any::Any>> {
        parse_config::<W>(json).map(|config| config as Rc<dyn std::any::Any>)
    }
    fn loop_delay(&self) -> u32 {
        W::class().loop_delay_ms
    }
    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

fn parse_config<W: Worker>(json: &str) -> Result<Rc<W::Config>> {
    serde_json::from_str(json).map(Rc::new).map_err(|error| {
        Error::invalid_config(format!("the configuration of {}: {error}", W::CLASS_ID))
    })
}

/// A class in the list that a component exports.
pub struct ClassEntry {
    pub(crate) id: &'static str,
    keeps_state: bool,
    pub(crate) describe: fn() -> WorkerClass,
    pub(crate) start: fn(&str) -> Result<Starting>,
}

impl ClassEntry {
    pub const fn of<W: Worker>() -> Self {
        Self {
            id: W::CLASS_ID,
            keeps_state: W::KEEPS_STATE,
            describe: W::class,
            start: start::<W>,
        }
    }
}

/// A worker that acquires what it needs.
pub(crate) type Starting = BoxFuture<'static, Result<Rc<dyn Instance>>>;

fn start<W: Worker>(config: &str) -> Result<Starting> {
    let config = parse_config::<W>(config)?;
    crate::export::set_config(Rc::clone(&config) as Rc<dyn std::any::Any>);
    Ok(Box::pin(async move {
        let worker = W::start(Context::new(config)).await?;
        Ok(Rc::new(worker) as Rc<dyn Instance>)
    }))
}

/// Two classes of one id would hide each other, so `export!` does not compile.
#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "runs only while compiling"
)]
pub const fn check_ids(classes: &[ClassEntry]) {
    let mut i = 0;
    while i < classes.len() {
        let mut j = i + 1;
        while j < classes.len() {
            if same(classes[i].id, classes[j].id) {
                panic!("two classes of this component have the same id");
            }
            j += 1;
        }
        i += 1;
    }
}

/// Hooks that the host cannot reach would lose the state without a word, so `export!` does not
/// compile; nor does it where it exports hooks that are not there.
#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "runs only while compiling"
)]
pub const fn check_state(classes: &[ClassEntry], exported: bool) {
    let mut kept = false;
    let mut i = 0;
    while i < classes.len() {
        kept = kept || classes[i].keeps_state;
        i += 1;
    }
    if kept && !exported {
        panic!("a class has the hooks save and restore: export them with export!(MyWorker; state)");
    }
    if exported && !kept {
        panic!("`state` is exported, but no class has the hooks save and restore");
    }
}

#[expect(clippy::indexing_slicing, reason = "runs only while compiling")]
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// What a hook may return: nothing, or a `Result` of nothing.
#[diagnostic::on_unimplemented(
    message = "a hook returns nothing or Result<()>, not `{Self}`",
    label = "has to return nothing or Result<()>"
)]
pub trait HookResult {
    fn into_result(self) -> Result<()>;
}

impl HookResult for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl<E: Into<Error>> HookResult for Result<(), E> {
    fn into_result(self) -> Result<()> {
        self.map_err(Into::into)
    }
}

/// What `save` may return.
#[diagnostic::on_unimplemented(
    message = "save returns the state as Vec<u8> or Result<Vec<u8>>, not `{Self}`",
    label = "has to return Vec<u8> or Result<Vec<u8>>"
)]
pub trait SavedState {
    fn into_state(self) -> Result<Vec<u8>>;
}

impl SavedState for Vec<u8> {
    fn into_state(self) -> Result<Vec<u8>> {
        Ok(self)
    }
}

impl<E: Into<Error>> SavedState for Result<Vec<u8>, E> {
    fn into_state(self) -> Result<Vec<u8>> {
        self.map_err(Into::into)
    }
}

/// What `start` may return: the worker, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "start returns the worker or a Result of it, not `{Self}`",
    label = "has to return Self or Result<Self>"
)]
pub trait Started<W> {
    fn started(self) -> Result<W>;
}

impl<W: Worker> Started<W> for W {
    fn started(self) -> Result<W> {
        Ok(self)
    }
}

impl<W: Worker, E: Into<Error>> Started<W> for Result<W, E> {
    fn started(self) -> Result<W> {
        self.map_err(Into::into)
    }
}

/// What `get_nodeshelf` may return.
#[diagnostic::on_unimplemented(
    message = "get_nodeshelf returns Option<Shelf>, not `{Self}`",
    label = "has to return Option<Shelf> or Result<Option<Shelf>>"
)]
pub trait ShelfResult {
    fn into_shelf(self) -> Result<Option<Shelf>>;
}

impl ShelfResult for Option<Shelf> {
    fn into_shelf(self) -> Result<Option<Shelf>> {
        Ok(self)
    }
}

impl ShelfResult for Shelf {
    fn into_shelf(self) -> Result<Option<Shelf>> {
        Ok(Some(self))
    }
}

impl<E: Into<Error>> ShelfResult for Result<Option<Shelf>, E> {
    fn into_shelf(self) -> Result<Option<Shelf>> {
        self.map_err(Into::into)
    }
}
