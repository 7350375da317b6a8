//! The macros of `external-worker`: how a struct, a config struct, methods and one line become a
//! component. Use them through that crate, which documents them.
//!
//! `parse` turns tokens into a model and collects what is wrong, `expand` turns the model into code
//! and cannot fail, `errors` holds every sentence. A wrong input is still expanded to something that
//! fits, so that one mistake does not cause a page of follow-up errors.

mod errors;
mod expand;
mod json;
mod options;
mod parse;

use proc_macro::TokenStream;

use crate::errors::Errors;

/// See `external_worker::external_worker`.
#[proc_macro_attribute]
pub fn external_worker(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = parse::worker::parse(args.into(), item.into(), &mut errors);
    let expand = if errors.any() {
        expand::worker::stub
    } else {
        expand::worker::expand
    };
    errors.finish(model.map(expand))
}

/// See `external_worker::node_library`.
#[proc_macro_attribute]
pub fn node_library(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = parse::library::parse(args.into(), item.into(), &mut errors);
    let expand = if errors.any() {
        expand::library::stub
    } else {
        expand::library::expand
    };
    errors.finish(model.map(expand))
}

/// See `external_worker::config`.
#[proc_macro_attribute]
pub fn config(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = parse::config::parse(args.into(), item.into(), &mut errors);
    errors.finish(model.map(expand::config::expand))
}

/// See `external_worker::export`.
#[proc_macro]
pub fn export(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = parse::export::parse(input.into(), &mut errors);
    errors.finish(model.map(expand::export::expand))
}

/// See `external_worker::NodeEnum`.
#[proc_macro_derive(NodeEnum, attributes(node_enum))]
pub fn node_enum(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = parse::node_enum::parse(item.into(), &mut errors).filter(|_| !errors.any());
    errors.finish(model.map(expand::node_enum::expand))
}

/// Marks a method as a node, inside an impl block with `#[external_worker]`, which consumes it, or a function in
/// a module with `#[node_library]`. On its own it can only be a mistake.
#[proc_macro_attribute]
pub fn node(_args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    errors.at(proc_macro2::Span::call_site(), errors::NODE_OUTSIDE);
    errors.finish(Some(item.into()))
}
