//! `#[config] struct MyConfig { .. }`

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, ExprUnary, Fields, Ident, Lit, LitBool, LitInt,
    LitStr, Meta, Token, Type, UnOp,
};

use crate::errors::{self, Errors};
use crate::options;

const OPTIONS: [&str; 10] = [
    "default",
    "ge",
    "gt",
    "le",
    "lt",
    "min_length",
    "max_length",
    "pattern",
    "export",
    "title",
];

pub(crate) struct Config {
    /// Without the attributes that the SDK reads.
    pub(crate) item: DeriveInput,
    pub(crate) fields: Vec<Field>,
    /// Traits that the author derives already.
    pub(crate) derived: Vec<String>,
}

pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) default: Option<Default>,
    /// JSON Schema keyword and value.
    pub(crate) keywords: Vec<(&'static str, Expr)>,
    pub(crate) title: Option<LitStr>,
}

pub(crate) enum Default {
    /// `#[config(default)]`
    Trait,
    Text(LitStr),
    Expr(Box<Expr>),
}

pub(crate) fn parse(args: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<Config> {
    if !args.is_empty() {
        errors.on(&args, errors::CONFIG_ARGS);
    }
    let Ok(mut item) = syn::parse2::<DeriveInput>(item) else {
        errors.at(Span::call_site(), errors::CONFIG_NOT_AN_ITEM);
        return None;
    };
    if !item.generics.params.is_empty() {
        errors.on(&item.generics, errors::CONFIG_GENERIC);
    }
    let fields = match &mut item.data {
        Data::Struct(data) => match &mut data.fields {
            Fields::Named(fields) => fields
                .named
                .iter_mut()
                .filter_map(|field| read(field, errors))
                .collect(),
            _ => {
                errors.on(&item.ident, errors::CONFIG_NOT_AN_ITEM);
                Vec::new()
            }
        },
        Data::Enum(_) => Vec::new(),
        Data::Union(_) => {
            errors.on(&item.ident, errors::CONFIG_NOT_AN_ITEM);
            return None;
        }
    };
    let derived = derived(&item.attrs);
    Some(Config {
        item,
        fields,
        derived,
    })
}

fn derived(attrs: &[Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        // What cannot be parsed here, rustc reports on the derive itself.
        let _ = attr.parse_nested_meta(|meta| {
            names.extend(meta.path.segments.last().map(|last| last.ident.to_string()));
            Ok(())
        });
    }
    names
}

fn read(field: &mut syn::Field, errors: &mut Errors) -> Option<Field> {
    let mut read = Field {
        ident: field.ident.clone()?,
        ty: field.ty.clone(),
        default: None,
        keywords: Vec::new(),
        title: None,
    };
    let attrs: Vec<_> = field
        .attrs
        .extract_if(.., |attr| attr.path().is_ident("config"))
        .collect();
    for attr in attrs {
        let Meta::List(list) = &attr.meta else {
            errors.on(&attr, "expected #[config(option = value)]");
            continue;
        };
        options::read(
            list.tokens.clone(),
            &OPTIONS,
            errors,
            |key, input, errors| {
                match key.to_string().as_str() {
                    "default" => read.default = Some(default(input)?),
                    "ge" => read.keywords.push(("minimum", number(input, errors)?)),
                    "gt" => read
                        .keywords
                        .push(("exclusiveMinimum", number(input, errors)?)),
                    "le" => read.keywords.push(("maximum", number(input, errors)?)),
                    "lt" => read
                        .keywords
                        .push(("exclusiveMaximum", number(input, errors)?)),
                    "min_length" => read.keywords.push(("minLength", length(input)?)),
                    "max_length" => read.keywords.push(("maxLength", length(input)?)),
                    "pattern" => {
                        let pattern = options::value::<LitStr>(input)?;
                        read.keywords.push(("pattern", literal(Lit::Str(pattern))));
                    }
                    "export" => {
                        let export = options::value::<LitBool>(input)?;
                        read.keywords.push(("export", literal(Lit::Bool(export))));
                    }
                    "title" => read.title = Some(options::value(input)?),
                    _ => return Ok(false),
                }
                Ok(true)
            },
        );
    }
    Some(read)
}

fn literal(lit: Lit) -> Expr {
    Expr::Lit(ExprLit {
        attrs: Vec::new(),
        lit,
    })
}

fn default(input: syn::parse::ParseStream) -> syn::Result<Default> {
    if !input.peek(Token![=]) {
        return Ok(Default::Trait);
    }
    Ok(match options::value::<Expr>(input)? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Default::Text(text),
        expr => Default::Expr(Box::new(expr)),
    })
}

/// A literal number, since JSON Schema wants one; a constant would do too, but not a string.
fn number(input: syn::parse::ParseStream, errors: &mut Errors) -> syn::Result<Expr> {
    let expr: Expr = options::value(input)?;
    let bare = match &expr {
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => expr,
        other => other,
    };
    if !matches!(
        bare,
        Expr::Lit(ExprLit {
            lit: Lit::Int(_) | Lit::Float(_),
            ..
        }) | Expr::Path(_)
    ) {
        errors.on(&expr, errors::BOUND_NOT_A_NUMBER);
    }
    Ok(expr)
}

fn length(input: syn::parse::ParseStream) -> syn::Result<Expr> {
    let length: LitInt = options::value(input)
        .map_err(|error: syn::Error| syn::Error::new(error.span(), errors::LENGTH_NOT_A_NUMBER))?;
    Ok(literal(Lit::Int(length)))
}
