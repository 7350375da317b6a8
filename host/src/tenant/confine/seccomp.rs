//! The system calls that serving a Worker takes, and no others.
//!
//! What nobody here has an innocent use for ends the process. What else is not listed is "not there"
//! (`ENOSYS`) rather than forbidden, since libraries then fall back to an older call; so does the C
//! library from `clone3`, whose arguments a filter cannot see, to `clone`, whose it can.
//!
//! A filter that is wrong shows itself as an error at once.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::{ConfineError, Reach};

/// Rules by the number of the system call; a call without a rule is matched whatever its arguments.
type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Memory, threads, time, events, files, sockets that are there, and the process itself.
const ALLOWED: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    //
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    //
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    //
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    //
    libc::SYS_close,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    //
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fchmodat,
    libc::SYS_getcwd,
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_readlinkat,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_umask,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    //
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    //
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Older spellings of the same, which the C library of this architecture still uses.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_chmod,
    libc::SYS_epoll_wait,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_unlink,
];
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[c_long] = &[libc::SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ALLOWED_HERE: &[c_long] = &[];

/// Other programs, other processes, the kernel and its keys, and whatever has been a way out.
const FATAL: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// What a serial line is asked for, whether it is one at all, and how many bytes wait. Not among them: what puts bytes into
/// somebody's terminal (`TIOCSTI`), or makes one the terminal of the process.
const REQUESTS: &[libc::Ioctl] = &[
    libc::FIONBIO,
    libc::FIONREAD,
    libc::TCFLSH,
    libc::TCGETS,
    libc::TCGETS2,
    libc::TCSBRK,
    libc::TCSETS,
    libc::TCSETS2,
    libc::TCSETSF,
    libc::TCSETSF2,
    libc::TCSETSW,
    libc::TCSETSW2,
    libc::TIOCCBRK,
    libc::TIOCEXCL,
    libc::TIOCGWINSZ,
    libc::TIOCMBIC,
    libc::TIOCMBIS,
    libc::TIOCMGET,
    libc::TIOCNXCL,
    libc::TIOCOUTQ,
    libc::TIOCSBRK,
];

/// Everything that would make a thread more than one more thread of this process.
const NEW_NAMESPACES: libc::c_int = libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS;

/// Kinds of memory that no limit of the process counts: shared, and that which grows downwards. There are no
/// files in memory either (`memfd_create`): the engine then copies what a component begins with, where it
/// would map it, and SQLite has its index in memory of its own, since nobody else opens the file.
const SHARED: u64 = word(libc::MAP_SHARED | libc::MAP_GROWSDOWN);

/// The kind of a socket without the flags that go with it.
const SOCKET_KIND: u64 = 0xf;

/// Leaves to this thread and those that it starts what serving a Worker takes.
pub(super) fn filter(reach: &Reach) -> Result<(), ConfineError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(seccompiler::Error::Backend)?;
    let install = |rules, otherwise, matched| -> seccompiler::Result<()> {
        let program: BpfProgram =
            SeccompFilter::new(rules, otherwise, matched, arch)?.try_into()?;
        apply_filter(&program)
    };
    // The strictest answer of all filters counts. The second forbids to install a third.
    let fatal = FATAL.iter().map(|call| (*call, Vec::new())).collect();
    install(fatal, SeccompAction::Allow, SeccompAction::KillProcess)?;
    let allowed = allowed(reach).map_err(seccompiler::Error::Backend)?;
    let not_there = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    install(allowed, not_there, SeccompAction::Allow)?;
    Ok(())
}

