//! What a worker knows of itself and may ask of its host.

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::export::{self, ConfigChanged};
use crate::host;
use crate::time::timeout;
use crate::worker::Worker;

/// Says who the instance is and how it is configured; for `start`, which has no `self` yet.
pub struct Context<C> {
    config: Rc<C>,
}

impl<C> Context<C> {
    pub(crate) fn new(config: Rc<C>) -> Self {
        Self { config }
    }

    /// The configuration, validated and complete.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// 32 hexadecimal digits, kept over restarts, export and import.
    pub fn uuid(&self) -> Rc<str> {
        export::info().uuid
    }

    /// The name that a person gave the instance.
    pub fn name(&self) -> Rc<str> {
        export::info().name
    }
}

/// What every worker can do with `self`. One component instance is one worker, so this asks for it
/// by thread and not by field.
pub trait WorkerExt: Worker {
    /// The configuration in force.
    fn config(&self) -> Rc<Self::Config> {
        export::config::<Self::Config>()
    }

    /// 32 hexadecimal digits, kept over restarts, export and import.
    fn uuid(&self) -> Rc<str> {
        export::info().uuid
    }

    /// The name of this instance now, which a person may change at any time.
    fn name(&self) -> Rc<str> {
        host::name()
    }

    /// Puts another configuration in force, which the form shows and saves keep; `update_config` is not called.
    ///
    /// ```
    /// use external_worker::prelude::*;
    ///
    /// #[config]
    /// struct Limits {
    ///     #[config(default = 10.0)]
    ///     most: f64,
    /// }
    ///
    /// #[derive(Default)]
    /// struct Supply;
    ///
    /// #[external_worker(id = "supply", config = Limits)]
    /// impl Supply {
    ///     fn update_config(&self) -> Result<()> {
    ///         // The device takes steps of a half, and the form shows what it took.
    ///         let most = (self.config().most * 2.0).round() / 2.0;
    ///         self.set_config(Limits { most })
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// When it does not fit the schema, or it is changed too often. Then the old one stays in force.
    fn set_config(&self, config: Self::Config) -> Result<()>
    where
        Self::Config: Serialize,
    {
        host::set_config(&serde_json::to_string(&config)?)?;
        export::say_config(Rc::new(config));
        Ok(())
    }

    /// Tells this instance's clients that something happened.
    fn emit(&self, event: &str, data: impl Serialize) -> Result<()> {
        host::emit(event, &serde_json::to_string(&data)?)
    }

    /// Makes the host read the shelf and the options of the nodes again: `emit("nodes_update")`.
    fn emit_nodes_update(&self) -> Result<()> {
        self.emit("nodes_update", ())
    }

    /// Changes the pause between the end of one turn of the loop and the start of the next, also of the
    /// pause that is under way.
    fn set_loop_delay(&self, delay: Duration) {
        export::set_loop_delay(millis(delay));
    }

    /// Ends the pause before the next turn of the loop. In `update_config` it makes the loop take the
    /// new configuration up at once. After a turn that failed, the loop waits longer all the same.
    fn skip_loop_delay(&self) {
        export::skip_loop_delay();
    }

    /// Waits until another configuration is in force: one that `update_config` has accepted.
    ///
    /// ```
    /// use external_worker::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Watcher;
    ///
    /// #[external_worker(id = "watcher")]
    /// impl Watcher {
    ///     async fn r#loop(&self) {
    ///         // Connected with what the configuration says, until it says something else.
    ///         self.config_changed().await;
    ///         log::info!("connecting again");
    ///     }
    /// }
    /// ```
    fn config_changed(&self) -> ConfigChanged {
        ConfigChanged::new()
    }

    /// Waits as [`sleep`](crate::sleep) does, but no longer than until another configuration is in force.
    /// Returns whether that came first.
    fn sleep_until_configured(&self, limit: Duration) -> impl Future<Output = bool> {
        let changed = self.config_changed();
        async move {
            let changed = async {
                changed.await;
                Ok(())
            };
            timeout(limit, changed).await.is_ok()
        }
    }

    /// Pauses the loop: no further turn begins until somebody resumes it.
    fn pause(&self) {
        host::pause();
    }

    /// Resumes a paused loop after a while.
    fn resume_in(&self, delay: Duration) {
        host::resume_in(millis(delay));
    }

    /// Ends this instance, as if a client had ended it.
    fn stop_self(&self) {
        host::stop_self();
    }
}

impl<W: Worker> WorkerExt for W {}

/// Rounded up: nothing happens earlier than it was asked for.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}
