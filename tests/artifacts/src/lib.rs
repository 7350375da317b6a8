//! Builds the guests and says where they are.
