//! Pictures in the graph: what becomes one, how it is shown, and what is never shown as one.

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n";
const URL: &str = "data:image/png;base64,iVBORw0K";

fn png() -> Value {
    Value::Media(Media {
        media_type: "image/png".to_owned(),
        data: PNG.to_vec(),
    })
}

/// A node whose output `out` has this type and these render options, and answers what its input gets.
fn echo(id: &str, ty: Json, render: Json) -> NodeClass {
    let run = closure(|inputs| async move {
        let given = inputs.into_iter().filter(|(io, _)| &**io == "in");
        Ok(given.map(|(_, value)| ("out".into(), value)).collect())
    });
    let out = PortSpec {
        render_options: Some(render),
        ..PortSpec::new("out", Type::parse(&ty))
    };
    class(id, vec![port("in", "Any")], vec![out], run)
}

#[test]
fn bytes_and_urls_become_media_and_media_bytes() {
    let coerce = |ty: Json, value: Value| {
        let coerced = Type::parse(&ty).coerce(value);
        coerced.map(|value| Value::clone(&value))
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let optional = json!({"anyOf": ["media", "None"]});
    for ty in [json!("media"), optional.clone()] {
        for value in [png(), Value::Bytes(PNG.to_vec()), text(URL)] {
            assert_eq!(coerce(ty.clone(), value), Ok(png()), "{ty}");
        }
    }
    assert_eq!(coerce(optional, Value::None), Ok(Value::None));
    for value in [png(), text(URL)] {
        assert_eq!(
            coerce(json!("bytes"), value),
            Ok(Value::Bytes(PNG.to_vec()))
        );
    }
    let list = Value::from_json(json!([URL]));
    let of_media = json!({"type": "array", "items": "media"});
    assert_eq!(coerce(of_media, list.clone()), Ok(list));
    for (ty, value, sentence) in [
        (
            "media",
            text("http://a"),
            "expects media; text \"http://a\" is not a URL such as data:image/png;base64,…",
        ),
        ("media", Value::Integer(1), "expects media, not integer 1"),
        ("str", png(), "expects a text, not media"),
    ] {
        assert_eq!(coerce(json!(ty), value), Err(sentence.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_is_a_picture_and_nothing_else_is() {
    let shown = |ty: Json, render: Json| {
        let bench = Bench::new(vec![echo("echo", ty, render)]);
        bench.add("echo", "n")["io"][2]["render_options"]["type"].clone()
    };
    let optional = json!({"anyOf": ["media", "None"]});
    for (ty, render, renderer) in [
        (json!("media"), json!({}), json!("image")),
        (json!("media"), json!({"type": "any"}), json!("image")),
        (json!("media"), json!({"type": "svg"}), json!("image")),
        (json!("media"), json!({"type": "bytes"}), json!("bytes")),
        (optional, json!({}), json!("image")),
        // A browser fetches the one and runs the other.
        (json!("str"), json!({"type": "image"}), json!("string")),
        (json!("str"), json!({"type": "svg"}), json!("string")),
        (json!("svg"), json!({}), json!("string")),
        (json!("image"), json!({"type": "any"}), json!("string")),
        (json!("str"), json!({"type": "table"}), json!("table")),
        (json!("str"), json!({}), Json::Null),
    ] {
        let what = format!("{ty} {render}");
        assert_eq!(shown(ty, render), renderer, "{what}");
    }
    // Not by what is changed later, either.
    let bench = Bench::new(vec![echo("echo", json!("str"), json!({}))]);
    bench.add("echo", "n");
    let change = IoChange::RenderOptions(said(&json!({"type": "svg"})));
    bench.space.change_io("n", "in", change).unwrap();
    let node = json!(bench.space.node("n", false).unwrap());
    assert_eq!(node["io"][0]["render_options"]["type"], "string");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_of_media_has_nothing_else() {
    let bench = Bench::new(vec![echo("echo", json!("media"), json!({}))]);
    bench.add("echo", "n");
    let answers = |value: Json| {
        bench.set("n.in", value);
        bench.space.idle()
    };
    answers(json!(URL)).await;
    assert_eq!(bench.value("n.out"), URL);
    for other in [json!("http://a/b.png"), json!([URL]), json!(7)] {
        answers(other.clone()).await;
        assert_eq!(bench.value("n.out"), URL);
        let error = bench.status("n")["error"].clone();
        let expected = "the output `out` expects media";
        assert!(error.as_str().unwrap().starts_with(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_is_saved_as_a_url_and_comes_back() {
    let with_default = |default: Value| {
        let mut class = echo("echo", json!("media"), json!({}));
        class.inputs = vec![PortSpec {
            default: Some(default.into()),
            ..port("in", "media")
        }];
        let bench = Bench::new(vec![class]);
        bench.add("echo", "n");
        bench
    };
    let bench = with_default(Value::Text("http://a".to_owned()));
    assert_eq!(bench.value("n.in"), NO_VALUE);
    bench.space.set_default("n", "in", Some(png())).unwrap();
    let saved = bench.space.save();
    assert_eq!(saved["nodes"][0]["io"]["in"]["default"], URL);
    let other = with_default(Value::Bytes(Vec::new()));
    other.space.load(&saved).unwrap();
    assert_eq!(
        other.space.value("n", "in").unwrap().as_deref(),
        Some(&png())
    );
}

#[test]
fn the_only_picture_is_shown_in_the_node() {
    let media = |id: &str| port(id, "media");
    let one = [port("a", "int"), media("b")];
    let data = json!({"src": "b", "type": "image"});
    assert_eq!(node_rendering(None, &one), Some(json!({"data": data})));
    let io = json!({"io": {"a": {}}});
    let both = json!({"io": {"a": {}}, "data": data});
    assert_eq!(node_rendering(Some(io), &one), Some(both));
    let other = json!({"data": {"src": "a"}});
    assert_eq!(node_rendering(Some(other.clone()), &one), Some(other));
    assert_eq!(node_rendering(None, &[media("a"), media("b")]), None);
    let hidden = PortSpec {
        hidden: true,
        ..media("a")
    };
    assert_eq!(node_rendering(None, &[hidden]), None);
}
