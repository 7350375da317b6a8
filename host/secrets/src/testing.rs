//! What the tests of this crate share: random values without a crate for them, and a look at the process's memory.

use crate::secret::Secret;
use crate::{Key, SecretName, TenantName};

/// Numbers that look random, the same in each run (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// Up to `longest` bytes of an alphabet, one at least.
    pub(crate) fn bytes(&mut self, longest: usize, alphabet: &[u8]) -> Vec<u8> {
        let length = 1 + self.below(longest);
        let one = |_| alphabet[self.below(alphabet.len())];
        (0..length).map(one).collect()
    }
}

pub(crate) fn secret(value: impl AsRef<[u8]>) -> Secret {
    Secret::copy_from(value.as_ref()).unwrap()
}

pub(crate) fn name(name: &str) -> SecretName {
    name.parse().unwrap()
}

pub(crate) fn tenant(name: &str) -> TenantName {
    name.parse().unwrap()
}

/// A second value of the same key.
pub(crate) fn same(key: &Key) -> Key {
    Key::read(key.expose().as_bytes()).unwrap()
}

const MASK: u8 = 0xa5;

/// A random value that is nowhere in memory as it is.
pub(crate) struct Masked([u8; 32]);

impl Masked {
    pub(crate) fn random() -> Self {
        let mut random = [0; 32];
        getrandom::fill(&mut random).unwrap();
        Self(random)
    }

    pub(crate) fn secret(&self) -> Secret {
        let mut value = zeroize::Zeroizing::new(vec![0; self.0.len()]);
        for (to, from) in value.iter_mut().zip(self.0) {
            *to = from ^ MASK;
        }
        secret(&**value)
    }
}

/// How often the value is in the memory of this process.
#[cfg(target_os = "linux")]
pub(crate) fn copies_in_memory(masked: &Masked) -> usize {
    use std::os::unix::fs::FileExt;

    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    let mut chunk = vec![0; 1 << 16];
    let overlap = masked.0.len() - 1;
    let own = chunk.as_ptr_range();
    let own = (own.start as u64, own.end as u64);
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        // What lies before and behind the chunk: reading it into itself would make copies of what was read before.
        for (mut at, end) in [(start, end.min(own.0)), (start.max(own.1), end)] {
            while at < end {
                let left = usize::try_from(end - at).unwrap();
                let length = chunk.len().min(left);
                // A region may be gone by now.
                let Ok(read) = memory.read_at(&mut chunk[..length], at) else {
                    break;
                };
                // Masked where it lies and wiped before more is read, or what was read would be one more copy.
                // Chunks overlap by less than the value, so that it is found once.
                chunk[..read].iter_mut().for_each(|byte| *byte ^= MASK);
                found += memchr::memmem::find_iter(&chunk[..read], &masked.0).count();
                chunk.fill(0);
                if read <= overlap || read == left {
                    break;
                }
                at += u64::try_from(read - overlap).unwrap();
            }
        }
    }
    found
}

/// A new directory, in memory where there is such a place: these tests wait for a disk a thousand times.
pub(crate) fn dir() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() {
        return tempfile::tempdir_in(memory).unwrap();
    }
    tempfile::tempdir().unwrap()
}
