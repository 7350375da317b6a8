//! Node libraries: what is described, and what is called.

use crate::__private::Worker as _;
use crate::prelude::*;
use crate::testing;

/// Two shelves and nodes of all kinds.
#[node_library(id = "kit", title = "A kit")]
mod kit {
    use crate::{Call, Result};

    /// The sum of two numbers.
    #[node(name = "Plus", outputs = [{"name": "sum"}], timeout = "2min")]
    pub fn add(
        a: f64,
        /// What is added.
        #[default(1.0)]
        b: f64,
    ) -> f64 {
        a + b
    }

    #[node]
    async fn later(call: Call, text: &str) -> Result<String> {
        call.progress(0.5, "waiting");
        crate::sleep(std::time::Duration::from_secs(1)).await;
        Ok(helpers::twice(text))
    }

    mod helpers {
        pub fn twice(text: &str) -> String {
            text.repeat(2)
        }
    }

    /// Text.
    pub mod strings {
        #[node]
        pub fn upper(text: &str) -> String {
            text.to_uppercase()
        }

        pub mod r#in {
            //! Deeper.

            #[node]
            pub fn first(text: &str) -> &str {
                text.get(..1).unwrap_or_default()
            }
        }
    }

    /// Nothing of it is there.
    #[cfg(any())]
    mod absent {
        #[node]
        fn nothing() {}
    }
}

#[node_library(id = "small")]
mod text_tools {
    #[node]
    pub fn nothing() {}
}

#[test]
fn a_module_is_described_as_a_library() {
    let class = Kit::class();
    assert!(class.is_library);
    assert_eq!(
        (class.class_id.as_str(), class.title.as_str()),
        ("kit", "A kit")
    );
    assert_eq!(
        class.description.as_deref(),
        Some("Two shelves and nodes of all kinds.")
    );
    let [add, later] = &class.methods[..] else {
        panic!("{:?}", class.methods)
    };
    assert_eq!((add.name.as_str(), later.name.as_str()), ("add", "later"));
    assert_eq!(add.title.as_deref(), Some("Plus"));
    assert_eq!(add.timeout_ms, Some(120_000));
    assert_eq!(add.trigger_on_call, Some(false));
    assert_eq!(add.inputs[1].description.as_deref(), Some("What is added."));
    let inputs: Vec<_> = later.inputs.iter().map(|port| &port.name).collect();
    assert_eq!(inputs, ["text"]);
    let shelves = Kit::shelves();
    let shelves: Vec<_> = shelves
        .iter()
        .map(|shelf| {
            (
                shelf.name.as_str(),
                shelf.description.as_deref(),
                shelf.parent,
            )
        })
        .collect();
    let expected = [
        ("strings", Some("Text."), None),
        ("in", Some("Deeper."), Some(0)),
    ];
    assert_eq!(shelves, expected);
}

#[test]
fn a_library_is_called_after_its_module() {
    let class = TextTools::class();
    assert_eq!(
        (class.class_id.as_str(), class.title.as_str()),
        ("small", "TextTools")
    );
}

#[test]
fn nodes_are_called_by_their_paths() {
    assert_eq!(kit::add(1.0, 2.0), 3.0);
    let kit = testing::start::<Kit>(json!({})).unwrap();
    assert_eq!(kit.shelf(), ["strings/upper", "strings/in/first"]);
    let sum: f64 = kit
        .call("add", json!({"a": 1}))
        .unwrap()
        .get("sum")
        .unwrap();
    assert_eq!(sum, 2.0);
    for (node, expected) in [
        ("later", "abab"),
        ("strings/upper", "AB"),
        ("strings/in/first", "a"),
    ] {
        let outputs = kit.call(node, json!({"text": "ab"})).unwrap();
        assert_eq!(outputs.one::<String>().unwrap(), expected);
    }
    for node in [
        "absent/nothing",
        "strings/in",
        "strings/add",
        "in/first",
        "helpers/twice",
    ] {
        kit.call(node, json!({"text": "ab"})).unwrap_err();
    }
    let refused = kit
        .call("strings/upper", json!({"text": "a", "word": "ab"}))
        .unwrap_err();
    assert!(refused.message().contains("no input \"word\""), "{refused}");
}
