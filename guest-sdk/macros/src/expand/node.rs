//! A node: its description, its place in `call`, its associated constant and its method.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Ident, ImplItemFn, Visibility};

use super::option;
use crate::parse::node::{Argument, Default, Input, Node};

/// The method that does the work. Where a direct call has to trigger nodes it is hidden behind
/// another one, so that calls from the graph do not trigger themselves.
fn inner(node: &Node) -> Ident {
    let ident = &node.method.sig.ident;
    if triggers(node) {
        format_ident!("__node_{}", node.name, span = ident.span())
    } else {
        ident.clone()
    }
}

fn triggers(node: &Node) -> bool {
    node.trigger_on_call
        .unwrap_or_else(|| node.inputs.iter().all(|input| input.hidden))
}

/// The members of the impl block.
pub(crate) fn members(node: &Node) -> TokenStream {
    let cfgs = &node.cfgs;
    let vis = &node.method.vis;
    let constant = &node.constant;
    let name = &node.name;
    let doc = format!("The nodes made from [`{name}`](Self::{name}).");
    let methods = methods(node);
    quote! {
        #methods

        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code, reason = "not every worker reaches for its own nodes")]
        #vis const #constant: ::external_worker::Method = ::external_worker::Method::new(#name);
    }
}

fn methods(node: &Node) -> TokenStream {
    if !triggers(node) {
        let method = &node.method;
        return quote! {
            #[allow(dead_code, reason = "called by its name from the graph")]
            #method
        };
    }
    let outer = outer(node);
    let mut method: ImplItemFn = node.method.clone();
    method.sig.ident = inner(node);
    method.vis = Visibility::Inherited;
    quote! {
        #outer
        #[doc(hidden)]
        #method
    }
}

/// What the author's own code calls: the work, and then the trigger.
fn outer(node: &Node) -> TokenStream {
    let (attrs, vis, sig) = (&node.method.attrs, &node.method.vis, plain_names(node));
    let attrs = attrs.iter().filter_map(outer_attr);
    let inner = inner(node);
    let constant = &node.constant;
    let args = node.arguments.iter().filter_map(|argument| match argument {
        Argument::Input(at) => node.inputs.get(*at).map(|input| &input.ident),
        Argument::Call(ident) => Some(ident),
    });
    let wait = node.method.sig.asyncness.map(|_| quote!(.await));
    let failed = quote_spanned! {node.output_type.span()=>
        ::external_worker::__private::Returns::failed(&result)
    };
    quote! {
        #(#attrs)*
        #[allow(dead_code, reason = "called by its name from the graph")]
        #vis #sig {
            let result = self.#inner(#(#args),*)#wait;
            if !#failed {
                Self::#constant.request_trigger();
            }
            result
        }
    }
}

/// Without `mut` on arguments, which the inner method keeps.
fn plain_names(node: &Node) -> syn::Signature {
    let mut sig = node.method.sig.clone();
    for arg in &mut sig.inputs {
        if let syn::FnArg::Typed(arg) = arg
            && let syn::Pat::Ident(pat) = &mut *arg.pat
        {
            pat.mutability = None;
        }
    }
    sig
}

