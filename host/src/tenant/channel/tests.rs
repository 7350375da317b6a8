//! What comes over the channel, and what does not.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;
use crate::engine::Lane;
use crate::limits::{Budget, PREPARE_LARGE, PREPARE_SMALL};

const PATIENCE: Duration = Duration::from_secs(30);
const STAYS: &str = "echo $$; exec sleep 1000";

fn compilers(script: &str) -> Arc<Compilers> {
    Arc::new(Compilers::new(Program {
        program: "/bin/sh".into(),
        arguments: ["-c", script, "sh"].map(Into::into).to_vec(),
    }))
}

/// What a process has that is kept, and whatever it wants is done.
fn kept(compilers: Arc<Compilers>) -> Speaks {
    let (hears, given) = Hears::pair().unwrap();
    tokio::spawn(async move { hears.listen(&compilers, |_| {}).await });
    Speaks::adopt(given).unwrap()
}

fn order(lane: Lane, most: u64) -> Order {
    Order {
        lane,
        memory: most,
        cpu: most,
        budget: Budget::default(),
    }
}

/// What the kernel tells of a process that says its id and stays.
async fn id(process: &mut Process) -> String {
    let mut id = String::new();
    let mut lines = BufReader::new(&mut process.stdout);
    let line = tokio::time::timeout(PATIENCE, lines.read_line(&mut id));
    line.await.unwrap().unwrap();
    format!("/proc/{}", id.trim())
}

async fn said(process: &mut Process) -> String {
    let mut said = String::new();
    let read = process.stdout.read_to_string(&mut said);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    said
}

#[tokio::test]
async fn what_a_process_orders_is_a_strangers_word() {
    let speaks = kept(compilers("echo \"$@\"; exit 7"));
    let own = Budget::default().memory.as_u64();
    for (lane, allowance) in [(Lane::Small, PREPARE_SMALL), (Lane::Large, PREPARE_LARGE)] {
        let (memory, cpu) = (allowance.memory.as_u64() + own, allowance.cpu.as_secs());
        for (most, memory, cpu) in [(u64::MAX, memory, cpu), (1, 1, 1)] {
            let mut process = speaks.start(order(lane, most)).await.unwrap();
            let said = said(&mut process).await;
            let expected = format!("--memory {memory} --cpu {cpu} --budget {{");
            assert!(said.starts_with(&expected), "{said}");
            assert_eq!(process.end.await.unwrap().code(), Some(7));
        }
    }
    for nonsense in [&b""[..], b"{}", b"\xff", &[b' '; 64 << 10]] {
        speaks.0.send(nonsense).await.unwrap();
    }
    // Without descriptors, and with others than belong to it.
    let message = Message::Compile(order(Lane::Small, 1));
    let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    for with in [vec![], vec![null()], vec![null(), null(), null()]] {
        speaks.send(&message, &with).await.unwrap();
    }
    let mut process = speaks.start(order(Lane::Small, 1)).await.unwrap();
    assert!(said(&mut process).await.starts_with("--memory 1 "));
}

#[tokio::test]
async fn who_orders_too_many_does_not_get_them() {
    let speaks = kept(compilers(STAYS));
    let mut waiting = Vec::new();
    for _ in 0..limits::MAX_TENANT_ORDERS {
        waiting.push(speaks.start(order(Lane::Small, 1)).await.unwrap());
    }
    let more = speaks.start(order(Lane::Large, 1)).await.unwrap();
    let error = tokio::time::timeout(PATIENCE, more.end).await.unwrap();
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    drop(waiting);
    let mut process = speaks.start(order(Lane::Large, 1)).await.unwrap();
    assert!(std::fs::exists(id(&mut process).await).unwrap());
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_ended() {
    let speaks = kept(compilers(STAYS));
    let mut process = speaks.start(order(Lane::Large, 1)).await.unwrap();
    let process_of = id(&mut process).await;
    assert!(std::fs::exists(&process_of).unwrap());
    drop(process);
    let begin = Instant::now();
    while std::fs::exists(&process_of).unwrap() {
        assert!(begin.elapsed() < PATIENCE, "it goes on");
        tokio::task::yield_now().await;
    }
}
