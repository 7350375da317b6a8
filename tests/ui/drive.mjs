#!/usr/bin/env node
// Drives the FuncNodes web UI, unmodified, in Chromium against a Worker that serves the FuncNodes
// protocol, as a person would: by its own buttons, looking at its own page. `tests/ui/run` installs
// what this needs and starts the Worker.

import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    "worker-url": { type: "string" },
    "static-dir": { type: "string", default: "target/ui/site/funcnodes_react_flow/static" },
    "modules-dir": { type: "string", default: "target/ui" },
    screenshots: { type: "string", default: "target/ui/screenshots" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
    // The guest: which class is made, and what its nodes do.
    module: { type: "string", default: "probe-peer" },
    class: { type: "string", default: "Demo Worker" },
    "trigger-method": { type: "string", default: "Get_Count" },
    method: { type: "string", default: "Add" },
    input: { type: "string", default: "a" },
    value: { type: "string", default: "3" },
    output: { type: "string", default: "out" },
    result: { type: "string", default: "8" },
    shelf: { type: "string", default: "extras" },
    "shelf-node": { type: "string", default: "Shelf Node" },
    "shelf-input": { type: "string", default: "x" },
    "shelf-result": { type: "string", default: "16" },
    "class-id": { type: "string", default: "demo_worker" },
    field: { type: "string", default: "interval_s" },
    setting: { type: "string", default: "2.5" },
    // A guest whose nodes make pictures, if there is one.
    pictures: { type: "string" },
    // The shelf of the node library `basic`, if it is there.
    basic: { type: "string" },
    // Whether the Worker is one in Python that has `funcnodes-basic` and `funcnodes-numpy`.
    libraries: { type: "boolean", default: false },
  },
});
const workerUrl = options["worker-url"];
if (!workerUrl) {
  console.error("error: --worker-url ws://127.0.0.1:PORT/ is missing");
  process.exit(2);
}

