//! Models to code. What is generated is thin: it names things and hands them to ordinary functions
//! of the SDK, where they can be read and tested.

pub(crate) mod config;
pub(crate) mod export;
pub(crate) mod library;
pub(crate) mod node;
pub(crate) mod node_enum;
pub(crate) mod worker;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// An `Option` of something as tokens.
pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
