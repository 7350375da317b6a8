//! What the host gives every worker. Outside of a host, on the author's own machine, the bench of a test
//! stands in, which keeps what the worker said.

pub(crate) use self::imp::*;
pub(crate) use crate::bindings::funcnodes::external_worker::host::Level;
pub use crate::bindings::funcnodes::external_worker::host::Trigger;

#[cfg(target_family = "wasm")]
mod imp {
    use super::Trigger;
    use crate::bindings::funcnodes::external_worker::{host, timer};
    use crate::error::Result;
    use crate::value::Value;

    pub(crate) use host::{log, panicked, pause, progress, resume_in, set_loop_delay, stop_self};
    pub(crate) use timer::sleep;

    pub(crate) fn name() -> std::rc::Rc<str> {
        host::name().into()
    }

    pub(crate) fn set_config(config: &str) -> Result<()> {
        host::set_config(config).map_err(Into::into)
    }

    pub(crate) fn emit(event: &str, data: &str) -> Result<()> {
        host::emit(event, data).map_err(Into::into)
    }

    pub(crate) fn request_trigger(method: &str) -> Result<()> {
        host::request_trigger(method).map_err(Into::into)
    }

    pub(crate) fn nodes(method: &str) -> Result<Vec<crate::method::Node>> {
        let nodes = host::nodes(method)?;
        Ok(nodes
            .into_iter()
            .map(|node| crate::method::Node(NodeHandle(node)))
            .collect())
    }

    pub(crate) fn node_class(method: &str) -> Result<NodeClassHandle> {
        Ok(NodeClassHandle(host::get_node_class(method)?))
    }

    pub(crate) struct NodeHandle(host::Node);

    impl NodeHandle {
        pub(crate) fn id(&self) -> String {
            self.0.id()
        }
        pub(crate) fn value(&self, input: &str) -> Result<Value> {
            self.0.value(input).map_err(Into::into)
        }
        pub(crate) fn set_value(&self, input: &str, value: Value, trigger: Trigger) -> Result<()> {
            self.0.set_value(input, &value, trigger).map_err(Into::into)
        }
        pub(crate) fn set_default(&self, input: &str, value: Option<Value>) -> Result<()> {
            self.0
                .set_default(input, value.as_ref())
                .map_err(Into::into)
        }
        pub(crate) fn set_value_options(&self, input: &str, options: &str) -> Result<()> {
            self.0.set_value_options(input, options).map_err(Into::into)
        }
        pub(crate) fn set_render_options(&self, input: &str, options: &str) -> Result<()> {
            self.0
                .set_render_options(input, options)
                .map_err(Into::into)
        }
    }

    pub(crate) struct NodeClassHandle(host::NodeClassHandle);