const { chromium } = createRequire(path.resolve(options["modules-dir"], "x"))("playwright-core");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
// How long nothing may happen.
const PATIENCE_MS = 120_000;
const FLAGS = [
  "--no-sandbox", // it runs as root in a container
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// The package's server has the page at `/` and the rest under `/static/`.
function serveStatic(dir) {
  const server = createServer((request, response) => {
    const name = path.basename(new URL(request.url, "http://page").pathname) || "index.html";
    try {
      const body = readFileSync(path.join(dir, name));
      response.setHeader("content-type", TYPES[path.extname(name)] ?? "text/plain");
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const site = await serveStatic(options["static-dir"]);
const origin = `http://127.0.0.1:${site.address().port}`;
const profile = mkdtempSync(path.join(tmpdir(), "ewh-ui-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: options.chromium,
  headless: true,
  args: FLAGS,
  viewport: { width: 1400, height: 900 },
});
browser.setDefaultTimeout(PATIENCE_MS);
const notes = new Set();
await browser.route(
  (url) => url.hostname !== "127.0.0.1" && !["data:", "blob:"].includes(url.protocol),
  (route) => {
    notes.add(`the UI asked for ${route.request().url()}, which was refused`);
    return route.abort();
  },
);
const client = browser.pages()[0];
// Opened last, so it is the tab in front: Chromium draws one picture in a second of those behind it.
const page = await browser.newPage();
const crashes = [];
const log = [];
// An error that the Worker answered with is one too, since the UI does not catch it.
page.on("pageerror", (error) => {
  if (["TypeError", "ReferenceError", "RangeError", "SyntaxError"].includes(error.name)) crashes.push(String(error));
  else notes.add(`the UI left an error uncaught: ${error.message}`);
});
page.on("console", (message) => log.push(message.text().slice(0, 300)));

// A second client of the same Worker, in a tab of its own.
await client.goto(`${origin}/robots.txt`);
await client.evaluate((url) => {
  window.ask = (cmd, kwargs) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const id = crypto.randomUUID();
      socket.onopen = () => socket.send(JSON.stringify({ type: "cmd", cmd, kwargs, id }));
      socket.onerror = () => reject(new Error(`no connection to ${url}`));
      socket.onmessage = ({ data }) => {
        const answer = typeof data === "string" ? JSON.parse(data) : {};
        if (answer.id !== id) return;
        socket.close();
        if (answer.type === "result") resolve(answer.result);
        else reject(new Error(answer.error));
      };
    });
}, workerUrl);
const ask = (cmd, kwargs = {}) => client.evaluate((args) => window.ask(...args), [cmd, kwargs]);

const quoted = JSON.stringify;
const shelf = (scope, name) =>
  scope.locator(`.shelfcontainer:has(> .shelftitle > .shelftitle_text:text-is(${quoted(name)}))`);
const entry = (scope, name) => scope.locator(`.libnodeentry:text-is(${quoted(name)})`);

// A shelf unfolds slowly: what is in it, or below, is clicked where it then is.
async function open(scope) {
  await scope.locator(":scope > .shelftitle").click();
  const ended = (panel) => Promise.allSettled(panel.getAnimations({ subtree: true }).map(({ finished }) => finished));
  await page.locator(".library").evaluate(ended);
}

const node = (name) =>
  page.locator(`.react-flow__node:has(.nodeheader_title_text:text-is(${quoted(name)}))`);
const port = (scope, kind, name) =>
  scope.locator(`.${kind}:has(.ioname:text-is(${quoted(name)}))`);
const moduleShelf = shelf(page.locator(".library"), options.module);
const classShelf = shelf(moduleShelf, options.class);
const settings = classShelf.locator(".libnodeentry:has(> [aria-haspopup])");
const dialog = page.getByRole("dialog").filter({ has: page.locator("form") });
let uuid;

function check(holds, what) {
  if (!holds) throw new Error(what);
}

// Waits until a locator shows a text that `wanted` (a string or pattern) matches.
async function shows(locator, wanted) {
  const pattern = typeof wanted === "string" ? new RegExp(`^"?${wanted}"?$`) : wanted;
  await locator.filter({ hasText: pattern }).waitFor();
  return (await locator.innerText()).replaceAll('"', "");
}

async function middle(locator) {
  const box = await locator.boundingBox();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

async function drag(from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 10 });
  await page.mouse.up();
}

async function type(node, input, value) {
  const field = port(node, "nodeinput", input).locator("input");
  await field.fill(value);
  await field.press("Tab");
}

// The UI shows a new node as large as it can, and part of it behind the library: zooms out, to the right. What is
// not the bare pane may take the wheel for itself.
async function makeRoom(placed) {
  await placed.waitFor();
  const { x, y } = await page.evaluate(() => {
    for (let x = innerWidth - 40; x > 0; x -= 10) {
      for (let y = 100; y < innerHeight; y += 10) {
        if (document.elementFromPoint(x, y)?.matches(".react-flow__pane")) return { x, y };
      }
    }
  });
  await page.mouse.move(x, y);
  for (let turn = 0; (await placed.boundingBox()).width > 300; turn += 1) {
    check(turn < 10, "the view cannot be made smaller");
    await page.mouse.wheel(0, 1000);
    await nextFrame();
  }
}

// New nodes are at one place: moves the upper one to the left, or where else it is to be.
async function apart(upper, right = -350, down = 50) {
  await makeRoom(upper);
  const title = await middle(upper.locator(".nodeheader_title"));
  await drag(title, { x: title.x + right, y: title.y + down });
}

async function connect(source, target, input) {
  const edges = page.locator(".react-flow__edge");
  const before = await edges.count();
  const output = source.locator('.source[data-handleid="out"]');
  await drag(await middle(output), await middle(target.locator(`.target[data-handleid=${quoted(input)}]`)));
  await edges.nth(before).waitFor({ state: "attached" });
}

async function clear() {
  for (const { id } of await ask("get_nodes")) await ask("remove_node", { id });
  await page.locator(".react-flow__node").first().waitFor({ state: "detached" });
}

const nextFrame = () => page.evaluate(() => new Promise(requestAnimationFrame));

const steps = {
  async connect() {
    await page.goto(`${origin}/?worker_url=${encodeURIComponent(workerUrl)}`);
    await page.locator(".library").waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Expand right" }).click();
    await page.getByRole("button", { name: "Manage Libraries" }).waitFor();
    // Until their modules are compiled, new ones move those that are there.
    for (const name of [options.module, options.pictures, options.basic]) {
      if (name) await shelf(page.locator(".library"), name).waitFor();
    }
  },

  async "see-the-class"() {
    await open(moduleShelf);
    await open(classShelf);
    await entry(classShelf, "New Instance").waitFor();
    const instances = await classShelf.locator(".shelfcontainer").count();
    check(instances === 0, "there is an instance already");
  },

  async "create-an-instance"() {
    await entry(classShelf, "New Instance").dblclick();
    await open(classShelf.locator(".shelfcontainer").first());
    await settings.waitFor();
    uuid = await settings.getAttribute("title");
    check(/^[0-9a-f]{32}$/.test(uuid), `the instance is called ${uuid}`);
  },

  async "see-its-nodes"() {
    await entry(classShelf, options.method).waitFor();
    await entry(classShelf, options["trigger-method"]).waitFor();
    await open(shelf(classShelf, options.shelf));
    await entry(classShelf, options["shelf-node"]).waitFor();
  },

  async "place-and-trigger"() {
    await entry(classShelf, options["trigger-method"]).dblclick();
    const placed = node(options["trigger-method"]);
    const output = port(placed, "nodeoutput", "out").locator(".iovaluefield");
    await placed.waitFor();
    check((await output.innerText()) === "", "it has a value before it was triggered");
    await placed.locator(".triggerbutton").click();
    await shows(output, /^"?[0-9]+"?$/);
  },

  async "delete-a-node"() {
    await node(options["trigger-method"]).locator(".nodeheader_title").click();
    await page.keyboard.press("Delete");
    await node(options["trigger-method"]).waitFor({ state: "detached" });
  },

  async "place-and-type"() {
    await entry(classShelf, options.method).dblclick();
    const placed = node(options.method);
    await type(placed, options.input, options.value);
    await shows(port(placed, "nodeoutput", options.output).locator(".iovaluefield"), options.result);
  },

  async "connect-two"() {
    await entry(classShelf, options["shelf-node"]).dblclick();
    const [source, target] = [node(options.method), node(options["shelf-node"])];
    await apart(target);
    await connect(source, target, options["shelf-input"]);
    const value = port(target, "nodeoutput", "out").locator(".iovaluefield");
    await shows(value, options["shelf-result"]);
  },

  async reload() {
    // The UI sends within two seconds where a node was dragged to.
    const isPlaced = async () => (await window.ask("get_nodes")).some((node) => node.properties?.["frontend:pos"]);
    await client.waitForFunction(isPlaced, null, { polling: 100 });
    await steps.connect();
    await open(moduleShelf);
    await open(classShelf);
    await open(classShelf.locator(".shelfcontainer").first());
    await entry(classShelf, options.method).waitFor();
    const input = port(node(options.method), "nodeinput", options.input).locator("input");
    await input.and(page.locator(`[value=${quoted(options.value)}]`)).waitFor();
    await page.locator(".react-flow__edge").waitFor({ state: "attached" });
  },

  async "change-a-setting"() {
    await settings.locator("[aria-haspopup]").click();
    const field = dialog.locator(`#root_${options.field}`);
    await field.fill(options.setting);
    await dialog.getByRole("button", { name: "Submit" }).click();
    const arrived = async ([worker_id, class_id, field, setting]) => {
      const config = await window.ask("get_external_worker_config", { worker_id, class_id });
      return String(config.formData[field]) === setting;
    };
    const wanted = [uuid, options["class-id"], options.field, options.setting];
    await client.waitForFunction(arrived, wanted, { polling: 100 });
  },

  async "remove-the-instance"() {
    await dialog.getByRole("button", { name: "Delete" }).click();
    await settings.waitFor({ state: "detached" });
    await node(options.method).waitFor({ state: "detached" });
    await entry(classShelf, options.method).waitFor({ state: "detached" });
    check(!JSON.stringify(await ask("get_library")).includes(uuid), "the library still has it");
    const nodes = (await ask("get_nodes")).filter((node) => node.node_id.includes(uuid));
    check(nodes.length === 0, "a node of it is still there");
  },
};

// What only the guest with the pictures shows.
const studioShelf = shelf(shelf(page.locator(".library"), options.pictures ?? ""), "Studio");
const picture = (name) => node(name).locator(".nodedatabody img");

// Places a node where the one before it was, which may be below the library: so its buttons get their clicks straight.
async function placeAlone(name) {
  await clear();
  await entry(studioShelf, name).dblclick();
  await node(name).waitFor();
}

const press = (button) => button.dispatchEvent("click");

// Waits until a picture is there, and is as wide as it should be. The UI may put another element in its place.
async function isWide(image, width) {
  const end = performance.now() + PATIENCE_MS;
  const isLoaded = (img, width) => img.complete && img.naturalWidth === width;
  while (!(await image.evaluate(isLoaded, width))) {
    check(performance.now() < end, `there is no picture that is ${width} pixels wide`);
    await nextFrame();
  }
}

async function make(name, width) {
  await placeAlone(name);
  await press(node(name).locator(".triggerbutton"));
  await isWide(picture(name), width);
}

const ofPictures = {
  async "make-a-studio"() {
    await open(shelf(page.locator(".library"), options.pictures));
    await open(studioShelf);
    await entry(studioShelf, "New Instance").dblclick();
    await open(studioShelf.locator(".shelfcontainer").first());
    await entry(studioShelf, "Picture").waitFor();
  },

  async "see-a-png"() {
    await make("Picture", 64);
  },

  async "see-it-after-a-reload"() {
    await steps.connect();
    await isWide(picture("Picture"), 64);
    await open(shelf(page.locator(".library"), options.pictures));
    await open(studioShelf);
    await open(studioShelf.locator(".shelfcontainer").first());
  },

  // What is too large to be sent unasked says what it is, and is there when it is opened.
  async "see-a-large-png"() {
    await type(node("Picture"), "side", "1400");
    await press(node("Picture").locator(".triggerbutton"));
    await isWide(picture("Picture"), 260);
    await press(node("Picture").locator(".nodedatabutton"));
    await isWide(page.getByRole("dialog").locator("img"), 1400);
  },

  async "see-a-jpeg"() {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await make("Photo", 48);
  },

  async "see-a-drawing-that-runs-nothing"() {
    await make("Drawing", 90);
    const source = await picture("Drawing").getAttribute("src");
    check(source.startsWith("data:image/svg+xml"), `the drawing is at ${source.slice(0, 40)}`);
    check((await page.locator(".react-flow__node svg circle").count()) === 0, "it is a part of the page");
    await placeAlone("Source");
    await press(node("Source").locator(".triggerbutton"));
    await shows(port(node("Source"), "nodeoutput", "out").locator(".iovaluefield"), /^"?<svg/);
    check((await page.evaluate(() => window.owned)) === undefined, "what is in a drawing ran");
    await make("Drawing", 90);
  },

  async "see-what-is-no-picture"() {
    await make("Document", 260);
  },

  // It takes a minute, so it goes on however late a loaded machine shows it; its node is removed before its end.
  async "see-progress"() {
    await placeAlone("Develop");
    await makeRoom(node("Develop"));
    await type(node("Develop"), "steps", "600");
    const width = await bar(10);
    await page.screenshot({ path: path.join(options.screenshots, "progress.png") });
    const later = await bar(width + 1);
    const text = await node("Develop").locator(".nodeprogress-text").innerText();
    seen.push(`a bar of ${width}%, then of ${later}%: "${text}"`);
  },

  async "see-its-end"() {
    await placeAlone("Develop");
    await type(node("Develop"), "steps", "7");
    await shows(port(node("Develop"), "nodeoutput", "out").locator(".iovaluefield"), "7");
    await shows(node("Develop").locator(".nodeprogress-text"), /^idle/);
  },
};

// Waits until the bar of the one node that there is has at least that width. Asked anew each time: the UI may put
// another element in its place.
async function bar(least) {
  const width = (least) => {
    const width = parseFloat(document.querySelector(".nodeprogress-progress")?.style.width);
    return width >= least && width < 100 && width;
  };
  return (await page.waitForFunction(width, least)).jsonValue();
}

// Adds a package that is installed, as a person does.
async function addLibrary(name) {
  await page.getByRole("button", { name: "Manage Libraries" }).click();
  const packages = page.getByRole("dialog", { name: "Manage Library" });
  await packages.locator(`.addable-module:has-text(${quoted(name)}) .add-button`).click();
  await packages.waitFor({ state: "detached" });
}

async function place(scope, ...names) {
  const title = names.pop();
  for (const name of names) {
    scope = shelf(scope, name);
    await open(scope);
  }
  await entry(scope, title).dblclick();
  await node(title).waitFor();
}

// What only a Worker shows that has other nodes than sandboxed ones.
const ofLibraries = {
  async "compute-with-nodes-of-the-worker"() {
    await clear();
    await addLibrary("funcnodes-basic");
    await addLibrary("funcnodes-numpy");
    await place(page.locator(".library"), "basics", "math", "mul_node");
    await steps["see-the-class"]();
    await steps["create-an-instance"]();
    await place(classShelf, options.method);
    await place(page.locator(".library"), "numpy", "Array Creation", "From Existing Data", "repeat");
    const [sandboxed, product, array] = [options.method, "mul_node", "repeat"].map(node);
    await apart(array, 330, 50);
    await apart(sandboxed, -250, -240);
    await connect(sandboxed, product, "a");
    await connect(product, array, "a");
    await type(array, "repeats", "3");
    await type(product, "b", "2.5");
    await type(sandboxed, options.input, options.value);
    await shows(port(product, "nodeoutput", "out").locator(".iovaluefield"), "20");
    await shows(port(array, "nodeoutput", "repeated_array").locator(".iovaluefield"), /2\.0e\+01,\s+2\.0e\+01,\s+2\.0e\+01/);
  },
};

// What only the node library `basic` shows. Other libraries have shelves of that name in theirs.
const topmost = page.locator(":not(.shelfcontainer .shelfcontainer)");
const basicShelf = shelf(page.locator(".library"), options.basic ?? "").and(topmost);

const ofBasic = {
  async "compute-with-the-basic-library"() {
    await clear();
    await open(basicShelf);
    await open(shelf(basicShelf, "math"));
    await entry(shelf(basicShelf, "math"), "Multiply").dblclick();
    await node("Multiply").waitFor();
    await open(shelf(basicShelf, "constants"));
    await entry(shelf(basicShelf, "constants"), "Number").dblclick();
    await apart(node("Number"));
    await connect(node("Number"), node("Multiply"), "a");
    await type(node("Multiply"), "b", "2.5");
    await type(node("Number"), "value", "20");
    const product = port(node("Multiply"), "nodeoutput", "out").locator(".iovaluefield");
    await shows(product, "50");
    await type(node("Number"), "value", "8");
    await shows(product, "20");
  },

  // An import from a Worker that has another library.
  async "be-told-what-is-missing"() {
    const save = JSON.stringify(await ask("save")).replaceAll("basic.", "advanced.");
    writeFileSync(path.join(profile, "state"), save);
    writeFileSync(path.join(profile, "config"), JSON.stringify({ node_libraries: { advanced: "tools" } }));
    execFileSync("python3", ["-m", "zipfile", "-c", "other.fnw", "config", "state"], { cwd: profile });
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Worker", exact: true }).click();
    const chosen = page.waitForEvent("filechooser");
    await page.getByRole("menuitem", { name: "Update" }).click();
    await (await chosen).setFiles(path.join(profile, "other.fnw"));
    const line = page.locator(".statusbar-message");
    seen.push(await shows(line, "classes are missing, and 2 nodes are placeholders: `advanced` \\(2\\)"));
  },
};
const seen = [];
if (options.pictures) Object.assign(steps, ofPictures);
if (options.libraries) Object.assign(steps, ofLibraries);
if (options.basic) Object.assign(steps, ofBasic);

async function runSteps() {
  rmSync(options.screenshots, { recursive: true, force: true });
  mkdirSync(options.screenshots, { recursive: true });
  for (const [index, [name, step]] of Object.entries(steps).entries()) {
    const label = `${String(index + 1).padStart(2, "0")}-${name}`;
    const begin = performance.now();
    try {
      await step();
      check(crashes.length === 0, `the page raised ${crashes[0]}`);
      console.log(`ok     ${label} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      console.log(`FAILED ${label}: ${error.message}`);
      log.slice(-20).forEach((line) => console.log(`       page: ${line}`));
      return 1;
    } finally {
      await page.screenshot({ path: path.join(options.screenshots, `${label}.png`) });
    }
  }
  seen.forEach((line) => console.log(`seen   ${line}`));
  notes.forEach((note) => console.log(`note   ${note}`));
  return 0;
}

try {
  process.exitCode = await runSteps();
} finally {
  await browser.close();
  site.close();
  rmSync(profile, { recursive: true, force: true });
}
