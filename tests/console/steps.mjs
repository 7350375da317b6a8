#!/usr/bin/env node
// Drives the operator's console in Chromium as a person would: by its links, buttons and labels, looking at its own
// pages. `tests/console/run` installs what this needs. It makes a tenant of its own and removes it again.

import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    token: { type: "string" },
    "modules-dir": { type: "string", default: "target/ui" },
    screenshots: { type: "string", default: "target/ui/console" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
    tenant: { type: "string", default: `console-${process.pid}` },
    // Whether it is the supervisor that only plays, which has a module, a form, a log and methods.
    plays: { type: "boolean", default: false },
    // A module with external workers, to be uploaded; and what its class can do.
    module: { type: "string" },
    method: { type: "string" },
    input: { type: "string" },
    value: { type: "string", default: "21.5" },
    returns: { type: "string" },
    field: { type: "string" },
    setting: { type: "string" },
    policy: { type: "string", default: '[[http]]\nhost = "api.example.com"\nmethods = ["GET"]' },
  },
});
if (!options.url || !options.token) {
  console.error("error: --url http://127.0.0.1:PORT and --token ewh-… of an operator are missing");
  process.exit(2);
}
if (options.plays) {
  Object.assign(options, { method: "read", input: "celsius", returns: "celsius = 21.5", field: "Interval", setting: "7.5" });
}

