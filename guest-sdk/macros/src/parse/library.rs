//! `#[node_library(id = "basic")] mod basic { #[node] fn add(..) .. mod strings { .. } }`

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Item, ItemMod, LitStr};

use super::node::{self, Node};
use super::worker::is_id;
use super::{cfgs, docs};
use crate::errors::{self, Errors};
use crate::options;

const OPTIONS: [&str; 2] = ["id", "title"];

pub(crate) struct Library {
    /// The type that stands for the library in `export!`.
    pub(crate) ty: Ident,
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) root: Shelf,
}

/// A module whose functions are nodes: the library itself, or a shelf in it.
pub(crate) struct Shelf {
    /// The module without its nodes and shelves.
    pub(crate) item: ItemMod,
    pub(crate) cfgs: Vec<Attribute>,
    /// Without `r#`.
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) shelves: Vec<Shelf>,
}

pub(crate) fn parse(args: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<Library> {
    let Ok(item) = syn::parse2::<ItemMod>(item.clone()) else {
        let first: TokenStream = item.into_iter().take(1).collect();
        errors.on(first, errors::NOT_A_MODULE);
        return None;
    };
    if item.content.is_none() {
        errors.on(&item.ident, errors::LIBRARY_ELSEWHERE);
        return None;
    }
    let ty = type_name(&item.ident);
    if ty == item.ident {
        errors.on(&item.ident, errors::LIBRARY_NAME);
        return None;
    }
    let (id, title) = read_options(args, errors);
    let has_nodes = has_nodes(&item);
    if !has_nodes {
        errors.on(&item.ident, errors::LIBRARY_EMPTY);
    }
    Some(Library {
        ty,
        id,
        title,
        root: shelf(item, errors),
    })
}

fn read_options(args: TokenStream, errors: &mut Errors) -> (String, Option<String>) {
    let (mut id, mut title) = (None, None);
    options::read(args, &OPTIONS, errors, |key, input, _| {
        match key.to_string().as_str() {
            "id" => id = Some(options::value::<LitStr>(input)?),
            "title" => title = Some(options::value::<LitStr>(input)?.value()),
            _ => return Ok(false),
        }
        Ok(true)
    });
    match &id {
        None => errors.at(Span::call_site(), errors::LIBRARY_ID_MISSING),
        Some(id) if !is_id(&id.value()) => errors.on(id, errors::ID_INVALID),
        Some(_) => {}
    }
    (id.map(|id| id.value()).unwrap_or_default(), title)
}

/// `text_tools` as a type: `TextTools`.
fn type_name(module: &Ident) -> Ident {
    let name = module.unraw().to_string();
    let words = name.split('_').map(|word| {
        let mut chars = word.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        first.chain(chars.as_str().chars()).collect::<String>()
    });
    Ident::new(&words.collect::<String>(), module.span())
}

/// Tests and helpers are modules too: a shelf is what has nodes on it, or on a shelf of its own.
fn has_nodes(module: &ItemMod) -> bool {
    let items = module.content.iter().flat_map(|(_, items)| items);
    items.into_iter().any(|item| match item {
        Item::Fn(function) => function.attrs.iter().any(node::is_node),
        Item::Mod(module) => has_nodes(module),
        _ => false,
    })
}

fn shelf(mut item: ItemMod, errors: &mut Errors) -> Shelf {
    let (mut nodes, mut shelves, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    if let Some((_, items)) = &mut item.content {
        for item in std::mem::take(items) {
            match item {
                Item::Fn(function) if function.attrs.iter().any(node::is_node) => {
                    nodes.push(node::parse_function(function, errors));
                }
                Item::Mod(module) if has_nodes(&module) => shelves.push(shelf(module, errors)),
                other => rest.push(other),
            }
        }
        *items = rest;
    }
    Shelf {
        cfgs: cfgs(&item.attrs),
        name: item.ident.unraw().to_string(),
        description: docs(&item.attrs),
        nodes,
        shelves,
        item,
    }
}
