//! Time that is simulated: for whoever has to see what waits for an hour, and has a minute.
//!
//! One thread runs everything. Its clock stands while anything runs, and jumps to the next thing that is due
//! when everything waits. tokio does the jumping ([`Builder::start_paused`]): every timer of every task, ours
//! or a library's, is on this clock.
//!
//! Before it jumps it looks at every socket, and does not jump if something came: what one socket of this
//! machine sends, the other has at once.

use tokio::runtime::{Builder, Handle, Runtime};

use super::{Executor, StartError};

/// A thread's worth of simulated time. It ends, with all tasks, when it is dropped.
pub struct Simulated {
    runtime: Runtime,
    executor: Executor,
}

/// Where the tasks of an executor of simulated time run.
pub(super) struct Place(Handle);

impl Place {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.spawn(task));
    }
}

impl Simulated {
    /// A clock that has just begun, and an executor without a task.
    ///
    /// # Errors
    /// When the system gives no descriptors for it.
    pub fn new() -> Result<Self, StartError> {
        Self::with(true)
    }

    /// The same, with a clock that goes as others do: for who wants to watch.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn at_real_speed() -> Result<Self, StartError> {
        Self::with(false)
    }

    fn with(jumps: bool) -> Result<Self, StartError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(jumps)
            .build()?;
        let executor = {
            let _time = runtime.enter();
            Executor::simulated(Place(runtime.handle().clone()))
        };
        Ok(Self { runtime, executor })
    }

    /// Runs `future`, and all tasks meanwhile, on this thread. Nothing runs otherwise.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs tasks on this clock, while [`Self::block_on`] runs.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    #[test]
    fn what_waits_for_an_hour_takes_no_time() {
        let simulated = Simulated::new().unwrap();
        let begin = std::time::Instant::now();
        let clock = Arc::clone(simulated.executor().clock());
        let waited = simulated.block_on(async {
            let task = simulated.executor().spawn(async {
                let begin = Instant::now();
                sleep(Duration::from_secs(3600)).await;
                begin.elapsed()
            });
            let before = clock.now();
            let waited = task.await.unwrap();
            assert!(before.until(clock.now()) >= Duration::from_secs(3600));
            waited
        });
        assert!(waited >= Duration::from_secs(3600));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn what_runs_takes_no_time_on_its_clock() {
        let simulated = Simulated::new().unwrap();
        let took = simulated.block_on(async {
            let begin = Instant::now();
            let blocking = tokio::task::spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(30));
            });
            timeout(Duration::from_millis(1), blocking)
                .await
                .unwrap()
                .unwrap();
            begin.elapsed()
        });
        assert_eq!(took, Duration::ZERO);
    }

    #[test]
    fn what_a_socket_sends_is_there_before_the_clock_jumps() {
        let simulated = Simulated::new().unwrap();
        let executor = simulated.executor();
        let took = simulated.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let _server = executor.spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut byte = [0];
                while stream.read_exact(&mut byte).await.is_ok() {
                    stream.write_all(&byte).await.unwrap();
                }
            });
            let begin = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..1000 {
                stream.write_all(b"?").await.unwrap();
                let answered = stream.read_u8();
                timeout(Duration::from_millis(1), answered)
                    .await
                    .unwrap()
                    .unwrap();
            }
            begin.elapsed()
        });
        assert_eq!(took, Duration::ZERO);
    }
}
