//! `export!(A, B; state; requests: { serial: "reads the thermometer" })`

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token, braced};

use crate::errors::{self, Errors};

/// One name per capability, the same in the policy, in the manifest and here.
const CAPABILITIES: [&str; 8] = [
    "files", "data", "sockets", "http", "serial", "clocks", "random", "env",
];

pub(crate) struct Export {
    pub(crate) workers: Vec<Path>,
    /// Whether the interface `state` is exported too.
    pub(crate) state: bool,
    /// Capability and reason.
    pub(crate) requests: Vec<(String, String)>,
}

pub(crate) fn parse(input: TokenStream, errors: &mut Errors) -> Option<Export> {
    let mut export = Export {
        workers: Vec::new(),
        state: false,
        requests: Vec::new(),
    };
    let parser = |input: ParseStream| {
        workers(input, &mut export, errors)?;
        while input.parse::<Option<Token![;]>>()?.is_some() && !input.is_empty() {
            clause(input, &mut export, errors)?;
        }
        if !input.is_empty() {
            return Err(input.error(errors::EXPORT_AFTER));
        }
        Ok(())
    };
    let result = parser.parse2(input);
    errors.take(result);
    if export.workers.is_empty() {
        return None;
    }
    Some(export)
}

fn workers(input: ParseStream, export: &mut Export, errors: &mut Errors) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![;]) {
        return Err(syn::Error::new(Span::call_site(), errors::EXPORT_EMPTY));
    }
    while !input.is_empty() && !input.peek(Token![;]) {
        let worker: Path = input.parse()?;
        let text = worker.to_token_stream().to_string();
        if export
            .workers
            .iter()
            .any(|other| other.to_token_stream().to_string() == text)
        {
            errors.on(&worker, errors::EXPORT_TWICE);
        } else {
            export.workers.push(worker);
        }
        if input.is_empty() || input.peek(Token![;]) {
            break;
        }
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// What may follow the workers.
fn clause(input: ParseStream, export: &mut Export, errors: &mut Errors) -> syn::Result<()> {
    let key = input.call(Ident::parse_any)?;
    if key == "state" {
        if std::mem::replace(&mut export.state, true) {
            errors.on(&key, errors::OPTION_TWICE);
        }
        return Ok(());
    }
    if key == "requests" {
        return requests(input, export, errors);
    }
    Err(syn::Error::new(key.span(), errors::EXPORT_AFTER))
}

fn requests(input: ParseStream, export: &mut Export, errors: &mut Errors) -> syn::Result<()> {
    input.parse::<Token![:]>()?;
    let content;
    braced!(content in input);
    while !content.is_empty() {
        let name = content.call(Ident::parse_any)?;
        content.parse::<Token![:]>()?;
        let reason: LitStr = content.parse()?;
        request(&name, &reason, export, errors);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    input.parse::<Option<Token![,]>>()?;
    Ok(())
}

fn request(name: &Ident, reason: &LitStr, export: &mut Export, errors: &mut Errors) {
    let text = name.to_string();
    if !CAPABILITIES.contains(&text.as_str()) {
        errors.on(name, errors::unknown_capability(&text, &CAPABILITIES));
    }
    if export.requests.iter().any(|(other, _)| *other == text) {
        errors.on(name, errors::OPTION_TWICE);
    }
    if reason.value().trim().is_empty() {
        errors.on(reason, errors::REASON_EMPTY);
    }
    export.requests.push((text, reason.value()));
}
