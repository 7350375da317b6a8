//! The derives of a configuration, with the SDK's own serde and schemars.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse_quote;
use syn::spanned::Spanned;

use crate::parse::config::{Config, Default, Field};

pub(crate) fn expand(mut config: Config) -> TokenStream {
    let ident = config.item.ident.clone();
    let mut defaults = Vec::new();
    if let syn::Data::Struct(data) = &mut config.item.data {
        for field in &config.fields {
            let target = data.fields.iter_mut().find(|other| {
                other
                    .ident
                    .as_ref()
                    .is_some_and(|other| *other == field.ident)
            });
            if let Some(target) = target {
                target.attrs.extend(schema(field));
                target.attrs.extend(serde_default(&ident, field));
            }
            defaults.extend(default_fn(field));
        }
    }
    let derives = derives(&config);
    let item = &config.item;
    let defaults = (!defaults.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            #[allow(non_snake_case, reason = "named after the fields")]
            impl #ident { #(#defaults)* }
        }
    });
    quote! {
        #derives
        #[serde(crate = "::external_worker::__private::serde")]
        #[schemars(crate = "::external_worker::__private::schemars")]
        #item
        #defaults
    }
}

/// Not `Debug`: a secret would reach the log too easily. The author may derive it.
fn derives(config: &Config) -> TokenStream {
    let wanted = [
        ("Clone", quote!(::core::clone::Clone)),
        (
            "Serialize",
            quote!(::external_worker::__private::serde::Serialize),
        ),
        (
            "Deserialize",
            quote!(::external_worker::__private::serde::Deserialize),
        ),
        (
            "JsonSchema",
            quote!(::external_worker::__private::schemars::JsonSchema),
        ),
    ];
    let missing = wanted
        .into_iter()
        .filter(|(name, _)| !config.derived.iter().any(|derived| derived == name))
        .map(|(_, path)| path);
    quote!(#[derive(#(#missing),*)])
}

fn schema(field: &Field) -> Vec<syn::Attribute> {
    let mut attrs: Vec<syn::Attribute> = field
        .keywords
        .iter()
        .map(|(keyword, value)| parse_quote!(#[schemars(extend(#keyword = #value))]))
        .collect();
    if let Some(title) = &field.title {
        attrs.push(parse_quote!(#[schemars(title = #title)]));
    }
    attrs
}

fn serde_default(config: &syn::Ident, field: &Field) -> Option<syn::Attribute> {
    field.default.as_ref().map(|default| match default {
        Default::Trait => parse_quote!(#[serde(default)]),
        Default::Text(_) | Default::Expr(_) => {
            let path = format!("{config}::{}", default_name(field));
            parse_quote!(#[serde(default = #path)])
        }
    })
}

fn default_name(field: &Field) -> syn::Ident {
    format_ident!("__default_{}", field.ident.unraw())
}

fn default_fn(field: &Field) -> Option<TokenStream> {
    let ty = &field.ty;
    let value = match field.default.as_ref()? {
        Default::Trait => return None,
        Default::Text(text) => {
            quote_spanned!(text.span()=> ::core::convert::From::from(#text))
        }
        Default::Expr(expr) => quote_spanned!(expr.span()=> #expr),
    };
    let name = default_name(field);
    Some(quote! {
        fn #name() -> #ty { #value }
    })
}
