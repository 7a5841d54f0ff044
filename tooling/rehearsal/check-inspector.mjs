import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { chromium as executablePath } from '../build/browser-page.js';

const require = createRequire(fileURLToPath(new URL('../../apps/cli/package.json', import.meta.url)));

/** The address that `inspect` tells. */
function addressOf(child) {
  return new Promise((resolve, reject) => {
    let told = '';
    let errors = '';
    child.stderr.on('data', (data) => (errors += data));
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`inspect ended with ${code}: ${errors.slice(-1500)}`)));
    child.stdout.on('data', (data) => {
      told += data;
      const found = /"address":"([^"]+)"/.exec(told)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}

/**
 * Opens a model and the pictures of `start` with `npx @subtext/cli inspect` in headless Chromium and waits for its answer.
 *
 * @returns `shown`: what the page answers; undefined where there is no browser, or on a fault.
 */
export async function answersInBrowser({ folder, environment, model }) {
  if (executablePath === undefined) return { faults: [] };
  const { chromium } = require('playwright-core');
  // The first model was trained on questions that the pictures for tests have none of.
  const data = ['--data', 'runs/start/data', '--limit', '2'];
  const words = ['--yes', '@subtext/cli', 'inspect', '--no-open', '--json', '--port', '0', '--model', model, ...data];
  const child = spawn('npx', words, {
    cwd: folder,
    env: { ...process.env, ...environment },
    detached: process.platform !== 'win32',
  });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', ({ message }) => errors.push(`the inspector: ${message}`));
    await page.goto(await addressOf(child));
    const answer = await page.waitForSelector('[data-testid=answer], [role=alert]', { timeout: 300_000 });
    if ((await answer.getAttribute('role')) === 'alert') errors.push(`the inspector: ${await answer.innerText()}`);
    return { shown: errors.length > 0 ? undefined : (await answer.innerText()).trim(), faults: errors };
  } catch (error) {
    return { faults: [`the inspector: ${error.message}`] };
  } finally {
    await browser.close();
    if (child.exitCode === null) {
      const ended = once(child, 'exit');
      process.kill(-child.pid, 'SIGINT');
      await ended;
    }
  }
}
