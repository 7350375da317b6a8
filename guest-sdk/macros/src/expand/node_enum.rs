//! An enum as the type of an input or output.

use proc_macro2::TokenStream;
use quote::quote;

use crate::parse::node_enum::NodeEnum;

pub(crate) fn expand(model: NodeEnum) -> TokenStream {
    let ident = &model.ident;
    let variants: Vec<_> = model
        .variants
        .iter()
        .map(|variant| &variant.ident)
        .collect();
    let keys = model.variants.iter().map(|variant| &variant.key);
    let values: Vec<_> = model
        .variants
        .iter()
        .map(|variant| &variant.value)
        .collect();
    quote! {
        #[automatically_derived]
        impl ::external_worker::NodeEnum for #ident {
            const KEYS: &'static [&'static str] = &[#(#keys),*];
            const VALUES: &'static [&'static str] = &[#(#values),*];
            fn value(&self) -> &'static str {
                match self { #(Self::#variants => #values,)* }
            }
            fn from_index(index: usize) -> ::core::option::Option<Self> {
                [#(|| Self::#variants),*].get(index).map(|make: &fn() -> Self| make())
            }
        }
        #[automatically_derived]
        impl ::external_worker::PortType for #ident {
            fn type_schema() -> ::external_worker::__private::Json {
                ::external_worker::__private::enum_type::<Self>()
            }
            fn value_options() -> ::core::option::Option<::external_worker::__private::Json> {
                ::core::option::Option::Some(::external_worker::__private::enum_options::<Self>())
            }
        }
        #[automatically_derived]
        impl ::external_worker::IntoPort for #ident {
            fn into_json(self) -> ::external_worker::Result<::external_worker::__private::Json> {
                ::core::result::Result::Ok(::external_worker::NodeEnum::value(&self).into())
            }
        }
        #[automatically_derived]
        impl ::external_worker::FromPort for #ident {
            fn from_json(
                json: ::external_worker::__private::Json,
            ) -> ::external_worker::Result<Self> {
                ::external_worker::__private::enum_from_json(json)
            }
        }
    }
}
