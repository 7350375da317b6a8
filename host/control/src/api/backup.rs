//! A copy of all that the host keeps, which whoever operates it takes while it runs. It goes out as it is made, for as long
//! as the token of who takes it is good; what breaks off lacks the end by which a copy is known to be one.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use super::answer::Answer;
use super::asked::Asked;
use super::places::Place;
use crate::control::{Control, internal};
use crate::model::{Code, Happened, Problem};
use crate::supervisor::Backup;
use crate::token::Login;

/// A copy on its way to who takes it.
struct Sent {
    backup: Backup,
    control: Arc<Control>,
    login: Login,
    ending: watch::Receiver<bool>,
    _place: Place,
}

pub(super) async fn backup(asked: Asked) -> Result<Answer, Problem> {
    let login = asked.login()?.clone();
    let control = Arc::clone(&asked.control);
    let database = control.store.copy().await;
    let database = database.map_err(|error| internal(&error))?;
    let backup = control.supervisor.backup(database).await?;
    let what = "all that the host keeps";
    control.note(&asked.who, Happened::Backup, None, what);
    let place = asked.place.ok_or_else(|| {
        let problem = "too much is asked at once; try again later";
        Problem::new(Code::TooMany, problem)
    })?;
    let sent = Sent {
        ending: control.ending(),
        backup,
        control,
        login,
        _place: place,
    };
    let parts = stream::unfold(Some(sent), |sent| async {
        let mut sent = sent?;
        let part = sent.next().await?;
        let rest = part.is_ok().then_some(sent);
        Some((part, rest))
    });
    Ok(Answer::archive(Body::from_stream(parts)))
}

impl Sent {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if !self.control.is_still_good(&self.login) {
            return Some(Err(io::Error::other("the token is not good any more")));
        }
        tokio::select! {
            part = self.backup.next() => part,
            // An error: the control plane is gone.
            _ = self.ending.wait_for(|ended| *ended) => {
                Some(Err(io::Error::other("the host ends")))
            }
        }
    }
}
