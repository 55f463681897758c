// A real browser for the tests: Chromium, driven by playwright-core. One JSON command a line comes in, one JSON answer a line goes out.
//
//   {"do": "open", "tab": "a", "url": …}                   goes there
//   {"do": "fill", "tab": "a", "fields": {…}, "press": …}  types, then presses the button or link of that name, and waits for the page after it
//   {"do": "shoot", "tab": "a", "file": …, "scheme": "dark", "width": 320}
//   {"do": "check", "tab": "a"}                            what axe-core finds
//
// Every answer says where the tab is: {"status", "url", "title", "text", "headers"}, or {"error"}. It ends with its standard input.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const browser = await chromium.launch({
  executablePath: process.env.KEYFOB_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

// Each tab has cookies and sizes of its own, as a browser window of another user has.
const tabs = new Map();
const tab = async (name) => {
  if (!tabs.has(name)) {
    // axe-core is put into the page by the driver; a page that forbids scripts stays as it is for everybody else.
    const context = await browser.newContext({ bypassCSP: false, viewport: { width: 1000, height: 700 } });
    const page = await context.newPage();
    const at = { page, requests: [], complaints: [] };
    page.on('response', (response) => {
      if (response.request().isNavigationRequest()) at.last = response;
    });
    page.on('request', (request) => at.requests.push(request.url()));
    page.on('console', (message) => at.complaints.push(message.text()));
    tabs.set(name, at);
  }
  return tabs.get(name);
};

const where = async (at) => ({
  status: at.last?.status(),
  headers: await at.last?.allHeaders(),
  url: at.page.url(),
  title: await at.page.title(),
  text: await at.page.locator('body').innerText(),
  complaints: at.complaints.splice(0),
});

const commands = {
  async open({ url }, at) {
    await at.page.goto(url, { waitUntil: 'load' });
    return where(at);
  },
  async fill({ fields, press }, at) {
    for (const [name, value] of Object.entries(fields ?? {})) await at.page.locator(`[name="${name}"]`).fill(value);
    const target = at.page.locator('button, a, input[type="submit"]').filter({ hasText: press }).first();
    await Promise.all([at.page.waitForNavigation({ waitUntil: 'load' }), target.click()]);
    // A page that sends its form by itself is not where the user stays.
    for (let step = 0; step < 50 && (await at.page.title()).startsWith('Back to the app'); step++) await at.page.waitForTimeout(100);
    return where(at);
  },
  async shoot({ file, scheme, width, height }, at) {
    await at.page.emulateMedia({ colorScheme: scheme ?? 'light' });
    await at.page.setViewportSize({ width: width ?? 1000, height: height ?? 700 });
    await at.page.screenshot({ path: file });
    const overflow = await at.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    return { overflow };
  },
  async check({ scheme }, at) {
    await at.page.emulateMedia({ colorScheme: scheme ?? 'light' });
    const { readFileSync } = await import('node:fs');
    // By the driver's own channel: no script of the page's is needed, and its policy stays.
    await at.page.evaluate(readFileSync(axe, 'utf8'));
    const found = await at.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const violations = found.violations.map((it) => `${it.id}: ${it.help}: ${it.nodes.map((node) => node.html).join(' ')}`);
    return { violations, passes: found.passes.length };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command.do](command, await tab(command.tab));
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
