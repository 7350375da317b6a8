//! Graphs that are long, wide or large.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const MANY: i64 = 1000;

/// Adds one, and counts.
fn next(count: &Arc<AtomicUsize>) -> NodeClass {
    let count = Arc::clone(count);
    let run = closure(move |inputs| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(out(total(&inputs) + 1)) }
    });
    NodeClass {
        run,
        ..sum("next", &["a"])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_runs_node_by_node_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let bench = Bench::new(vec![next(&count)]);
    for node in 0..MANY {
        bench.add("next", &node.to_string());
        if node > 0 {
            bench.connect(&format!("{}.out", node - 1), &format!("{node}.a"));
        }
    }
    for round in 1..=3 {
        bench.events();
        bench.set("0.a", round);
        bench.space.idle().await;
        let outs: Vec<_> = bench.told();
        let outs = outs.iter().filter_map(|told| {
            let (node, value) = told.split_once(".out = ")?;
            Some((node.parse::<i64>().unwrap(), value.parse::<i64>().unwrap()))
        });
        let expected = (0..MANY).map(|node| (node, round + node + 1));
        assert!(outs.eq(expected));
        assert_eq!(count.swap(0, Ordering::SeqCst), MANY as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_runs_every_node_once_and_is_fed_in_the_order_of_its_edges() {
    let count = Arc::new(AtomicUsize::new(0));
    let bench = Bench::new(vec![next(&count)]);
    bench.add("next", "top");
    for node in 0..MANY {
        bench.add("next", &node.to_string());
        bench.connect("top.out", &format!("{node}.a"));
    }
    bench.events();
    bench.set("top.a", 1);
    bench.space.idle().await;
    let told = bench.told();
    let fed = told.iter().filter_map(|told| told.strip_suffix(".a = 2"));
    let fed = fed.map(|node| node.parse::<i64>().unwrap());
    assert!(fed.eq(0..MANY));
    let mut ran: Vec<i64> = told
        .iter()
        .filter_map(|told| told.strip_suffix(".out = 3")?.parse().ok())
        .collect();
    ran.sort_unstable();
    assert!(ran.into_iter().eq(0..MANY));
    assert_eq!(count.load(Ordering::SeqCst), 1 + MANY as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lattice_of_joins_runs_every_node_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let run = closure(move |inputs| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { Ok(out(total(&inputs) % 1_000_007)) }
    });
    let cell = NodeClass {
        run,
        ..sum("cell", &["a", "b"])
    };
    let bench = Bench::new(vec![cell]);
    // Pascal's triangle, folded: each is fed by the one above and the one to the left.
    const SIDE: usize = 12;
    for row in 0..SIDE {
        for column in 0..SIDE {
            bench.add("cell", &format!("{row}-{column}"));
        }
    }
    for row in 0..SIDE {
        for column in 0..SIDE {
            if row > 0 {
                bench.connect(
                    &format!("{}-{column}.out", row - 1),
                    &format!("{row}-{column}.a"),
                );
            }
            if column > 0 {
                bench.connect(
                    &format!("{row}-{}.out", column - 1),
                    &format!("{row}-{column}.b"),
                );
            }
        }
    }
    for edge in 0..SIDE {
        bench.set(&format!("0-{edge}.a"), 0);
        bench.set(&format!("{edge}-0.b"), 0);
        bench.space.idle().await;
    }
    for start in 1..=20 {
        count.store(0, Ordering::SeqCst);
        bench.set("0-0.a", start);
        bench.space.idle().await;
        assert_eq!(count.load(Ordering::SeqCst), SIDE * SIDE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_many_threads_are_told_in_order() {
    let bench = Arc::new(Bench::new(vec![sum("sum", &["a"])]));
    let nodes = ["p", "q", "r", "s"];
    nodes.iter().for_each(|id| drop(bench.add("sum", id)));
    bench.events();
    let setters = nodes.map(|id| {
        let bench = Arc::clone(&bench);
        std::thread::spawn(move || {
            for value in 0..2000 {
                bench.set(&format!("{id}.a"), value);
            }
        })
    });
    for setter in setters {
        setter.join().unwrap();
    }
    bench.space.idle().await;
    let told = bench.told();
    for id in nodes {
        let of = |io: &str| -> Vec<i64> {
            let start = format!("{id}.{io} = ");
            let values = told.iter().filter_map(|told| told.strip_prefix(&start));
            values.map(|value| value.parse().unwrap()).collect()
        };
        assert!(of("a").into_iter().eq(0..2000));
        let outs = of("out");
        assert!(outs.is_sorted());
        assert_eq!(outs.last(), Some(&1999));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_a_limit_to_nodes() {
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    for _ in 0..crate::limits::MAX_NODES {
        bench.space.add_node("sum", NewNode::default()).unwrap();
    }
    let refused = bench.space.add_node("sum", NewNode::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "too much: nodes; at most 10000 are allowed"
    );
    bench.space.clear();
    bench.space.add_node("sum", NewNode::default()).unwrap();
}

/// A graph whose parts fit together, whatever was done to it.
fn check_whole(graph: &graph::Graph) {
    let mut edges = 0;
    for (key, node) in &graph.nodes {
        assert_eq!(graph.by_id[&node.id], *key);
        assert!(graph.by_class[&node.class_id].contains(key));
        for (is_input, slots) in [(true, &node.inputs), (false, &node.outputs)] {
            for (index, slot) in slots.iter().enumerate() {
                let pin = io::Pin {
                    node: *key,
                    is_input,
                    index,
                };
                assert!(is_input || slot.sources.is_empty());
                edges += slot.targets.len();
                for target in &slot.targets {
                    let sources = &graph.slot_at(*target).unwrap().sources;
                    assert_eq!(sources.iter().filter(|source| **source == pin).count(), 1);
                }
                for source in &slot.sources {
                    assert!(graph.slot_at(*source).unwrap().targets.contains(&pin));
                }
            }
        }
    }
    assert_eq!(graph.edges, edges);
    assert_eq!(graph.by_id.len(), graph.nodes.len());
    let of_classes = graph.by_class.values().map(|keys| keys.len());
    assert_eq!(of_classes.sum::<usize>(), graph.nodes.len());
    let active = graph.nodes.values().filter(|node| node.is_active());
    assert_eq!(graph.active, active.count());
}

/// What a seed leads to, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A node that gives up above a hundred, so that every cycle ends; now and then it is slow.
fn tired() -> NodeClass {
    let run = closure(|inputs| async move {
        let next = total(&inputs).saturating_add(1);
        for _ in 0..next % 3 {
            tokio::task::yield_now().await;
        }
        match next {
            ..100 => Ok(out(next)),
            100..110 => Err("tired".to_owned()),
            _ => Ok(Ports::new()),
        }
    });
    let mut class = NodeClass {
        run,
        ..sum("tired", &["a", "b"])
    };
    class.inputs[0].allow_multiple = Some(true);
    class.inputs[1].required = false;
    class
}

/// With `endless`, a cycle may go through the trigger input, which does not tire.
fn meddle(space: &NodeSpace, dice: &mut Dice, endless: bool) {
    let node = dice.roll(12).to_string();
    let other = dice.roll(12).to_string();
    let io = ["a", "b", "out", TRIGGER_INPUT][dice.roll(if endless { 4 } else { 3 }) as usize];
    // Much of it is refused: what matters is that nothing breaks.
    match dice.roll(20) {
        0..3 => {
            let id = Some(node);
            let new = NewNode {
                id,
                ..NewNode::default()
            };
            let _ = space.add_node("tired", new);
        }
        3 => drop(space.remove_node(&node)),
        4..8 => drop(space.add_edge(&node, "out", &other, io, dice.roll(2) == 0)),
        8 => drop(space.add_edge(&node, "a", &other, io, dice.roll(2) == 0)),
        9..11 => drop(space.remove_edge(&node, "out", &other, io)),
        11..15 => {
            let value = Value::Integer(dice.roll(50) as i64);
            let _ = space.set_value(&node, io, value, false);
        }
        15 => drop(space.request_trigger(&node)),
        16 => drop(space.trigger_class("tired")),
        17 => drop(space.set_value(&node, io, None, true)),
        18 => space.put_shelf(&["test"], shelf(vec![tired()])).unwrap(),
        _ if dice.roll(4) > 0 => {}
        _ => {
            let keep = NodesOnRemoval::KeepAsPlaceholders;
            let _ = space.remove_shelf(&["test"], keep);
            space.put_shelf(&["test"], shelf(vec![tired()])).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_graph_it_stays_whole_and_comes_to_rest() {
    for seed in 1..=20 {
        let bench = Arc::new(Bench::new(vec![tired()]));
        let meddlers = [1, 2].map(|thread| {
            let bench = Arc::clone(&bench);
            std::thread::spawn(move || {
                let mut dice = Dice(seed * 2 + thread);
                for _ in 0..500 {
                    meddle(&bench.space, &mut dice, seed % 2 == 0);
                    bench.space.inner.read(check_whole);
                }
            })
        });
        for meddler in meddlers {
            meddler.join().unwrap();
        }
        if seed % 2 == 0 {
            for edge in json!(bench.space.edges()).as_array().unwrap() {
                let [from, from_io, to, to_io] = [0, 1, 2, 3].map(|i| edge[i].as_str().unwrap());
                let removed = bench.space.remove_edge(from, from_io, to, to_io);
                assert_eq!(removed, Ok(true));
            }
        }
        bench.space.idle().await;
        bench.space.inner.read(check_whole);
        let saved = bench.space.save();
        let report = bench.space.load(&saved).unwrap();
        assert_eq!(report.left_out, LeftOut::default());
        assert_eq!(bench.space.save(), saved);
    }
}