fn allowed(reach: &Reach) -> Result<Rules, BackendError> {
    let plain = ALLOWED.iter().chain(ALLOWED_HERE);
    let mut rules: Rules = plain.map(|call| (*call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    // Descriptors of its own would be where nobody looks for what stays open.
    let as_one = libc::CLONE_THREAD | libc::CLONE_FILES;
    let threads_only = MaskedEq(word(as_one | NEW_NAMESPACES));
    let unopened = || MaskedEq(word(libc::MSG_FASTOPEN));
    let of_itself = [
        (
            libc::SYS_clone,
            rule(&[(0, Qword, threads_only, word(as_one))])?,
        ),
        (libc::SYS_mmap, rule(&[(3, Dword, MaskedEq(SHARED), 0)])?),
        (libc::SYS_tgkill, rule(&[(0, Dword, Eq, own)])?),
        // Limits are looked at, not changed.
        (libc::SYS_prlimit64, rule(&[(2, Qword, Eq, 0)])?),
        (
            libc::SYS_prctl,
            rule(&[(0, Dword, Eq, word(libc::PR_SET_NAME))])?,
        ),
        (
            libc::SYS_socketpair,
            rule(&[(0, Dword, Eq, word(libc::AF_UNIX))])?,
        ),
    ];
    rules.extend(of_itself.map(|(call, rule)| (call, vec![rule])));
    // What is sent with the first packet of a connection connects, and asks nobody: neither landlock nor who
    // keeps this process.
    let sends = [
        (libc::SYS_sendmmsg, 3),
        (libc::SYS_sendmsg, 2),
        (libc::SYS_sendto, 3),
    ];
    for (call, flags) in sends {
        rules.insert(call, vec![rule(&[(flags, Dword, unopened(), 0)])?]);
    }
    let tcp = word(libc::IPPROTO_TCP);
    let later = word(libc::TCP_FASTOPEN_CONNECT);
    let options = vec![
        rule(&[(1, Dword, Ne, tcp)])?,
        rule(&[(1, Dword, Eq, tcp), (2, Dword, Ne, later)])?,
    ];
    rules.insert(libc::SYS_setsockopt, options);
    let requests = REQUESTS.iter();
    let requests = requests.map(|request| rule(&[(1, Dword, Eq, u64::from(*request as u32))]));
    rules.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    let sockets = sockets(reach)?;
    if !sockets.is_empty() {
        rules.insert(libc::SYS_socket, sockets);
    }
    Ok(rules)
}

/// The sockets that grants need: none where there are none, and all where each use is asked for. Neither those of other families than IP
/// nor raw ones are among them.
fn sockets(reach: &Reach) -> Result<Vec<SeccompRule>, BackendError> {
    let tcp = (libc::SOCK_STREAM, libc::IPPROTO_TCP);
    let udp = (libc::SOCK_DGRAM, libc::IPPROTO_UDP);
    let all = reach.is_brokered;
    let kinds = [(reach.tcp || all, tcp), (reach.udp || all, udp)];
    let mut rules = Vec::new();
    for (_, (kind, own)) in kinds.into_iter().filter(|(is_granted, _)| *is_granted) {
        for family in [libc::AF_INET, libc::AF_INET6] {
            for protocol in [0, own] {
                rules.push(rule(&[
                    (0, Dword, Eq, word(family)),
                    (1, Dword, MaskedEq(SOCKET_KIND), word(kind)),
                    (2, Dword, Eq, word(protocol)),
                ])?);
            }
        }
    }
    Ok(rules)
}

fn rule(
    conditions: &[(u8, SeccompCmpArgLen, SeccompCmpOp, u64)],
) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().cloned();
    let conditions = conditions
        .map(|(argument, size, how, value)| SeccompCondition::new(argument, size, how, value));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// Flags and numbers of C, as an argument has them; none is negative.
const fn word(number: libc::c_int) -> u64 {
    number.unsigned_abs() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_fatal() {
        let reach = Reach {
            tcp: true,
            udp: true,
            ..Reach::default()
        };
        let allowed = allowed(&reach).unwrap();
        for fatal in FATAL {
            assert!(!allowed.contains_key(fatal), "{fatal}");
        }
        assert!(!allowed.contains_key(&libc::SYS_kill));
        assert!(!allowed.contains_key(&libc::SYS_clone3));
    }

    #[test]
    fn there_is_no_memory_but_what_limits_count() {
        let allowed = allowed(&Reach::default()).unwrap();
        assert!(!allowed.contains_key(&libc::SYS_memfd_create));
        assert!(!allowed.contains_key(&libc::SYS_shmget));
        let mapping = allowed.get(&libc::SYS_mmap).unwrap();
        assert_eq!(
            mapping.len(),
            1,
            "with a condition, not whatever the arguments"
        );
    }

    #[test]
    fn without_a_grant_there_is_no_socket() {
        let without = allowed(&Reach::default()).unwrap();
        assert!(!without.contains_key(&libc::SYS_socket));
        let tcp = Reach {
            tcp: true,
            ..Reach::default()
        };
        assert_eq!(sockets(&tcp).unwrap().len(), 4);
    }
}
