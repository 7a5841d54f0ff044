/// <reference lib="dom" />
import { gridRows } from '@subtext/data';
import { earlyAnswers, graphThoughts } from '@subtext/decoder';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { randomRecurrentReasoner } from '../../../packages/reasoner/test/recurrent-world';
import { examples as coloured, smallReasoner } from '../../../packages/reasoner/test/small-reasoners';
import {
  accessFaultsOfSizes,
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

const hostile = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
/** The same as the name of a folder, which has no slash. */
const folderName = '<img src=x onerror="document.title=1">';
const graphs = fileURLToPath(new URL('../../../docs/results/checkpoints/graphs/', import.meta.url));

describe.skipIf(noBrowser)(`views of ${browserName}`, () => {
  let folder: string;
  let browser: Browser;
  const at = (...names: string[]) => join(folder, ...names);
  const model = () => at('runs', folderName, 'reasoner');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-inspect-views-'));
    await useEngine({ engine: 'wasm' });
    const run = (args: string[]) => subtext(args, { folder });
    expect(await run(['data', 'generate', 'scenes', 'data', '--train', '16', '--test', '6'])).toMatchObject({
      code: 0,
    });
    const tiny = tinyConfiguration
      .replace(/^method: .*$/m, 'method: { name: coconut, hiddenSteps: 3, thoughtsPerStep: 2 }')
      .replace(/^interpreters:[^]*$/m, '')
      .replace('text: { steps: 12 }', 'text: { steps: 2 }')
      .replace('encode: { steps: 4 }', 'encode: { steps: 1 }');
    await writeFile(at('run.yaml'), tiny);
    expect(await run(['train', 'run.yaml', 'workers=0'])).toMatchObject({ code: 0 });
    await mkdir(at('runs'));
    await cp(at('run'), at('runs', folderName), { recursive: true });
    // Random weights: one whose pictures stand beside the text, and one with a halting head.
    for (const [name, family, visibility] of [
      ['coconut', 'mllama', 'answer'],
      ['adaptive', 'llama', 'all'],
    ] as const) {
      const method = { name, hiddenSteps: 3, thoughtsPerStep: 2 };
      const { reasoner } = smallReasoner({ family, method, visibility });
      await reasoner.save({ folder: at(name) });
      reasoner.dispose();
    }
    // Eleven positions: nine cells between two marks.
    const recurrent = randomRecurrentReasoner({ positions: 11 });
    await recurrent.save({ folder: at('recurrent') });
    recurrent.dispose();
    const [picture] = await readdir(at('data', 'images', 'test'));
    const lines = coloured.map(({ id, question, steps, answer }) =>
      JSON.stringify({ id, question, steps, answer, image: `data/images/test/${picture!}` }),
    );
    await writeFile(at('coloured.jsonl'), `${lines.join('\n')}\n`);
    // What a run and an audit left behind, by the hand of somebody who means ill.
    const test = (await readFile(at('data', 'test.jsonl'), 'utf8')).trim().split('\n');
    const { image } = JSON.parse(test[0]!) as { image: string };
    const answered = {
      id: 'test-1',
      question: hostile,
      answer: hostile,
      expected: 'red',
      text: hostile,
      image: at('data', image),
      explanations: { caption: hostile },
      tokens: { generated: 9 },
    };
    await writeFile(
      join(model(), '..', 'evaluation.json'),
      JSON.stringify({
        examples: [
          { ...answered, correct: true },
          { ...answered, id: 'test-2', correct: false, question: 'what is wrong ?' },
        ],
      }),
    );
    await mkdir(join(model(), '..', 'audit'));
    const share = (value: number) => ({ value, interval: [value - 0.1, value + 0.1] });
    await writeFile(
      join(model(), '..', 'audit', 'audit.json'),
      JSON.stringify({
        model: model(),
        task: hostile,
        count: 50,
        thoughts: { verdict: hostile, certain: true, evidence: [hostile], dependence: share(0.7) },
        stages: [
          {
            stage: 'summary',
            verdict: 'used',
            certain: true,
            evidence: [hostile],
            pairs: 40,
            swap: { follows: share(0.8) },
          },
          {
            stage: 'caption',
            verdict: 'not used',
            certain: false,
            evidence: ['It was measured.'],
            pairs: 40,
            swap: { changes: share(0.2) },
          },
        ],
        words: [{ stage: 'caption', edit: hostile, follows: { ...share(0.9), count: 20 }, stays: null }],
      }),
    );
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens views of what is served, each wide and narrow; nothing may be wrong with any of them. */
  async function look({
    args,
    views,
  }: {
    args: readonly string[];
    /** By the part of a link behind `#`: what shows that it is there, and what is looked at. */
    views: readonly { link: string; shown: string; check?: (page: Page) => Promise<void> }[];
  }): Promise<void> {
    await served({
      folder,
      args,
      async use(address) {
        const { page, faults } = await openPage(browser, `${address}#${views[0]!.link}`);
        for (const { link, shown, check } of views) {
          await page.evaluate((hash) => (location.hash = hash), link);
          await page.waitForSelector(shown);
          expect(await accessFaultsOfSizes(page), link).toEqual([]);
          await check?.(page);
          expect(await page.title(), link).toBe('Subtext inspector');
          expect(await page.locator('img[onerror], main script, header script').count(), link).toBe(0);
        }
        expect(faults.filter((fault) => !/Content Security Policy/.test(fault))).toEqual([]);
        await page.close();
      },
    });
  }

  it('draw what each thought holds of the nodes of its graph, as it is computed here', async () => {
    await look({
      args: ['--model', graphs, '--limit', '3'],
      views: [
        {
          link: 'view=lens&example=0',
          shown: '[aria-label="The thoughts on the graph"] figure:nth-of-type(4) circle',
          async check(page) {
            const reasoner = await Reasoner.load({ folder: graphs });
            const question = { question: await page.inputValue('input[name=question]') };
            const [answer] = await reasoner.think({ questions: [question] });
            const { thoughts, nodes } = await graphThoughts({ reasoner, question, answer: answer! });
            reasoner.dispose();
            for (const [index, thought] of thoughts.entries()) {
              const figure = page.locator('[aria-label="The thoughts on the graph"] figure').nth(index);
              // A disc for each node that it holds anything of, and the number of every node.
              expect(await figure.locator('svg circle').count()).toBeGreaterThan(0);
              for (const { node } of nodes) expect(await figure.locator(`svg text:text-is("${node}")`).count()).toBe(1);
              const [first] = thought.nodes;
              const said = await figure.locator('ol li').first().textContent();
              expect(said).toContain(`${first!.node} `);
              expect(said).toContain(first!.class);
              expect(said).toContain(`product ${first!.product.toFixed(1)}`);
            }
          },
        },
      ],
    });
  }, 400_000);

  it('show where on its tiles a model with pictures beside the text looks, and what a change of its thoughts does', async () => {
    const edits = encodeURIComponent('[{"kind":"another","stage":"caption"}]');
    await look({
      args: ['--model', 'coconut', '--data', 'coloured.jsonl'],
      views: [
        {
          link: 'view=sees&example=0',
          shown: '[aria-label="Where on the picture"] figure',
          async check(page) {
            const { pictureAttention, thoughts } = await copiedTrace(page);
            const labels = await page
              .locator('[aria-label="Where on the picture"] canvas')
              .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
            expect(pictureAttention!.layers.length).toBeGreaterThan(0);
            expect(labels.length).toBeGreaterThanOrEqual(thoughts.length);
            expect(labels[0]).toMatch(/^summary 1 → tile 1: \d+\.\d % of its look, most at row [12], column [12]$/);
          },
        },
        {
          link: `view=strip&example=0&another=1&edits=${edits}`,
          shown: '[data-stage=caption] .edited',
          async check(page) {
            await page.waitForSelector('section[aria-label="The answer"]');
            const [seen, trace] = [await copiedTrace(page), await commandedTrace({ page, folder })];
            expect(differenceOf(seen, trace)).toBeLessThan(1e-4);
          },
        },
      ],
    });
  }, 400_000);

  it('show how likely a halting head thinks on, as it is computed here', async () => {
    await look({
      args: ['--model', 'adaptive', '--data', 'coloured.jsonl'],
      views: [
        {
          link: 'view=early&example=0&another=1',
          shown: 'text=The halting head',
          async check(page) {
            const reasoner = await Reasoner.load({ folder: at('adaptive') });
            const question = { question: coloured[0]!.question };
            const [answer] = await reasoner.think({ questions: [question] });
            const early = await earlyAnswers({ reasoner, question, answer: answer! });
            reasoner.dispose();
            const chances = early.flatMap(({ goesOn }) => goesOn ?? []);
            const label = await page.getAttribute(
              'figure [aria-label^="Probability of continuing to think"]',
              'aria-label',
            );
            const said = [...label!.matchAll(/ ([\d.]+) %/g)].map(([, percent]) => Number(percent) / 100);
            expect(said.length).toBeGreaterThan(0);
            expect(said).toHaveLength(chances.length);
            for (const [index, chance] of chances.entries()) expect(Math.abs(said[index]! - chance)).toBeLessThan(1e-3);
          },
        },
      ],
    });
  }, 400_000);

  it('show the grid that a recurrent reasoner would answer after each recurrence', async () => {
    const question = '1 . 3 4 . 3 2 1 2';
    await look({
      args: ['--model', 'recurrent'],
      views: [
        {
          link: `view=early&question=${encodeURIComponent(question)}`,
          shown: '[aria-label="What is said after each recurrence"] [role=listitem]:nth-of-type(4)',
          async check(page) {
            const reasoner = await Reasoner.load({ folder: at('recurrent') });
            const [answer] = await reasoner.think({ questions: [{ question }] });
            reasoner.dispose();
            const steps = page.locator('[aria-label="What is said after each recurrence"] [role=listitem]');
            expect(await steps.count()).toBe(4);
            for (const [index, { answer: said, right }] of answer!.recurrences!.entries()) {
              const step = steps.nth(index);
              expect(await step.getAttribute('aria-label')).toBe(`after ${index + 1}: ${said}`);
              // Random weights answer with tokens that are no cell of a grid too: these are shown as words.
              const shown = step.locator(gridRows(said) ? '.grid span' : '.words');
              expect((await shown.allTextContents()).join(' ')).toBe(said);
              expect(await step.textContent()).toContain(`right with ${(100 * right).toFixed(1)} %`);
            }
            // No attention and no thoughts: no views of them.
            expect(await page.locator('nav button').allTextContents()).toEqual([
              ...['Thoughts', 'Early answer', 'Compare', 'Runs'],
            ]);
            const { recurrences } = await copiedTrace(page);
            expect(recurrences!.map((one) => one.answer)).toEqual(answer!.recurrences!.map((one) => one.answer));
          },
        },
        { link: `view=strip&question=${encodeURIComponent(question)}`, shown: 'text=It ran its core 4 times' },
      ],
    });
  }, 400_000);

  it('show maps by stage and by fact, UMAP, verdicts with their intervals, and what a run answered; what is hostile in them as text', async () => {
    const fact = encodeURIComponent('fact:colour top-left');
    const verdicts: Record<string, RegExp> = {
      summary: /used\s+follows 80 % \[70, 90\]/,
      caption: /not used.*\s+changes 20 % \[10, 30\]/,
    };
    const text = async (page: Page, selector: string) => (await page.locator(selector).allTextContents()).join(' ');
    const kinds = (page: Page) =>
      page
        .locator('[aria-label^="Example "][role=button]')
        .evaluateAll((dots) =>
          [...new Set(dots.map((dot) => dot.getAttribute('aria-label')!.split(', ').at(-1)!))].sort(),
        );
    await look({
      args: ['--model', model(), '--data', 'data', '--runs', 'runs'],
      views: [
        {
          link: 'view=early&example=0&another=1',
          shown: '[aria-label="The last audit"]',
          async check(page) {
            const audit = await text(page, '[aria-label="The last audit"]');
            expect(audit).toContain(hostile);
            for (const words of Object.values(verdicts)) expect(audit).toMatch(words);
          },
        },
        {
          link: 'view=strip&example=0&another=1',
          shown: '.audit',
          async check(page) {
            const stage = await page.getAttribute('[data-stage]:has(.audit)', 'data-stage');
            expect(await text(page, `[data-stage="${stage}"] .audit`)).toMatch(verdicts[stage!]!);
          },
        },
        {
          link: `view=map&example=0&colour=${fact}`,
          shown: '[aria-label^="Example 6,"]',
          async check(page) {
            const colours = await kinds(page);
            expect(colours.length).toBeGreaterThan(1);
            for (const colour of colours) expect(colour).toMatch(/^[a-z]+$/);
            // Words for colours are told apart by the colours of the legend: a white dot would not be seen.
            const fills = await page
              .locator('[aria-label^="Example "][role=button]')
              .evaluateAll((dots) => [...new Set(dots.map((dot) => dot.getAttribute('fill')!))]);
            expect(fills).toHaveLength(colours.length);
            for (const fill of fills) expect(fill).toMatch(/^#/);
            // By the keyboard: the next dot, which is then shown with its neighbours.
            await page.locator('[aria-label^="Example 1,"][tabindex="0"]').first().focus();
            await page.keyboard.press('ArrowRight');
            await page.waitForSelector('aside h2:has-text("Example")');
            expect(await page.locator('aside ol li').count()).toBeGreaterThan(2);
            expect(page.url()).toContain('point=1');
          },
        },
        {
          link: 'view=map&example=0&together=true&colour=stage&projection=umap',
          shown: '[aria-label^="Example 6,"]',
          async check(page) {
            // PCA says how much of the variance it shows.
            await page.waitForSelector('text=of the variance', { state: 'detached' });
            for (const kind of await kinds(page)) expect(kind).toMatch(/^\S+ [12]$/);
            expect(await page.getAttribute('button:text-is("UMAP")', 'aria-pressed')).toBe('true');
          },
        },
        {
          link: 'view=runs',
          shown: '.cards img',
          async check(page) {
            const gallery = `section[aria-label^="Gallery of"]`;
            expect(await text(page, gallery)).toContain(hostile);
            expect(await text(page, `${gallery} h2`)).toContain(folderName);
            await page.click(`${gallery} >> text=/^wrong 1$/`);
            await page.waitForSelector(`${gallery} >> text=what is wrong ?`);
            expect(await text(page, gallery)).not.toContain(hostile.slice(0, 40) + '…');
          },
        },
      ],
    });
  }, 600_000);
});
