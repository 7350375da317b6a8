//! Shelves that come, go and change under their nodes.

use std::sync::Mutex;

use tokio::sync::{Semaphore, mpsc};

use super::*;

/// Notes who was attached and detached, and sets what it is told to.
struct Attached {
    name: &'static str,
    notes: Arc<Mutex<Vec<String>>>,
    changes: Vec<(String, IoChange)>,
}

impl Run for Attached {
    fn run(&self, _node: &Arc<str>, inputs: Ports) -> BoxFuture<'static, Result<Ports, String>> {
        let answer = Ok(out(total(&inputs)));
        Box::pin(async { answer })
    }

    fn attached(&self, node: &str, _graph: WeakNodeSpace) -> Vec<(String, IoChange)> {
        self.notes
            .lock()
            .unwrap()
            .push(format!("{}+{node}", self.name));
        self.changes.clone()
    }

    fn detached(&self, node: &str) {
        self.notes
            .lock()
            .unwrap()
            .push(format!("{}-{node}", self.name));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_hears_of_its_nodes_first_and_sets_their_inputs() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let run = |name, changes| -> Arc<dyn Run> {
        let notes = Arc::clone(&notes);
        Arc::new(Attached {
            name,
            notes,
            changes,
        })
    };
    let changes = vec![
        ("a".to_owned(), IoChange::Value(Value::Integer(2).into())),
        (
            "b".to_owned(),
            IoChange::Default(Some(Value::Integer(3).into())),
        ),
        (
            "a".to_owned(),
            IoChange::ValueOptions(said(&json!({"max": 9}))),
        ),
        (
            "b".to_owned(),
            IoChange::RenderOptions(said(&json!({"type": "slider"}))),
        ),
        ("none".to_owned(), IoChange::Value(Value::None.into())),
        (
            "a".to_owned(),
            IoChange::Value(Value::Text("no".into()).into()),
        ),
    ];
    let of = |run| NodeClass {
        run,
        ..sum("sum", &["a", "b"])
    };
    let bench = Bench::new(vec![of(run("one", changes))]);
    let node = bench.add("sum", "n");
    assert_eq!(node["io"][0]["value_options"], json!({"step": 1, "max": 9}));
    assert_eq!(node["io"][1]["default"], 3);
    assert_eq!(node["io"][1]["render_options"], json!({"type": "slider"}));
    assert_eq!(bench.told()[0], "added n");
    // Its inputs were not complete before the default came, but they are.
    bench.space.idle().await;
    assert_eq!(bench.value("n.a"), 2);
    bench
        .space
        .put_shelf(&["test"], shelf(vec![of(run("two", vec![]))]))
        .unwrap();
    bench.space.remove_node("n").unwrap();
    assert_eq!(*notes.lock().unwrap(), ["one+n", "one-n", "two+n", "two-n"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_that_looks_the_same_is_swapped_without_a_word() {
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    bench.add("sum", "n");
    bench.add("sum", "m");
    bench.connect("n.out", "m.a");
    bench.set("n.a", 1);
    bench.space.idle().await;
    bench.events();
    bench.dirty();
    let double = closure(|inputs| async move { Ok(out(2 * total(&inputs))) });
    let double = NodeClass {
        run: double,
        ..sum("sum", &["a"])
    };
    bench
        .space
        .put_shelf(&["test"], shelf(vec![double]))
        .unwrap();
    assert_eq!((bench.told(), bench.dirty()), (vec![], vec![]));
    assert_eq!(bench.value("m.out"), 1);
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(
        (bench.value("n.out"), bench.value("m.out")),
        (json!(2), json!(4))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_by_the_same_id_survives_a_new_definition() {
    let bench = Bench::new(vec![sum("old", &["a", "b", "c"]), sum("sum", &["a"])]);
    bench.add("old", "n");
    bench.add("sum", "before");
    bench.add("sum", "after");
    bench.connect("before.out", "n.c");
    bench.connect("before.out", "n.b");
    bench.connect("n.out", "after.a");
    bench.set("n.a", 4);
    bench
        .space
        .set_default("n", "a", Some(Value::Integer(8)))
        .unwrap();
    let patch = json!({"name": "First"});
    bench.space.update_io_options("n", "a", &patch).unwrap();
    bench
        .space
        .update_node("n", &json!({"name": "Mine"}))
        .unwrap();
    bench.events();
    // `b` goes, `a` is a float behind a new input, `c` stays.
    let mut new = sum("old", &["new", "c", "a"]);
    new.inputs[0].default = Some(Value::Integer(1).into());
    new.inputs[2].ty = Type::parse(&json!("float"));
    let classes = shelf(vec![new, sum("sum", &["a"])]);
    bench.space.put_shelf(&["test"], classes).unwrap();
    let told = bench.told();
    assert_eq!(told, ["disconnected before.out to n.b", "replaced n"]);
    let node = json!(bench.space.node("n", false).unwrap());
    assert_eq!(
        (&node["name"], &node["io"][2]["name"]),
        (&json!("Mine"), &json!("First"))
    );
    assert_eq!(
        (bench.value("n.a"), &node["io"][2]["default"]),
        (json!(4.0), &json!(8.0))
    );
    assert_eq!(
        json!(bench.space.edges()),
        json!([["n", "out", "after", "a"], ["before", "out", "n", "c"]])
    );
    bench.set("before.a", 7);
    bench.space.idle().await;
    assert_eq!(bench.value("n.c"), 7);
    assert_eq!(bench.value("after.out"), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_shelf_that_goes_are_placeholders_or_gone() {
    let path = ["_external_worker", "abc"];
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    bench
        .space
        .put_shelf(&path, shelf(vec![sum("ext", &["a", "b"])]))
        .unwrap();
    bench.add("ext", "n");
    bench.add("sum", "m");
    bench.connect("n.out", "m.a");
    bench.set("n.a", 1);
    bench
        .space
        .set_default("n", "b", Some(Value::Integer(2)))
        .unwrap();
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    let (saved, node) = (
        bench.space.save(),
        json!(bench.space.node("n", true).unwrap()),
    );
    bench.events();
    bench
        .space
        .remove_shelf(&path, NodesOnRemoval::KeepAsPlaceholders)
        .unwrap();
    assert_eq!(bench.told(), ["replaced n"]);
    let status = bench.status("n");
    assert_eq!(status["ready"], false);
    let error = "the node `n` cannot run: its class `ext` is not in the library, or not yet";
    assert_eq!(bench.space.trigger("n").unwrap_err().to_string(), error);
    assert_eq!(
        bench.space.request_trigger("n").unwrap_err().to_string(),
        error
    );
    assert_eq!(
        bench
            .space
            .add_node("ext", NewNode::default())
            .unwrap_err()
            .to_string(),
        "there is no node class `ext` in the library"
    );
    // It can be worked on all the same.
    bench.set("n.a", 5);
    bench
        .space
        .update_node("n", &json!({"properties": {"frontend:pos": [3, 4]}}))
        .unwrap();
    bench.space.idle().await;
    bench
        .space
        .put_shelf(&path, shelf(vec![sum("ext", &["a", "b"])]))
        .unwrap();
    assert_eq!(
        (bench.value("n.a"), bench.value("n.b")),
        (json!(5), json!(2))
    );
    assert_eq!(json!(bench.space.edges()), json!([["n", "out", "m", "a"]]));
    bench
        .space
        .update_node("n", &json!({"properties": {"frontend:pos": [0, 0]}}))
        .unwrap();
    let mut again = bench.space.save();
    again["nodes"][0]
        .as_object_mut()
        .unwrap()
        .remove("properties");
    assert_eq!(again, saved);
    let mut looks = json!(bench.space.node("n", true).unwrap());
    looks.as_object_mut().unwrap().remove("properties");
    assert_eq!(looks, node);
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.value("m.out"), 7);
    bench
        .space
        .remove_shelf(&path, NodesOnRemoval::Remove)
        .unwrap();
    assert_eq!(bench.space.node_ids(), ["m".into()]);
    assert_eq!(json!(bench.space.edges()), json!([]));
    let shelves = library(&bench.space);
    assert_eq!(shelves["shelves"][1]["subshelves"], json!([]));
    assert_eq!(
        bench
            .space
            .remove_shelf(&path, NodesOnRemoval::Remove)
            .unwrap_err()
            .to_string(),
        "there is no shelf `_external_worker/abc`"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_class_that_goes_is_dropped() {
    let (tell, mut entered) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&gate);
    let run = closure(move |_| {
        tell.send(()).unwrap();
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.unwrap().forget();
            Ok(out(1))
        }
    });
    let ext = class("ext", vec![], vec![port("out", "int")], run);
    let bench = Bench::new(vec![]);
    bench.space.put_shelf(&["ext"], shelf(vec![ext])).unwrap();
    bench.add("ext", "n");
    bench.space.trigger("n").unwrap();
    entered.recv().await.unwrap();
    bench
        .space
        .remove_shelf(&["ext"], NodesOnRemoval::KeepAsPlaceholders)
        .unwrap();
    bench.space.idle().await;
    let two = closure(|_| async { Ok(out(2)) });
    let ext = class("ext", vec![], vec![port("out", "int")], two);
    bench.space.put_shelf(&["ext"], shelf(vec![ext])).unwrap();
    bench.events();
    gate.add_permits(1);
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 2);
    assert!(!bench.told().contains(&"n.out = 1".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_on_two_shelves_goes_with_the_last() {
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    bench
        .space
        .put_shelf(&["other", "deep"], shelf(vec![sum("sum", &["a"])]))
        .unwrap();
    bench.add("sum", "n");
    bench.events();
    bench
        .space
        .remove_shelf(&["test"], NodesOnRemoval::Remove)
        .unwrap();
    assert_eq!(bench.space.nodes_of_class("sum"), ["n".into()]);
    assert!(bench.space.has_class("sum"));
    bench
        .space
        .remove_shelf(&["other"], NodesOnRemoval::Remove)
        .unwrap();
    assert_eq!(bench.told(), ["removed n"]);
    assert!(!bench.space.has_class("sum"));
}

#[tokio::test]
async fn shelves_that_cannot_be_are_refused() {
    let bench = Bench::new(vec![]);
    let space = &bench.space;
    let before = library(space);
    space.put_shelf(&[], Shelf::default()).unwrap_err();
    space.put_shelf(&["a", ""], Shelf::default()).unwrap_err();
    let mut deep = Shelf::default();
    for _ in 0..crate::limits::MAX_SHELF_DEPTH {
        deep = Shelf {
            name: "s".into(),
            subshelves: vec![deep],
            ..Shelf::default()
        };
    }
    space.put_shelf(&["a"], deep).unwrap_err();
    let twice = |inputs: &[&str]| shelf(vec![sum("twice", inputs)]);
    let refused = space.put_shelf(&["a"], twice(&["x", "x"])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a node class: `twice` has a port `x` that is not allowed, or that it has twice"
    );
    space.put_shelf(&["a"], twice(&["out"])).unwrap_err();
    space
        .put_shelf(&["a"], twice(&["_triggerinput"]))
        .unwrap_err();
    space.put_shelf(&["a"], twice(&[""])).unwrap_err();
    assert_eq!(library(space), before);
}

#[tokio::test]
async fn a_shelf_within_another_is_seen_there_and_goes_alone() {
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    let space = &bench.space;
    let before = space.library_text();
    let inner = || shelf(vec![sum("inner \"1\"", &["a"])]);
    space.put_shelf(&["test", "x"], inner()).unwrap();
    space.put_shelf(&["test", "y"], inner()).unwrap();
    let seen = library(space);
    let [x, y] = [0, 1].map(|at| seen["shelves"][0]["subshelves"][at].clone());
    assert_eq!((&x["name"], &y["name"]), (&json!("x"), &json!("y")));
    assert_eq!(x["nodes"][0]["node_id"], "inner \"1\"");
    assert_eq!(seen["shelves"][0]["nodes"][0]["node_id"], "sum");
    for gone in ["x", "y"] {
        space
            .remove_shelf(&["test", gone], NodesOnRemoval::Remove)
            .unwrap();
    }
    let before: Json = serde_json::from_str(&before).unwrap();
    assert_eq!(library(space), before);
}
