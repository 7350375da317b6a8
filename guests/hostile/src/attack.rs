//! What an attack is: hooks of a worker, each of which does nothing unless the attack says so.
//!
//! There is one class for all of them, and its configuration says which attack an instance is: as
//! classes of their own they would be more than a component may have.

#![allow(dead_code, reason = "each attack takes what it needs")]

use std::pin::Pin;

pub use external_worker::bindings::exports::funcnodes::external_worker::worker::{self, Shelf};
pub use external_worker::bindings::funcnodes::external_worker::host as raw;
pub use external_worker::bindings::funcnodes::external_worker::timer;
pub use external_worker::bindings::funcnodes::external_worker::types::{
    Dtype, Media, Ndarray, NodeClass, Port, Value,
};
pub use external_worker::{Error, Result, Trigger};

/// The outputs of a call.
pub type Outputs = Vec<(String, Value)>;

/// One attack.
pub trait Attack: 'static {
    async fn start() -> Result {
        Ok(())
    }
    async fn turn() -> Result {
        Ok(())
    }
    async fn update_config() -> Result {
        Ok(())
    }
    fn shelves() -> Option<Vec<Shelf>> {
        None
    }
    /// A call that answers with a text; `to` is what the test wants to be attacked, if it has a choice.
    async fn call(_to: String) -> Result<String> {
        Ok(String::new())
    }
    /// A call that answers with anything.
    async fn answer(to: String) -> Result<Outputs> {
        let text = Self::call(to).await?;
        Ok(vec![("out".to_owned(), Value::Text(text))])
    }
    fn cancel() {}
    async fn stop() {}
}

/// The one item of the file of an attack: its hooks.
#[macro_export]
macro_rules! attack {
    ($($hooks:tt)*) => {
        pub struct It;
        impl $crate::attack::Attack for It { $($hooks)* }
    };
}

/// Something that a hook does.
pub type Doing<T> = Pin<Box<dyn Future<Output = T>>>;

/// An [`Attack`] that is only known when it runs.
pub trait Hooks {
    fn start(&self) -> Doing<Result>;
    fn turn(&self) -> Doing<Result>;
    fn update_config(&self) -> Doing<Result>;
    fn shelves(&self) -> Option<Vec<Shelf>>;
    fn answer(&self, to: String) -> Doing<Result<Outputs>>;
    fn cancel(&self);
    fn stop(&self) -> Doing<()>;
}

impl<A: Attack> Hooks for A {
    fn start(&self) -> Doing<Result> {
        Box::pin(A::start())
    }
    fn turn(&self) -> Doing<Result> {
        Box::pin(A::turn())
    }
    fn update_config(&self) -> Doing<Result> {
        Box::pin(A::update_config())
    }
    fn shelves(&self) -> Option<Vec<Shelf>> {
        A::shelves()
    }
    fn answer(&self, to: String) -> Doing<Result<Outputs>> {
        Box::pin(A::answer(to))
    }
    fn cancel(&self) {
        A::cancel();
    }
    fn stop(&self) -> Doing<()> {
        Box::pin(A::stop())
    }
}

/// Makes the component of all attacks, by group, and its manifest.
#[macro_export]
macro_rules! attacks {
    ($requests:literal: $($group:ident { $($name:ident),+ $(,)? })+) => {
        $(mod $group { $(pub mod $name;)+ })+

        fn attack(name: &str) -> &'static dyn $crate::attack::Hooks {
            match name {
                $($(concat!(stringify!($group), "/", stringify!($name)) => &$group::$name::It,)+)+
                _ => &$crate::attack::Nothing,
            }
        }

        #[cfg(target_family = "wasm")]
        const MANIFEST: &str = concat!(
            r#"{"version":1,"name":""#, env!("CARGO_PKG_NAME"), r#"","requests":"#, $requests, "}",
        );

        #[cfg(target_family = "wasm")]
        #[used]
        #[unsafe(link_section = "external-worker:manifest")]
        static SECTION: [u8; MANIFEST.len()] = {
            let mut bytes = [0; MANIFEST.len()];
            bytes.copy_from_slice(MANIFEST.as_bytes());
            bytes
        };

        struct Component;

        impl $crate::attack::worker::Guest for Component {
            fn describe() -> Vec<$crate::attack::worker::WorkerClass> {
                vec![$crate::attack::class()]
            }
            async fn start(
                _class: String,
                _instance: $crate::attack::worker::InstanceInfo,
                config: String,
            ) -> Result<(), $crate::attack::worker::Error> {
                // {"attack":"cpu/spin_call"}
                let name = config.split('"').nth(3).unwrap_or_default();
                ATTACK.set(attack(name));
                ATTACK.get().start().await.map_err(Into::into)
            }
            async fn loop_() -> Result<(), $crate::attack::worker::Error> {
                ATTACK.get().turn().await.map_err(Into::into)
            }
            async fn update_config(_config: String) -> Result<(), $crate::attack::worker::Error> {
                ATTACK.get().update_config().await.map_err(Into::into)
            }
            fn get_nodeshelf() -> Option<Vec<$crate::attack::Shelf>> {
                ATTACK.get().shelves()
            }
            async fn call(
                call: $crate::attack::worker::CallInfo,
                mut inputs: $crate::attack::Outputs,
            ) -> Result<$crate::attack::Outputs, $crate::attack::worker::Error> {
                if call.node == "ping" {
                    return Ok(Vec::new());
                }
                let to = match inputs.pop() {
                    Some((_, $crate::attack::Value::Text(to))) => to,
                    _ => String::new(),
                };
                ATTACK.get().answer(to).await.map_err(Into::into)
            }
            fn cancel(_id: u64) {
                ATTACK.get().cancel();
            }
            async fn stop() {
                ATTACK.get().stop().await;
            }
        }

        thread_local! {
            static ATTACK: std::cell::Cell<&'static dyn $crate::attack::Hooks> =
                const { std::cell::Cell::new(&$crate::attack::Nothing) };
        }

        #[cfg(target_family = "wasm")]
        external_worker::bindings::export!(Component with_types_in external_worker::bindings);
        // Elsewhere nothing is exported, but all of it is checked.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> Vec<$crate::attack::worker::WorkerClass> =
            <Component as $crate::attack::worker::Guest>::describe;
    };
}

