// The smallest external worker in JavaScript: it implements `external-worker-core`, in which no import
// waits. Its loop is paced by `loopDelayMs`; what each function has to do is in wit/worker.wit.

let turns = 0;
let config = {};

const SCHEMA = {
  type: "object",
  properties: { step: { type: "integer", minimum: 1, maximum: 100, default: 1 } },
  additionalProperties: false,
};

const port = (name, type) => ({
  name, type: JSON.stringify(type), required: true, doesTrigger: true, hidden: false,
});

const node = (name, description, ...inputs) => ({
  name, description, inputs, outputs: [port("out", "int")], triggerOnCall: false,
});

const integer = (val) => [["out", { tag: "integer", val }]];

const METHODS = {
  turns: () => turns,
  double: ({ x }) => {
    // Whoever calls it directly can pass anything, or nothing.
    if (x?.tag !== "integer") {
      throw { code: "invalid-input", message: "`x` has to be an integer" };
    }
    const doubled = 2 * x.val;
    // Beyond that a JavaScript number is not every integer.
    if (!Number.isSafeInteger(doubled)) {
      throw { code: "invalid-input", message: "`x` is too large to be doubled" };
    }
    return doubled;
  },
};

export const worker = {
  describe() {
    return [{
      classId: "counter",
      title: "Counter",
      description: "Counts the turns of its loop.",
      configSchema: JSON.stringify(SCHEMA),
      exportExclude: [],
      loopDelayMs: 10,
      isLibrary: false,
      methods: [
        node("turns", "How often the loop has run."),
        node("double", "Twice as much.", port("x", "int")),
      ],
    }];
  },

  async start(classId, instance, json) {
    config = JSON.parse(json);
  },

  async loop() {
    turns += config.step;
  },

  async updateConfig(json) {
    config = JSON.parse(json);
  },

  getNodeshelf() {
    return undefined;
  },

  async call({ node: name }, inputs) {
    if (!(name in METHODS)) {
      throw { code: "unavailable", message: `there is no method ${name}` };
    }
    return integer(METHODS[name](Object.fromEntries(inputs)));
  },

  cancel() {},

  async stop() {},
};
