//! A question of an operator to the Worker of a tenant, on its way.

use external_worker_control::model::{Ask, Code, Problem, Told};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Something that the Worker of a tenant is asked.
#[derive(Debug)]
pub struct Question {
    /// What.
    pub ask: Ask,
    /// Where the answer goes; whoever asked may have gone.
    pub answer: oneshot::Sender<Answer>,
}

/// What comes back.
pub type Answer = Result<Told, Problem>;

/// The questions of one tenant, whose process may die and start again.
pub type Questions = Mutex<mpsc::Receiver<Question>>;

/// Nobody answers for a tenant.
pub fn unavailable() -> Problem {
    Problem::new(
        Code::Unavailable,
        "the Worker of this tenant does not answer now; its state says why",
    )
}
