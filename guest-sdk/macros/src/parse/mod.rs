//! Tokens to models. Every parser collects what is wrong and goes on with what it understood.

pub(crate) mod config;
mod duration;
pub(crate) mod export;
pub(crate) mod io;
pub(crate) mod library;
pub(crate) mod node;
pub(crate) mod node_enum;
pub(crate) mod worker;

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of doc comments, as a person would read it.
pub(crate) fn docs(attrs: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attrs
        .iter()
        .filter_map(|attr| match &attr.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .flat_map(|text| {
            text.split('\n')
                .map(|line| line.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The `#[cfg]`s, which have to stand on everything generated for the same item.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .cloned()
        .collect()
}