const { chromium } = createRequire(path.resolve(options["modules-dir"], "x"))("playwright-core");
const PATIENCE_MS = 60_000;
const NARROW = { width: 380, height: 800 };
const WIDE = { width: 1280, height: 860 };
const base = options.url.replace(/\/$/, "");
const home = `${base}/console/tenants/${options.tenant}`;
const scratch = mkdtempSync(path.join(tmpdir(), "ewh-console-"));
rmSync(options.screenshots, { recursive: true, force: true });
mkdirSync(options.screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath: options.chromium,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const wrongs = [];
// A status that a step provokes is one that Chromium writes to its console, too.
const expected = new Set();

async function open(settings) {
  const context = await browser.newContext({ viewport: WIDE, ...settings });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => wrongs.push(`the page raised ${error}`));
  page.on("console", (message) => {
    const text = message.text();
    const isStatus = [...expected].some((status) => text.includes(`status of ${status}`));
    if (["error", "warning"].includes(message.type()) && !isStatus) wrongs.push(`the page said: ${text}`);
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== base && protocol !== "data:") wrongs.push(`the page asked for ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

const page = await open({});
const check = (holds, what) => {
  if (!holds) throw new Error(what);
};
const button = (name, within = page) => within.getByRole("button", { name, exact: true });
const link = (name, within = page) => within.getByRole("link", { name, exact: true });
const summary = (name, within = page) => within.locator("summary", { hasText: name });
const says = (text, within = page) => within.locator(".note", { hasText: text }).first().waitFor();
const tab = (name) => link(name, page.getByRole("navigation", { name: "Tenant" })).click();
const row = (text, within = page) => within.locator("tbody tr", { hasText: text }).first();

async function signIn(on, token) {
  await on.goto(`${base}/console/login`);
  await on.getByLabel("Token").fill(token);
  await button("Sign in", on).click();
}

async function makeWorker(name) {
  await summary("Make an external worker").click();
  await page.locator("#instance").getByLabel("Name").fill(name);
  await button("Make it", page.locator("#instance")).click();
  await says(`External worker ${name} was made`);
}

async function toWorker(name) {
  await page.goto(home);
  await link(name).click();
  await page.locator("#state").waitFor();
}

/** What makes a token in the page of tokens of the tenant, and what it is. */
async function makeToken(role) {
  await page.goto(`${home}/tokens`);
  await page.getByLabel("Role").selectOption(role);
  await button("Make it").click();
  await says("Copy it now");
  return (await page.locator(".note pre").textContent()).trim();
}

const steps = {
  async "refuse-a-wrong-token"() {
    expected.add(401);
    await signIn(page, "ewh-aaaaaaaaaa-" + "a".repeat(52));
    await page.getByRole("alert").waitFor();
    check(page.url().endsWith("/console/login"), "somebody with a wrong token was let in");
    expected.clear();
  },

  async "sign-in"() {
    await signIn(page, options.token);
    await page.getByRole("heading", { name: "Tenants", exact: true }).waitFor();
    const { cookies } = await page.context().storageState();
    const cookie = cookies.find(({ name }) => name === "ewh-console");
    check(cookie.httpOnly && cookie.sameSite === "Strict" && cookie.path === "/console", "the cookie is not kept from others");
    check(!JSON.stringify(cookies).includes(options.token), "the token is in a cookie");
  },

  async "see-why-a-tenant-is-not-made"() {
    await summary("Make a tenant").click();
    await page.getByLabel("Name").fill(options.tenant);
    await page.getByLabel("Address").fill("no address");
    await button("Make it").click();
    await says("", page.locator("#make"));
    check((await page.getByLabel("Name").inputValue()) === options.tenant, "what was typed is gone");
  },

  async "make-a-tenant"() {
    await page.getByLabel("Address").fill("127.0.0.1");
    await page.getByLabel("External workers").fill("8");
    await page.getByLabel("Memory, MiB").fill("256");
    await button("Make it").click();
    await says(`Tenant ${options.tenant} was made`);
    await link(options.tenant).click();
    await page.getByText("256 MiB memory").waitFor();
    // Its process may take a while; the page says so by itself.
    await page.getByText("serving").first().waitFor();
  },

  async "upload-a-module"() {
    const broken = path.join(scratch, "broken.wasm");
    writeFileSync(broken, "broken");
    await page.getByLabel("Install a module").setInputFiles(broken);
    await button("Upload and validate").click();
    await page.locator("#upload .note.bad").waitFor();
    const module = options.module ?? path.join(scratch, "barometer.wasm");
    if (!options.module) writeFileSync(module, "\0asm");
    await page.getByLabel("Install a module").setInputFiles(module);
    await button("Upload and validate").click();
    await says("was installed");
  },

  async "make-external-workers"() {
    await makeWorker("bench one");
    await makeWorker("bench two");
    await row("bench two").getByText("running").waitFor();
  },

  async "see-them-live"() {
    await page.goto(home);
    const other = await open({ storageState: await page.context().storageState() });
    await other.goto(home);
    await link("bench two", other).click();
    await summary("Remove…", other).click();
    await button("Remove it", other).click();
    await says("was removed", other);
    await other.context().close();
    // No page was loaded again here.
    await page.getByRole("link", { name: "bench two" }).waitFor({ state: "detached" });
  },

  async "pause-and-resume"() {
    await toWorker("bench one");
    await button("Pause").click();
    await page.locator("#state dd", { hasText: "paused" }).waitFor();
    await button("Resume").click();
    await page.locator("#state dd", { hasText: "turns" }).waitFor();
    await button("Restart").click();
    await says("started again");
  },

  async "see-figures-and-log-live"() {
    if (!options.plays) return "skipped: only what plays has figures that are known to move";
    await toWorker("bench one");
    const calls = page.locator("#state dl > div", { hasText: "Calls" }).locator("dd");
    const [before, first] = [await calls.textContent(), await page.locator(".log li").first().textContent()];
    const now = (what, was) => page.waitForFunction(([what, was]) => document.querySelector(what)?.textContent !== was, [what, was]);
    await now(".log li", first);
    for (let tries = 0; (await calls.textContent()) === before; tries++) {
      check(tries < 100, "the figures stand still");
      await page.waitForTimeout(200);
    }
    check((await page.locator(".log li b").count()) === 0, "a line of a log is HTML");
  },

  async "call-a-method"() {
    if (!options.method) return "skipped: no --method";
    await toWorker("bench one");
    const method = page.locator(".method").filter({ has: page.locator("summary code", { hasText: new RegExp(`^${options.method}$`) }) });
    await method.locator("summary").click();
    if (options.input) await method.getByLabel(options.input, { exact: true }).fill(options.value);
    const address = page.url();
    await button("Call", method).click();
    await says("returned", method);
    if (options.returns) await method.locator(".outcome pre", { hasText: options.returns }).waitFor();
    check(page.url() === address, "the page was loaded again");
    if (!options.plays) return;
    expected.add(422);
    await summary("fail").click();
    await button("Call", page.locator("#call-fail")).click();
    await says("the sensor is not connected", page.locator("#call-fail"));
    expected.clear();
  },

  async "configure"() {
    await toWorker("bench one");
    await link("Configure").click();
    await page.getByRole("heading", { name: /^Configuration of/ }).waitFor();
    if (!options.field) return;
    const field = page.getByLabel(options.field, { exact: true });
    await field.fill(options.setting);
    await button("Save").click();
    await says("The configuration was changed");
    check((await field.inputValue()) === options.setting, "the form does not have what was saved");
    await button("Save").click();
    await says("Nothing was changed");
    if (!options.plays) return;
    check(!(await page.content()).includes("s3cr3t"), "a secret is in the page");
    await page.getByLabel("Limits", { exact: true }).fill("{");
    await button("Save").click();
    await says("`limits` has to be JSON", page.locator("#config"));
    check((await page.getByLabel("Limits", { exact: true }).inputValue()) === "{", "what was typed is gone");
  },

  async "grant-what-a-module-wants"() {
    await page.goto(home);
    const requests = page.locator(".requests > li");
    if ((await requests.count()) > 0) {
      await summary("Grant it", requests.first()).click();
      check((await requests.first().getByLabel(/^Lines of the policy/).inputValue()).startsWith("["), "nothing to begin with");
    }
    await tab("Policies");
    await summary("Add a grant").click();
    await page.locator("#grant").getByLabel("Lines of a policy").fill(options.policy);
    await page.locator("#grant select[name=lasting]").selectOption("1 hour");
    await button("Grant", page.locator("#grant")).click();
    await says("It was granted");
  },

  async "revoke-it"() {
    const granted = row("http");
    await summary("Revoke…", granted).click();
    await button("Revoke all of http", granted).click();
    await says("It was taken away");
  },

  async "set-and-remove-a-secret"() {
    await tab("Secrets");
    await page.getByRole("heading", { name: /^Secrets of/ }).waitFor();
    if ((await page.getByText("This host keeps no secrets").count()) > 0) {
      await page.getByText("ewh serve --secrets DIR").waitFor();
      return "skipped: the host keeps none";
    }
    const [value, another] = ["hunter2-correct-horse", "another-battery-staple"];
    await page.locator("#set").getByLabel("Name").fill("api-token");
    const typed = page.locator("#set").getByLabel("Value");
    check((await typed.getAttribute("type")) === "password", "the value is to be seen while it is typed");
    await typed.fill(value);
    await button("Set it").click();
    await says("Secret api-token was set");
    const secret = row("api-token");
    await summary("Replace…", secret).click();
    await secret.getByLabel("New value of api-token").fill(another);
    await button("Replace api-token", secret).click();
    await says("Secret api-token was set");
    const content = await page.content();
    check(!content.includes(value) && !content.includes(another), "the value is in the page");
    await page.goto(`${home}/audit`);
    await row("secret-set").waitFor();
    check(!(await page.content()).includes(value), "the value is in the audit log");
    await tab("Secrets");
    await summary("Remove…", secret).click();
    await button("Remove api-token", secret).click();
    await says("Secret api-token was removed");
    check((await row("api-token").count()) === 0, "it is there still");
    // One stays, so that the page is looked at with something on it.
    await page.locator("#set").getByLabel("Name").fill("weather-key");
    await typed.fill(value);
    await button("Set it").click();
    await says("Secret weather-key was set");
  },

  async "make-and-revoke-tokens"() {
    const token = await makeToken("viewer");
    check(token.startsWith("ewh-"), `this is no token: ${token}`);
    await page.reload();
    check(!(await page.content()).includes(token), "the token is shown twice");
    const viewer = await open({});
    await signIn(viewer, token);
    await viewer.waitForURL(home);
    for (const name of ["Suspend", "Pause", "Upload and validate"]) {
      check((await button(name, viewer).count()) === 0, `a viewer sees ${name}`);
    }
    await link("bench one", viewer).click();
    await viewer.locator("#log").waitFor();
    expected.add(404).add(403);
    await viewer.goto(`${home}/tokens`);
    await viewer.locator(".note.bad").first().waitFor();
    expected.clear();
    const id = token.split("-")[1];
    await summary("Revoke…", row(id)).click();
    await button(`Revoke ${id}`).click();
    await says("was revoked");
    await viewer.goto(home);
    await viewer.getByLabel("Token").waitFor();
    await viewer.context().close();
  },

  async "look-at-the-audit-log"() {
    await tab("Audit");
    await row("token-revoked").waitFor();
    await page.goto(`${base}/console/audit`);
    await page.getByLabel("Tenant", { exact: true }).fill(options.tenant);
    await page.getByLabel("Kind").fill("grant");
    await button("Show").click();
    await row("grant").waitFor();
    check((await page.locator("tbody tr", { hasText: "token-made" }).count()) === 0, "the filter lets others through");
    await link("Verify the log").click();
    await says("The log is whole");
  },

  async "look-at-usage"() {
    await page.goto(`${base}/console/usage`);
    await link(options.tenant, row(options.tenant)).click();
    await row("bench one").waitFor();
  },

  async "work-without-script"() {
    const plain = await open({ javaScriptEnabled: false });
    await signIn(plain, options.token);
    await link(options.tenant, plain).click();
    await button("Suspend", plain).click();
    await says("was suspended", plain);
    await button("Resume", plain).click();
    await says("was resumed", plain);
    await summary("Make an external worker", plain).click();
    await plain.locator("#instance").getByLabel("Name").fill("bench three");
    await button("Make it", plain.locator("#instance")).click();
    await link("bench three", plain).click();
    if (options.method) {
      const method = plain.locator(".method", { has: plain.locator("summary code", { hasText: options.method }) }).first();
      await method.locator("summary").click();
      if (options.input) await method.getByLabel(options.input, { exact: true }).fill(options.value);
      await button("Call", method).click();
      await says("returned", plain);
    }
    await button("Sign out", plain).click();
    await plain.getByLabel("Token").waitFor();
    await plain.context().close();
  },

  async "change-quotas"() {
    await page.goto(home);
    await summary("Move it").click();
    await page.locator("#change").getByLabel("Memory, MiB").fill("512");
    await button("Change it").click();
    await says("was changed");
    await page.getByText("512 MiB memory").waitFor();
  },

  async "use-the-keyboard"() {
    await page.goto(home);
    await page.keyboard.press("Tab");
    check((await page.evaluate(() => document.activeElement.className)) === "skip", "the first stop is no skip link");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.id === "main");
    for (let stop = 0; stop < 25; stop++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return document.activeElement === document.body || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1);
      });
      check(seen, `the focus is not to be seen at stop ${stop + 1}`);
    }
  },

  async "fit-everywhere"() {
    await toWorker("bench one");
    const worker = page.url();
    const pages = {
      tenants: `${base}/console/tenants`,
      tenant: home,
      worker,
      config: `${worker}/config`,
      policies: `${home}/policies`,
      secrets: `${home}/secrets`,
      tokens: `${home}/tokens`,
      "tenant-usage": `${home}/usage`,
      "tenant-audit": `${home}/audit`,
      remove: `${home}/remove`,
      "operators-tokens": `${base}/console/tokens`,
      audit: `${base}/console/audit`,
      usage: `${base}/console/usage`,
      missing: `${base}/console/nothing`,
    };
    expected.add(404);
    for (const [look, settings] of Object.entries({
      light: { colorScheme: "light" },
      dark: { colorScheme: "dark" },
      narrow: { colorScheme: "light", viewport: NARROW },
    })) {
      const one = await open({ ...settings, storageState: await page.context().storageState() });
      for (const [name, address] of Object.entries(pages)) {
        await one.goto(address);
        await one.locator("main details:not(.sure)").evaluateAll((all) => all.forEach((it) => (it.open = true)));
        const wide = await one.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        await one.screenshot({ path: path.join(options.screenshots, `${look}-${name}.png`), fullPage: true });
        check(wide <= 0, `${name} is ${wide} pixels too wide (${look})`);
      }
      await one.context().close();
      const outside = await open(settings);
      await outside.goto(`${base}/console/login`);
      await outside.screenshot({ path: path.join(options.screenshots, `${look}-login.png`) });
      await outside.context().close();
    }
    expected.clear();
  },

  async "remove-the-tenant"() {
    await page.goto(home);
    await link("Remove…").click();
    await page.getByLabel("Its name").fill("another");
    await page.getByLabel(/Remove it:/).check();
    await button("Remove the tenant").click();
    await says("Type the name of the tenant");
    await page.getByLabel("Its name").fill(options.tenant);
    await page.getByLabel(/Remove it:/).check();
    await button("Remove the tenant").click();
    await says(`Tenant ${options.tenant} was removed`);
    check((await link(options.tenant).count()) === 0, "it is there still");
  },

  async "sign-out"() {
    await button("Sign out").click();
    await page.getByLabel("Token").waitFor();
    await page.goto(`${base}/console/tenants`);
    await page.getByLabel("Token").waitFor();
  },
};

async function runSteps() {
  for (const [index, [name, step]] of Object.entries(steps).entries()) {
    const label = `${String(index + 1).padStart(2, "0")}-${name}`;
    const begin = performance.now();
    try {
      const note = await step();
      check(wrongs.length === 0, wrongs.join("; "));
      console.log(`ok     ${label} (${Math.round(performance.now() - begin)} ms)${note ? ` ${note}` : ""}`);
    } catch (error) {
      console.log(`FAILED ${label}: ${error.message}`);
      wrongs.forEach((wrong) => console.log(`       ${wrong}`));
      return 1;
    } finally {
      await page.screenshot({ path: path.join(options.screenshots, `${label}.png`) });
    }
  }
  return 0;
}

try {
  process.exitCode = await runSteps();
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true, force: true });
}
