//! What an operator asks of the Worker of a tenant. Each question has a stream of its own, of which the process of the
//! tenant gets one end with [`Instruction::Ask`]: the question goes there, and the answer comes back. An answer is a
//! stranger's word: it is read with a bound and a deadline, and no more than a few at a time, whoever they are of.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;

use external_worker_control::model::{Ask, Code, Problem};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::channel::Hears;
use super::instruct::Instruction;
use super::question::{Answer, Question, Questions, unavailable};
use crate::limits;

/// Answers are read by so many at once, since each may be large.
static READING: Semaphore = Semaphore::const_new(limits::ANSWERS_AT_ONCE);

/// Has nobody answer while there is no process.
pub(super) async fn refuse(questions: Option<&Questions>) -> Infallible {
    if let Some(questions) = questions {
        let mut questions = questions.lock().await;
        while let Some(question) = questions.recv().await {
            // Whoever asked may have gone.
            let _ = question.answer.send(Err(unavailable()));
        }
    }
    std::future::pending().await
}

impl Hears {
    /// Asks the process what is asked of it, as long as it runs.
    pub(super) async fn pass_on(&self, questions: Option<&Questions>) -> Infallible {
        let Some(questions) = questions else {
            return std::future::pending().await;
        };
        let mut questions = questions.lock().await;
        let mut asked = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(question) = questions.recv() => asked.push(self.ask(question)),
                Some(()) = asked.next() => {}
                else => return std::future::pending().await,
            }
        }
    }

    async fn ask(&self, question: Question) {
        let Question { ask, mut answer } = question;
        let answered = async {
            match self.asked(&ask).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!("the process of a tenant does not answer: {error}");
                    Err(unavailable())
                }
            }
        };
        tokio::select! {
            told = answered => {
                let _ = answer.send(told);
            }
            () = answer.closed() => {}
        }
    }

    async fn asked(&self, ask: &Ask) -> io::Result<Answer> {
        let (mut ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        self.tell_with(&Instruction::Ask, &[theirs.into()]).await?;
        ours.write_all(&serde_json::to_vec(ask)?).await?;
        ours.shutdown().await?;
        ours.readable().await?;
        let _place = READING.acquire().await.map_err(io::Error::other)?;
        let bytes = timeout(limits::ANSWER_DEADLINE, read(&mut ours)).await??;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Reads all that comes, if it is no more than an answer may be.
async fn read(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let most = limits::MAX_ANSWER_BYTES;
    let mut bytes = Vec::new();
    let mut some = stream.take(most.saturating_add(1));
    some.read_to_end(&mut bytes).await?;
    match u64::try_from(bytes.len()).is_ok_and(|read| read <= most) {
        true => Ok(bytes),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Has a question, of which `given` is the end of the stream, answered by `answer`.
///
/// # Errors
/// When the stream is none, or nobody is there any more.
pub async fn reply<F: Future<Output = Answer>>(
    given: OwnedFd,
    answer: impl FnOnce(Ask) -> F,
) -> io::Result<()> {
    let stream = std::os::unix::net::UnixStream::from(given);
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let asked = timeout(limits::ANSWER_DEADLINE, read(&mut stream)).await??;
    let told = answer(serde_json::from_slice(&asked)?).await;
    let mut bytes = serde_json::to_vec(&told)?;
    if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > limits::MAX_ANSWER_BYTES) {
        let problem = "the answer is too large to be shown here; the web UI of the graph shows it";
        let told: Answer = Err(Problem::new(Code::TooLarge, problem));
        bytes = serde_json::to_vec(&told)?;
    }
    stream.write_all(&bytes).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use external_worker_control::model::Told;
    use tokio::sync::{Mutex, mpsc, oneshot};

    use super::*;
    use crate::tenant::channel::Speaks;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// What comes back where the process does `act` with each question.
    async fn asked<F: Future<Output = ()>>(act: impl Fn(OwnedFd) -> F) -> Answer {
        let (hears, given) = Hears::pair().unwrap();
        let speaks = Speaks::adopt(given).unwrap();
        let (sender, questions) = mpsc::channel(1);
        let questions = Mutex::new(questions);
        let (answer, answered) = oneshot::channel();
        let ask = Ask::Instances;
        sender.try_send(Question { ask, answer }).unwrap();
        let answering = async {
            loop {
                let (told, mut with) = speaks.next().await.unwrap();
                assert_eq!(told, Instruction::Ask);
                act(with.pop().unwrap()).await;
            }
        };
        tokio::select! {
            never = hears.pass_on(Some(&questions)) => match never {},
            () = answering => panic!("it goes on"),
            answered = timeout(PATIENCE, answered) => answered.unwrap().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_question_has_its_answer_and_what_is_none_is_none() {
        let done = |ask| async move {
            assert_eq!(ask, Ask::Instances);
            Ok(Told::Done)
        };
        assert_eq!(
            asked(|given| async { reply(given, done).await.unwrap() }).await,
            Ok(Told::Done)
        );
        let gone = asked(|given| async { drop(given) }).await;
        assert_eq!(gone, Err(unavailable()));
        for nonsense in [&b"{"[..], b"{\"Ok\":7}", &[b' '; 1 << 23]] {
            let said = asked(|given| async {
                let stream = std::os::unix::net::UnixStream::from(given);
                stream.set_nonblocking(true).unwrap();
                let mut stream = UnixStream::from_std(stream).unwrap();
                // Who hears too much does not hear all of it.
                let _ = stream.write_all(nonsense).await;
            });
            assert_eq!(said.await, Err(unavailable()));
        }
        let large = |_| async {
            let text = "x".repeat(1 << 23);
            Err(Problem::new(Code::Invalid, text))
        };
        let said = asked(|given| async { reply(given, large).await.unwrap() }).await;
        assert_eq!(said.unwrap_err().code, Code::TooLarge);
    }
}