/// The attributes that concern callers, and what the author allows. What is expected to be wrong is
/// so in the inner method, perhaps not here.
fn outer_attr(attr: &Attribute) -> Option<TokenStream> {
    if attr.path().is_ident("expect") {
        let tokens = &attr.meta.require_list().ok()?.tokens;
        return Some(quote!(#[allow(#tokens)]));
    }
    let keeps = ["doc", "cfg", "deprecated", "must_use", "allow"];
    keeps
        .iter()
        .any(|name| attr.path().is_ident(name))
        .then(|| quote!(#attr))
}

/// What `describe` says of it.
pub(crate) fn description(node: &Node) -> TokenStream {
    let cfgs = &node.cfgs;
    let name = &node.name;
    let title = option(node.title.as_ref());
    let description = option(node.description.as_ref());
    let render = option(node.render_options.as_ref());
    let trigger = option(node.trigger_on_call);
    let timeout = option(node.timeout_ms);
    let inputs = node.inputs.iter().map(input_description);
    let outputs = node.outputs.iter().map(|output| {
        let (name, options) = (&output.name, braces(&output.options));
        quote!((#name, #options))
    });
    let ty = static_lifetimes(&node.output_type);
    quote! {
        #(#cfgs)*
        ::external_worker::__private::node(::external_worker::__private::NodeSpec {
            name: #name,
            title: #title,
            description: #description,
            inputs: ::std::vec![#(#inputs),*],
            outputs: ::external_worker::__private::outputs::<#ty>(&[#(#outputs),*]),
            render_options: #render,
            trigger_on_call: #trigger,
            timeout_ms: #timeout,
        })
    }
}

fn input_description(input: &Input) -> TokenStream {
    let Input { name, ty, .. } = input;
    let description = option(input.description.as_ref());
    let default = match make_default(input) {
        Some(make) => quote!(::external_worker::__private::default_value::<#ty>(#name, #make)),
        None => quote!(::core::option::Option::None),
    };
    let options = braces(&input.options);
    quote_spanned! {ty.span()=>
        ::external_worker::__private::input::<#ty>(#name, #description, #default, #options)
    }
}

/// `fn() -> Result<T>`
fn make_default(input: &Input) -> Option<TokenStream> {
    let ty = &input.ty;
    input.default.as_ref().map(|default| match default {
        Default::Text(text) => quote_spanned! {text.span()=>
            || ::core::result::Result::Ok(::core::convert::From::from(#text))
        },
        Default::Expr(expr) => quote_spanned!(expr.span()=> || ::core::result::Result::Ok(#expr)),
        Default::Json(json) => quote! {
            || ::external_worker::__private::default_from_json::<#ty>(#json)
        },
    })
}

fn braces(members: &str) -> String {
    format!("{{{members}}}")
}

/// An arm of the `match` over names in `call`.
pub(crate) fn arm(node: &Node) -> TokenStream {
    let inner = inner(node);
    arm_of(node, &quote!(self.#inner))
}

/// The same where the node is a function.
pub(crate) fn function_arm(node: &Node) -> TokenStream {
    arm_of(node, &node.method.sig.ident.to_token_stream())
}

fn arm_of(node: &Node, callee: &TokenStream) -> TokenStream {
    let cfgs = &node.cfgs;
    let name = &node.name;
    let wait = node.method.sig.asyncness.map(|_| quote!(.await));
    let takes = node.inputs.iter().map(|input| {
        let Input {
            ident, name, ty, ..
        } = input;
        let default = option(make_default(input));
        quote_spanned! {ty.span()=>
            let #ident = inputs.take::<#ty>(#name, #default)?;
        }
    });
    let args = node.arguments.iter().filter_map(|argument| match argument {
        Argument::Input(at) => node.inputs.get(*at).map(argument_of),
        Argument::Call(_) => Some(quote!(inputs.call())),
    });
    let names = node.inputs.iter().map(|input| &input.name);
    let outputs = node.outputs.iter().map(|output| &output.name);
    let returned = quote_spanned! {node.output_type.span()=>
        ::external_worker::__private::returned(result, &[#(#outputs),*])
    };
    quote! {
        #(#cfgs)*
        #name => ::core::option::Option::Some(::std::boxed::Box::pin(async move {
            #(#takes)*
            inputs.finish(&[#(#names),*])?;
            let result = #callee(#(#args),*)#wait;
            #returned
        })),
    }
}

fn argument_of(input: &Input) -> TokenStream {
    let ident = &input.ident;
    if input.by_reference {
        quote!(&#ident)
    } else {
        ident.to_token_stream()
    }
}

/// A description needs the type only; a lifetime of the method is out of its scope.
fn static_lifetimes(ty: &syn::Type) -> syn::Type {
    use syn::visit_mut::{self, VisitMut};
    struct Static;
    impl VisitMut for Static {
        fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
            *lifetime = syn::Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_reference_mut(&mut self, ty: &mut syn::TypeReference) {
            ty.lifetime = Some(syn::Lifetime::new("'static", ty.and_token.span));
            visit_mut::visit_type_reference_mut(self, ty);
        }
    }
    let mut ty = ty.clone();
    Static.visit_type_mut(&mut ty);
    ty
}
