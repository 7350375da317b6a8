//! One input or output of one node: its value, its default, what was changed about it, its edges.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::class::PortSpec;
use super::error::{GraphError, Result};
use super::types::{self, Type};
use super::value::{SharedValue, Value};
use crate::json::{self as document, JsonText};
use crate::limits::{
    Held, MAX_OPTIONS_BYTES, MAX_PATCH_DEPTH, MAX_SHOWN_VALUE_BYTES, OPTIONS_TREES, Paid,
};
use crate::text;

/// Id of the input that every node has, to be triggered without a value.
pub const TRIGGER_INPUT: &str = "_triggerinput";
/// Id of the output that every node has, which tells when it ran.
pub const TRIGGER_OUTPUT: &str = "_triggeroutput";

/// A node, for as long as the graph lives; never given to another.
pub(super) type Key = u64;

/// One end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pin {
    pub node: Key,
    pub is_input: bool,
    pub index: usize,
}

/// An input or output of a living node.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub id: Arc<str>,
    pub is_input: bool,
    /// What the class calls it, and over it what a person does.
    pub class_name: String,
    pub own_name: Option<String>,
    pub ty: Type,
    pub value: Option<SharedValue>,
    /// When the value was set, on the clock of the graph.
    pub changed: u64,
    pub default: Option<SharedValue>,
    pub class_default: Option<SharedValue>,
    pub required: bool,
    pub does_trigger: bool,
    pub class_hidden: bool,
    pub own_hidden: Option<bool>,
    /// Whether setting the value is told.
    pub emits: bool,
    pub allow_multiple: Option<bool>,
    /// What the class says, and over it what was changed here.
    pub class_options: Map<String, Json>,
    pub own_options: Map<String, Json>,
    pub options: Options,
    /// What a guest pays for its options here.
    pub options_paid: Option<Arc<Held>>,
    pub render_paid: Option<Arc<Held>>,
    pub class_render: Map<String, Json>,
    pub own_render: Map<String, Json>,
    /// Edges that leave it. An input has some when it forwards its value to other inputs.
    pub targets: Vec<Pin>,
    /// Edges that come in.
    pub sources: Vec<Pin>,
}

