/// <reference lib="dom" />
import { imageFile } from '@subtext/data';
import { stageDirection } from '@subtext/decoder';
import { Reasoner, readThoughts, saveDirection } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../../packages/reasoner/test/number-world';
import {
  answered,
  browserName,
  commandedTrace,
  copiedTrace,
  differenceOf,
  launch,
  noBrowser,
  openPage,
  served,
} from './inspector-page';
import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

describe.skipIf(noBrowser)(`changes of thoughts: ${browserName}`, () => {
  let folder: string;
  let browser: Browser;
  const at = (...names: string[]) => join(folder, ...names);
  const numbers = drawExamples({ count: 24, seed: 2 });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-inspect-changes-'));
    // One that was trained to be told in words, and answers with the number that it thinks of.
    await useEngine({ engine: 'wasm' });
    const reasoner = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
    await reasoner.save({ folder: at('numbers') });
    reasoner.dispose();
    await writeFile(
      at('numbers.jsonl'),
      numbers.map(({ id, question, steps, answer }) => `${JSON.stringify({ id, question, steps, answer })}\n`).join(''),
    );
    // One that sees and whose thoughts are drawn.
    const data = ['data', 'generate', 'scenes', 'data', '--train', '16', '--test', '4'];
    expect(await subtext(data, { folder })).toMatchObject({ code: 0 });
    const sees = tinyConfiguration
      .replace(/^method: .*$/m, 'method: { name: coconut, hiddenSteps: 3, thoughtsPerStep: 2 }')
      .replace(/^interpreters:[^]*$/m, '')
      .replace('text: { steps: 12 }', 'text: { steps: 2 }')
      .replace('encode: { steps: 4 }', 'encode: { steps: 1 }');
    await writeFile(at('run.yaml'), `${sees}\ndrawer: { stage: caption, examples: 12, steps: 4, batchSize: 4 }\n`);
    expect(await subtext(['train', 'run.yaml', 'workers=0'], { folder })).toMatchObject({ code: 0 });
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const text = async (page: Page, selector: string) => (await page.textContent(selector))?.trim();
  /** Pages of the number model, at the first example that says 3. */
  const first = numbers.findIndex(({ answer }) => answer === '3');
  const onNumbers = (use: (page: Page) => Promise<void>) =>
    served({
      folder,
      args: ['--model', 'numbers', '--data', 'numbers.jsonl'],
      async use(address) {
        const { page, faults } = await openPage(browser, `${address}#example=${first}`);
        await answered(page);
        await use(page);
        expect(faults).toEqual([]);
        await page.close();
      },
    });

  it('tells a stage in words: the answer and all numbers are those of `think --edit`', async () => {
    await onNumbers(async (page) => {
      expect(await text(page, '[data-testid=answer]')).toBe('3');
      await page.fill('#words', 'its number is 9');
      await page.click('text=Think this');
      await page.waitForSelector('[data-testid=verdict]');
      expect(await text(page, '[data-testid=answer]')).toBe('9');
      expect(await text(page, '[data-testid=verdict]')).toBe('The answer changes');
      expect(await page.textContent('[data-stage=step_1]')).toContain('told: its number is 9');
      const trace = await commandedTrace({ page, folder });
      expect(trace.answer).toBe('9');
      expect(differenceOf(await copiedTrace(page), trace)).toBeLessThan(1e-4);
    });
  });

  it('steers along a direction between two answers: the numbers are those of `think --steer`', async () => {
    const reasoner = await Reasoner.load({ folder: at('numbers') });
    const questions = numbers.map(({ question }) => ({ question }));
    const answers = await reasoner.think({ questions });
    const seen = await readThoughts({ reasoner, questions, answers });
    const group = (answer: string) => seen.filter((_, row) => answers[row]!.answer === answer);
    const direction = stageDirection({ positive: group('9'), negative: group('3'), source: '9, not 3' });
    await saveDirection({ path: at('direction.safetensors'), direction });
    reasoner.dispose();
    await onNumbers(async (page) => {
      // Answers to steer by are known once all examples were gone through.
      await page.waitForSelector('#steer');
      await page.selectOption('label:has-text("from answers") select', '3');
      await page.selectOption('label:has-text("to") select >> nth=-1', '9');
      await page.fill('#steer', '1');
      await page.waitForSelector('[data-testid=verdict]');
      expect(await text(page, '[data-testid=answer]')).toBe('9');
      const told = ['think', numbers[first]!.question, '--model', 'numbers', '--json', '--trace'];
      const steered = [...told, '--steer', 'direction.safetensors', '--strength', '1'];
      const { events } = await subtext(steered, { folder });
      const { trace } = events.at(-1) as { trace: Parameters<typeof differenceOf>[1] };
      expect(trace.answer).toBe('9');
      expect(differenceOf(await copiedTrace(page), trace)).toBeLessThan(1e-4);
    });
  });

  it('takes a thought that is dragged onto a stage, or onto one of its thoughts, and draws what is then thought', async () => {
    await served({
      folder,
      args: ['--model', 'run/reasoner', '--data', 'data'],
      async use(address) {
        const { page, faults } = await openPage(browser, address);
        await answered(page);
        /** The pixels of what is drawn, without transparency. */
        const drawn = async () => {
          await page.waitForSelector('canvas[aria-label="The caption drawn from its thoughts"]');
          return page.evaluate(() => {
            const canvas = document.querySelector<HTMLCanvasElement>('canvas[aria-label^="The caption drawn"]')!;
            const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
            return [...data].filter((_, index) => index % 4 !== 3);
          });
        };
        const commanded = async (more: string[]) => {
          const [own, other] = await examplesOf(page);
          const asked = ['think', own!.question, '--model', 'run/reasoner', '--image', own!.imageFile];
          const swap = ['--swap', 'caption', '--from', other!.question, '--from-image', other!.imageFile];
          const swapped = more.length === 0 ? [] : swap;
          const { code, stderr } = await subtext([...asked, ...swapped, '--draw', 'drawn.png'], { folder });
          expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
          return [...(await imageFile(at('drawn.png')).load()).data];
        };
        await expect.poll(drawn, { timeout: 60_000 }).toEqual(await commanded([]));
        await page.click('[data-stage=caption] >> text=Change this stage');
        await page.evaluate(() => (location.hash = 'example=0&another=1'));
        await page.dragAndDrop('.donor', '[data-stage=caption] h2');
        await page.waitForSelector('[data-testid=verdict]');
        expect(page.url()).toContain('edits=');
        expect(await page.textContent('[data-stage=caption]')).toContain('changed');
        const trace = await commandedTrace({ page, folder });
        expect(differenceOf(await copiedTrace(page), trace)).toBeLessThan(1e-4);
        await expect.poll(drawn, { timeout: 60_000 }).toEqual(await commanded(['swap']));
        // One thought alone takes the place of the stage's change.
        await page.click('text=Reset all changes');
        await page.waitForSelector('[data-testid=verdict]', { state: 'detached' });
        await page.dragAndDrop('.donor', '[data-stage=caption] .thought >> nth=1');
        await page.waitForSelector('[data-testid=verdict]');
        expect(decodeURIComponent(page.url())).toContain('"index":1');
        expect(await page.locator('[data-stage=caption] .altered').count()).toBe(1);
        expect(faults).toEqual([]);
        await page.close();
      },
    });
  }, 400_000);
});

/** The first two examples as the page was offered them. */
function examplesOf(page: Page): Promise<{ question: string; imageFile: string }[]> {
  return page.evaluate(async () => {
    const token = new URLSearchParams(location.search).get('token')!;
    const response = await fetch('api/offer', { headers: { 'x-subtext-token': token } });
    return ((await response.json()) as { examples: { question: string; imageFile: string }[] }).examples.slice(0, 2);
  });
}
