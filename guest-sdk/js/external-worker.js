// External workers in JavaScript: a class that extends `Worker` becomes one by `define`. What reaches the host,
// and how values travel, is here; the folder wit/ of the repository says it in full.

import host from "funcnodes:external-worker/host";

const ARRAYS = {
  u8: Uint8Array, s8: Int8Array, u16: Uint16Array, s16: Int16Array, u32: Uint32Array, s32: Int32Array,
  u64: BigUint64Array, s64: BigInt64Array, f32: Float32Array, f64: Float64Array,
};
const CODES = ["invalid-input", "invalid-config", "unavailable", "denied", "busy", "internal"];
/** The longest that the host waits at once. */
const LONGEST_WAIT_MS = 2000;
/** The call that runs: there is one at a time. */
let running;
/** Handles have a budget, and the engine gives back the unused ones late: each is held once. */
const held = { nodes: new Map(), classes: new Map() };

/** A failure that was expected: it reaches the caller, and the worker lives on. */
export class WorkerError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "WorkerError";
    this.code = CODES.includes(code) ? code : "internal";
  }
}

/** What `wait` throws where the call was cancelled, or the worker has to stop. */
class Ended extends WorkerError {
  constructor() {
    super("unavailable", running === undefined ? "the worker stops" : "the call was cancelled");
  }
}

/** An array with its shape, the elements row by row. */
export class NdArray {
  constructor(data, shape = [data.length], dtype = dtypeOf(data)) {
    if (shape.reduce((all, length) => all * length, 1) !== data.length) {
      throw new WorkerError("internal", `an array of the shape [${shape}] cannot have ${data.length} elements`);
    }
    Object.assign(this, { data, shape, dtype });
  }
}

/** Bytes with their media type, such as a picture. */
export class Media {
  constructor(mediaType, data) {
    Object.assign(this, { mediaType, data });
  }
}

/**
 * Waits, and nothing else of this worker goes on meanwhile. Throws where the call was cancelled or the worker has to
 * stop: what is in `finally` cleans up.
 */
export function wait(ms) {
  let left = Math.max(0, Math.ceil(ms));
  do {
    if (!host.wait(Math.min(left, LONGEST_WAIT_MS), running)) {
      throw new Ended();
    }
    left -= LONGEST_WAIT_MS;
  } while (left > 0);
}

/** What a class extends to become a worker. */
export class Worker {
  /** Tells the clients that something happened. */
  emit(event, data = null) {
    asked(() => host.emit(event, JSON.stringify(data)));
  }
  /** Changes the pause between turns of the loop. */
  setLoopDelay(ms) {
    host.setLoopDelay(ms);
  }
  /** No further turn begins until a client or `resumeIn` resumes the loop. */
  pause() {
    host.pause();
  }
  /** Resumes a paused loop after `ms`. */
  resumeIn(ms) {
    host.resumeIn(ms);
  }
  /** Ends this worker as if a client had. */
  stopSelf() {
    host.stopSelf();
  }
  /** Asks every node made from a method to run. */
  requestTrigger(method) {
    asked(() => host.requestTrigger(method));
  }
  /** The nodes in the graph that were made from a method. */
  nodes(method) {
    const before = held.nodes.get(method);
    const now = new Map();
    for (const handle of asked(() => host.nodes(method))) {
      const id = handle.id();
      const known = before?.get(id);
      if (known !== undefined) {
        handle[Symbol.dispose]();
      }
      now.set(id, known ?? new Node(handle, id));
    }
    held.nodes.set(method, now);
    return [...now.values()];
  }
  /** The class of nodes yet to be made from a method. */
  nodeClass(method) {
    if (!held.classes.has(method)) {
      held.classes.set(method, new NodeClass(asked(() => host.getNodeClass(method))));
    }
    return held.classes.get(method);
  }
}

