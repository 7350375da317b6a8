//! What a component says of itself, for Python.

use external_worker_host::bindings::types as wit;
use external_worker_host::instance::description::Class;
use pyo3::prelude::*;

use crate::values;

/// JSON that a component says, or `None`.
fn document(py: Python<'_>, text: Option<&str>) -> PyResult<Py<PyAny>> {
    match text {
        Some(text) => Ok(values::from_text(py, text)?.unbind()),
        None => Ok(py.None()),
    }
}

/// One input or output of a node.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct Port {
    name: String,
    /// A FuncNodes type: `"int"`, or `{"type": "array", …}`.
    r#type: Py<PyAny>,
    description: Option<String>,
    default: Py<PyAny>,
    has_default: bool,
    required: bool,
    does_trigger: bool,
    hidden: bool,
    value_options: Py<PyAny>,
    render_options: Py<PyAny>,
}

impl Port {
    fn of(py: Python<'_>, port: &wit::Port) -> PyResult<Py<Self>> {
        let default = match port.default.clone() {
            Some(default) => values::from_guest(py, default)?.unbind(),
            None => py.None(),
        };
        let port = Self {
            name: port.name.clone(),
            r#type: document(py, Some(&port.type_))?,
            description: port.description.clone(),
            default,
            has_default: port.default.is_some(),
            required: port.required,
            does_trigger: port.does_trigger,
            hidden: port.hidden,
            value_options: document(py, port.value_options.as_deref())?,
            render_options: document(py, port.render_options.as_deref())?,
        };
        Py::new(py, port)
    }
}

/// A method, or a node of a shelf.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct NodeClass {
    name: String,
    title: Option<String>,
    description: Option<String>,
    inputs: Vec<Py<Port>>,
    outputs: Vec<Py<Port>>,
    render_options: Py<PyAny>,
    /// Whether calling the method asks its nodes to run.
    trigger_on_call: Option<bool>,
    /// The longest that a call may take, in seconds.
    timeout: Option<f64>,
}

impl NodeClass {
    fn of(py: Python<'_>, node: &wit::NodeClass) -> PyResult<Py<Self>> {
        let ports = |ports: &[wit::Port]| {
            let ports = ports.iter().map(|port| Port::of(py, port));
            ports.collect::<PyResult<Vec<_>>>()
        };
        let node = Self {
            name: node.name.clone(),
            title: node.title.clone(),
            description: node.description.clone(),
            inputs: ports(&node.inputs)?,
            outputs: ports(&node.outputs)?,
            render_options: document(py, node.render_options.as_deref())?,
            trigger_on_call: node.trigger_on_call,
            timeout: node.timeout_ms.map(|it| f64::from(it) / 1000.0),
        };
        Py::new(py, node)
    }
}

/// A shelf of further nodes, with those in it.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct Shelf {
    name: String,
    description: Option<String>,
    /// `outer/inner`: its node `n` is called by `outer/inner/n`.
    path: String,
    nodes: Vec<Py<NodeClass>>,
    subshelves: Vec<Py<Shelf>>,
}

impl Shelf {
    /// The shelves that stand on top, each with those below it. A shelf stands behind its parent in the list, which
    /// was checked.
    pub fn tree(py: Python<'_>, shelves: &[wit::Shelf]) -> PyResult<Vec<Py<Self>>> {
        Self::below(py, shelves, None, "")
    }

    fn below(
        py: Python<'_>,
        shelves: &[wit::Shelf],
        parent: Option<usize>,
        path: &str,
    ) -> PyResult<Vec<Py<Self>>> {
        let mut found = Vec::new();
        for (at, shelf) in shelves.iter().enumerate() {
            let own = shelf.parent.and_then(|it| usize::try_from(it).ok());
            if own != parent || own.is_some_and(|own| own >= at) {
                continue;
            }
            let path = match path {
                "" => shelf.name.clone(),
                path => format!("{path}/{}", shelf.name),
            };
            let nodes = shelf.nodes.iter().map(|node| NodeClass::of(py, node));
            let made = Self {
                name: shelf.name.clone(),
                description: shelf.description.clone(),
                nodes: nodes.collect::<PyResult<_>>()?,
                subshelves: Self::below(py, shelves, Some(at), &path)?,
                path,
            };
            found.push(Py::new(py, made)?);
        }
        Ok(found)
    }
}

/// One kind of external worker.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct WorkerClass {
    id: String,
    title: String,
    description: Option<String>,
    config_schema: Py<PyAny>,
    ui_schema: Py<PyAny>,
    export_exclude: Vec<String>,
    /// Seconds between the end of a turn and the next.
    loop_delay: f64,
    is_library: bool,
    methods: Vec<Py<NodeClass>>,
}

impl WorkerClass {
    /// That of the host.
    pub fn of(py: Python<'_>, class: &Class) -> PyResult<Py<Self>> {
        let class = &class.declared;
        let methods = class.methods.iter().map(|method| NodeClass::of(py, method));
        let class = Self {
            id: class.class_id.clone(),
            title: class.title.clone(),
            description: class.description.clone(),
            config_schema: document(py, Some(&class.config_schema))?,
            ui_schema: document(py, class.ui_schema.as_deref())?,
            export_exclude: class.export_exclude.clone(),
            loop_delay: f64::from(class.loop_delay_ms) / 1000.0,
            is_library: class.is_library,
            methods: methods.collect::<PyResult<_>>()?,
        };
        Py::new(py, class)
    }
}