impl Slot {
    /// A slot as its class describes it. `render` is what the class says of it elsewhere.
    pub fn new(spec: &PortSpec, is_input: bool, render: Option<&Json>) -> Self {
        let class_default = spec.default.clone().filter(|_| is_input);
        let class_default = class_default.and_then(|default| admitted(&spec.ty, default).ok());
        let mut class_options = object(&spec.ty.default_value_options());
        fill(&mut class_options, spec.value_options.as_ref());
        let mut class_render = spec.render_options.as_ref().map(object).unwrap_or_default();
        fill(&mut class_render, render);
        Self {
            id: spec.id.as_str().into(),
            is_input,
            class_name: spec.name.clone().unwrap_or_else(|| spec.id.clone()),
            own_name: None,
            ty: spec.ty.clone(),
            value: None,
            changed: 0,
            default: class_default.clone(),
            class_default,
            required: spec.required,
            does_trigger: spec.does_trigger || !is_input,
            class_hidden: spec.hidden,
            own_hidden: None,
            emits: true,
            allow_multiple: spec.allow_multiple,
            options: Options::of(class_options.clone()),
            options_paid: None,
            render_paid: None,
            class_options,
            own_options: Map::new(),
            class_render,
            own_render: Map::new(),
            targets: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// The input that every node has.
    pub fn trigger_input() -> Self {
        let spec = PortSpec {
            name: Some("( )".to_owned()),
            default: Some(Value::None.into()),
            required: false,
            hidden: true,
            ..PortSpec::new(TRIGGER_INPUT, Type::any())
        };
        Self {
            emits: false,
            ..Self::new(&spec, true, None)
        }
    }

    /// The output that every node has.
    pub fn trigger_output() -> Self {
        let spec = PortSpec {
            name: Some("➡".to_owned()),
            hidden: true,
            ..PortSpec::new(TRIGGER_OUTPUT, Type::any())
        };
        Self {
            emits: false,
            ..Self::new(&spec, false, None)
        }
    }

    pub fn name(&self) -> &str {
        self.own_name.as_deref().unwrap_or(&self.class_name)
    }

    pub fn is_hidden(&self) -> bool {
        self.own_hidden.unwrap_or(self.class_hidden)
    }

    /// The default, if it is not that of the class.
    pub fn own_default(&self) -> Option<&SharedValue> {
        let own = self.default != self.class_default;
        self.default.as_ref().filter(|_| own)
    }

    /// Takes over what was changed about `old`, as far as it still makes sense here. Edges are
    /// left out: they know their ends by position.
    pub fn inherit(&mut self, old: &Self) {
        if let Some(default) = old.own_default()
            && let Ok(default) = self.ty.coerce(default)
        {
            self.default = Some(default);
        }
        self.value = match &old.value {
            Some(value) if self.is_input => self.ty.coerce(value).ok(),
            value => value.clone().and_then(|value| self.admit(value).ok()),
        };
        self.changed = old.changed;
        self.own_name = old.own_name.clone().filter(|own| *own != self.class_name);
        self.own_hidden = old.own_hidden.filter(|own| *own != self.class_hidden);
        self.own_render = old.own_render.clone();
        if !old.own_options.is_empty() {
            // They were within the limits before.
            let _ = self.patch_options(&Json::Object(old.own_options.clone()));
        }
        self.options_paid.clone_from(&old.options_paid);
        self.render_paid.clone_from(&old.render_paid);
    }

    /// The value, or else the default.
    pub fn effective(&self) -> Option<&SharedValue> {
        self.value.as_ref().or(self.default.as_ref())
    }

    pub fn is_ready(&self) -> bool {
        !self.required || self.effective().is_some()
    }

    /// An input that only forwards its value to others is not connected.
    pub fn is_connected(&self) -> bool {
        !self.sources.is_empty() || (!self.is_input && !self.targets.is_empty())
    }

    pub fn has_edges(&self) -> bool {
        !self.sources.is_empty() || !self.targets.is_empty()
    }

    pub fn takes_several(&self) -> bool {
        self.allow_multiple.unwrap_or(!self.is_input)
    }

    /// `value` as this input takes it, out of `ready` if it is there.
    pub fn check(&self, node: &str, value: &SharedValue, ready: &[Ready]) -> Result<SharedValue> {
        // What the author wrote as the default is right, even `x: int = None`.
        if self.class_default.as_ref() == Some(value) {
            return Ok(value.clone());
        }
        let refused = |problem| GraphError::bad_value(node, &self.id, problem);
        let mut ready = ready.iter();
        let ready = ready.find(|ready| ready.ty.is(&self.ty) && ready.value.is(value));
        let value = match ready {
            Some(ready) => ready.converted.clone(),
            None => self.ty.coerce(value),
        };
        let value = value.map_err(refused)?;
        self.options.check(&value).map_err(refused)?;
        Ok(value)
    }

    /// Lays `patch` over the value options.
    pub fn patch_options(&mut self, patch: &Json) -> Result<()> {
        patched(&mut self.own_options, patch, "value options")?;
        let mut options = self.class_options.clone();
        lay_over(&mut options, &self.own_options);
        self.options = Options::of(options);
        Ok(())
    }

    /// [`Slot::patch_options`] of a guest, which pays for what there is then.
    pub fn patch_options_paid(&mut self, patch: &Paid<JsonText>) -> Result<()> {
        let mut next = self.own_options.clone();
        let paid = patched_paid(&mut next, patch, "value options")?;
        self.patch_options(&Json::Object(next))?;
        self.options_paid = Some(paid);
        Ok(())
    }

    /// [`Slot::patch_render`] of a guest, which pays for what there is then.
    pub fn patch_render_paid(&mut self, patch: &Paid<JsonText>) -> Result<()> {
        let paid = patched_paid(&mut self.own_render, patch, "render options")?;
        self.render_paid = Some(paid);
        Ok(())
    }

    /// Lays `patch` over the render options.
    pub fn patch_render(&mut self, patch: &Json) -> Result<()> {
        patched(&mut self.own_render, patch, "render options")
    }

    /// How clients show it. A renderer that would let a stranger's text reach a browser is not passed on: it
    /// fetches a text that is to be a picture, whatever address that is, and makes the source of a drawing a part of
    /// the page. So what is shown as a picture is media, which is nothing else ([`Slot::admit`]), and all media is.
    pub fn render(&self) -> Map<String, Json> {
        let mut render = self.class_render.clone();
        lay_over(&mut render, &self.own_render);
        let renderer = render.get("type").filter(|renderer| **renderer != "any");
        let is_media = self.ty.takes_media();
        let shows_as = match renderer.unwrap_or(self.ty.json()).as_str() {
            Some("svg") if is_media => "image",
            Some("image" | "svg") if !is_media => "string",
            _ if renderer.is_none() && is_media => "image",
            _ => return render,
        };
        render.insert("type".to_owned(), shows_as.into());
        render
    }

    /// `value` as this output may have it.
    pub fn admit(&self, value: SharedValue) -> Result<SharedValue, String> {
        admitted(&self.ty, value)
    }
}

/// What is shown as a picture is media; anything else of a guest's is as it is.
fn admitted(ty: &Type, value: SharedValue) -> Result<SharedValue, String> {
    match &*value {
        _ if !ty.takes_media() => Ok(value),
        // Whatever is large otherwise is not looked through for it.
        Value::None | Value::Media(_) | Value::Bytes(_) | Value::Text(_) => ty.coerce(value),
        other => Err(format!("expects media, not {}", other.kind())),
    }
}

/// A value as a type takes it, found out before the lock of the graph was taken: looking through a
/// large one takes time.
pub(super) struct Ready {
    value: SharedValue,
    ty: Type,
    converted: Result<SharedValue, String>,
}

impl Ready {
    pub fn new(value: &SharedValue, ty: Type) -> Self {
        Self {
            value: value.clone(),
            converted: ty.coerce(value),
            ty,
        }
    }
}

fn patched(own: &mut Map<String, Json>, patch: &Json, what: &'static str) -> Result<()> {
    let Some(entries) = patch.as_object() else {
        return Err(GraphError::invalid(what, "expects a dictionary"));
    };
    check_json(patch, MAX_OPTIONS_BYTES, what)?;
    let mut next = own.clone();
    lay_over(&mut next, entries);
    check_size(&next, MAX_OPTIONS_BYTES, what)?;
    *own = next;
    Ok(())
}

/// [`patched`], on a guest's bill: the tree of the patch while it is laid over, then what is kept.
fn patched_paid(
    own: &mut Map<String, Json>,
    patch: &Paid<JsonText>,
    what: &'static str,
) -> Result<Arc<Held>> {
    let pay = |bytes: u64| {
        let held = patch.held().more(bytes);
        held.map_err(|exhausted| GraphError::invalid(what, exhausted.to_string()))
    };
    let _tree = pay(patch.tree_size())?;
    let mut next = own.clone();
    patched(&mut next, &patch.tree(), what)?;
    let held = pay(document::entries_size(&next).saturating_mul(OPTIONS_TREES))?;
    *own = next;
    Ok(Arc::new(held))
}

fn object(json: &Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap_or_default()
}

fn fill(target: &mut Map<String, Json>, source: Option<&Json>) {
    if let Some(source) = source.and_then(Json::as_object) {
        lay_over(target, source);
    }
}

/// Writes `source` over `target`, dictionaries entry by entry. What is deeper than a patch may be
/// is written as a whole.
pub(super) fn lay_over(target: &mut Map<String, Json>, source: &Map<String, Json>) {
    fn one(target: &mut Map<String, Json>, source: &Map<String, Json>, depth: usize) {
        for (key, value) in source {
            match (target.get_mut(key), value) {
                (Some(Json::Object(below)), Json::Object(value)) if depth < MAX_PATCH_DEPTH => {
                    one(below, value, depth + 1);
                }
                _ => {
                    target.insert(key.clone(), value.clone());
                }
            }
        }
    }
    one(target, source, 0);
}

/// Refuses JSON of a client that is deeper or larger than `limit`.
pub(super) fn check_json(json: &Json, limit: usize, what: &'static str) -> Result<()> {
    fn depth_below(json: &Json, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else {
            return false;
        };
        match json {
            Json::Array(list) => list.iter().all(|item| depth_below(item, left)),
            Json::Object(entries) => entries.values().all(|value| depth_below(value, left)),
            _ => true,
        }
    }
    if !depth_below(json, MAX_PATCH_DEPTH) {
        let problem = format!("nested deeper than {MAX_PATCH_DEPTH}");
        return Err(GraphError::invalid(what, problem));
    }
    check_size(json, limit, what)
}

pub(super) fn check_size(
    json: &impl serde::Serialize,
    limit: usize,
    what: &'static str,
) -> Result<()> {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    match serde_json::to_writer(Count(limit), json) {
        Ok(()) => Ok(()),
        Err(_) => Err(GraphError::TooMuch { what, limit }),
    }
}

/// Value options, and what of them is checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub json: Map<String, Json>,
    min: Option<f64>,
    max: Option<f64>,
    choices: Option<Vec<Json>>,
}

impl Options {
    fn of(json: Map<String, Json>) -> Self {
        let number = |key: &str| json.get(key).and_then(Json::as_f64);
        let choices = json.get("options").and_then(|options| match options {
            Json::Array(choices) => Some(choices.clone()),
            enumeration => enumeration.get("values")?.as_array().cloned(),
        });
        Self {
            min: number("min"),
            max: number("max"),
            choices,
            json,
        }
    }

