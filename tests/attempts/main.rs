//! One attempt to reach what a tenant's process must not reach, by code that has such a process: it
//! confines itself as one does, or, for comparison, does not, and then tries. Prints `reached`, or why
//! not; the kernel may well end it before that.
//!
//! What takes memory tries to have twelve times what the process may, and, not confined, a little.
//!
//! `ewh-attempt confined|free ATTEMPT OWN OTHER PORT`: the data directory of the tenant and of another,
//! and a port where somebody listens and that is not granted. The policy is in `OWN/policies`.

use std::io::{self, Error, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::{fs, ptr};

use external_worker_host::policy::Policy;
use external_worker_host::tenant::confine::{self, reach};
use external_worker_host::worker::DataDir;

struct Place {
    own: PathBuf,
    other: PathBuf,
    port: u16,
    /// Memory that an attempt at it is to hold, in bytes.
    much: usize,
}

/// What a process may hold whose memory is limited.
const MEMORY: u64 = 512 << 20;
/// What is taken of memory at a time.
const STEP: usize = 64 << 20;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, how, attempt, own, other, port] = arguments.as_slice() else {
        panic!("{arguments:?}")
    };
    let place = Place {
        own: own.into(),
        other: other.into(),
        port: port.parse().unwrap(),
        much: if how == "confined" { 6 << 30 } else { STEP },
    };
    if how == "confined" {
        let data_dir = DataDir {
            data: place.own.clone(),
        };
        data_dir.prepare().unwrap();
        let mut reach = reach::of_worker(&data_dir);
        for policy in data_dir.module_policies().unwrap() {
            reach.grant(&Policy::load(&policy).unwrap());
        }
        reach.memory = attempt.starts_with("hold ").then_some(MEMORY);
        confine::apply(&reach, false).unwrap();
    }
    match place.attempt(attempt) {
        Ok(()) => println!("reached"),
        Err(error) => println!("{error}"),
    }
}

/// What a system call of C returns.
fn done(result: impl Into<i64>) -> io::Result<()> {
    match result.into() {
        0.. => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

impl Place {
    fn attempt(&self, name: &str) -> io::Result<()> {
        match name {
            // What it is there for.
            "work in the own files" => {
                let dir = self.own.join("files/dir");
                fs::create_dir(&dir)?;
                fs::write(dir.join("a"), "a")?;
                fs::rename(dir.join("a"), self.own.join("files/b"))?;
                fs::remove_file(self.own.join("files/b"))?;
                fs::remove_dir(dir)
            }
            "write the own state" => fs::OpenOptions::new()
                .write(true)
                .open(self.own.join("state.db"))
                .map(drop),
            "read a granted file" => fs::read(self.other.with_file_name("granted/file")).map(drop),
            "start a thread" => {
                let ran = std::thread::Builder::new().spawn(|| ())?.join();
                ran.map_err(|_| Error::other("it panicked"))
            }
            "take the time and random bytes" => {
                let mut random = [0u8; 8];
                // SAFETY: the buffer has this many bytes.
                done(unsafe { libc::getrandom(random.as_mut_ptr().cast(), 8, 0) } as i64)
            }
            name => self.attempt_files(name),
        }
    }

    fn attempt_files(&self, name: &str) -> io::Result<()> {
        match name {
            "read another tenant's state" => fs::read(self.other.join("state.db")).map(drop),
            "list another tenant's files" => fs::read_dir(self.other.join("files")).map(drop),
            "write to another tenant" => fs::write(self.other.join("files/planted"), ""),
            "read the passwords of the machine" => fs::read("/etc/shadow").map(drop),
            "list the home of root" => fs::read_dir("/root").map(drop),
            "read the environment of the parent" => {
                // SAFETY: it has no arguments and cannot fail.
                let parent = unsafe { libc::getppid() };
                fs::read(format!("/proc/{parent}/environ")).map(drop)
            }
            "write to the temporary files" => {
                let planted = std::env::temp_dir().join(format!("planted-{}", self.port));
                fs::write(&planted, "")?;
                fs::remove_file(planted)
            }
            "write to a file that is granted to be read" => {
                fs::write(self.other.with_file_name("granted/file"), "changed")
            }
            "grant itself more" => fs::write(self.own.join("policies/more.toml"), ""),
            "change its policy" => fs::write(self.own.join("policies/lab.toml"), ""),
            "remove its policy" => fs::remove_file(self.own.join("policies/lab.toml")),
            "move a policy into place" => {
                fs::write(self.own.join("files/more.toml"), "")?;
                fs::rename(
                    self.own.join("files/more.toml"),
                    self.own.join("policies/more.toml"),
                )
            }
            "change its module" => fs::write(self.own.join("local_workers/new.wasm"), ""),
            "replace its state by a link" => fs::remove_file(self.own.join("state.db")),
            name => self.attempt_network(name),
        }
    }

    fn attempt_network(&self, name: &str) -> io::Result<()> {
        // SAFETY: it takes three numbers.
        let socket = |family, kind| done(unsafe { libc::socket(family, kind, 0) });
        match name {
            "connect to a port" => TcpStream::connect(("127.0.0.1", self.port)).map(drop),
            "listen on a port" => TcpListener::bind("127.0.0.1:0").map(drop),
            "connect with what is sent" => self.send_first(),
            "open a UDP socket" => UdpSocket::bind("127.0.0.1:0").map(drop),
            "connect to a local service" => {
                UnixStream::connect(self.other.with_file_name("service")).map(drop)
            }
            "talk to the kernel over netlink" => socket(libc::AF_NETLINK, libc::SOCK_RAW),
            "open a raw socket" => socket(libc::AF_PACKET, libc::SOCK_RAW),
            name => self.attempt_memory(name),
        }
    }

    /// The kernel connects for this without asking landlock.
    fn send_first(&self) -> io::Result<()> {
        let port = self.port.to_be();
        // SAFETY: the bytes and the address have the lengths that are said, and the descriptor is nobody else's.
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            done(socket)?;
            let _socket = fs::File::from_raw_fd(socket);
            let mut to: libc::sockaddr_in = std::mem::zeroed();
            to.sin_family = libc::AF_INET as libc::sa_family_t;
            (to.sin_port, to.sin_addr.s_addr) = (port, u32::from_ne_bytes([127, 0, 0, 1]));
            let (at, length) = (ptr::from_ref(&to).cast(), size_of_val(&to));
            let flags = libc::MSG_FASTOPEN;
            let bytes = c"x".as_ptr().cast();
            done(libc::sendto(socket, bytes, 1, flags, at, length as libc::socklen_t) as i64)
        }
    }

    fn attempt_memory(&self, name: &str) -> io::Result<()> {
        let anonymous = libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        match name {
            "hold private memory" => self.map(anonymous | libc::MAP_PRIVATE),
            "hold shared memory" => self.map(anonymous | libc::MAP_SHARED),
            "hold memory that grows downwards" => {
                self.map(anonymous | libc::MAP_PRIVATE | libc::MAP_GROWSDOWN)
            }
            "hold files in memory" => {
                // SAFETY: the name ends with a zero, and the descriptor is nobody else's.
                let mut file = unsafe {
                    let fd = libc::memfd_create(c"held".as_ptr(), 0);
                    done(fd)?;
                    fs::File::from_raw_fd(fd)
                };
                self.fill(&mut file)
            }
            "hold files in a file system in memory" => {
                let path = format!("/dev/shm/held-{}", std::process::id());
                let held = fs::File::create(&path).and_then(|mut file| self.fill(&mut file));
                let _ = fs::remove_file(path);
                held
            }
            name => attempt_kernel(name),
        }
    }

    fn map(&self, flags: libc::c_int) -> io::Result<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        for _ in 0..self.much / STEP {
            // SAFETY: what is mapped anew is nobody else's, and has this many bytes.
            unsafe {
                let mapped = libc::mmap(ptr::null_mut(), STEP, access, flags, -1, 0);
                if mapped == libc::MAP_FAILED {
                    return Err(Error::last_os_error());
                }
                ptr::write_bytes(mapped.cast::<u8>(), 1, STEP);
            }
        }
        Ok(())
    }

    fn fill(&self, file: &mut fs::File) -> io::Result<()> {
        let step = vec![1; 1 << 20];
        (0..self.much / step.len()).try_for_each(|_| file.write_all(&step))
    }
}

