//! `#[external_worker(..)] impl MyWorker { .. }`

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{
    Expr, ExprLit, FnArg, ImplItem, ImplItemFn, ItemImpl, Lit, LitInt, LitStr, ReturnType, Type,
    token,
};

use super::node::{self, Node};
use super::{cfgs, docs};
use crate::errors::{self, Errors};
use crate::json::{Json, Kind};
use crate::options;

const OPTIONS: [&str; 6] = [
    "id",
    "title",
    "config",
    "export_exclude",
    "loop_delay_ms",
    "ui_schema",
];

pub(crate) struct Worker {
    /// The impl block without its nodes, which are in `nodes`.
    pub(crate) item: ItemImpl,
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) config: Option<Type>,
    pub(crate) export_exclude: Vec<LitStr>,
    pub(crate) loop_delay_ms: u32,
    pub(crate) ui_schema: Option<Expr>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) nodes: Vec<Node>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookKind {
    Start,
    Loop,
    UpdateConfig,
    GetNodeshelf,
    Stop,
    Save,
    Restore,
}

pub(crate) struct Hook {
    pub(crate) kind: HookKind,
    pub(crate) ident: syn::Ident,
    pub(crate) is_async: bool,
    /// Only of `start`.
    pub(crate) takes_context: bool,
}