    /// Whether a value of the right type is one that the options allow. Lists and dictionaries
    /// choose among the options in ways that only the node knows.
    fn check(&self, value: &Value) -> Result<(), String> {
        let number = match value {
            Value::Integer(integer) => *integer as f64,
            Value::Number(number) => *number,
            _ => f64::NAN,
        };
        if let Some(min) = self.min.filter(|min| number < *min) {
            return Err(format!("takes no less than {min}, not {number}"));
        }
        if let Some(max) = self.max.filter(|max| number > *max) {
            return Err(format!("takes no more than {max}, not {number}"));
        }
        let scalar = matches!(
            value,
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) | Value::Text(_)
        );
        let Some(choices) = self.choices.as_ref().filter(|_| scalar) else {
            return Ok(());
        };
        let json = value.to_json();
        if choices.iter().any(|choice| types::same(choice, &json)) {
            return Ok(());
        }
        let choices = text::clean_line(&document::to_text(choices), MAX_SHOWN_VALUE_BYTES);
        Err(format!(
            "takes one of {choices}, not {}",
            types::shown(value)
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slot(ty: Json, options: Json) -> Slot {
        let spec = PortSpec {
            value_options: Some(options),
            ..PortSpec::new("x", Type::parse(&ty))
        };
        Slot::new(&spec, true, None)
    }

    fn check(slot: &Slot, value: Json) -> Result<Json, String> {
        let value = SharedValue::new(Value::from_json(value));
        let checked = slot
            .check("n", &value, &[])
            .map_err(|error| error.to_string());
        checked.map(|value| value.to_json())
    }

    #[test]
    fn options_are_kept_to() {
        let number = slot(json!("float"), json!({"min": 0, "max": 10, "step": 0.5}));
        assert_eq!(check(&number, json!(3)), Ok(json!(3.0)));
        assert_eq!(
            check(&number, json!(-1)).unwrap_err(),
            "the input `x` of the node `n` takes no less than 0, not -1"
        );
        assert_eq!(
            check(&number, json!(11)).unwrap_err(),
            "the input `x` of the node `n` takes no more than 10, not 11"
        );
        let choice = slot(json!("str"), json!({"options": ["fast", "safe"]}));
        assert_eq!(check(&choice, json!("fast")), Ok(json!("fast")));
        assert_eq!(
            check(&choice, json!("slow")).unwrap_err(),
            r#"the input `x` of the node `n` takes one of ["fast","safe"], not text "slow""#
        );
        let any = slot(json!("Any"), json!({"options": {"values": [1, 2]}}));
        assert_eq!(check(&any, json!([1, 7])), Ok(json!([1, 7])));
        check(&any, json!(7)).unwrap_err();
    }

    #[test]
    fn options_are_laid_over_those_of_the_class() {
        let mut slot = slot(json!("int"), json!({"max": 3}));
        assert_eq!(
            Json::Object(slot.options.json.clone()),
            json!({"step": 1, "max": 3})
        );
        slot.patch_options(&json!({"max": 5, "min": 4})).unwrap();
        assert_eq!(
            Json::Object(slot.options.json.clone()),
            json!({"step": 1, "max": 5, "min": 4})
        );
        check(&slot, json!(3)).unwrap_err();
        assert_eq!(check(&slot, json!(5)), Ok(json!(5)));
        slot.patch_render(&json!({"type": "x"})).unwrap();
        assert_eq!(Json::Object(slot.render()), json!({"type": "x"}));
    }

    #[test]
    fn options_that_are_too_much_are_refused_and_change_nothing() {
        let mut slot = slot(json!("int"), json!({}));
        let half = json!({"a": "x".repeat(MAX_OPTIONS_BYTES * 2 / 3)});
        slot.patch_options(&half).unwrap();
        let other = json!({"b": "x".repeat(MAX_OPTIONS_BYTES * 2 / 3)});
        assert!(matches!(
            slot.patch_options(&other),
            Err(GraphError::TooMuch { .. })
        ));
        let mut deep = json!(1);
        for _ in 0..MAX_PATCH_DEPTH {
            deep = json!({ "a": deep });
        }
        slot.patch_options(&deep).unwrap_err();
        slot.patch_options(&json!([1])).unwrap_err();
        assert!(!slot.options.json.contains_key("b"));
    }

    #[test]
    fn the_default_of_the_class_fits_whatever_the_type() {
        let spec = PortSpec {
            default: Some(Value::None.into()),
            ..PortSpec::new("x", Type::parse(&json!("int")))
        };
        let slot = Slot::new(&spec, true, None);
        assert_eq!(check(&slot, json!(null)), Ok(json!(null)));
    }
}
