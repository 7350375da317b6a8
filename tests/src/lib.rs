//! The tests: one binary against real devices.
