//! A method or a function with `#[node]`.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Expr, FnArg, Ident, ImplItemFn, ItemFn, Lit, LitBool, LitStr, Meta, Pat,
    ReceiverKind, ReturnType, Safety, Type, TypeImplTrait, TypeReference,
};

use super::io::{self, Entry};
use super::{cfgs, docs, duration};
use crate::errors::{self, Errors};
use crate::json::Json;
use crate::options;

const OPTIONS: [&str; 9] = [
    "name",
    "title",
    "description",
    "inputs",
    "outputs",
    "default_io_options",
    "default_render_options",
    "trigger_on_call",
    "timeout",
];

pub(crate) struct Node {
    /// As the author wrote it, without the attributes that the SDK reads.
    pub(crate) method: ImplItemFn,
    pub(crate) cfgs: Vec<Attribute>,
    /// Without `r#`.
    pub(crate) name: String,
    pub(crate) constant: Ident,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) inputs: Vec<Input>,
    /// The method's arguments, in their order.
    pub(crate) arguments: Vec<Argument>,
    /// Empty: the names that the return type has of itself.
    pub(crate) outputs: Vec<Output>,
    pub(crate) output_type: Type,
    pub(crate) render_options: Option<String>,
    pub(crate) trigger_on_call: Option<bool>,
    /// Milliseconds.
    pub(crate) timeout_ms: Option<u32>,
}

/// An argument of the method that is an input of the node.
pub(crate) struct Input {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    /// Owned: what the value is converted to.
    pub(crate) ty: Type,
    /// Whether the method wants a reference to it.
    pub(crate) by_reference: bool,
    pub(crate) description: Option<String>,
    pub(crate) default: Option<Default>,
    pub(crate) hidden: bool,
    /// JSON object.
    pub(crate) options: String,
}

/// An argument of the method.
pub(crate) enum Argument {
    /// The input at that place.
    Input(usize),
    /// The call itself, by this name.
    Call(Ident),
}

pub(crate) struct Output {
    pub(crate) name: String,
    /// JSON object.
    pub(crate) options: String,
}

pub(crate) enum Default {
    Text(LitStr),
    Expr(Box<Expr>),
    Json(String),
}

#[derive(Default)]
struct Options {
    title: Option<String>,
    description: Option<String>,
    inputs: Vec<Entry>,
    outputs: Option<(Span, Vec<Entry>)>,
    io: Vec<Entry>,
    render: Option<String>,
    trigger_on_call: Option<bool>,
    timeout_ms: Option<u32>,
}

/// `method` has `#[node]`, which is taken off it.
pub(crate) fn parse(method: ImplItemFn, errors: &mut Errors) -> Node {
    check_receiver(&method.sig, errors);
    parse_any(method, errors)
}

/// `function` has `#[node]`, which is taken off it. It is of no worker, so nothing but the graph calls it in a way
/// that a node could hear of.
pub(crate) fn parse_function(function: ItemFn, errors: &mut Errors) -> Node {
    let ItemFn {
        attrs,
        vis,
        modifiers,
        sig,
        block,
    } = function;
    if let Some(receiver) = sig.receiver() {
        errors.on(receiver, errors::LIBRARY_SELF);
    }
    let block = *block;
    let name = sig.ident.clone();
    let method = ImplItemFn {
        attrs,
        vis,
        modifiers,
        sig,
        block,
    };
    let mut node = parse_any(method, errors);
    if node.trigger_on_call.replace(false).is_some() {
        errors.on(name, errors::LIBRARY_TRIGGER);
    }
    node
}

fn parse_any(mut method: ImplItemFn, errors: &mut Errors) -> Node {
    let options = read_options(&mut method, errors);
    check_signature(&method, errors);
    let (mut inputs, arguments) = read_inputs(&mut method, errors);
    let output_type = output_type(&method.sig.output);
    let mut outputs = outputs(options.outputs, &output_type, errors);
    describe_inputs(&mut inputs, options.inputs, errors);
    describe_io(&mut inputs, &mut outputs, &output_type, options.io, errors);
    let name = method.sig.ident.unraw().to_string();
    Node {
        cfgs: cfgs(&method.attrs),
        constant: Ident::new(&name.to_uppercase(), method.sig.ident.span()),
        title: options.title,
        description: options.description.or_else(|| docs(&method.attrs)),
        render_options: options.render,
        trigger_on_call: options.trigger_on_call,
        timeout_ms: options.timeout_ms,
        inputs,
        arguments,
        outputs,
        output_type,
        name,
        method,
    }
}

