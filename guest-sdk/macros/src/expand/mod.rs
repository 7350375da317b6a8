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

/// A class with nothing in it, for a type that was not understood: it fits wherever a class is wanted.
fn stub_class(ty: &impl ToTokens, config: &TokenStream, keeps_state: bool) -> TokenStream {
    quote! {
        impl ::external_worker::__private::Worker for #ty {
            type Config = #config;
            const CLASS_ID: &'static str = ::core::stringify!(#ty);
            const KEEPS_STATE: bool = #keeps_state;
            fn class() -> ::external_worker::__private::WorkerClass {
                ::core::unreachable!()
            }
            fn start(
                _: ::external_worker::Context<Self::Config>,
            ) -> ::external_worker::__private::BoxFuture<'static, ::external_worker::Result<Self>> {
                ::core::unreachable!()
            }
            fn call<'a>(
                &'a self,
                _: &str,
                _: ::external_worker::__private::Inputs,
            ) -> ::core::option::Option<::external_worker::__private::Calling<'a>> {
                ::core::unreachable!()
            }
        }
    }
}
