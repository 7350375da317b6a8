//! `#[derive(NodeEnum)] enum Mode { Fast, Safe }`

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitStr, Meta};

use crate::errors::{self, Errors};
use crate::options;

pub(crate) struct NodeEnum {
    pub(crate) ident: Ident,
    pub(crate) variants: Vec<Variant>,
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// What a person reads.
    pub(crate) key: String,
    /// What travels.
    pub(crate) value: String,
}

pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<NodeEnum> {
    let input: DeriveInput = errors.take(syn::parse2(item))?;
    let Data::Enum(data) = input.data else {
        errors.on(&input.ident, errors::ENUM_ONLY);
        return None;
    };
    if !input.generics.params.is_empty() {
        errors.on(&input.generics, errors::NODE_GENERIC);
        return None;
    }
    if data.variants.is_empty() {
        errors.on(&input.ident, errors::ENUM_EMPTY);
    }
    let mut variants: Vec<Variant> = Vec::new();
    for variant in data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            errors.on(&variant, errors::ENUM_UNIT);
            return None;
        }
        let key = variant.ident.unraw().to_string();
        let value = value(&variant.attrs, errors).unwrap_or_else(|| snake(&key));
        if variants.iter().any(|other| other.value == value) {
            errors.on(&variant.ident, errors::ENUM_VALUE_TWICE);
        }
        variants.push(Variant {
            ident: variant.ident,
            key,
            value,
        });
    }
    Some(NodeEnum {
        ident: input.ident,
        variants,
    })
}

/// `#[node_enum(value = "lo")]`
fn value(attrs: &[Attribute], errors: &mut Errors) -> Option<String> {
    let mut value = None;
    for attr in attrs
        .iter()
        .filter(|attr| attr.path().is_ident("node_enum"))
    {
        let Meta::List(list) = &attr.meta else {
            errors.on(attr, "expected #[node_enum(value = \"lo\")]");
            continue;
        };
        options::read(list.tokens.clone(), &["value"], errors, |key, input, _| {
            if key != "value" {
                return Ok(false);
            }
            value = Some(options::value::<LitStr>(input)?.value());
            Ok(true)
        });
    }
    value
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            out.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}
