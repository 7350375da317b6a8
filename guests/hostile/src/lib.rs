//! Attacks on the host, one class and one file each.
