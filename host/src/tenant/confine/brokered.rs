//! Passes on to who keeps this process what it may not do itself: connecting, binding and listening, making a
//! socket for datagrams, and using folders that were granted after it began.
//!
//! A filter of seccomp stops a thread that asks for one of these until who has the filter's other end, the
//! listener, has answered. That end goes to who keeps this process, and is closed here: whoever takes this process
//! over cannot answer itself. Who keeps it decides by the policies of that moment, does what was asked on a
//! copy of the socket, and says what came of it ([`crate::tenant::broker`]).
//!
//! These calls take an address or a path from memory that another thread may change meanwhile. So who keeps this
//! process reads it once, and uses what it read; the kernel does not look at it here again.
//!
//! Folders that were granted later are told from others by the numbers of their descriptors, which whoever
//! opens them for this process chooses ([`limits::FOLDERS_FROM`]): so all else is opened as fast as ever.

use std::io::{self, Read};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use libc::{c_long, c_ulong, sock_filter, sock_fprog};

use super::ConfineError;
use crate::limits;
use crate::tenant::channel::{self, Message};

/// How the kernel names the machine whose calls have these numbers; none: no filter is known for it.
const ARCH: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xc000_00f3)
} else {
    None
};

/// What who keeps the process finds in its memory, if it can read that.
pub(crate) const MARK: u64 = 0x6577_685f_6272_6f6b;

/// What a process asks for when it needs it, and does not have before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// Nothing: it has what its policies granted when it started.
    #[default]
    Nothing,
    /// Sockets and devices.
    Sockets,
    /// These, and folders that were granted after it began.
    Folders,
}

impl Asks {
    /// How who keeps the process says it.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Sockets => 1,
            Self::Folders => 2,
        }
    }

    fn said(byte: u8) -> Self {
        let all = [Self::Sockets, Self::Folders].into_iter();
        all.fold(
            Self::Nothing,
            |found, it| {
                if it.byte() == byte { it } else { found }
            },
        )
    }
}

/// Where what is asked begins in what a filter sees: the number of the call, the machine, the first argument; all
/// arguments have the same size.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;
const ARGUMENT_BYTES: u32 = 8;

/// The kind of a socket without the flags that go with it.
const SOCKET_KIND: u32 = 0xf;

/// Passes on, from now on, what this thread and those that it starts ask for. What of it who is at the other
/// end of `channel` can do; the rest goes on as without it.
///
/// # Errors
/// When nobody answers.
pub fn hand_over(channel: BorrowedFd<'_>) -> Result<Asks, ConfineError> {
    let Some(listener) = ARCH.map(install).transpose()?.flatten() else {
        return Ok(weaker("the kernel passes no calls on (Linux 5.9)"));
    };
    let mark = MARK;
    let (mut answer, told) = UnixStream::pair()?;
    answer.set_read_timeout(Some(limits::BROKER_PATIENCE))?;
    let at = std::ptr::from_ref(&mark) as usize;
    let message = Message::Brokered {
        mark: u64::try_from(at).unwrap_or_default(),
    };
    channel::send(channel, &message, &[listener, told.into()])?;
    let mut said = [0];
    answer.read_exact(&mut said)?;
    // It is looked at from outside until here.
    std::hint::black_box(&mark);
    let [said] = said;
    match Asks::said(said) {
        Asks::Nothing => Ok(weaker("the kernel does not let the host look at it")),
        asks => Ok(asks),
    }
}

fn weaker(why: &str) -> Asks {
    tracing::warn!(
        "sockets and devices of this process are not decided one by one: {why}; it holds what its policies \
         granted when it started, and starts again when they change"
    );
    Asks::Nothing
}

/// Makes the filter. The other end of it, if the kernel has that.
fn install(arch: u32) -> io::Result<Option<OwnedFd>> {
    // SAFETY: it takes numbers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Once it is heard, only death interrupts who waits: else a call would be made twice. (Linux 5.19)
    let waiting = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    for flags in [listener | waiting, listener] {
        match seccomp(&mut program(arch), flags) {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) => tracing::debug!("a filter that passes calls on: {error}"),
        }
    }
    Ok(None)
}