fn read_options(method: &mut ImplItemFn, errors: &mut Errors) -> Options {
    let mut read = Options::default();
    let attrs: Vec<_> = method.attrs.extract_if(.., |attr| is_node(attr)).collect();
    for (i, attr) in attrs.iter().enumerate() {
        if i > 0 {
            errors.on(attr, errors::NODE_TWICE);
        }
        let tokens = match &attr.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) => TokenStream::new(),
            Meta::NameValue(meta) => {
                errors.on(&meta.value, "expected #[node] or #[node(option = value)]");
                TokenStream::new()
            }
        };
        options::read(tokens, &OPTIONS, errors, |key, input, errors| {
            match key.to_string().as_str() {
                "name" | "title" => {
                    let text: LitStr = options::value(input)?;
                    if read.title.is_some() {
                        errors.on(key, errors::OPTION_TWICE);
                    }
                    if text.value().is_empty() {
                        errors.on(&text, errors::NAME_EMPTY);
                    }
                    read.title = Some(text.value());
                }
                "description" => {
                    read.description = Some(options::value::<LitStr>(input)?.value());
                }
                "inputs" => read.inputs = io::list(options::value(input)?, errors),
                "outputs" => {
                    read.outputs = Some((key.span(), io::list(options::value(input)?, errors)));
                }
                "default_io_options" => read.io = io::map(options::value(input)?, errors),
                "default_render_options" => {
                    read.render = Some(options::value::<Json>(input)?.text());
                }
                "trigger_on_call" => {
                    read.trigger_on_call = Some(options::value::<LitBool>(input)?.value);
                }
                "timeout" => {
                    let text: LitStr = options::value(input)?;
                    read.timeout_ms = duration::milliseconds(&text.value());
                    if read.timeout_ms.is_none() {
                        errors.on(&text, errors::TIMEOUT);
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        });
    }
    read
}

/// `#[node]`, however it is reached: `#[external_worker::node]` too.
pub(crate) fn is_node(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident == "node")
}

fn check_signature(method: &ImplItemFn, errors: &mut Errors) {
    let sig = &method.sig;
    if sig.generics.type_params().next().is_some() || sig.generics.const_params().next().is_some() {
        errors.on(&sig.generics, errors::NODE_GENERIC);
    }
    if !matches!(sig.safety, Safety::Default) || sig.abi.is_some() || sig.variadic.is_some() {
        errors.on(sig.fn_token, errors::NODE_UNSAFE);
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        reject_impl(ty, errors);
    }
}

pub(crate) fn check_receiver(sig: &syn::Signature, errors: &mut Errors) {
    match sig.receiver().map(|receiver| &receiver.kind) {
        Some(ReceiverKind::Reference(_, _, None)) => {}
        Some(_) => errors.on(sig.receiver(), errors::SELF_NEEDED),
        None => errors.on(&sig.ident, errors::SELF_NEEDED),
    }
}

fn reject_impl(ty: &Type, errors: &mut Errors) {
    struct Find<'a>(&'a mut Errors);
    impl VisitMut for Find<'_> {
        fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
            self.0.on(ty, errors::NODE_GENERIC);
        }
    }
    Find(errors).visit_type_mut(&mut ty.clone());
}

fn read_inputs(method: &mut ImplItemFn, errors: &mut Errors) -> (Vec<Input>, Vec<Argument>) {
    let mut inputs = Vec::new();
    let mut arguments = Vec::new();
    for arg in &mut method.sig.inputs {
        let FnArg::Typed(arg) = arg else { continue };
        let description = docs(&arg.attrs);
        let defaults: Vec<_> = arg
            .attrs
            .extract_if(.., |attr| attr.path().is_ident("default"))
            .collect();
        arg.attrs.retain(|attr| !attr.path().is_ident("doc"));
        let default = read_default(&defaults, errors);
        let Pat::Ident(pat) = &mut *arg.pat else {
            errors.on(&arg.pat, errors::ARGUMENT_PATTERN);
            continue;
        };
        if is_call(&arg.ty) {
            if arguments
                .iter()
                .any(|argument| matches!(argument, Argument::Call(_)))
            {
                errors.on(&arg.ty, errors::CALL_TWICE);
            }
            arguments.push(Argument::Call(pat.ident.clone()));
            continue;
        }
        reject_impl(&arg.ty, errors);
        let (ty, by_reference) = owned(&arg.ty, errors);
        arguments.push(Argument::Input(inputs.len()));
        inputs.push(Input {
            ident: pat.ident.clone(),
            name: pat.ident.unraw().to_string(),
            ty,
            by_reference,
            description,
            default,
            hidden: false,
            options: String::new(),
        });
    }
    (inputs, arguments)
}

/// `Call`, however it is reached: `external_worker::Call` too.
fn is_call(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let last = path.path.segments.last();
    path.qself.is_none()
        && last.is_some_and(|last| last.ident == "Call" && last.arguments.is_empty())
}

