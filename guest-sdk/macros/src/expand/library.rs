//! The modules as the author wrote them, and the type that stands for them in `export!`.
//!
//! What describes and calls the nodes of a module is made inside of it, where the names of its types mean what
//! they mean to the author.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use super::{node, option, stub_class};
use crate::parse::library::{Library, Shelf};

pub(crate) fn expand(library: Library) -> TokenStream {
    let Library {
        ty,
        id,
        title,
        root,
    } = library;
    let title = title.unwrap_or_else(|| ty.to_string());
    let description = option(root.description.as_ref());
    let (vis, ident, cfgs) = (
        root.item.vis.clone(),
        root.item.ident.clone(),
        root.cfgs.clone(),
    );
    let doc = format!("The node library of the module `{}`.", root.name);
    let module = module(root);
    quote! {
        #module

        #(#cfgs)*
        #[doc = #doc]
        #[derive(Clone, Copy, Debug, Default)]
        #vis struct #ty;

        #(#cfgs)*
        #[automatically_derived]
        impl ::external_worker::__private::Worker for #ty {
            type Config = ::external_worker::NoConfig;
            const CLASS_ID: &'static str = #id;
            const IS_LIBRARY: bool = true;
            fn class() -> ::external_worker::__private::WorkerClass {
                ::external_worker::__private::library::<Self>(#title, #description, #ident::__nodes())
            }
            fn start(
                _: ::external_worker::Context<Self::Config>,
            ) -> ::external_worker::__private::BoxFuture<'static, ::external_worker::Result<Self>> {
                ::std::boxed::Box::pin(::core::future::ready(::core::result::Result::Ok(Self)))
            }
            fn shelves() -> ::std::vec::Vec<::external_worker::__private::WitShelf> {
                let mut shelves = ::std::vec::Vec::new();
                #ident::__shelves(::core::option::Option::None, &mut shelves);
                shelves
            }
            fn call<'a>(
                &'a self,
                node: &str,
                inputs: ::external_worker::__private::Inputs,
            ) -> ::core::option::Option<::external_worker::__private::Calling<'a>> {
                #ident::__call(node, inputs)
            }
        }
    }
}

/// What stands in for a library that was not understood: its functions as they are, and a type that nothing can
/// be done with.
pub(crate) fn stub(library: Library) -> TokenStream {
    let (ty, vis) = (library.ty.clone(), library.root.item.vis.clone());
    let module = plain(library.root);
    let class = stub_class(&ty, &quote!(::external_worker::NoConfig), false);
    quote! {
        #[allow(unused, reason = "the library does not compile anyway")]
        #module

        #[derive(Clone, Copy, Debug, Default)]
        #[allow(unused, reason = "the library does not compile anyway")]
        #vis struct #ty;

        #class
    }
}

fn plain(shelf: Shelf) -> TokenStream {
    let functions = shelf.nodes.into_iter().map(|node| {
        let method = node.method;
        quote!(#method)
    });
    let shelves = shelf.shelves.into_iter().map(plain);
    with(shelf.item, functions.chain(shelves))
}

/// The module with further members.
fn with(mut item: syn::ItemMod, members: impl Iterator<Item = TokenStream>) -> TokenStream {
    if let Some((_, items)) = &mut item.content {
        items.extend(members.map(Item::Verbatim));
    }
    quote!(#item)
}

fn module(shelf: Shelf) -> TokenStream {
    let glue = glue(&shelf);
    let functions: Vec<_> = shelf
        .nodes
        .into_iter()
        .map(|node| {
            let method = node.method;
            quote!(#method)
        })
        .collect();
    let shelves = shelf.shelves.into_iter().map(module);
    let members = functions.into_iter().chain(shelves).chain([glue]);
    with(shelf.item, members)
}

fn glue(shelf: &Shelf) -> TokenStream {
    let nodes = shelf.nodes.iter().map(node::description);
    let arms = shelf.nodes.iter().map(node::function_arm);
    let below = shelf.shelves.iter().map(|below| {
        let (cfgs, ident, name) = (&below.cfgs, &below.item.ident, &below.name);
        let description = option(below.description.as_ref());
        quote! {
            #(#cfgs)*
            {
                let place = ::external_worker::__private::put_shelf(
                    shelves,
                    parent,
                    #name,
                    #description,
                    #ident::__nodes(),
                );
                #ident::__shelves(::core::option::Option::Some(place), shelves);
            }
        }
    });
    let calls = shelf.shelves.iter().map(|below| {
        let (cfgs, ident, name) = (&below.cfgs, &below.item.ident, &below.name);
        quote!(#(#cfgs)* #name => #ident::__call(rest, inputs),)
    });
    quote! {
        #[doc(hidden)]
        pub(super) fn __nodes() -> ::std::vec::Vec<::external_worker::__private::NodeClass> {
            ::std::vec![#(#nodes),*]
        }

        #[doc(hidden)]
        #[allow(unused_variables, clippy::ptr_arg, reason = "there may be no shelf in this one")]
        pub(super) fn __shelves(
            parent: ::core::option::Option<u32>,
            shelves: &mut ::std::vec::Vec<::external_worker::__private::WitShelf>,
        ) {
            #(#below)*
        }

        #[doc(hidden)]
        #[allow(
            unused_mut,
            unused_variables,
            reason = "a node may take no inputs, and there may be none"
        )]
        pub(super) fn __call(
            node: &str,
            mut inputs: ::external_worker::__private::Inputs,
        ) -> ::core::option::Option<::external_worker::__private::Calling<'static>> {
            if let ::core::option::Option::Some((shelf, rest)) = node.split_once('/') {
                return match shelf {
                    #(#calls)*
                    _ => ::core::option::Option::None,
                };
            }
            match node {
                #(#arms)*
                _ => ::core::option::Option::None,
            }
        }
    }
}
