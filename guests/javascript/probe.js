// The same probe as `guests/probes/host`, in JavaScript and without its SDK: it implements
// `external-worker-core`, in which no import waits. What each function has to do is in wit/worker.wit.

import host from "funcnodes:external-worker/host";

let turns = 0;
let config = {};

const SCHEMA = {
  type: "object",
  properties: {
    number: { type: "integer", minimum: 0, maximum: 100, default: 1 },
    turn_ms: { type: "integer", minimum: 0, default: 0 },
  },
  additionalProperties: false,
};

const port = (name, type) => ({
  name, type: JSON.stringify(type), required: true, doesTrigger: true, hidden: false,
});

const node = (name, ...inputs) => ({ name, inputs, outputs: [port("out", "int")], triggerOnCall: false });

const failure = (code, message) => ({ code, message });

const METHODS = {
  turns: () => turns,
  applied: () => config.number,
  wait({ ms }, id) {
    // Whoever calls it directly can pass anything, or nothing.
    if (ms?.tag !== "integer") {
      throw failure("invalid-input", "`ms` has to be an integer");
    }
    if (!host.wait(ms.val, id)) {
      throw failure("unavailable", "the call has to end");
    }
    return ms.val;
  },
  fail() {
    throw failure("unavailable", "not today");
  },
};

export const worker = {
  describe() {
    return [{
      classId: "probe",
      title: "Probe",
      configSchema: JSON.stringify(SCHEMA),
      exportExclude: [],
      loopDelayMs: 1,
      isLibrary: false,
      methods: [node("turns"), node("applied"), node("fail"), node("wait", port("ms", "int"))],
    }];
  },

  async start(classId, instance, json) {
    config = JSON.parse(json);
  },

  async loop() {
    host.wait(config.turn_ms, undefined);
    turns += 1;
  },

  async updateConfig(json) {
    const changed = JSON.parse(json);
    if (changed.number === 13) {
      throw failure("invalid-config", "13 brings bad luck");
    }
    config = changed;
  },

  getNodeshelf() {
    return undefined;
  },

  async call({ id, node }, inputs) {
    if (!Object.hasOwn(METHODS, node)) {
      throw failure("unavailable", `there is no method ${node}`);
    }
    return [["out", { tag: "integer", val: METHODS[node](Object.fromEntries(inputs), id) }]];
  },

  cancel() {},

  async stop() {},
};
