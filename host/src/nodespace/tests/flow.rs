//! When nodes run, how often, and on what.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Barrier, Semaphore, mpsc};

use super::*;

/// A node that tells of each run what it was given, and then waits to be let go.
pub(super) struct Gated {
    entered: mpsc::UnboundedReceiver<i64>,
    gate: Arc<Semaphore>,
}

impl Gated {
    pub fn class(id: &str, inputs: &[&str]) -> (NodeClass, Self) {
        let (tell, entered) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&gate);
        let run = closure(move |inputs| {
            let (tell, permits) = (tell.clone(), Arc::clone(&permits));
            async move {
                tell.send(total(&inputs)).unwrap();
                permits.acquire().await.unwrap().forget();
                Ok(out(total(&inputs)))
            }
        });
        let class = NodeClass {
            run,
            ..sum(id, inputs)
        };
        (class, Self { entered, gate })
    }

    pub async fn entered(&mut self) -> i64 {
        self.entered.recv().await.unwrap()
    }

    pub fn let_go(&self) {
        self.gate.add_permits(1);
    }

    fn not_entered(&mut self) {
        assert_eq!(
            self.entered.try_recv(),
            Err(mpsc::error::TryRecvError::Empty)
        );
    }
}

/// A node that counts its runs, for joins: `a` and `b` are optional.
pub(super) fn counted(id: &str, inputs: &[&str]) -> (NodeClass, Arc<Mutex<Vec<i64>>>) {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let run = closure(move |inputs| {
        seen.lock().unwrap().push(total(&inputs));
        async move { Ok(out(total(&inputs))) }
    });
    let mut class = NodeClass {
        run,
        ..sum(id, inputs)
    };
    class
        .inputs
        .iter_mut()
        .for_each(|input| input.required = false);
    (class, runs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_tells_what_funcnodes_tells() {
    let bench = Bench::new(vec![sum("sum", &["a", "b"])]);
    bench.add("sum", "n");
    bench.set("n.b", 5);
    assert_eq!(bench.status("n")["requests_trigger"], true);
    bench.set("n.a", 3);
    bench.space.idle().await;
    assert_eq!(
        bench.told(),
        [
            "added n",
            "n.b = 5",
            "n.a = 3",
            "triggering n",
            "start n",
            "n.out = 8",
            "done n",
            "idle n"
        ]
    );
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.told(), ["fast n", "n.out = 8"]);
    assert_eq!(bench.status("n")["requests_trigger"], false);
    let Value::Number(fired) = *bench.space.value("n", TRIGGER_OUTPUT).unwrap().unwrap() else {
        panic!("a time stamp");
    };
    assert!(fired > 1.7e9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_runs_when_the_last_required_input_is_there() {
    let mut class = sum("sum", &["a", "b"]);
    class.inputs[1].does_trigger = false;
    let bench = Bench::new(vec![class]);
    bench.add("sum", "n");
    assert_eq!(
        bench.space.trigger("n"),
        Err(GraphError::NotReady {
            node: "n".into(),
            io: "a".into()
        })
    );
    // An input that does not trigger completes what another asked for.
    bench.set("n.a", 1);
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), NO_VALUE);
    bench.set("n.b", 2);
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 3);
    bench.set("n.b", 7);
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 3);
    bench.space.request_trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 8);
    assert_eq!(bench.space.trigger_class("sum"), 1);
    assert_eq!(bench.space.trigger_class("none"), 0);
    bench.space.node_idle("n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn independent_nodes_run_at_once() {
    let barrier = Arc::new(Barrier::new(3));
    let run = closure(move |_| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            Ok(Ports::new())
        }
    });
    let bench = Bench::new(vec![class("meet", vec![], vec![], run)]);
    for id in ["a", "b", "c"] {
        bench.add("meet", id);
        bench.space.trigger(id).unwrap();
    }
    // None of them ends before all of them run.
    bench.space.idle().await;
    assert_eq!(
        bench
            .told()
            .iter()
            .filter(|t| t.starts_with("done"))
            .count(),
        3
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_during_a_run_are_one_run_afterwards_with_the_newest_inputs() {
    let (class, mut gated) = Gated::class("gated", &["a"]);
    let bench = Bench::new(vec![class]);
    bench.add("gated", "n");
    bench.set("n.a", 1);
    assert_eq!(gated.entered().await, 1);
    for value in 2..=50 {
        bench.set("n.a", value);
        bench.space.request_trigger("n").unwrap();
    }
    assert_eq!(bench.status("n")["in_trigger"], true);
    gated.let_go();
    assert_eq!(gated.entered().await, 50);
    assert_eq!(bench.value("n.out"), 1);
    gated.let_go();
    bench.space.idle().await;
    gated.not_entered();
    assert_eq!(bench.value("n.out"), 50);
    assert_eq!(bench.status("n")["in_trigger"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_are_set_together_are_one_trigger() {
    let (class, runs) = counted("counted", &["a", "b", "c"]);
    let bench = Bench::new(vec![class]);
    bench.add("counted", "n");
    let all = ["a", "b", "c"].map(|io| (io.to_owned(), Some(Value::Integer(2))));
    bench.space.set_values("n", all.to_vec()).unwrap();
    bench.space.idle().await;
    assert_eq!(*runs.lock().unwrap(), [6]);
    // All or none.
    let mut bad = all.to_vec();
    bad[1].1 = Some(Value::Text("no".into()));
    bad[0].1 = Some(Value::Integer(9));
    bench.space.set_values("n", bad).unwrap_err();
    bench.space.idle().await;
    assert_eq!(
        (bench.value("n.a"), runs.lock().unwrap().len()),
        (json!(2), 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_or_panics_is_an_error_of_its_node() {
    let count = Arc::new(AtomicUsize::new(0));
    let run = closure(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        assert!(turn != 1, "before anything is awaited");
        async move {
            assert!(turn != 2, "while it runs");
            if turn == 0 {
                return Err("no \u{1b}such device".to_owned());
            }
            Ok(out(1))
        }
    });
    let class = class("fails", vec![], vec![port("out", "int")], run);
    let bench = Bench::new(vec![class, sum("sum", &["a"])]);
    bench.add("fails", "n");
    bench.add("sum", "next");
    bench.connect("n.out", "next.a");
    bench.events();
    let panicked = "the node panicked while it ran";
    for message in ["no \u{fffd}such device", panicked, panicked] {
        bench.space.trigger("n").unwrap();
        bench.space.idle().await;
        assert_eq!(bench.status("n")["error"], message);
        let told = bench.told();
        let error = format!("error n: {message}");
        assert_eq!(
            told,
            ["triggering n", "start n", "done n", &error, "triggering n"]
        );
        assert_eq!(bench.value("next.out"), NO_VALUE);
    }
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.status("n").get("error"), None);
    assert_eq!(bench.value("next.out"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_removed_takes_its_run_along() {
    struct Ends(mpsc::UnboundedSender<&'static str>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let run = closure(move |_| {
        let ends = Ends(tell.clone());
        async move {
            ends.0.send("runs").unwrap();
            std::future::pending::<()>().await;
            Ok(out(0))
        }
    });
    let class = NodeClass {
        run,
        ..sum("waits", &["a"])
    };
    let bench = Bench::new(vec![class]);
    bench.add("waits", "n");
    bench.set("n.a", 1);
    assert_eq!(told.recv().await, Some("runs"));
    bench.space.remove_node("n").unwrap();
    assert_eq!(told.recv().await, Some("dropped"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_of_a_node_that_was_removed_is_dropped() {
    let (class, mut gated) = Gated::class("gated", &["a"]);
    let bench = Bench::new(vec![class, sum("sum", &["a"])]);
    bench.add("gated", "n");
    bench.add("sum", "next");
    bench.connect("n.out", "next.a");
    bench.set("n.a", 1);
    assert_eq!(gated.entered().await, 1);
    bench.space.remove_node("n").unwrap();
    bench.space.idle().await;
    // Another one of the same name gets nothing of it.
    bench.add("gated", "n");
    bench.connect("n.out", "next.a");
    bench.events();
    gated.let_go();
    bench.set("n.a", 5);
    assert_eq!(gated.entered().await, 5);
    gated.let_go();
    bench.space.idle().await;
    assert_eq!(bench.value("next.out"), 5);
    assert!(!bench.told().contains(&"n.out = 1".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_uses_up_what_it_read_and_nothing_else() {
    let (mut class, mut gated) = Gated::class("gated", &["a", "b"]);
    class.reset_inputs_on_trigger = true;
    class.inputs[1].default = Some(Value::Integer(100).into());
    let bench = Bench::new(vec![class]);
    let node = bench.add("gated", "n");
    assert_eq!(node["reset_inputs_on_trigger"], true);
    bench.set("n.b", 1);
    bench.set("n.a", 1);
    assert_eq!(gated.entered().await, 2);
    bench.set("n.a", 5);
    gated.let_go();
    // What came during the run is there for the next; what it read is not.
    assert_eq!(gated.entered().await, 105);
    gated.let_go();
    bench.space.idle().await;
    assert_eq!(
        (bench.value("n.a"), bench.value("n.b")),
        (json!(NO_VALUE), json!(100))
    );
    gated.not_entered();
    bench.space.trigger("n").unwrap_err();
    bench
        .space
        .update_node("n", &json!({"reset_inputs_on_trigger": false}))
        .unwrap();
    bench.set("n.a", 3);
    assert_eq!(gated.entered().await, 103);
    gated.let_go();
    bench.space.idle().await;
    assert_eq!(bench.value("n.a"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_may_run_as_soon_as_it_is_made() {
    let mut eager = sum("eager", &["a"]);
    eager.trigger_on_create = true;
    eager.inputs[0].default = Some(Value::Integer(4).into());
    let bench = Bench::new(vec![eager]);
    bench.add("eager", "n");
    bench.space.idle().await;
    assert_eq!(bench.value("n.out"), 4);
    let not = NewNode {
        id: Some("m".into()),
        trigger_on_create: Some(false),
        values: vec![("a".into(), Value::Integer(9))],
        ..NewNode::default()
    };
    bench.space.add_node("eager", not).unwrap();
    bench.space.idle().await;
    assert_eq!(
        (bench.value("m.a"), bench.value("m.out")),
        (json!(9), json!(NO_VALUE))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hidden_ports_trigger_without_a_value() {
    let (class, runs) = counted("counted", &["a"]);
    let bench = Bench::new(vec![class]);
    for id in ["first", "second"] {
        bench.add("counted", id);
    }
    bench
        .space
        .set_default("second", "a", Some(Value::Integer(7)))
        .unwrap();
    bench.connect("first._triggeroutput", "second._triggerinput");
    bench.set("first.a", 1);
    bench.space.idle().await;
    assert_eq!(*runs.lock().unwrap(), [1, 7]);
    let stamps = ["first", "second"].map(|node| bench.space.value(node, TRIGGER_OUTPUT).unwrap());
    let [Some(first), Some(second)] = stamps else {
        panic!("both have run");
    };
    assert!(matches!((&*first, &*second), (Value::Number(a), Value::Number(b)) if a <= b));
    assert_eq!(bench.value("second._triggerinput"), first.to_json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_an_error_at_the_input() {
    let texts = closure(|_| async {
        Ok(vec![(
            "out".into(),
            SharedValue::new(Value::Text("x".into())),
        )])
    });
    let texts = class("texts", vec![], vec![port("out", "str")], texts);
    let (counted, runs) = counted("counted", &["a"]);
    let bench = Bench::new(vec![texts, counted]);
    bench.add("texts", "source");
    bench.add("counted", "n");
    let refused = bench
        .space
        .set_value("n", "a", Value::Text("abc".into()), true);
    let problem = r#"expects an integer, not text "abc""#;
    assert_eq!(
        refused.unwrap_err().to_string(),
        format!("the input `a` of the node `n` {problem}")
    );
    assert_eq!(
        json!(bench.space.io("n", "a").unwrap())["default"],
        NO_VALUE
    );
    bench.set("n.a", 3.0);
    bench.space.idle().await;
    bench.connect("source.out", "n.a");
    bench.events();
    bench.space.trigger("source").unwrap();
    bench.space.idle().await;
    let error = r#"the input `a` of the node `n` expects an integer, not text "x""#;
    assert!(bench.told().contains(&format!("error n: {error}")));
    assert_eq!(bench.status("n")["error"], error);
    // It keeps what it had, and did not run for it.
    assert_eq!(
        (bench.value("n.a"), runs.lock().unwrap().len()),
        (json!(3), 1)
    );
    bench.space.trigger("n").unwrap();
    bench.space.idle().await;
    assert_eq!(bench.status("n").get("error"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_value_is_the_same_one_wherever_it_goes() {
    let source = closure(|_| async {
        Ok(vec![(
            "out".into(),
            SharedValue::new(Value::Bytes(vec![7; 1 << 20])),
        )])
    });
    let source = class("source", vec![], vec![port("out", "bytes")], source);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let sink = closure(move |inputs| {
        keep.lock()
            .unwrap()
            .extend(inputs.into_iter().map(|(_, value)| value));
        async { Ok(Ports::new()) }
    });
    let sink = class("sink", vec![port("a", "bytes")], vec![], sink);
    let bench = Bench::new(vec![source, sink]);
    bench.add("source", "source");
    for id in ["x", "y", "z"] {
        bench.add("sink", id);
        bench.connect("source.out", &format!("{id}.a"));
    }
    bench.space.trigger("source").unwrap();
    bench.space.idle().await;
    let value = bench.space.value("source", "out").unwrap().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|other| other.is(&value)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_converted_for_each_kind_of_input_that_it_reaches() {
    let list = closure(|_| async {
        Ok(vec![(
            "out".into(),
            SharedValue::new(Value::from_json(json!([1, 2]))),
        )])
    });
    let list = class("list", vec![], vec![port("out", "list")], list);
    let sink = |id: &str, items: &str| {
        let input = Type::parse(&json!({"type": "array", "items": items}));
        let nothing = closure(|_| async { Ok(Ports::new()) });
        class(id, vec![PortSpec::new("a", input)], vec![], nothing)
    };
    let bench = Bench::new(vec![
        list,
        sink("ints", "int"),
        sink("floats", "float"),
        sink("texts", "str"),
    ]);
    bench.add("list", "list");
    for (class, id) in [
        ("ints", "i"),
        ("floats", "f"),
        ("floats", "g"),
        ("texts", "t"),
    ] {
        bench.add(class, id);
        bench.connect("list.out", &format!("{id}.a"));
    }
    bench.space.trigger("list").unwrap();
    bench.space.idle().await;
    let value = |node: &str, io: &str| bench.space.value(node, io).unwrap().unwrap();
    assert!(value("list", "out").is(&value("i", "a")));
    assert_eq!(bench.value("f.a"), json!([1.0, 2.0]));
    assert!(value("f", "a").is(&value("g", "a")));
    let error = "the input `a` of the node `t` item 0: expects a text, not integer 1";
    assert_eq!(
        (&bench.status("t")["error"], bench.value("t.a")),
        (&json!(error), json!(NO_VALUE))
    );
    // Set by hand, it is converted just the same.
    bench.set("f.a", json!([3]));
    assert_eq!(bench.value("f.a"), json!([3.0]));
    bench
        .space
        .set_values(
            "g",
            vec![("a".into(), Some(Value::from_json(json!(["x"]))))],
        )
        .unwrap_err();
    bench
        .space
        .set_default("g", "a", Some(Value::from_json(json!([4]))))
        .unwrap();
    assert_eq!(
        json!(bench.space.io("g", "a").unwrap())["default"],
        json!([4.0])
    );
}

/// An observer that changes the graph while it is told.
struct Meddler(Mutex<Option<NodeSpace>>, Mutex<Vec<String>>);

impl Observer for Meddler {
    fn event(&self, event: GraphEvent) {
        self.1.lock().unwrap().push(short(&event));
        let space = self.0.lock().unwrap().clone();
        if let (GraphEvent::Value { io, value, .. }, Some(space)) = (&event, space)
            && let (Some(Value::Integer(value @ ..5)), "out") = (value.as_deref(), &**io)
        {
            let next = Value::Integer(value + 1);
            space.set_value("n", "a", next, false).unwrap();
        }
    }

    fn dirty(&self, _: Dirty) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_may_change_the_graph() {
    let meddler = Arc::new(Meddler(Mutex::default(), Mutex::default()));
    let space = NodeSpace::new(threads(), Arc::clone(&meddler) as _);
    *meddler.0.lock().unwrap() = Some(space.clone());
    space
        .put_shelf(&["s"], shelf(vec![sum("sum", &["a"])]))
        .unwrap();
    let new = NewNode {
        id: Some("n".into()),
        ..NewNode::default()
    };
    space.add_node("sum", new).unwrap();
    space.set_value("n", "a", Value::Integer(1), false).unwrap();
    space.idle().await;
    assert_eq!(space.preview("n", "out").unwrap(), 5);
    let told = meddler.1.lock().unwrap();
    let outs = told.iter().filter(|told| told.starts_with("n.out"));
    assert_eq!(outs.count(), 5);
    *meddler.0.lock().unwrap() = None;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_shows_at_its_own_input_and_what_is_there_already_trigger_nothing() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let run = closure(move |inputs| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { Ok(out(total(&inputs))) }
    });
    let device = class(
        "device",
        vec![port("rpm", "int")],
        vec![port("out", "int")],
        run,
    );
    let bench = Bench::new(vec![device, sum("next", &["a"])]);
    bench.add("device", "d");
    bench.add("next", "n");
    // What is shown is passed on, and triggers where it arrives.
    let forward = bench.space.add_edge("d", "rpm", "n", "a", false);
    forward.unwrap();
    let change = async |change: fn(SharedValue) -> IoChange, value: i64| {
        let value = SharedValue::new(Value::Integer(value));
        bench.space.change_io("d", "rpm", change(value)).unwrap();
        bench.space.idle().await;
        (runs.load(Ordering::SeqCst), bench.value("n.out"))
    };
    assert_eq!(change(IoChange::Value, 1).await, (1, json!(1)));
    assert_eq!(change(IoChange::Value, 1).await, (1, json!(1)));
    assert_eq!(change(IoChange::Shown, 2).await, (1, json!(2)));
    assert_eq!(change(IoChange::Value, 2).await, (1, json!(2)));
    assert_eq!(change(IoChange::Value, 3).await, (2, json!(3)));
    bench.set("d.rpm", 3);
    bench.space.idle().await;
    assert_eq!(runs.load(Ordering::SeqCst), 3, "a client triggers always");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_pays_for_an_output_until_the_last_slot_lets_it_go() {
    let ledger = Ledger::new(&Budget::default());
    let payer = Arc::clone(&ledger);
    let run = closure(move |_| {
        let ledger = Arc::clone(&payer);
        async move {
            let held = ledger.hold(Resource::Memory, 1000).unwrap();
            let list = Value::from_json(json!([1, 2]));
            Ok(vec![(
                "out".into(),
                SharedValue::paid(list, Arc::new(held)),
            )])
        }
    });
    let source = class("source", vec![], vec![port("out", "list")], run);
    let list = class(
        "list",
        vec![port("a", "list")],
        vec![],
        closure(|_| async { Ok(Ports::new()) }),
    );
    let bench = Bench::new(vec![source, list]);
    bench.add("source", "s");
    bench.add("list", "l");
    bench.connect("s.out", "l.a");
    for _ in 0..3 {
        bench.space.trigger("s").unwrap();
        bench.space.idle().await;
        bench.events();
        assert_eq!(ledger.used(Resource::Memory), 1000, "shared along the edge");
    }
    bench.space.remove_node("s").unwrap();
    bench.events();
    assert_eq!(ledger.used(Resource::Memory), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_looked_through_is_paid_for_while_it_is() {
    let budget = Budget {
        memory: bytesize::ByteSize::mib(1),
        ..Budget::default()
    };
    let ledger = Ledger::new(&budget);
    let value = |json: &Json| {
        let held = ledger.hold(Resource::Memory, 1).unwrap();
        SharedValue::paid(Value::from_json(json.clone()), Arc::new(held))
    };
    let dicts = Type::parse(&json!({"type": "array", "items": "dict"}));
    let few = value(&json!([{"": 0}]));
    assert!(dicts.coerce(&few).unwrap().is(&few));
    // Eight bytes of text each, and 700 of a tree.
    let many = value(&json!(vec![json!({"": 0}); 2_000]));
    let refused = dicts.coerce(&many).unwrap_err();
    assert!(refused.contains("memory budget"), "{refused}");
    assert!(Type::any().coerce(&many).unwrap().is(&many));
    let numbers = Type::parse(&json!({"type": "array", "items": "float"}));
    let made = numbers.coerce(value(&json!([1, 2]))).unwrap();
    assert_eq!(made.to_json(), json!([1.0, 2.0]));
    drop((few, many));
    let kept = ledger.used(Resource::Memory);
    assert_eq!(kept, made.size(), "what was made is paid for in its turn");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_told_of_a_run_only_also_of_a_node_that_was_quick() {
    let (entered, mut runs) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&gate);
    let run = closure(move |inputs| {
        let (entered, permits) = (entered.clone(), Arc::clone(&permits));
        async move {
            if total(&inputs) < 0 {
                entered.send(()).unwrap();
                permits.acquire().await.unwrap().forget();
            }
            Ok(out(total(&inputs)))
        }
    });
    let class = NodeClass {
        run,
        ..sum("slow", &["a"])
    };
    let bench = Bench::new(vec![class]);
    bench.add("slow", "n");
    let tells = |fraction| {
        let what = "at work".to_owned();
        bench
            .space
            .tell_progress("n", fraction, what, Duration::ZERO);
    };
    let mut quick = 0;
    while !bench.told().contains(&"fast n".to_owned()) {
        quick += 1;
        bench.set("n.a", quick);
        bench.space.idle().await;
    }
    tells(0.1);
    assert!(bench.told().is_empty(), "it does not run");
    bench.set("n.a", -1);
    runs.recv().await.unwrap();
    bench.told();
    tells(0.25);
    tells(0.5);
    assert_eq!(bench.told(), ["start n", "at work n", "at work n"]);
    gate.add_permits(1);
    bench.space.idle().await;
    let told = bench.told();
    assert!(told.contains(&"done n".to_owned()), "{told:?}");
    tells(1.0);
    tells(2.0);
    assert!(bench.told().is_empty());
    // A node that is gone, or never was.
    bench.space.remove_node("n").unwrap();
    bench.told();
    tells(0.5);
    assert!(bench.told().is_empty());
}
