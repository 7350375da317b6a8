//! What the host gives every worker. Outside of a host, on the author's own machine, there is a
//! stand-in, so that workers can be built and tested there.

pub(crate) use self::imp::*;
pub(crate) use crate::bindings::funcnodes::external_worker::host::Level;

#[cfg(target_family = "wasm")]
mod imp {
    use crate::bindings::funcnodes::external_worker::{host, timer};
    use crate::error::Result;
    use crate::value::Value;

    pub(crate) use host::{log, panicked, pause, resume_in, set_loop_delay, stop_self};
    pub(crate) use timer::sleep;

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
        pub(crate) fn set_value(&self, input: &str, value: Value) -> Result<()> {
            self.0.set_value(input, &value).map_err(Into::into)
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
    use super::Level;
    use crate::error::Result;
    use crate::value::Value;

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
    }
    pub(crate) fn panicked(message: &str) {
        asked("panicked", (message,));
    }
    pub(crate) fn emit(event: &str, data: &str) -> Result<()> {
        asked("emit", (event, data));
        Ok(())
    }
    pub(crate) async fn sleep(ms: u32) {
        asked("sleep", (ms,));
        let mut slept = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut slept, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }
    pub(crate) fn set_loop_delay(ms: u32) {
        asked("set_loop_delay", (ms,));
    }
    pub(crate) fn pause() {
        asked("pause", ());
    }
    pub(crate) fn resume_in(ms: u32) {
        asked("resume_in", (ms,));
    }
    pub(crate) fn stop_self() {
        asked("stop_self", ());
    }
    pub(crate) fn request_trigger(method: &str) -> Result<()> {
        asked("request_trigger", (method,));
        Ok(())
    }
    pub(crate) fn nodes(method: &str) -> Result<Vec<crate::method::Node>> {
        asked("nodes", (method,));
        Ok(vec![crate::method::Node(NodeHandle)])
    }
    pub(crate) fn node_class(method: &str) -> Result<NodeClassHandle> {
        asked("node_class", (method,));
        Ok(NodeHandle)
    }

    /// The one node that there is of every method.
    pub(crate) struct NodeHandle;

    impl NodeHandle {
        pub(crate) fn id(&self) -> String {
            "node".into()
        }
        pub(crate) fn set_value(&self, input: &str, value: Value) -> Result<()> {
            asked("set_value", (input, value));
            Ok(())
        }
        pub(crate) fn set_default(&self, input: &str, value: Option<Value>) -> Result<()> {
            asked("set_default", (input, value));
            Ok(())
        }
        pub(crate) fn set_value_options(&self, input: &str, options: &str) -> Result<()> {
            asked("set_value_options", (input, options));
            Ok(())
        }
        pub(crate) fn set_render_options(&self, input: &str, options: &str) -> Result<()> {
            asked("set_render_options", (input, options));
            Ok(())
        }
    }

    pub(crate) type NodeClassHandle = NodeHandle;
}
