// The same probe as `guests/probes/host`, with the SDK of JavaScript.

import { Media, NdArray, Worker, WorkerError, define, wait } from "../../guest-sdk/js/external-worker.js";

class Probe extends Worker {
  static id = "probe";
  static title = "Probe";
  static loopDelayMs = 1;
  static config = {
    number: { type: "integer", minimum: 0, maximum: 100, default: 1 },
    turn_ms: { type: "integer", minimum: 0, default: 0 },
  };
  static nodes = {
    turns: { output: "int", triggerOnCall: false },
    applied: { output: "int", triggerOnCall: false },
    wait: { inputs: { ms: "int" }, output: "int" },
    fail: { output: "int" },
    echo: { inputs: { value: { type: "Any", required: false } }, output: "Any" },
    halve: { inputs: { value: "ndarray" }, output: "ndarray" },
    reverse: { inputs: { value: "bytes" }, output: "bytes" },
    turn: { inputs: { value: "Any" }, output: "Any" },
    made: { inputs: { kind: "str" }, output: "int" },
    both: { outputs: { quotient: "float", rest: "int" }, inputs: { x: "int", y: { type: "int", default: 10 } } },
    remember: { inputs: { text: "str" } },
    recall: { output: "str", triggerOnCall: false },
    shout: { inputs: { event: "str" } },
    mistake: { output: "int" },
    run_for: { inputs: { ms: "int" }, output: "int" },
    ask: { inputs: { times: { type: "int", valueOptions: { min: 0, max: 1000 } } }, output: "int" },
    is_on: { output: "bool", triggerOnCall: false },
  };

  // A field may have the name of a node.
  turns = 0;
  memory = "";
  on = false;

  loop() {
    wait(this.config.turn_ms);
    this.turns += 1;
  }
  configure() {
    if (this.config.number === 13) {
      throw new WorkerError("invalid-config", "13 brings bad luck");
    }
  }
  save() {
    return { memory: this.memory };
  }
  restore({ memory }) {
    this.memory = memory;
  }

  turns() {
    return this.turns;
  }
  applied() {
    return this.config.number;
  }
  async wait({ ms }) {
    wait(ms);
    return await ms;
  }
  fail() {
    throw new WorkerError("unavailable", "not today");
  }
  echo({ value }) {
    return value;
  }
  halve({ value }) {
    return new NdArray(Float64Array.from(value.data, (x) => Number(x) / 2), value.shape);
  }
  reverse({ value }) {
    return value.reverse();
  }
  /** A picture, the other way round. */
  turn({ value }) {
    if (!(value instanceof Media)) {
      throw new WorkerError("invalid-input", "`value` has to be media");
    }
    return new Media(value.mediaType, value.data.reverse());
  }
  /** What is not an integer. */
  made({ kind }) {
    return { fraction: 1.5, large: 2 ** 60, function: () => 1, bigint: 2n ** 60n }[kind] ?? 0;
  }
  both({ x, y }) {
    return { quotient: x / y, rest: x % y };
  }
  remember({ text }) {
    this.memory = text;
  }
  recall() {
    return this.memory;
  }
  shout({ event }) {
    this.emit(event, { turns: this.turns });
  }
  /** Holds a device switched on. */
  run_for({ ms }, call) {
    this.on = true;
    try {
      call.progress(0, "on");
      wait(ms);
      return ms;
    } finally {
      this.on = false;
    }
  }
  /** Handles of one class and its nodes, again and again. */
  ask({ times }) {
    let [value, nodes] = [0, 0];
    this.nodeClass("ask").setValue("times", times);
    for (let time = 0; time < times; time += 1) {
      value = this.nodeClass("ask").value("times");
      nodes += this.nodes("ask").length;
    }
    return value + nodes;
  }
  is_on() {
    return this.on;
  }
  mistake() {
    return nothing.there;
  }
}

export const { worker, state } = define(Probe);
