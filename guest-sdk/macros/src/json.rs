//! JSON written as tokens: option dictionaries, spelled as a worker in Python has them.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, Lit, LitStr, Token, braced, bracketed, token};

use crate::errors;

pub(crate) struct Json {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(LitStr),
    List(Vec<Json>),
    Object(Vec<(LitStr, Json)>),
}

impl Json {
    /// The document, RFC 8259.
    pub(crate) fn text(&self) -> String {
        match &self.kind {
            Kind::Null => "null".into(),
            Kind::Bool(value) => value.to_string(),
            Kind::Number(digits) => digits.clone(),
            Kind::Text(text) => quoted(&text.value()),
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(Json::text).collect();
                format!("[{}]", items.join(","))
            }
            Kind::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{}:{}", quoted(&key.value()), value.text()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

/// A JSON string with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Parse for Json {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let span = input.span();
        let kind = if input.peek(token::Brace) {
            object(input)?
        } else if input.peek(token::Bracket) {
            let content;
            bracketed!(content in input);
            let items = Punctuated::<Json, Token![,]>::parse_terminated(&content)?;
            Kind::List(items.into_iter().collect())
        } else if input.peek(Ident::peek_any) && !input.peek(syn::LitBool) {
            let ident = input.call(Ident::parse_any)?;
            if ident != "null" {
                return Err(syn::Error::new(span, errors::JSON_VALUE));
            }
            Kind::Null
        } else {
            scalar(input, span)?
        };
        Ok(Self { span, kind })
    }
}

fn scalar(input: ParseStream, span: Span) -> syn::Result<Kind> {
    let wrong = || syn::Error::new(span, errors::JSON_VALUE);
    let minus: Option<Token![-]> = input.parse()?;
    let sign = if minus.is_some() { "-" } else { "" };
    match input.parse::<Lit>().map_err(|_| wrong())? {
        Lit::Int(n) if n.suffix().is_empty() => {
            Ok(Kind::Number(format!("{sign}{}", n.base10_digits())))
        }
        Lit::Float(n) if n.suffix().is_empty() && !n.base10_digits().ends_with('.') => {
            Ok(Kind::Number(format!("{sign}{}", n.base10_digits())))
        }
        Lit::Str(text) if minus.is_none() => Ok(Kind::Text(text)),
        Lit::Bool(value) if minus.is_none() => Ok(Kind::Bool(value.value)),
        _ => Err(wrong()),
    }
}

fn object(input: ParseStream) -> syn::Result<Kind> {
    let content;
    braced!(content in input);
    let mut members: Vec<(LitStr, Json)> = Vec::new();
    while !content.is_empty() {
        let key: LitStr = content.parse()?;
        content.parse::<Token![:]>()?;
        let value = content.parse()?;
        if members
            .iter()
            .any(|(other, _)| other.value() == key.value())
        {
            return Err(syn::Error::new(key.span(), errors::JSON_TWICE));
        }
        members.push((key, value));
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok(Kind::Object(members))
}