/** Nodes yet to be made. */
class NodeClass {
  #handle;
  constructor(handle) {
    this.#handle = handle;
  }
  value(input) {
    return lift(asked(() => this.#handle.value(input)));
  }
  setValue(input, value, { trigger = false } = {}) {
    asked(() => this.#handle.setValue(input, lower(value), trigger ? "yes" : "no"));
  }
  setDefault(input, value) {
    asked(() => this.#handle.setDefault(input, optional(value)));
  }
  setValueOptions(input, options) {
    asked(() => this.#handle.setValueOptions(input, JSON.stringify(options)));
  }
  setRenderOptions(input, options) {
    asked(() => this.#handle.setRenderOptions(input, JSON.stringify(options)));
  }
}

/** A node in the graph. */
class Node extends NodeClass {
  constructor(handle, id) {
    super(handle);
    this.id = id;
  }
}

/** What a method that was called may know of its call. */
class Call {
  #id;
  constructor({ id, caller }) {
    this.#id = id;
    this.caller = caller ?? null;
  }
  /** How far it is, from 0 to 1. */
  progress(fraction, message = "") {
    host.progress(this.#id, fraction, message);
  }
}

/** Makes workers of classes. Call it once, and export what it returns. */
export function define(...classes) {
  const described = classes.map(describe);
  let self;
  const worker = {
    describe: () => described,
    start: (classId, info, config) => answered("start", async () => {
      const made = new classes[described.findIndex((one) => one.classId === classId)]();
      Object.assign(made, { uuid: info.uuid, name: info.name, config: JSON.parse(config) });
      self = made;
      await made.start?.();
    }),
    loop: () => answered("loop", async () => {
      try {
        await self.loop?.();
      } catch (error) {
        // A turn that is told to end has not failed.
        if (!(error instanceof Ended)) {
          throw error;
        }
      }
    }),
    updateConfig: (config) => answered("configure", async () => {
      const old = self.config;
      self.config = JSON.parse(config);
      try {
        await self.configure?.(old);
      } catch (error) {
        self.config = old;
        throw error;
      }
    }),
    getNodeshelf: () => undefined,
    call: (info, inputs) => answered(info.node, async () => {
      const { nodes = {}, prototype } = self.constructor;
      const spec = Object.hasOwn(nodes, info.node) ? nodes[info.node] : undefined;
      if (spec === undefined) {
        throw new WorkerError("unavailable", `there is no method \`${info.node}\``);
      }
      running = info.id;
      try {
        return outputs(spec, await prototype[info.node].call(self, given(spec, inputs), new Call(info)));
      } finally {
        running = undefined;
      }
    }),
    cancel() {},
    stop: async () => {
      try {
        await self.stop?.();
      } catch (error) {
        told("stop", error);
      }
    },
  };
  const state = {
    save: () => answered("save", async () => {
      const kept = await self.save?.();
      return kept === undefined ? new Uint8Array() : utf8(JSON.stringify(kept));
    }),
    restore: (bytes) => answered("restore", async () => {
      await self.restore?.(JSON.parse(text(bytes)));
    }),
  };
  return { worker, state };
}

function describe(type) {
  const fields = Object.entries(type.config ?? {});
  const schema = {
    type: "object",
    properties: type.config ?? {},
    required: fields.filter(([, field]) => !("default" in field)).map(([name]) => name),
    additionalProperties: false,
  };
  return {
    classId: type.id ?? type.name,
    title: type.title ?? type.id ?? type.name,
    description: type.description,
    configSchema: JSON.stringify(schema),
    uiSchema: json(type.uiSchema),
    exportExclude: type.exportExclude ?? [],
    loopDelayMs: type.loopDelayMs ?? 1000,
    isLibrary: false,
    methods: Object.entries(type.nodes ?? {}).map(([name, spec]) => method(type, name, spec)),
  };
}

function method(type, name, spec) {
  if (typeof type.prototype[name] !== "function" || name in Worker.prototype) {
    throw new TypeError(`${type.name}: the node \`${name}\` needs a method of its own with this name`);
  }
  return {
    name,
    title: spec.title,
    description: spec.description,
    inputs: ports(spec.inputs),
    outputs: ports(outputsOf(spec)),
    renderOptions: json(spec.renderOptions),
    triggerOnCall: spec.triggerOnCall,
    timeoutMs: spec.timeoutMs,
  };
}

/** `{ x: "int" }` is `{ x: { type: "int" } }`. */
function specs(declared = {}) {
  const whole = (port) => (typeof port === "string" ? { type: port } : port);
  return Object.entries(declared).map(([name, port]) => [name, whole(port)]);
}

function outputsOf({ output, outputs = {} }) {
  return output === undefined ? outputs : { out: output };
}

function ports(declared) {
  return specs(declared).map(([name, port]) => ({
    name,
    type: JSON.stringify(port.type),
    description: port.description,
    default: "default" in port ? lower(port.default, port.type) : undefined,
    required: port.required ?? !("default" in port),
    doesTrigger: port.trigger ?? true,
    hidden: port.hidden ?? false,
    valueOptions: json(port.valueOptions),
    renderOptions: json(port.renderOptions),
  }));
}

/** The inputs of a call by their names. Whoever calls directly can pass anything, or nothing. */
function given(spec, inputs) {
  const passed = new Map(inputs);
  const declared = specs(spec.inputs);
  const stray = [...passed.keys()].find((name) => declared.every(([known]) => known !== name));
  if (stray !== undefined) {
    throw new WorkerError("invalid-input", `there is no input \`${stray}\``);
  }
  const entries = declared.map(([name, port]) => {
    const value = passed.has(name) ? taken(lift(passed.get(name)), port.type) : port.default ?? null;
    const isLeftOut = value === null && port.required === false;
    if (!isLeftOut && !fits(value, port.type)) {
      throw new WorkerError("invalid-input", `\`${name}\` has to be of the type ${JSON.stringify(port.type)}`);
    }
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function outputs(spec, returned) {
  if (spec.output !== undefined) {
    return [["out", lower(returned, specs({ out: spec.output })[0][1].type)]];
  }
  const all = specs(spec.outputs);
  return all.map(([name, port]) => [name, lower(returned?.[name], port.type)]);
}

/** A graph takes lists and numbers for arrays, and base64 for bytes. */
function taken(value, type) {
  try {
    if (type === "ndarray" && (typeof value === "number" || Array.isArray(value))) {
      const shape = [];
      for (let part = value; Array.isArray(part); part = part[0]) {
        shape.push(part.length);
      }
      const flat = shape.length === 0 ? [value] : value.flat(shape.length);
      return flat.every((part) => typeof part === "number") ? new NdArray(Float64Array.from(flat), shape) : value;
    }
    if (type === "bytes" && typeof value === "string") {
      return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
    }
  } catch {
    // It is not what it looked like.
  }
  return value;
}

function fits(value, type) {
  switch (type) {
    case "int":
      // Beyond that a JavaScript number is not every integer.
      return Number.isSafeInteger(value);
    case "float":
      return typeof value === "number";
    case "bool":
      return typeof value === "boolean";
    case "str":
      return typeof value === "string";
    case "bytes":
      return value instanceof Uint8Array;
    case "ndarray":
      return value instanceof NdArray;
    default:
      return true;
  }
}

function lift(value) {
  switch (value.tag) {
    case "none":
      return null;
    case "json":
      return JSON.parse(value.val);
    case "bytes":
      return Uint8Array.from(value.val);
    case "array": {
      const { dtype, shape, data } = value.val;
      const type = ARRAYS[dtype] ?? Uint8Array;
      // A copy begins where its elements may.
      return new NdArray(new type(Uint8Array.from(data).buffer), Array.from(shape), dtype);
    }
    case "media":
      return new Media(value.val.mediaType, Uint8Array.from(value.val.data));
    default:
      return value.val;
  }
}

function lower(value, type) {
  if (value === null || value === undefined) {
    return { tag: "none" };
  }
  switch (typeof value) {
    case "boolean":
      return { tag: "boolean", val: value };
    case "number":
      if (type !== "float" && Number.isSafeInteger(value)) {
        return { tag: "integer", val: value };
      }
      if (type === "int") {
        throw new WorkerError("internal", `${value} is not an integer that JavaScript is sure of`);
      }
      return { tag: "number", val: value };
    case "string":
      return { tag: "text", val: value };
  }
  if (value instanceof NdArray) {
    const { data, shape, dtype } = value;
    return { tag: "array", val: { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) } };
  }
  if (value instanceof Media) {
    return { tag: "media", val: { mediaType: value.mediaType, data: value.data } };
  }
  if (value instanceof Uint8Array && type !== "ndarray") {
    return { tag: "bytes", val: value };
  }
  if (ArrayBuffer.isView(value)) {
    return lower(new NdArray(value), type);
  }
  const text = json(value);
  if (text === undefined) {
    throw new WorkerError("internal", `a ${typeof value} is not a value that a node can have`);
  }
  return { tag: "json", val: text };
}

function optional(value) {
  return value === undefined ? undefined : lower(value);
}

function dtypeOf(data) {
  const found = Object.entries(ARRAYS).find(([, type]) => data instanceof type);
  if (found === undefined) {
    throw new WorkerError("internal", "an array is made of a typed array, such as a Float64Array");
  }
  return found[0];
}

function json(value) {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** What the host refused, as what a method throws. */
function asked(ask) {
  try {
    return ask();
  } catch (error) {
    const refused = error?.payload;
    throw refused?.code === undefined ? error : new WorkerError(refused.code, refused.message);
  }
}

/** Runs what an export does. What it throws becomes an error of the contract: anything else would end the worker. */
async function answered(what, run) {
  try {
    return await run();
  } catch (error) {
    if (error instanceof WorkerError) {
      throw { code: error.code, message: error.message };
    }
    told(what, error);
    throw { code: "internal", message: `${what}: ${error}` };
  }
}

/** A mistake, with where it is in the author's code. */
function told(what, error) {
  const frames = String(error?.stack ?? "").split("\n").filter((frame) => !frame.includes("external-worker.js"));
  host.log("error", `${what}: ${error} ${frames.join(" ").trim()}`.trimEnd());
}

// The engine has neither TextEncoder nor TextDecoder.
function utf8(text) {
  const bytes = unescape(encodeURIComponent(text));
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}

function text(bytes) {
  return decodeURIComponent(escape(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));
}

const logs = (level) => (...parts) => {
  const shown = (part) => (typeof part === "string" ? part : part instanceof Error ? String(part) : json(part));
  host.log(level, parts.map(shown).join(" "));
};

globalThis.console ??= {
  debug: logs("debug"), log: logs("info"), info: logs("info"), warn: logs("warn"), error: logs("error"),
};
