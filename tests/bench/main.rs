//! What a call, an array and an instance cost, each beside its floor in the same run: a worker that no
//! SDK made (`raw.wat`) and the same component, both called by bare wasmtime, or a copy of the same bytes.

mod bare;
mod density;
mod embedded;
mod python;
mod resident;
mod served;
mod table;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use external_worker_artifacts::{PROBE_HOST, RAW};
use external_worker_host::bindings::types::{Dtype, Ndarray, Value};
use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::instance::Instance;
use external_worker_host::instance::exports::Ports;
use external_worker_tests::{TestHost, new_engine, start};
use serde_json::json;

/// No instance waits for its share while it is measured.
const UNTHROTTLED: &str = "[budget]\ncpu-share = 64.0\ncpu-burst-ms = 3600000\n";

/// 1 MiB of `f64`.
const ELEMENTS: usize = 131_072;

fn main() {
    let is_asked = |name: &str| std::env::args().any(|argument| argument == name);
    if is_asked("density") {
        return density::print();
    }
    if is_asked("python") {
        return python::print();
    }
    if is_asked("embedded") {
        return embedded::print();
    }
    if is_asked("served") {
        return served::print();
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    calls(&mut criterion);
    arrays(&mut criterion);
    instances(&mut criterion);
    criterion.final_summary();
    table::print();
    // Not when only some benchmark was asked for by name.
    if std::env::args()
        .skip(1)
        .all(|argument| argument.starts_with("--"))
    {
        served::print();
        python::print();
        embedded::print();
        density::print();
    }
}

fn control() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn array() -> Value {
    let data = vec![1; ELEMENTS * 8];
    Value::Array(Ndarray {
        dtype: Dtype::F64,
        shape: vec![ELEMENTS as u64],
        data,
    })
}

/// An engine with so many guest threads.
fn engine_of(threads: usize) -> Engine {
    Engine::new(EngineOptions {
        pool_instances: Some(64),
        guest_threads: Some(threads),
        ..EngineOptions::new(Compiling::Here)
    })
    .unwrap()
}

/// Times `times` calls from a task on the guest threads, where a Worker's triggers run.
fn time_calls(
    engine: &Engine,
    instance: &Instance,
    node: &'static str,
    inputs: &Ports,
    times: u64,
) -> Duration {
    let (instance, inputs) = (instance.clone(), inputs.clone());
    let calls = async move {
        let mut spent = Duration::ZERO;
        for _ in 0..times {
            let inputs = inputs.clone();
            let begin = Instant::now();
            black_box(instance.call(node, inputs).await.unwrap());
            spent += begin.elapsed();
        }
        spent
    };
    let task = engine.threads().spawn(calls);
    control().block_on(task).unwrap()
}

/// A call and its floor on one thread; and what it costs more when an idle thread is there that the
/// scheduler wakes now and then.
fn calls(criterion: &mut Criterion) {
    let runtime = control();
    let one = engine_of(1);
    let two = engine_of(2);
    let idle = json!({ "turn_ms": 3_600_000 });
    let start = |engine: &Engine| {
        let host = TestHost::grant(UNTHROTTLED).on(engine);
        runtime
            .block_on(host.start(PROBE_HOST, "probe", idle.clone()))
            .unwrap()
    };
    let by_hand = runtime.block_on(TestHost::grant(UNTHROTTLED).on(&one).run(RAW, "hostile"));
    by_hand.turns().pause();
    let paused = start(&one);
    paused.turns().pause();
    let looping = start(&one);
    let scheduled = start(&two);
    let mut raw = bare::Bare::floor(RAW);
    let mut bare = bare::Bare::floor(PROBE_HOST);
    let mut direct = bare::Bare::direct(PROBE_HOST, &one);
    let mut group = criterion.benchmark_group("call");
    group.bench_function("raw", |b| {
        b.iter_custom(|times| raw.time("attack", &Vec::new(), times))
    });
    group.bench_function("bare", |b| {
        b.iter_custom(|times| bare.time("noop", &Vec::new(), times))
    });
    group.bench_function("direct", |b| {
        b.iter_custom(|times| direct.time("noop", &Vec::new(), times))
    });
    let mut through = |name: &str, engine: &Engine, instance: &Instance, node: &'static str| {
        group.bench_function(name, |b| {
            b.iter_custom(|times| time_calls(engine, instance, node, &Vec::new(), times));
        });
    };
    through("raw, mailbox", &one, &by_hand, "attack");
    through("mailbox", &one, &paused, "noop");
    through("mailbox, loop suspended", &one, &looping, "noop");
    through("mailbox, two threads", &two, &scheduled, "noop");
    group.finish();
    for instance in [by_hand, paused, looping, scheduled] {
        runtime.block_on(instance.stop());
    }
}

fn arrays(criterion: &mut Criterion) {
    let runtime = control();
    let one = engine_of(1);
    let unthrottled = || TestHost::grant(UNTHROTTLED).on(&one);
    let instance = runtime.block_on(unthrottled().run(PROBE_HOST, "probe"));
    instance.turns().pause();
    let by_hand = runtime.block_on(unthrottled().run(RAW, "hostile"));
    by_hand.turns().pause();
    let mut raw = bare::Bare::floor(RAW);
    let inputs = vec![("value".to_owned(), array())];
    let mut bare = bare::Bare::floor(PROBE_HOST);
    let mut group = criterion.benchmark_group("array of 1 MiB, in and out");
    let bytes = vec![1u8; ELEMENTS * 8];
    group.bench_function("memcpy, both ways", |b| {
        b.iter(|| black_box((black_box(&bytes).clone(), black_box(&bytes).clone())));
    });
    group.bench_function("raw", |b| {
        b.iter_custom(|times| raw.time("attack", &inputs, times))
    });
    group.bench_function("bare", |b| {
        b.iter_custom(|times| bare.time("echo_array", &inputs, times))
    });
    group.bench_function("raw, mailbox", |b| {
        b.iter_custom(|times| time_calls(&one, &by_hand, "attack", &inputs, times));
    });
    group.bench_function("mailbox", |b| {
        b.iter_custom(|times| time_calls(&one, &instance, "echo_array", &inputs, times));
    });
    group.finish();
    runtime.block_on(instance.stop());
    runtime.block_on(by_hand.stop());
}

fn instances(criterion: &mut Criterion) {
    let runtime = control();
    let host = TestHost::grant("");
    let worker = runtime.block_on(host.worker(PROBE_HOST)).unwrap();
    let mut bare = bare::Bare::floor(PROBE_HOST);
    let mut group = criterion.benchmark_group("instance");
    group.bench_function("bare instantiate", |b| {
        b.iter_custom(|times| bare.time_instantiate(times))
    });
    group.bench_function("add, first call, remove", |b| {
        b.to_async(&runtime).iter(|| async {
            let instance = start(&worker, "probe", json!({})).await.unwrap();
            instance.call("noop", Vec::new()).await.unwrap();
            instance.kill("the benchmark is done with it").await;
        });
    });
    group.bench_function("load from the cache", |b| {
        let engine = new_engine();
        b.to_async(&runtime).iter_batched(
            || TestHost::grant("").on(&engine),
            |host| async move { host.worker(PROBE_HOST).await.unwrap() },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}
