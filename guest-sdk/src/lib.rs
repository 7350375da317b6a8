//! Everything an author of an external worker needs.
