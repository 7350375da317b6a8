//! Finds or prepares the guest toolchain and builds guest crates with it.
