//! Every sentence that a macro says to an author, and the collection they are said in.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

pub(crate) const NODE_OUTSIDE: &str = "#[node] works only on a method of an impl block that has \
    #[external_worker(..)], or on a function in a module that has #[node_library(..)]; put that attribute on \
    the impl block or the module";
pub(crate) const NOT_A_MODULE: &str = "#[node_library] belongs on a module of functions: \
    #[node_library(id = \"basic\")] mod basic { .. }";
pub(crate) const LIBRARY_ELSEWHERE: &str = "a library's module is written out where its attribute is, since \
    the macro cannot read another file; a component may have several libraries";
pub(crate) const LIBRARY_NAME: &str = "write the module's name in small letters: the type for export! is \
    called after it, `Basic` for `mod basic`";
pub(crate) const LIBRARY_ID_MISSING: &str = "the class id is missing: #[node_library(id = \"basic\")]; it \
    stays the same for ever, since the ids of the library's nodes begin with it";
pub(crate) const LIBRARY_EMPTY: &str = "the library has no node: put #[node] on its functions";
pub(crate) const LIBRARY_SELF: &str = "a node of a library is a plain function without self; what has a state \
    is an #[external_worker]";
pub(crate) const LIBRARY_TRIGGER: &str = "trigger_on_call is for the methods of a worker: a call of a plain \
    function triggers nothing";
pub(crate) const NOT_AN_IMPL: &str = "#[external_worker] belongs on the impl block of the worker: \
    #[external_worker(id = \"my_worker\")] impl MyWorker { .. }";
pub(crate) const TRAIT_IMPL: &str = "#[external_worker] belongs on the worker's own impl block, not \
    on the impl of a trait";
pub(crate) const GENERIC_WORKER: &str = "an external worker class has no generic parameters: its \
    nodes need fixed types";
pub(crate) const ID_MISSING: &str = "the class id is missing: #[external_worker(id = \"my_worker\")]; \
    it stays the same for ever, since saved graphs refer to it";
pub(crate) const ID_INVALID: &str = "a class id is a letter or _ and then letters, digits, _ or - \
    ([A-Za-z_][A-Za-z0-9_-]*)";
pub(crate) const CONFIG_NOT_AN_ITEM: &str = "#[config] belongs on a struct with named fields, or on \
    an enum used inside one";
pub(crate) const CONFIG_GENERIC: &str = "a configuration has no generic parameters: its schema needs \
    fixed types";
pub(crate) const CONFIG_ARGS: &str = "#[config] takes no options on the struct; put them on its \
    fields: #[config(default = 1.0, ge = 0.05)]";
pub(crate) const BOUND_NOT_A_NUMBER: &str = "a bound is a number such as 0.05";
pub(crate) const LENGTH_NOT_A_NUMBER: &str = "a length is a whole number such as 8";
pub(crate) const TIMEOUT: &str = "the longest time of a call is a number of ms, s, min or h, such as \
    timeout = \"10min\", and 1193 hours at most";
pub(crate) const CALL_TWICE: &str = "a method takes the call once: there is one at a time";
pub(crate) const SELF_NEEDED: &str = "a worker's methods and hooks take &self: the loop and the \
    methods interleave, so what changes lives in State<T> or Lock<T>";
pub(crate) const START_SELF: &str = "start makes the worker, so it takes no self: \
    async fn start(ctx: Context<MyConfig>) -> Result<Self>";
pub(crate) const START_RETURN: &str = "start returns the worker: -> Self or -> Result<Self>";
pub(crate) const START_ARGS: &str = "start takes one argument at most: ctx: Context<MyConfig>";
pub(crate) const HOOK_ARGS: &str = "this hook takes nothing but &self; the configuration is \
    self.config()";
pub(crate) const SHELF_ASYNC: &str = "get_nodeshelf is not async: build the shelf from what start, \
    loop or update_config have found";
pub(crate) const SHELF_RETURN: &str =
    "get_nodeshelf returns Option<Shelf> or Result<Option<Shelf>>";
pub(crate) const SAVE_RETURN: &str = "save returns the state: -> Vec<u8> or -> Result<Vec<u8>>";
pub(crate) const RESTORE_ARGS: &str = "restore takes what save returned: \
    async fn restore(&self, state: Vec<u8>) -> Result<()>";
pub(crate) const RESTORE_MISSING: &str = "save is of use only with restore: \
    async fn restore(&self, state: Vec<u8>) -> Result<()>";
pub(crate) const SAVE_MISSING: &str = "restore is of use only with save: \
    async fn save(&self) -> Result<Vec<u8>>";
pub(crate) const HOOK_AS_NODE: &str = "this name is a hook of the worker, so it cannot be a node; \
    rename the method";