/// No attack at all.
pub struct Nothing;

impl Attack for Nothing {}

/// The class of all attacks.
pub fn class() -> worker::WorkerClass {
    worker::WorkerClass {
        class_id: "hostile".to_owned(),
        title: "Hostile".to_owned(),
        description: None,
        config_schema: r#"{"type":"object","properties":{"attack":{"type":"string"}}}"#.to_owned(),
        ui_schema: None,
        export_exclude: Vec::new(),
        loop_delay_ms: 3_600_000,
        is_library: false,
        methods: methods(),
    }
}

/// A node class.
pub fn node(name: &str, inputs: Vec<Port>) -> NodeClass {
    NodeClass {
        name: name.to_owned(),
        title: None,
        description: None,
        inputs,
        outputs: Vec::new(),
        render_options: None,
        trigger_on_call: Some(false),
        timeout_ms: None,
    }
}

/// An input.
pub fn port(name: &str) -> Port {
    Port {
        name: name.to_owned(),
        type_: "\"str\"".to_owned(),
        description: None,
        default: None,
        required: false,
        does_trigger: false,
        hidden: false,
        value_options: None,
        render_options: None,
    }
}

fn methods() -> Vec<NodeClass> {
    let wide: Vec<_> = (0..WIDE).map(|n| any(&format!("p{n}"))).collect();
    let attack = NodeClass {
        outputs: vec![any("out")],
        ..node("attack", vec![port("to")])
    };
    let others = WIDES.map(|name| node(name, wide.clone()));
    [attack, node("ping", Vec::new())]
        .into_iter()
        .chain(others)
        .collect()
}

/// An input or an output of any type.
pub fn any(name: &str) -> Port {
    Port {
        type_: "\"any\"".to_owned(),
        ..port(name)
    }
}

/// Methods that have many inputs.
pub const WIDES: [&str; 6] = ["wide", "wide1", "wide2", "wide3", "wide4", "wide5"];
/// How many.
pub const WIDE: u32 = 200;

/// At most so many bytes of JSON that are objects of four bytes: what is short as text is long as a tree.
pub fn objects(bytes: usize) -> String {
    list(r#"{"":0}"#, bytes)
}

/// At most so many bytes of JSON that are a list of `item`.
pub fn list(item: &str, bytes: usize) -> String {
    let mut list = String::with_capacity(bytes);
    list.push('[');
    list.push_str(item);
    while list.len() + item.len() + 2 <= bytes {
        list.push(',');
        list.push_str(item);
    }
    list.push(']');
    list
}

/// A shelf.
pub fn shelf(name: &str, parent: Option<u32>) -> Shelf {
    Shelf {
        name: name.to_owned(),
        description: None,
        parent,
        nodes: Vec::new(),
    }
}

/// An output.
pub fn out(value: Value) -> Result<Outputs> {
    Ok(vec![("out".to_owned(), value)])
}

/// Media.
pub fn media(media_type: &str, data: Vec<u8>) -> Value {
    let media_type = media_type.to_owned();
    Value::Media(Media { media_type, data })
}

/// Uses the processor and never gives it back.
pub fn spin() -> ! {
    loop {
        work(1_000_000);
    }
}

/// Uses the processor for `turns` of a small loop.
pub fn work(turns: u64) {
    for n in 0..turns {
        std::hint::black_box(n);
    }
}

/// Waits for longer than anybody would.
pub async fn hours() {
    timer::sleep(24 * 3_600_000).await;
}

/// Counts how often `take` gives something, and keeps it; says why there was no more.
pub fn hoard<T>(most: usize, mut take: impl FnMut() -> Result<T>) -> String {
    let mut held = Vec::new();
    while held.len() < most {
        match take() {
            Ok(one) => held.push(one),
            Err(error) => return format!("{} and {:?}", held.len(), error.code()),
        }
    }
    format!("{most} and no end")
}