fn seccomp(program: &mut [sock_filter], flags: c_ulong) -> io::Result<OwnedFd> {
    let program = sock_fprog {
        len: u16::try_from(program.len()).unwrap_or_default(),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the program lives until the call returns, and has the length that it says.
    let made = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &program,
        )
    };
    match i32::try_from(made) {
        // SAFETY: it was just made, and is nobody else's.
        Ok(listener @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(listener) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A condition on an argument, of which a filter sees the low half first on all machines that are known here.
#[derive(Clone, Copy)]
struct Test {
    argument: u32,
    /// What of it counts.
    mask: u32,
    /// How it is compared with what (`BPF_JEQ`, `BPF_JGE`, `BPF_JSET`).
    how: u32,
    with: u32,
}

/// The argument is the descriptor of a folder that was granted later. What is negative is none.
fn is_folder(argument: u32) -> [Test; 2] {
    let test = |mask, how, with| Test {
        argument,
        mask,
        how,
        with,
    };
    const NEGATIVE: u32 = 1 << 31;
    [
        test(NEGATIVE, libc::BPF_JEQ, 0),
        test(u32::MAX, libc::BPF_JGE, limits::FOLDERS_FROM),
    ]
}

/// Passes some calls on and lets all others be: what else is forbidden, other filters say. A call of another
/// machine has other numbers, and those filters end the process for it.
fn program(arch: u32) -> Vec<sock_filter> {
    let mut program = vec![
        load(MACHINE),
        jump(libc::BPF_JEQ, arch, 1, 0),
        give(libc::SECCOMP_RET_ALLOW),
    ];
    for (call, tests) in passed_on() {
        program.extend(pass_on(call, &tests));
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    program
}

/// The calls, and when they are passed on; what is not among them never is.
fn passed_on() -> Vec<(c_long, Vec<Test>)> {
    let is = |argument, mask, with: libc::c_int| Test {
        argument,
        mask,
        how: libc::BPF_JEQ,
        with: with as u32,
    };
    // Where a path begins with a descriptor (`/proc/self/fd/9`), a folder is opened like this.
    let here = is(0, u32::MAX, libc::AT_FDCWD);
    let directory = Test {
        argument: 2,
        mask: u32::MAX,
        how: libc::BPF_JSET,
        with: libc::O_DIRECTORY.unsigned_abs(),
    };
    let plain = [libc::SYS_connect, libc::SYS_bind, libc::SYS_listen];
    let plain = plain.map(|call| (call, Vec::new()));
    let first = [
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_mkdirat,
        libc::SYS_unlinkat,
    ];
    let first = first.map(|call| (call, is_folder(0).to_vec()));
    let two = TWO_FOLDERS.iter().copied();
    let two = two.flat_map(|call| [0, 2].map(|argument| (call, is_folder(argument).to_vec())));
    let others = [
        (libc::SYS_socket, vec![is(1, SOCKET_KIND, libc::SOCK_DGRAM)]),
        (libc::SYS_openat, vec![here, directory]),
        (libc::SYS_symlinkat, is_folder(1).to_vec()),
    ];
    plain
        .into_iter()
        .chain(first)
        .chain(two)
        .chain(others)
        .collect()
}

/// What has a folder as its first argument and another as its third.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) const TWO_FOLDERS: &[c_long] =
    &[libc::SYS_linkat, libc::SYS_renameat, libc::SYS_renameat2];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) const TWO_FOLDERS: &[c_long] = &[libc::SYS_linkat, libc::SYS_renameat2];

/// Passes `call` on if all `tests` hold, and goes on behind itself otherwise.
fn pass_on(call: c_long, tests: &[Test]) -> Vec<sock_filter> {
    /// Instructions of a test.
    const LENGTH: usize = 3;
    let number = u32::try_from(call).unwrap_or(u32::MAX);
    // All that is left to jump over when a test has failed, of which `left` are to come.
    let behind = |left: usize| u8::try_from(left * LENGTH + 1).unwrap_or(u8::MAX);
    let mut steps = vec![
        load(NUMBER),
        jump(libc::BPF_JEQ, number, 0, behind(tests.len())),
    ];
    for (nth, test) in tests.iter().enumerate() {
        let left = tests.len().saturating_sub(nth + 1);
        steps.extend([
            load(ARGUMENTS + ARGUMENT_BYTES * test.argument),
            step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, test.mask),
            jump(test.how, test.with, 0, behind(left)),
        ]);
    }
    steps.push(give(libc::SECCOMP_RET_USER_NOTIF));
    steps
}

/// Takes what is there, of four bytes.
fn load(at: u32) -> sock_filter {
    step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at)
}

/// Ends with this answer.
fn give(answer: u32) -> sock_filter {
    step(libc::BPF_RET | libc::BPF_K, answer)
}

/// Goes on so much further, if what was taken compares so with `value`, or so much if not.
fn jump(how: u32, value: u32, holds: u8, fails: u8) -> sock_filter {
    let mut step = step(libc::BPF_JMP | how | libc::BPF_K, value);
    (step.jt, step.jf) = (holds, fails);
    step
}

fn step(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf: 0,
        k,
    }
}