fn read_default(attrs: &[Attribute], errors: &mut Errors) -> Option<Default> {
    if let Some(second) = attrs.get(1) {
        errors.on(second, errors::DEFAULT_TWICE);
    }
    let attr = attrs.first()?;
    let expr = match &attr.meta {
        Meta::List(list) if !list.tokens.is_empty() => errors.take(attr.parse_args::<Expr>())?,
        Meta::NameValue(meta) => meta.value.clone(),
        _ => {
            errors.on(attr, errors::DEFAULT_EMPTY);
            return None;
        }
    };
    Some(match expr {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Default::Text(text),
        expr => Default::Expr(Box::new(expr)),
    })
}

/// The type that a reference argument is borrowed from.
fn owned(ty: &Type, errors: &mut Errors) -> (Type, bool) {
    let Type::Reference(TypeReference {
        mutability, elem, ..
    }) = ty
    else {
        return (ty.clone(), false);
    };
    if mutability.is_some() {
        errors.on(ty, errors::ARGUMENT_MUT_REF);
    }
    let owned = match &**elem {
        Type::Path(path) if path.path.is_ident("str") => {
            syn::parse_quote_spanned!(elem.span()=> ::std::string::String)
        }
        Type::Slice(slice) => {
            let item = &slice.elem;
            syn::parse_quote_spanned!(elem.span()=> ::std::vec::Vec<#item>)
        }
        other => other.clone(),
    };
    (owned, true)
}

fn output_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

/// How many outputs a type has, as far as it can be seen in its text: an alias hides it.
fn count(ty: &Type) -> usize {
    match ty {
        Type::Tuple(tuple) => tuple.elems.len(),
        Type::Paren(inner) => count(&inner.elem),
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if last.ident == "Result" => match &last.arguments {
                syn::PathArguments::AngleBracketed(args) => match args.args.first() {
                    Some(syn::GenericArgument::Type(ok)) => count(ok),
                    _ => 0,
                },
                _ => 0,
            },
            _ => 1,
        },
        _ => 1,
    }
}

fn default_outputs(ty: &Type) -> Vec<String> {
    match count(ty) {
        0 => Vec::new(),
        1 => vec!["out".into()],
        n => (0..n).map(|i| format!("out{i}")).collect(),
    }
}

fn outputs(given: Option<(Span, Vec<Entry>)>, ty: &Type, errors: &mut Errors) -> Vec<Output> {
    let Some((span, entries)) = given else {
        return Vec::new();
    };
    let returned = count(ty);
    if returned == 0 {
        errors.at(span, errors::NO_OUTPUTS);
    } else if returned != entries.len() {
        errors.at(span, errors::outputs_count(entries.len(), returned));
    }
    entries
        .into_iter()
        .map(|entry| Output {
            name: entry.name.value(),
            options: object(&entry),
        })
        .collect()
}

fn describe_inputs(inputs: &mut [Input], entries: Vec<Entry>, errors: &mut Errors) {
    let names: Vec<_> = inputs.iter().map(|input| input.name.clone()).collect();
    for entry in entries {
        match inputs
            .iter_mut()
            .find(|input| input.name == entry.name.value())
        {
            Some(input) => merge_input(input, entry, errors),
            None => errors.on(
                &entry.name,
                errors::unknown_input(&entry.name.value(), &names),
            ),
        }
    }
}

fn describe_io(
    inputs: &mut [Input],
    outputs: &mut Vec<Output>,
    ty: &Type,
    entries: Vec<Entry>,
    errors: &mut Errors,
) {
    if entries.is_empty() {
        return;
    }
    if outputs.is_empty() {
        let names = default_outputs(ty).into_iter();
        outputs.extend(names.map(|name| Output {
            name,
            options: String::new(),
        }));
    }
    let names: Vec<_> = inputs.iter().map(|input| input.name.clone()).collect();
    for entry in entries {
        let name = entry.name.value();
        if let Some(input) = inputs.iter_mut().find(|input| input.name == name) {
            merge_input(input, entry, errors);
        } else if let Some(output) = outputs.iter_mut().find(|output| output.name == name) {
            output.options = join(&output.options, &object(&entry));
        } else {
            let outputs: Vec<_> = outputs.iter().map(|output| output.name.clone()).collect();
            errors.on(&entry.name, errors::unknown_io(&name, &names, &outputs));
        }
    }
}

fn merge_input(input: &mut Input, entry: Entry, errors: &mut Errors) {
    input.options = join(&input.options, &object(&entry));
    input.hidden = entry.hidden.unwrap_or(input.hidden);
    if let Some(default) = entry.default {
        if input.default.is_some() {
            errors.at(default.span, errors::DEFAULT_TWICE);
        }
        input.default = Some(Default::Json(default.text()));
    }
}

/// The members without braces: `"hidden":true,"type":"int"`.
fn object(entry: &Entry) -> String {
    let members: Vec<_> = entry
        .members
        .iter()
        .map(|(key, value)| format!("{}:{value}", crate::json::quoted(key)))
        .collect();
    members.join(",")
}

fn join(first: &str, second: &str) -> String {
    [first, second]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}