fn attempt_kernel(name: &str) -> io::Result<()> {
    let none = ptr::null::<libc::c_void>();
    let nobody = libc::rlimit {
        rlim_cur: 1 << 20,
        rlim_max: 1 << 20,
    };
    // SAFETY: each call gets the pointers that it takes, or null where it may, and numbers else; the
    // child of a fork ends at once.
    unsafe {
        match name {
            "run a program" => Command::new("/bin/true").status().map(drop),
            "become a program" => Err(Command::new("/bin/echo").arg("reached").exec()),
            "fork" => match libc::fork() {
                0 => libc::_exit(0),
                pid => done(pid),
            },
            "signal the parent" => done(libc::kill(libc::getppid(), 0)),
            "signal a thread of the parent" => done(libc::syscall(
                libc::SYS_tgkill,
                libc::getppid(),
                libc::getppid(),
                0,
            )),
            "outlive the parent" => done(libc::prctl(libc::PR_SET_PDEATHSIG, 0)),
            "raise a limit" => done(libc::setrlimit(libc::RLIMIT_CORE, &nobody)),
            "leave core files" => {
                let mut limit = nobody;
                done(libc::getrlimit(libc::RLIMIT_CORE, &mut limit))?;
                match limit.rlim_max {
                    0 => Err(Error::other("core files have no size")),
                    _ => Ok(()),
                }
            }
            "gain privileges" => match libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(Error::other("there are no new privileges")),
            },
            "be traced" => done(libc::ptrace(libc::PTRACE_TRACEME, 0, none, none)),
            "read the parent's memory" => {
                done(
                    libc::process_vm_readv(libc::getppid(), ptr::null(), 0, ptr::null(), 0, 0)
                        as i64,
                )
            }
            "mount" => {
                let (kind, at) = (c"tmpfs".as_ptr(), c"/mnt".as_ptr());
                done(libc::mount(kind, at, kind, 0, none))?;
                done(libc::umount2(at, libc::MNT_DETACH))
            }
            "enter a namespace" => done(libc::unshare(libc::CLONE_NEWUSER)),
            "change the root" => done(libc::chroot(c"/tmp".as_ptr())),
            "load a program into the kernel" => done(libc::syscall(libc::SYS_bpf, 0, none, 0)),
            "ask for keys" => done(libc::syscall(libc::SYS_keyctl, 0, -1, 0)),
            "set up a ring" => {
                let mut parameters = [0u8; 120];
                done(libc::syscall(
                    libc::SYS_io_uring_setup,
                    1,
                    parameters.as_mut_ptr(),
                ))
            }
            other => panic!("there is no attempt `{other}`"),
        }
    }
}