pub(crate) fn parse(args: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<Worker> {
    let Ok(mut item) = syn::parse2::<ItemImpl>(item.clone()) else {
        errors.on(first(&item), errors::NOT_AN_IMPL);
        return None;
    };
    if let Some((path, _)) = &item.trait_ {
        errors.on(path, errors::TRAIT_IMPL);
        return None;
    }
    if !item.generics.params.is_empty() {
        errors.on(&item.generics, errors::GENERIC_WORKER);
        return None;
    }
    let mut worker = Worker {
        id: String::new(),
        title: None,
        description: docs(&item.attrs),
        config: None,
        export_exclude: Vec::new(),
        loop_delay_ms: 1000,
        ui_schema: None,
        hooks: Vec::new(),
        nodes: Vec::new(),
        item: item.clone(),
    };
    read_options(args, &mut worker, errors);
    item.items = std::mem::take(&mut item.items)
        .into_iter()
        .filter_map(|item| member(item, &mut worker, errors))
        .collect();
    worker.item = item;
    check_pair(&worker.hooks, errors);
    Some(worker)
}

/// The start of an item is enough to underline.
fn first(item: &TokenStream) -> TokenStream {
    item.clone().into_iter().take(1).collect()
}

fn read_options(args: TokenStream, worker: &mut Worker, errors: &mut Errors) {
    let mut id = None;
    options::read(args, &OPTIONS, errors, |key, input, errors| {
        match key.to_string().as_str() {
            "id" => id = Some(options::value::<LitStr>(input)?),
            "title" => worker.title = Some(options::value::<LitStr>(input)?.value()),
            "config" => worker.config = Some(options::value(input)?),
            "export_exclude" => worker.export_exclude = strings(options::value(input)?, errors),
            "loop_delay_ms" => {
                worker.loop_delay_ms = options::value::<LitInt>(input)?.base10_parse()?;
            }
            "ui_schema" => worker.ui_schema = Some(ui_schema(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    match id {
        None => errors.at(proc_macro2::Span::call_site(), errors::ID_MISSING),
        Some(id) if !is_id(&id.value()) => errors.on(&id, errors::ID_INVALID),
        Some(id) => worker.id = id.value(),
    }
}

pub(super) fn is_id(id: &str) -> bool {
    let mut chars = id.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn strings(json: Json, errors: &mut Errors) -> Vec<LitStr> {
    let Kind::List(items) = json.kind else {
        errors.at(json.span, "expected a list of fields: [\"token\"]");
        return Vec::new();
    };
    let mut texts = Vec::new();
    for item in items {
        match item.kind {
            Kind::Text(text) => texts.push(text),
            _ => errors.at(item.span, errors::STRING),
        }
    }
    texts
}

/// JSON as tokens, or an expression that is JSON text.
fn ui_schema(input: syn::parse::ParseStream) -> syn::Result<Expr> {
    input.parse::<syn::Token![=]>()?;
    if input.peek(token::Brace) {
        let json: Json = input.parse()?;
        let text = LitStr::new(&json.text(), json.span);
        return Ok(Expr::Lit(ExprLit {
            attrs: Vec::new(),
            lit: Lit::Str(text),
        }));
    }
    input.parse()
}

/// Sorts a member of the impl block: nodes are taken out, hooks are noted, the rest stays.
fn member(item: ImplItem, worker: &mut Worker, errors: &mut Errors) -> Option<ImplItem> {
    let ImplItem::Fn(method) = item else {
        return Some(item);
    };
    let hook = hook_kind(&method);
    if method.attrs.iter().any(node::is_node) {
        if hook.is_some() {
            errors.on(&method.sig.ident, errors::HOOK_AS_NODE);
        }
        let node = node::parse(method, errors);
        if worker
            .nodes
            .iter()
            .any(|other| other.constant == node.constant)
        {
            errors.on(
                &node.method.sig.ident,
                errors::const_twice(&node.constant.to_string()),
            );
        }
        worker.nodes.push(node);
        return None;
    }
    if let Some(kind) = hook {
        check_hook(kind, &method, errors);
        worker.hooks.push(Hook {
            kind,
            ident: method.sig.ident.clone(),
            is_async: method.sig.asyncness.is_some(),
            takes_context: method
                .sig
                .inputs
                .iter()
                .any(|arg| matches!(arg, FnArg::Typed(_))),
        });
        if let Some(cfg) = cfgs(&method.attrs).first() {
            errors.on(
                cfg,
                "a hook cannot have a #[cfg]; put the #[cfg] inside of it",
            );
        }
    }
    Some(ImplItem::Fn(method))
}

fn hook_kind(method: &ImplItemFn) -> Option<HookKind> {
    Some(match method.sig.ident.unraw().to_string().as_str() {
        "start" => HookKind::Start,
        "loop" => HookKind::Loop,
        "update_config" => HookKind::UpdateConfig,
        "get_nodeshelf" => HookKind::GetNodeshelf,
        "stop" => HookKind::Stop,
        "save" => HookKind::Save,
        "restore" => HookKind::Restore,
        _ => return None,
    })
}

fn check_hook(kind: HookKind, method: &ImplItemFn, errors: &mut Errors) {
    let sig = &method.sig;
    if kind == HookKind::Start {
        if let Some(receiver) = sig.receiver() {
            errors.on(receiver, errors::START_SELF);
        } else if sig.inputs.len() > 1 {
            errors.on(&sig.inputs, errors::START_ARGS);
        }
        if matches!(sig.output, ReturnType::Default) {
            errors.on(&sig.ident, errors::START_RETURN);
        }
        return;
    }
    node::check_receiver(sig, errors);
    let mut arguments = sig
        .inputs
        .iter()
        .filter(|arg| matches!(arg, FnArg::Typed(_)));
    if kind == HookKind::Restore {
        if arguments.next().is_none() {
            errors.on(&sig.ident, errors::RESTORE_ARGS);
        }
        if let Some(extra) = arguments.next() {
            errors.on(extra, errors::RESTORE_ARGS);
        }
    } else if let Some(extra) = arguments.next() {
        errors.on(extra, errors::HOOK_ARGS);
    }
    if kind == HookKind::Save && matches!(sig.output, ReturnType::Default) {
        errors.on(&sig.ident, errors::SAVE_RETURN);
    }
    if kind == HookKind::GetNodeshelf {
        if let Some(token) = &sig.asyncness {
            errors.on(token, errors::SHELF_ASYNC);
        }
        if matches!(sig.output, ReturnType::Default) {
            errors.on(&sig.ident, errors::SHELF_RETURN);
        }
    }
}

/// What is saved and never restored, or the other way round, is a mistake.
fn check_pair(hooks: &[Hook], errors: &mut Errors) {
    let find = |kind| hooks.iter().find(|hook| hook.kind == kind);
    match (find(HookKind::Save), find(HookKind::Restore)) {
        (Some(save), None) => errors.on(&save.ident, errors::RESTORE_MISSING),
        (None, Some(restore)) => errors.on(&restore.ident, errors::SAVE_MISSING),
        _ => {}
    }
}
