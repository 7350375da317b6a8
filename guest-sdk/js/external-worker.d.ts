// The types of external-worker.js, for editors.

export type ErrorCode =
  | "invalid-input" | "invalid-config" | "unavailable" | "denied" | "busy" | "internal";

export type Numbers =
  | Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array
  | BigUint64Array | BigInt64Array | Float32Array | Float64Array;

/** A type of FuncNodes, such as "int" or { type: "array", uniqueItems: false, items: "int" }. */
export type PortType =
  | "int" | "float" | "bool" | "str" | "bytes" | "ndarray" | "Any" | (string & {}) | Record<string, unknown>;

/** An input or an output. */
export interface Port {
  type: PortType;
  description?: string;
  /** What it is when nothing was given. */
  default?: unknown;
  /** Whether the node waits for a value; without a default it does, unless this is false. */
  required?: boolean;
  /** Whether a new value triggers the node. */
  trigger?: boolean;
  hidden?: boolean;
  /** Such as { min: 0, max: 10 } or { options: ["a", "b"] }. */
  valueOptions?: Record<string, unknown>;
  renderOptions?: Record<string, unknown>;
}

/** A node; the method of the same name runs it. */
export interface NodeSpec {
  title?: string;
  description?: string;
  inputs?: Record<string, Port | PortType>;
  /** The only output, what the method returns. */
  output?: Port | PortType;
  /** Several outputs: the method returns an object with their names. */
  outputs?: Record<string, Port | PortType>;
  renderOptions?: Record<string, unknown>;
  /** Whether calling the method directly triggers its nodes; otherwise it does if it has no visible input. */
  triggerOnCall?: boolean;
  /** The longest that a call may take. */
  timeoutMs?: number;
}

/** What a method may know of its call, as its second argument. */
export interface Call {
  /** The id of the node that calls; null: a client or a program does. */
  readonly caller: string | null;
  /** Shows how far the call is, from 0 to 1. */
  progress(fraction: number, message?: string): void;
}

export interface SetOptions {
  /** Whether it triggers the node; it does not, unless this is true. */
  trigger?: boolean;
}

/** Nodes yet to be made from a method. */
export interface NodeClass {
  value(input: string): unknown;
  setValue(input: string, value: unknown, options?: SetOptions): void;
  setDefault(input: string, value?: unknown): void;
  setValueOptions(input: string, options: Record<string, unknown>): void;
  setRenderOptions(input: string, options: Record<string, unknown>): void;
}

/** A node in the graph. */
export interface GraphNode extends NodeClass {
  readonly id: string;
}

/** A failure that was expected: it reaches the caller, and the worker lives on. */
export class WorkerError extends Error {
  constructor(code: ErrorCode, message: string);
  readonly code: ErrorCode;
}

/** An array with its shape, the elements row by row. */
export class NdArray {
  constructor(data: Numbers, shape?: number[], dtype?: string);
  readonly data: Numbers;
  readonly shape: number[];
  readonly dtype: string;
}

/** Bytes with their media type, such as a picture. */
export class Media {
  constructor(mediaType: string, data: Uint8Array);
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** What a class extends to become a worker. Each node that `nodes` declares has a method of its name. */
export class Worker<Config = any> {
  /** The class id; otherwise the name of the class. */
  static id?: string;
  static title?: string;
  static description?: string;
  /** The properties of the configuration as JSON Schema; "export": false marks a secret. */
  static config?: Record<string, Record<string, unknown>>;
  static uiSchema?: Record<string, unknown>;
  static exportExclude?: string[];
  /** The pause between turns of the loop. */
  static loopDelayMs?: number;
  static nodes?: Record<string, NodeSpec>;

  readonly uuid: string;
  readonly name: string;
  readonly config: Config;

  start?(): void | Promise<void>;
  loop?(): void | Promise<void>;
  /** After a change of the configuration; what it throws keeps the old one. */
  configure?(old: Config): void | Promise<void>;
  stop?(): void | Promise<void>;
  /** What `restore` gets after a restart or in a new version: anything that JSON can say. */
  save?(): unknown;
  restore?(saved: any): void | Promise<void>;

  emit(event: string, data?: unknown): void;
  setLoopDelay(ms: number): void;
  pause(): void;
  resumeIn(ms: number): void;
  stopSelf(): void;
  requestTrigger(method: string): void;
  nodes(method: string): GraphNode[];
  nodeClass(method: string): NodeClass;
}

/**
 * Waits, and nothing else of this worker goes on meanwhile. Throws where the call was cancelled or the worker has to
 * stop: what is in `finally` cleans up.
 */
export function wait(ms: number): void;

/** Makes workers of classes: `export const { worker, state } = define(MyWorker);` */
export function define(...classes: (typeof Worker)[]): { worker: object; state: object };
