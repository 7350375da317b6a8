//! Conversions there and back, and what they refuse.
