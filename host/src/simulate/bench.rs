//! A component with simulated devices for all that it requests: what configurations name, by the defaults
//! of its classes.

use serde_json::{Map, Value as Json};

use super::{Behaviour, Simulation};
use crate::component::LoadedComponent;
use crate::error::{HostError, Result};
use crate::instance::description::Class;
use crate::limits::Budget;
use crate::policy::Policy;

/// A component on the bench: its simulated devices.
#[derive(Debug)]
pub struct Bench {
    simulation: Simulation,
}

impl Bench {
    /// Simulates what `component`, which describes itself within `budget`, requests; see [`Simulation`].
    ///
    /// # Errors
    /// When the component cannot be asked what its configurations are, or the machine gives no devices.
    pub async fn new(
        component: &LoadedComponent,
        budget: &Budget,
        behaviour: Behaviour,
        seed: u64,
    ) -> Result<Self> {
        let classes = component.describe(budget).await?;
        let defaults: Vec<_> = classes.iter().map(|class| defaults(class)).collect();
        let requests = component.manifest().requests.keys().copied();
        let simulation = Simulation::begin(behaviour, seed, requests, &defaults).await;
        let simulation = simulation.map_err(|error| HostError::Capability {
            capability: "simulated devices",
            problem: error.to_string(),
        })?;
        Ok(Self { simulation })
    }

    /// Grants the devices.
    pub fn policy(&self, budget: Budget) -> Policy {
        self.simulation.policy(budget)
    }

    /// `config`, completed, with the simulated server in the place of the default one.
    pub fn adapted(&self, class: &Class, config: &Json) -> Json {
        let empty = no_config();
        match class.config.merged(&empty, config) {
            Ok(whole) => self.simulation.adapted(&whole, &defaults(class)),
            // Whoever starts with it is told what is wrong.
            Err(_) => config.clone(),
        }
    }
}

fn defaults(class: &Class) -> Json {
    class.config.defaults().unwrap_or_else(|_| no_config())
}

fn no_config() -> Json {
    Json::Object(Map::new())
}
