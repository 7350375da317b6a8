//! What this process has in memory, by what it is for.

use std::ops::Sub;

/// Kibibytes that are resident.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resident {
    /// All of it, pages that are mapped in many places counted each time.
    pub all: f64,
    /// Pages of the image that a component's memory begins as, which nobody has written to: the kernel has
    /// each of them once.
    pub shared: f64,
    /// Pages of that image that an instance has written to.
    pub written: f64,
    /// Stacks of guests that wait.
    pub stacks: f64,
    /// What the allocator gave out: the engine's part and the host's.
    pub heap: f64,
}

impl Resident {
    /// Now, after the allocator has given back what is free.
    pub fn now() -> Self {
        let mut now = Self {
            heap: heap(),
            ..Self::default()
        };
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut map = "";
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            let Some(field) = first.strip_suffix(':') else {
                map = line;
                continue;
            };
            let kib: f64 = words.next().and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
            let is_image = map.contains("wasm-memory-image");
            match field {
                "Rss" => {
                    now.all += kib;
                    now.stacks += if is_stack(map) { kib } else { 0.0 };
                }
                "Shared_Clean" | "Shared_Dirty" if is_image => now.shared += kib,
                "Private_Clean" | "Private_Dirty" if is_image => now.written += kib,
                _ => {}
            }
        }
        now
    }

    /// Further memories and tables of guests, and what the allocator has not given out.
    pub fn rest(&self) -> f64 {
        self.all - self.shared - self.written - self.stacks - self.heap
    }

    /// What each of `count` has of it.
    pub fn each(self, count: u32) -> Self {
        let each = |kib: f64| kib / f64::from(count);
        Self {
            all: each(self.all),
            shared: each(self.shared),
            written: each(self.written),
            stacks: each(self.stacks),
            heap: each(self.heap),
        }
    }
}

impl Sub for Resident {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            all: self.all - before.all,
            shared: self.shared - before.shared,
            written: self.written - before.written,
            stacks: self.stacks - before.stacks,
            heap: self.heap - before.heap,
        }
    }
}

/// Whether a line of `smaps` is a stack of the pool: nobody else maps pages without a name in that size.
fn is_stack(map: &str) -> bool {
    const STACK: u64 = 2 * 1024 * 1024;
    let mut words = map.split_whitespace();
    let range = words.next().and_then(|range| range.split_once('-'));
    let address = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
    let size = range.map(|(from, to)| address(to) - address(from));
    size == Some(STACK) && words.count() == 4
}

#[allow(unsafe_code, reason = "the allocator has no safe interface")]
fn heap() -> f64 {
    // SAFETY: both only read and tidy the allocator's own state, under its locks.
    let info = unsafe {
        libc::malloc_trim(0);
        libc::mallinfo2()
    };
    (info.uordblks + info.hblkhd) as f64 / 1024.0
}
