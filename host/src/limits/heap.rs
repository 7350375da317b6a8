//! What the allocator keeps of memory that was given back to it. When many instances end, or large values
//! go, it may be most of what the process has.

/// Memory that the allocator may keep for the next ones who want some.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: usize = 32 * super::MIB as usize;

/// Gives back to the machine what the allocator keeps, when it is much. It takes its time: not for a thread
/// that serves.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the C library has it so")]
pub fn give_back() {
    // SAFETY: it takes nothing, and takes the locks of the allocator itself.
    let kept = unsafe { libc::mallinfo2() }.fordblks;
    if kept > KEPT_BYTES {
        // SAFETY: the same; what is in use stays where it is.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Other allocators do it by themselves, or cannot be told to.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    const ALONE: &str = "EWH_HEAP_TEST";

    fn resident() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// 128 MiB in pieces, from several threads; every thousandth of them stays.
    fn use_some() -> Vec<Vec<u8>> {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let mut all: Vec<_> = (0..32 * 1024).map(|_| vec![7_u8; 1024]).collect();
                    let mut at = 0;
                    all.retain(|_| {
                        at += 1;
                        at % 1000 == 0
                    });
                    all
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    }

    #[test]
    fn what_is_free_is_given_back_to_the_machine() {
        if std::env::var_os(ALONE).is_none() {
            // In a process of its own, where nobody else takes memory.
            let test = "limits::heap::tests::what_is_free_is_given_back_to_the_machine";
            let alone = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test])
                .env(ALONE, "1")
                .output();
            assert!(alone.unwrap().status.success());
            return;
        }
        let before = resident();
        let stays = use_some();
        let kept = resident().saturating_sub(before);
        give_back();
        let after = resident().saturating_sub(before);
        assert!(kept > 64 << 20, "the allocator keeps {kept} only");
        assert!(after < kept / 4, "{after} of {kept}");
        drop(stays);
    }
}
