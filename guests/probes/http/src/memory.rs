//! Looks through all the memory of the instance, as a guest would that was told there is a secret.

/// Bytes of a page of memory.
const PAGE: usize = 65_536;

/// Whether bytes are anywhere in memory. They come with the lowest bit of each turned, so that asking does not put
/// there what is asked for; nor does looking, which turns nothing back.
pub fn holds(turned: &[u8]) -> bool {
    // From 1: nothing is at the address that is null.
    let end = pages() * PAGE;
    let is_at = |start: usize| {
        let mut bytes = turned.iter().zip(start..);
        bytes.all(|(turned, address)| byte(address) ^ 1 == *turned)
    };
    !turned.is_empty() && (1..end.saturating_sub(turned.len())).any(is_at)
}

/// How many pages of memory there are.
fn pages() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size(0);
    // Only lints look at it elsewhere.
    #[cfg(not(target_arch = "wasm32"))]
    0
}

fn byte(address: usize) -> u8 {
    // SAFETY: it is below the end of the memory, all of which can be read; a read that is volatile takes whatever is there.
    unsafe { std::ptr::read_volatile(address as *const u8) }
}