    impl NodeClassHandle {
        pub(crate) fn value(&self, input: &str) -> Result<Value> {
            self.0.value(input).map_err(Into::into)
        }
        pub(crate) fn set_value(&self, input: &str, value: Value, trigger: Trigger) -> Result<()> {
            self.0.set_value(input, &value, trigger).map_err(Into::into)
        }
        pub(crate) fn set_default(&self, input: &str, value: Option<Value>) -> Result<()> {
            self.0
                .set_default(input, value.as_ref())
                .map_err(Into::into)
        }
        pub(crate) fn set_value_options(&self, input: &str, options: &str) -> Result<()> {
            self.0.set_value_options(input, options).map_err(Into::into)
        }
        pub(crate) fn set_render_options(&self, input: &str, options: &str) -> Result<()> {
            self.0
                .set_render_options(input, options)
                .map_err(Into::into)
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod imp {
    use std::time::Duration;

    use super::{Level, Trigger};
    use crate::error::Result;
    use crate::testing::bench::{Event, current};
    use crate::testing::clock::{self, Sleep};
    use crate::testing::node::InputChanges;
    use crate::value::{Value, json_from_value, value_from_json};

    #[cfg(test)]
    thread_local! {
        static ASKED: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
    }

    /// The SDK's own tests look at it; elsewhere nobody would ever empty the list.
    fn asked(what: &str, args: impl std::fmt::Debug) {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| asked.push(format!("{what}{args:?}")));
        let _ = (what, args);
    }

    /// What the worker asked of its host since the last time, one line each.
    #[cfg(test)]
    pub(crate) fn take_asked() -> Vec<String> {
        ASKED.take()
    }

    pub(crate) fn log(level: Level, message: &str) {
        asked("log", (level, message));
        current().logged(level, message);
    }
    pub(crate) fn panicked(message: &str) {
        asked("panicked", (message,));
    }
    pub(crate) fn progress(call: u64, fraction: f64, message: &str) {
        asked("progress", (call, fraction, message));
        let said = (fraction, message.to_owned());
        current().progress.borrow_mut().push(said);
    }
    pub(crate) fn name() -> std::rc::Rc<str> {
        crate::export::info().name
    }
    #[expect(clippy::unnecessary_wraps, reason = "the host may refuse it")]
    pub(crate) fn set_config(config: &str) -> Result<()> {
        asked("set_config", (config,));
        Ok(())
    }
    pub(crate) fn emit(event: &str, data: &str) -> Result<()> {
        asked("emit", (event, data));
        let (name, data) = (event.to_owned(), serde_json::from_str(data)?);
        current().events.borrow_mut().push(Event { name, data });
        Ok(())
    }
    pub(crate) async fn sleep(ms: u32) {
        asked("sleep", (ms,));
        Sleep::new(Duration::from_millis(ms.into())).await;
    }
    pub(crate) fn set_loop_delay(ms: u32) {
        asked("set_loop_delay", (ms,));
        let bench = current();
        bench.delay.set(Some(Duration::from_millis(ms.into())));
        bench.loop_changed();
    }
    pub(crate) fn pause() {
        asked("pause", ());
        let bench = current();
        bench.pause.set(Some(Duration::MAX));
        bench.loop_changed();
    }
    pub(crate) fn resume_in(ms: u32) {
        asked("resume_in", (ms,));
        let until = clock::now() + Duration::from_millis(ms.into());
        let bench = current();
        bench.pause.set(Some(until));
        bench.loop_changed();
    }
    pub(crate) fn stop_self() {
        asked("stop_self", ());
        current().stops.set(true);
    }
    pub(crate) fn request_trigger(method: &str) -> Result<()> {
        asked("request_trigger", (method,));
        current().triggered.borrow_mut().push(method.to_owned());
        Ok(())
    }
    pub(crate) fn nodes(method: &str) -> Result<Vec<crate::method::Node>> {
        asked("nodes", (method,));
        let of = NodeHandle::new(method, Some(NODE));
        Ok(vec![crate::method::Node(of)])
    }
    pub(crate) fn node_class(method: &str) -> Result<NodeClassHandle> {
        asked("node_class", (method,));
        Ok(NodeHandle::new(method, None))
    }

    /// The id of the one node that there is of every method.
    pub(crate) const NODE: &str = "node";

    /// A node, or with no id the class of those yet to be made.
    pub(crate) struct NodeHandle {
        method: String,
        id: Option<&'static str>,
    }

    impl NodeHandle {
        fn new(method: &str, id: Option<&'static str>) -> Self {
            let method = method.to_owned();
            Self { method, id }
        }
        fn change(&self, input: &str, change: impl FnOnce(&mut InputChanges)) {
            let bench = current();
            let mut nodes = bench.nodes.borrow_mut();
            let key = (self.method.clone(), self.id.is_some());
            let inputs = nodes.entry(key).or_default();
            change(inputs.entry(input.to_owned()).or_default());
        }
        pub(crate) fn id(&self) -> String {
            NODE.into()
        }
        /// What was set, or the default that was.
        pub(crate) fn value(&self, input: &str) -> Result<Value> {
            let bench = current();
            let nodes = bench.nodes.borrow();
            let key = (self.method.clone(), self.id.is_some());
            let changes = nodes.get(&key).and_then(|inputs| inputs.get(input));
            let value = changes.and_then(|changes| {
                let default = changes.default.clone().flatten();
                changes.value.clone().or(default)
            });
            Ok(value.map_or(Value::None, value_from_json))
        }
        pub(crate) fn set_value(&self, input: &str, value: Value, trigger: Trigger) -> Result<()> {
            asked("set_value", (input, &value, trigger));
            let value = json_from_value(value)?;
            self.change(input, |changes| {
                changes.value = Some(value);
                changes.triggers = trigger == Trigger::Yes;
            });
            Ok(())
        }
        pub(crate) fn set_default(&self, input: &str, value: Option<Value>) -> Result<()> {
            asked("set_default", (input, &value));
            let value = value.map(json_from_value).transpose()?;
            self.change(input, |changes| changes.default = Some(value));
            Ok(())
        }
        pub(crate) fn set_value_options(&self, input: &str, options: &str) -> Result<()> {
            asked("set_value_options", (input, options));
            let options = serde_json::from_str(options)?;
            self.change(input, |changes| changes.value_options = Some(options));
            Ok(())
        }
        pub(crate) fn set_render_options(&self, input: &str, options: &str) -> Result<()> {
            asked("set_render_options", (input, options));
            let options = serde_json::from_str(options)?;
            self.change(input, |changes| changes.render_options = Some(options));
            Ok(())
        }
    }

    pub(crate) type NodeClassHandle = NodeHandle;
}
