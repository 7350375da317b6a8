//! The impl block as the author wrote it, and what makes the type a worker.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{node, option, stub_class};
use crate::parse::worker::{Hook, HookKind, Worker};

pub(crate) fn expand(mut worker: Worker) -> TokenStream {
    let members: Vec<_> = worker.nodes.iter().map(node::members).collect();
    for member in members {
        worker.item.items.push(syn::ImplItem::Verbatim(member));
    }
    let item = &worker.item;
    let implementation = implementation(&worker);
    quote! {
        #item
        #implementation
    }
}

/// What stands in for a worker that was not understood: its methods as they are, so that calls of
/// them are not errors too, and a class with nothing in it.
pub(crate) fn stub(mut worker: Worker) -> TokenStream {
    for node in std::mem::take(&mut worker.nodes) {
        worker.item.items.push(syn::ImplItem::Fn(node.method));
    }
    let item = &worker.item;
    let ty = &item.self_ty;
    let config = config(&worker);
    let keeps_state = find(&worker, HookKind::Save).is_some();
    let class = stub_class(ty, &config, keeps_state);
    quote! {
        #[allow(unused, reason = "the worker does not compile anyway")]
        #item

        #class
    }
}

fn config(worker: &Worker) -> TokenStream {
    match &worker.config {
        Some(config) => quote!(#config),
        None => quote!(::external_worker::NoConfig),
    }
}

fn implementation(worker: &Worker) -> TokenStream {
    let ty = &worker.item.self_ty;
    let id = &worker.id;
    let config = config(worker);
    let class = class(worker);
    let start = start(worker);
    let hooks = [HookKind::Loop, HookKind::UpdateConfig, HookKind::Stop]
        .into_iter()
        .filter_map(|kind| hook(worker, kind));
    let shelf = shelf(worker);
    let state = state(worker);
    let arms = worker.nodes.iter().map(node::arm);
    quote! {
        #[automatically_derived]
        impl ::external_worker::__private::Worker for #ty {
            type Config = #config;
            const CLASS_ID: &'static str = #id;
            #class
            #start
            #(#hooks)*
            #shelf
            #state
            #[allow(unused_mut, unused_variables, reason = "a node may take no inputs")]
            fn call<'a>(
                &'a self,
                node: &str,
                mut inputs: ::external_worker::__private::Inputs,
            ) -> ::core::option::Option<::external_worker::__private::Calling<'a>> {
                match node {
                    #(#arms)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

fn class(worker: &Worker) -> TokenStream {
    let ty = &worker.item.self_ty;
    let title = match &worker.title {
        Some(title) => quote!(#title),
        None => quote!(::core::stringify!(#ty)),
    };
    let description = option(worker.description.as_ref());
    let ui_schema = option(worker.ui_schema.as_ref());
    let exclude = &worker.export_exclude;
    let delay = worker.loop_delay_ms;
    let nodes = worker.nodes.iter().map(node::description);
    quote! {
        fn class() -> ::external_worker::__private::WorkerClass {
            ::external_worker::__private::class::<Self>(::external_worker::__private::ClassSpec {
                title: #title,
                description: #description,
                ui_schema: #ui_schema,
                export_exclude: &[#(#exclude),*],
                loop_delay_ms: #delay,
                is_library: false,
                nodes: ::std::vec![#(#nodes),*],
            })
        }
    }
}

fn find(worker: &Worker, kind: HookKind) -> Option<&Hook> {
    worker.hooks.iter().find(|hook| hook.kind == kind)
}

fn start(worker: &Worker) -> TokenStream {
    let ty = &worker.item.self_ty;
    let made = match find(worker, HookKind::Start) {
        Some(hook) => {
            let ident = &hook.ident;
            let context = hook.takes_context.then(|| quote!(context));
            let wait = hook.is_async.then(|| quote_spanned!(ident.span()=> .await));
            quote_spanned! {ident.span()=>
                ::external_worker::__private::Started::<Self>::started(Self::#ident(#context)#wait)
            }
        }
        None => quote_spanned! {ty.span()=>
            ::core::result::Result::Ok(<#ty as ::core::default::Default>::default())
        },
    };
    quote! {
        #[allow(unused_variables, reason = "start need not look at its context")]
        fn start(
            context: ::external_worker::Context<Self::Config>,
        ) -> ::external_worker::__private::BoxFuture<'static, ::external_worker::Result<Self>> {
            ::std::boxed::Box::pin(async move { #made })
        }
    }
}

/// Calls a hook, converting what it returns. Mistakes in its signature show at its name.
fn call(hook: &Hook, convert: &TokenStream, argument: Option<&TokenStream>) -> TokenStream {
    let ident = &hook.ident;
    let wait = hook.is_async.then(|| quote_spanned!(ident.span()=> .await));
    quote_spanned! {ident.span()=>
        ::external_worker::__private::#convert(self.#ident(#argument)#wait)
    }
}

fn hook(worker: &Worker, kind: HookKind) -> Option<TokenStream> {
    let hook = find(worker, kind)?;
    let name = match kind {
        HookKind::Loop => quote!(turn),
        HookKind::UpdateConfig => quote!(config_updated),
        HookKind::Stop => quote!(stopped),
        _ => return None,
    };
    let call = call(hook, &quote!(HookResult::into_result), None);
    Some(quote! {
        fn #name(
            &self,
        ) -> ::external_worker::__private::BoxFuture<'_, ::external_worker::Result<()>> {
            ::std::boxed::Box::pin(async move { #call })
        }
    })
}

fn shelf(worker: &Worker) -> Option<TokenStream> {
    let hook = find(worker, HookKind::GetNodeshelf)?;
    let call = call(hook, &quote!(ShelfResult::into_shelf), None);
    Some(quote! {
        fn shelf(
            &self,
        ) -> ::external_worker::Result<::core::option::Option<::external_worker::Shelf>> {
            #call
        }
    })
}

/// The two hooks of the interface `state`.
fn state(worker: &Worker) -> Option<TokenStream> {
    let save = find(worker, HookKind::Save)?;
    let restore = find(worker, HookKind::Restore)?;
    let saved = call(save, &quote!(SavedState::into_state), None);
    let restored = call(
        restore,
        &quote!(HookResult::into_result),
        Some(&quote!(state)),
    );
    Some(quote! {
        const KEEPS_STATE: bool = true;
        fn saved(
            &self,
        ) -> ::external_worker::__private::BoxFuture<
            '_,
            ::external_worker::Result<::std::vec::Vec<u8>>,
        > {
            ::std::boxed::Box::pin(async move { #saved })
        }
        fn restored(
            &self,
            state: ::std::vec::Vec<u8>,
        ) -> ::external_worker::__private::BoxFuture<'_, ::external_worker::Result<()>> {
            ::std::boxed::Box::pin(async move { #restored })
        }
    })
}