pub(crate) const NODE_GENERIC: &str = "a node has no generic parameters and no impl Trait: its \
    inputs and outputs need fixed types";
pub(crate) const NODE_UNSAFE: &str = "a node is a safe, ordinary fn";
pub(crate) const ARGUMENT_PATTERN: &str = "an input needs a plain name, since that is the name of \
    the input";
pub(crate) const ARGUMENT_MUT_REF: &str = "an input is given by value or by & reference";
pub(crate) const NODE_TWICE: &str = "#[node] occurs twice";
pub(crate) const DEFAULT_EMPTY: &str = "#[default(..)] takes the value: #[default(\"safe\")]";
pub(crate) const DEFAULT_TWICE: &str = "this input has two defaults";
pub(crate) const ENUM_ONLY: &str = "NodeEnum is for enums";
pub(crate) const ENUM_UNIT: &str = "every variant of a NodeEnum is a plain name without fields";
pub(crate) const ENUM_EMPTY: &str = "a NodeEnum needs at least one variant";
pub(crate) const ENUM_VALUE_TWICE: &str = "another variant travels as the same value";
pub(crate) const EXPORT_EMPTY: &str = "export! takes the worker types: export!(MyWorker)";
pub(crate) const EXPORT_TWICE: &str = "this worker occurs twice";
pub(crate) const EXPORT_AFTER: &str = "after the workers only `; state` and \
    `; requests: { serial: \"why\" }` may follow";
pub(crate) const REASON_EMPTY: &str =
    "say why in one sentence: the operator reads it before granting";
pub(crate) const OPTION_TWICE: &str = "this option occurs twice";
pub(crate) const JSON_TWICE: &str = "this key occurs twice";
pub(crate) const JSON_VALUE: &str = "expected JSON: null, true, false, a number, a string, [..] or \
    {\"key\": ..}";
pub(crate) const IO_OBJECT: &str = "expected an object such as {\"name\": \"status\"}";
pub(crate) const IO_NAME_MISSING: &str = "the name is missing: {\"name\": \"status\", ..}";
pub(crate) const IO_LIST: &str = "expected a list of objects: [{\"name\": \"status\"}]";
pub(crate) const IO_MAP: &str =
    "expected an object by input or output: {\"mode\": {\"hidden\": true}}";
pub(crate) const BOOLEAN: &str = "expected true or false";
pub(crate) const STRING: &str = "expected a string";
pub(crate) const NO_OUTPUTS: &str = "this method returns nothing, so it has no outputs to describe";
pub(crate) const NAME_EMPTY: &str = "a name must not be empty";

/// `known` is a list for people: `id, title`.
pub(crate) fn unknown_option(name: &str, known: &[&str]) -> String {
    format!("unknown option `{name}`; known are {}", known.join(", "))
}

pub(crate) fn value_missing(key: &str) -> String {
    format!("`{key}` needs a value: {key} = ..")
}

pub(crate) fn unknown_capability(name: &str, known: &[&str]) -> String {
    format!(
        "unknown capability `{name}`; known are {}",
        known.join(", ")
    )
}

pub(crate) fn unknown_io_key(name: &str, known: &[&str]) -> String {
    format!("unknown key \"{name}\"; known are {}", known.join(", "))
}

pub(crate) fn unknown_input(name: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("there is no input \"{name}\": the method takes no arguments");
    }
    format!(
        "there is no input \"{name}\"; the arguments are {}",
        known.join(", ")
    )
}

pub(crate) fn unknown_io(name: &str, inputs: &[String], outputs: &[String]) -> String {
    format!(
        "there is no input or output \"{name}\"; inputs: {}; outputs: {}",
        list(inputs),
        list(outputs)
    )
}

pub(crate) fn outputs_count(given: usize, returned: usize) -> String {
    format!(
        "{given} outputs are described, but the method returns {returned}: a tuple has one output \
         per element, everything else has one"
    )
}

pub(crate) fn name_twice(name: &str) -> String {
    format!("\"{name}\" is described twice")
}

pub(crate) fn const_twice(name: &str) -> String {
    format!("another node has the same associated constant {name}; rename one of the two")
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

/// What is wrong with one macro call, all of it.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn at(&mut self, span: Span, text: impl std::fmt::Display) {
        self.push(syn::Error::new(span, text));
    }

    pub(crate) fn on(&mut self, tokens: impl ToTokens, text: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, text));
    }

    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn any(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn finish(self, code: Option<TokenStream>) -> proc_macro::TokenStream {
        let errors = self.0.map(syn::Error::into_compile_error);
        quote!(#code #errors).into()
    }
}
