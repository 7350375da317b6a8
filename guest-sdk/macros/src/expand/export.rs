//! What a component exports, and the manifest that it carries.

use proc_macro2::TokenStream;
use quote::quote;

use crate::json::quoted;
use crate::parse::export::Export;

pub(crate) fn expand(export: Export) -> TokenStream {
    let workers = &export.workers;
    let keeps_state = export.state;
    let export_state = export.state.then(|| {
        quote! {
            #[cfg(target_family = "wasm")]
            ::external_worker::__private::bindings::state::export_state!(
                __Component with_types_in ::external_worker::__private::bindings::state
            );
        }
    });
    let requests: Vec<_> = export
        .requests
        .iter()
        .map(|(name, reason)| format!("{}:{}", quoted(name), quoted(reason)))
        .collect();
    let requests = requests.join(",");
    quote! {
        const _: () = {
            struct __Component;

            impl ::external_worker::__private::Component for __Component {
                fn classes() -> &'static [::external_worker::__private::ClassEntry] {
                    const CLASSES: &[::external_worker::__private::ClassEntry] =
                        &[#(::external_worker::__private::ClassEntry::of::<#workers>()),*];
                    const _: () = ::external_worker::__private::check_ids(CLASSES);
                    const _: () =
                        ::external_worker::__private::check_state(CLASSES, #keeps_state);
                    CLASSES
                }
            }

            // Where a library for the host's own machine is built (tests of the author), nothing is
            // exported, but the workers are checked all the same.
            const _: fn() -> &'static [::external_worker::__private::ClassEntry] =
                <__Component as ::external_worker::__private::Component>::classes;

            const __MANIFEST: &str = ::core::concat!(
                "{\"version\":1,\"name\":\"",
                ::core::env!("CARGO_PKG_NAME"),
                "\",\"package-version\":\"",
                ::core::env!("CARGO_PKG_VERSION"),
                "\",\"requests\":{",
                #requests,
                "}}",
            );

            #[cfg(target_family = "wasm")]
            #[used]
            #[unsafe(link_section = "external-worker:manifest")]
            static __MANIFEST_SECTION: [u8; __MANIFEST.len()] =
                ::external_worker::__private::bytes(__MANIFEST);

            #[cfg(target_family = "wasm")]
            ::external_worker::__private::bindings::export!(
                __Component with_types_in ::external_worker::__private::bindings
            );
            #export_state
        };
    }
}
