// Promised: where the hub asks who comes, its page asks; a password is set by the code that was given, what is wrong is told,
// whoever logs in stays in over a reload, and logging out ends it. Shown with a real hub and a real Chromium.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Service, binary, freePort, openBrowser, repository } from "./processes";

const password = "trees grow by slow rivers";
const folder = mkdtempSync(join(tmpdir(), "rinkside-"));
let hub: Service;
let browser: Browser;
let address: string;
let code: string;

beforeAll(async () => {
  const config = join(folder, "hub.toml");
  writeFileSync(config, `data = "${join(folder, "hub")}"\n[access]\nrequired = true\n[ingest]\ncertificates = "${join(folder, "hub/certificates")}"\n`);
  hub = new Service("cloud-hub", ["serve", "--config", config, "--listen", "127.0.0.1:0", "--ingest", `127.0.0.1:${await freePort()}`]);
  address = String((await hub.heard(({ message }) => message === "the hub is ready")).address);
  code = execFileSync(binary("cloud-hub"), ["access", "first", "ann", "--config", config], { encoding: "utf8" }).trim();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("lets in who sets a password by a code, and nobody else", async () => {
  // By this name browsers hold it for as safe as TLS, and keep the cookie.
  const url = `http://localhost:${new URL(`http://${address}`).port}/`;
  const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
  await page.goto(url);
  const told = (words: string) => page.waitForSelector(`[data-testid="told"]:has-text("${words}")`);
  await page.getByLabel("Name").fill("ann");
  await page.getByLabel("Password").fill("not this one at all");
  await page.getByRole("button", { name: "Log in" }).click();
  await told("name, password or code is wrong");
  mkdirSync(join(repository, "target"), { recursive: true });
  await page.screenshot({ path: join(repository, "target", "login-page.png") });

  await page.getByRole("button", { name: "I have a code" }).click();
  await page.getByLabel("Name").fill("ann");
  await page.getByLabel("Code you were given").fill(code);
  await page.getByLabel("New password").fill("short");
  await page.getByRole("button", { name: "Set the password" }).click();
  await told("at least 12 characters");
  await page.getByLabel("New password").fill(password);
  await page.getByRole("button", { name: "Set the password" }).click();
  await told("The password is set");

  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForSelector('[data-testid="connection"]');
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ name: "__Host-rinkside", httpOnly: true, secure: true, sameSite: "Strict", path: "/" });
  await page.reload();
  await page.getByRole("button", { name: "Log ann out" }).click();
  await page.getByLabel("Password").waitFor();
  expect((await page.request.get(`${url}api/core/teams`)).status()).toBe(401);
});
