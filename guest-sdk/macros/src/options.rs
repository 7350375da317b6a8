//! `key = value, key, ..` inside an attribute. An unknown or broken option is reported and skipped,
//! so the ones after it are still read.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, Token};

use crate::errors::{self, Errors};

/// Reads options from the inside of an attribute. `on` answers `Ok(false)` for a key that is not its own.
pub(crate) fn read(
    tokens: TokenStream,
    known: &[&str],
    errors: &mut Errors,
    mut on: impl FnMut(&Ident, ParseStream, &mut Errors) -> syn::Result<bool>,
) {
    let parser = |input: ParseStream| {
        let mut seen = Vec::new();
        while !input.is_empty() {
            one(input, known, errors, &mut seen, &mut on)?;
        }
        Ok(())
    };
    let result = parser.parse2(tokens);
    errors.take(result);
}

fn one(
    input: ParseStream,
    known: &[&str],
    errors: &mut Errors,
    seen: &mut Vec<Ident>,
    on: &mut impl FnMut(&Ident, ParseStream, &mut Errors) -> syn::Result<bool>,
) -> syn::Result<()> {
    let key = input.call(Ident::parse_any)?;
    if seen.contains(&key) {
        errors.on(&key, errors::OPTION_TWICE);
    }
    seen.push(key.clone());
    match on(&key, input, errors) {
        Ok(true) => {}
        Ok(false) => {
            errors.on(&key, errors::unknown_option(&key.to_string(), known));
            skip(input)?;
        }
        // syn points at the end of the attribute for what is not there.
        Err(error) if input.is_empty() && error.to_string().contains("expected `=`") => {
            errors.on(&key, errors::value_missing(&key.to_string()));
        }
        Err(error) => {
            errors.push(error);
            skip(input)?;
        }
    }
    if !input.is_empty() && input.parse::<Token![,]>().is_err() {
        errors.at(input.span(), "expected `,`");
        skip(input)?;
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(())
}

/// What stands behind the `=`.
pub(crate) fn value<T: Parse>(input: ParseStream) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn skip(input: ParseStream) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
