//! What became of code that somebody has just put into place, for who waits for it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::worker::Worker;

/// Between two looks at what is being done by somebody else.
const PAUSE: Duration = Duration::from_millis(10);
/// Looks before it is said that the code was not found.
const LOOKS: u32 = 100;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenUp {
    /// It is the module's code now.
    Here {
        /// The ids of its classes.
        classes: Vec<String>,
        /// How many external workers run it.
        instances: usize,
    },
    /// Why it is not, for a person.
    Refused(String),
}

impl Worker {
    /// Looks at the modules now, and waits until the module `name` has the code with the hash `code` and its
    /// external workers run it, or do not.
    pub async fn take_up(&self, name: &str, code: blake3::Hash) -> TakenUp {
        for _ in 0..LOOKS {
            join_all(self.look(false).await).await;
            let mut coming = self.inner.modules.coming.subscribe();
            // It is there as long as the Worker.
            let _ = coming.wait_for(|coming| !coming.has(name)).await;
            if let Some(taken) = self.taken_up(name, code).await {
                return taken;
            }
            tokio::time::sleep(PAUSE).await;
        }
        TakenUp::Refused("the module was not found".to_owned())
    }

    /// `None`: the module has neither the code nor a problem yet.
    async fn taken_up(&self, name: &str, code: blake3::Hash) -> Option<TakenUp> {
        let (classes, problem) = {
            let catalogue = self.catalogue();
            let module = catalogue.get(name)?;
            let mut components = module.components.iter();
            let is_here = components.any(|it| it.component().content() == code);
            let classes = is_here.then(|| {
                let classes = module.classes();
                classes.map(|(_, class)| class.id().to_owned()).collect()
            });
            (classes, module.problem.clone())
        };
        let classes = match (classes, problem) {
            (Some(classes), None) => classes,
            (_, Some(problem)) => return Some(TakenUp::Refused(problem)),
            (None, None) => return None,
        };
        // Another may be at it: then it is waited for.
        self.swap_module(name).await;
        let own = || {
            let externals = self.externals();
            let own = externals.values().filter(|it| it.module() == name);
            own.cloned().collect::<Vec<_>>()
        };
        while own().iter().any(|external| external.is_swapping()) {
            tokio::time::sleep(PAUSE).await;
        }
        let runs = own().into_iter().filter_map(|external| external.instance());
        let runs = runs.filter(|it| it.prepared().component().content() == code);
        Some(TakenUp::Here {
            classes,
            instances: runs.count(),
        })
    }
}
