//! A component with simulated devices for all that it requests: what configurations name, by the defaults
//! of its classes.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::script::{Script, Scripted};
use super::{Behaviour, Simulation};
use crate::component::{LoadedComponent, PreparedComponent};
use crate::error::{HostError, Result};
use crate::executor::Executor;
use crate::limits::Budget;

/// A component on the bench: its simulated devices.
#[derive(Debug)]
pub struct Bench {
    simulation: Simulation,
}

impl Bench {
    /// Simulates what `component`, which describes itself within `budget`, requests; see [`Simulation::begin`].
    /// `executor` runs the devices, and its instances.
    ///
    /// # Errors
    /// When the component cannot be asked what its configurations are, or the machine gives no devices.
    pub async fn new(
        component: &LoadedComponent,
        budget: &Budget,
        others: Option<Behaviour>,
        script: Script,
        seed: u64,
        executor: &Executor,
    ) -> Result<Self> {
        let classes = component.describe(budget).await?;
        let defaults = classes.iter().map(|class| class.config.defaults());
        let defaults: Vec<_> = defaults
            .map(|it| it.unwrap_or_else(|_| no_config()))
            .collect();
        let requests = component.manifest().requests.keys().copied();
        let simulation =
            Simulation::begin(others, script, seed, requests, &defaults, executor).await;
        let simulation = simulation.map_err(|error| HostError::Capability {
            capability: "simulated devices",
            problem: error.to_string(),
        })?;
        Ok(Self { simulation })
    }

    /// What the script says, at work.
    pub fn scripted(&self) -> &Scripted {
        self.simulation.scripted()
    }

    /// Makes the component ready for instances among the devices, which are granted.
    ///
    /// # Errors
    /// Those of [`LoadedComponent::prepare`].
    pub async fn prepare(
        &self,
        component: &Arc<LoadedComponent>,
        budget: Budget,
    ) -> Result<PreparedComponent> {
        let policy = self.simulation.policy(budget);
        let prepared = Arc::clone(component).prepare(&policy).await?;
        let engine = self.simulation.among(prepared.engine());
        Ok(prepared.on(engine))
    }
}

/// No configuration of its own.
pub(crate) fn no_config() -> Json {
    Json::Object(Map::new())
}
