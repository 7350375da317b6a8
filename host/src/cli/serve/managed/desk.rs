//! What who serves a tenant and who manages it have in common.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use external_worker_control::model::{Ask, Code, Problem, Runs, TenantSpec, Told};
use external_worker_control::token::Key;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::limits;
use crate::server::Keyring;
use crate::tenant::question::{Question, unavailable};

/// The side of who serves. Dropped, the tenant is not served any more.
pub(in crate::cli::serve) struct Desk {
    /// When to end.
    pub(in crate::cli::serve) stop: CancellationToken,
    /// What is asked.
    questions: Option<mpsc::Receiver<Question>>,
    runs: watch::Sender<Runs>,
}

/// The side of who manages.
pub(super) struct Known {
    pub(super) spec: TenantSpec,
    /// Bytes that its data took on disk when that was last looked at.
    pub(super) disk: u64,
    keys: Keyring,
    stop: CancellationToken,
    questions: mpsc::Sender<Question>,
    runs: watch::Receiver<Runs>,
}

impl Desk {
    /// Both sides.
    pub(super) fn pair(spec: TenantSpec, keys: Keyring) -> (Self, Known) {
        let (runs, seen) = watch::channel(Runs::Starting);
        let (asks, questions) = mpsc::channel(limits::MAX_QUESTIONS);
        let stop = CancellationToken::new();
        let desk = Self {
            stop: stop.clone(),
            questions: Some(questions),
            runs,
        };
        let known = Known {
            spec,
            disk: 0,
            keys,
            stop,
            questions: asks,
            runs: seen,
        };
        (desk, known)
    }

    /// What it is asked, to whoever has it answered.
    pub(in crate::cli::serve) fn take_questions(&mut self) -> Option<mpsc::Receiver<Question>> {
        self.questions.take()
    }

    /// It is served.
    pub(in crate::cli::serve) fn serves(&self, address: SocketAddr, uuid: Uuid, pid: Option<u32>) {
        self.runs.send_replace(Runs::Serving {
            address: address.to_string(),
            uuid: uuid.simple().to_string(),
            pid,
        });
    }

    /// It is not served now, and is tried again.
    pub(in crate::cli::serve) fn is_down(&self, problem: String) {
        self.runs.send_replace(Runs::Down { problem });
    }
}

impl Known {
    pub(super) fn runs(&self) -> Runs {
        self.runs.borrow().clone()
    }

    pub(super) fn let_in(&self, keys: Vec<Key>) {
        self.keys.replace(keys);
    }

    /// What ends when it is not served any more, which is asked for.
    pub(super) fn end(&self) -> impl Future<Output = ()> + use<> {
        self.stop.cancel();
        let mut runs = self.runs.clone();
        async move { while runs.changed().await.is_ok() {} }
    }

    /// What asks it, whatever becomes of this meanwhile.
    pub(super) fn asks(&self) -> Asks {
        Asks(self.questions.clone())
    }
}

/// Those that are managed, by name. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Tenants(Arc<Mutex<BTreeMap<String, Known>>>);

impl Tenants {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks one, if it is served.
    pub(super) fn asks(&self, tenant: &str) -> Option<Asks> {
        self.lock().get(tenant).map(Known::asks)
    }
}

/// Asks one tenant.
pub(super) struct Asks(mpsc::Sender<Question>);

impl Asks {
    pub(super) async fn ask(self, ask: Ask) -> Result<Told, Problem> {
        let (answer, answered) = oneshot::channel();
        let question = Question { ask, answer };
        if let Err(error) = self.0.try_send(question) {
            return Err(match error {
                mpsc::error::TrySendError::Full(_) => Problem::new(
                    Code::TooMany,
                    "this tenant is asked too much at once; try again",
                ),
                mpsc::error::TrySendError::Closed(_) => unavailable(),
            });
        }
        match timeout(limits::ASK_DEADLINE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(unavailable()),
        }
    }
}
