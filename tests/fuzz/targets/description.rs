//! What a component says of itself: its classes and the shelves that it offers.

use external_worker_host::HostError;
use external_worker_host::bindings::types::{NodeClass, Port, Shelf, Value, WorkerClass};
use external_worker_host::instance::description::{check_classes, check_shelves};
use external_worker_host::limits;

use super::{Reader, readable, readable_line};

/// Bytes that make up classes and shelves; see the functions below for their order.
pub fn description(data: &[u8]) {
    let mut reader = Reader(data);
    match check_classes(reader.list(4, class)) {
        Ok(classes) => {
            assert!((1..=limits::MAX_CLASSES).contains(&classes.len()));
            for class in &classes {
                readable_line(class.id(), limits::MAX_NAME_BYTES);
                readable_line(&class.declared.title, limits::MAX_NAME_BYTES);
                texts(&[&class.declared.description]);
                nodes(&class.declared.methods);
                for method in &class.declared.methods {
                    assert!(class.method(&method.name).is_some());
                }
            }
        }
        Err(error) => refused(&error),
    }
    match check_shelves(reader.list(8, shelf)) {
        Ok(shelves) => {
            for (index, shelf) in shelves.iter().enumerate() {
                name(&shelf.name);
                texts(&[&shelf.description]);
                assert!(shelf.parent.is_none_or(|parent| (parent as usize) < index));
                nodes(&shelf.nodes);
            }
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &HostError) {
    let HostError::Description(problem) = error else {
        panic!("{error}");
    };
    readable(problem, limits::MAX_TEXT_BYTES);
}

fn name(name: &str) {
    readable_line(name, limits::MAX_NAME_BYTES);
    assert!(!name.is_empty() && !name.contains('/'), "{name}");
}

fn texts(texts: &[&Option<String>]) {
    for text in texts.iter().copied().flatten() {
        readable(text, limits::MAX_TEXT_BYTES);
    }
}

fn nodes(nodes: &[NodeClass]) {
    assert!(nodes.len() <= limits::MAX_NODE_CLASSES);
    for node in nodes {
        name(&node.name);
        texts(&[&node.title, &node.description]);
        for port in node.inputs.iter().chain(&node.outputs) {
            name(&port.name);
            texts(&[&port.description]);
        }
    }
}

fn class(reader: &mut Reader<'_>) -> WorkerClass {
    WorkerClass {
        class_id: reader.text(),
        title: reader.text(),
        description: reader.some(Reader::text),
        config_schema: reader.text(),
        ui_schema: reader.some(Reader::text),
        export_exclude: reader.list(2, Reader::text),
        loop_delay_ms: reader.byte().into(),
        is_library: reader.flag(),
        methods: reader.list(4, node),
    }
}

fn node(reader: &mut Reader<'_>) -> NodeClass {
    NodeClass {
        name: reader.text(),
        title: reader.some(Reader::text),
        description: reader.some(Reader::text),
        inputs: reader.list(3, port),
        outputs: reader.list(3, port),
        render_options: reader.some(Reader::text),
        trigger_on_call: reader.some(Reader::flag),
        timeout_ms: reader.some(|reader| reader.byte().into()),
    }
}

fn port(reader: &mut Reader<'_>) -> Port {
    Port {
        name: reader.text(),
        type_: reader.text(),
        description: reader.some(Reader::text),
        default: reader.some(|reader| match reader.byte() % 3 {
            0 => Value::Integer(reader.byte().into()),
            1 => Value::Text(reader.text()),
            _ => Value::Json(reader.text()),
        }),
        required: reader.flag(),
        does_trigger: reader.flag(),
        hidden: reader.flag(),
        value_options: reader.some(Reader::text),
        render_options: reader.some(Reader::text),
    }
}

fn shelf(reader: &mut Reader<'_>) -> Shelf {
    Shelf {
        name: reader.text(),
        description: reader.some(Reader::text),
        parent: reader.some(|reader| reader.byte().into()),
        nodes: reader.list(2, node),
    }
}
