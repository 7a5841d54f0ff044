import { chromium, runPage } from '@subtext/build/browser-page';
import { Explainer } from '@subtext/decoder';
import { Reasoner, type Answer } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

/** A scene's pixels; the page makes the same. */
const picture = { height: 16, width: 16, channels: 3 };
const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, index) => (index * 37) % 251);
/** One that the model of `npm start` knows: of words that it does not, it may think nothing. */
const question = 'start at the top-right , go left , then stay put . what shape is there ?';

/** The page of a user who opens the reasoner of `npm start`: answers with its thoughts, and explains one. */
const pageOf = (interpreter: string) => `
import { Explainer } from '@subtext/decoder';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';

const results = { errors: [] };
try {
  results.engine = (await useEngine({ engine: 'wasm' })).name;
  const address = new URL('/reasoner', location.href).href;
  const reasoner = await Reasoner.load({ folder: address });
  const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, index) => (index * 37) % 251);
  const image = { path: 'scene', load: async () => ({ data, height: 16, width: 16, channels: 3 }) };
  const [answer] = await reasoner.think({ questions: [{ question: ${JSON.stringify(question)}, image }] });
  results.answer = { ...answer, thoughts: answer.thoughts.map((thought) => ({ ...thought, hidden: [...thought.hidden] })) };
  const explainer = await Explainer.load({ folder: address + '/interpreters/${interpreter}' });
  const [{ stage }] = answer.thoughts;
  const states = answer.thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden);
  [results.explanation] = await explainer.explain({ requests: [{ question: ${JSON.stringify(question)}, stage, states }] });
} catch (error) {
  results.errors.push(String(error.stack ?? error));
}
await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
`;

describe.skipIf(chromium === undefined)(
  `in ${chromium ?? 'a browser: there is no Chromium here (set CHROMIUM to one)'}`,
  () => {
    let folder: string;
    let results: Record<string, unknown>;
    let warnings: string[];
    let interpreter: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'subtext-browser-'));
      // What `npm start` trains, in miniature; with SUBTEXT_TEST_REASONER the real one.
      const trained = process.env.SUBTEXT_TEST_REASONER;
      if (trained === undefined) {
        const run = (args: string[]) => subtext(args, { folder });
        expect((await run(['data', 'generate', 'scenes', 'data', '--train', '24', '--test', '4'])).code).toBe(0);
        // Continuous thoughts are there however little has been learnt.
        const configuration = tinyConfiguration.replace('{ name: heima, thinkingTokens: 1 }', '{ name: coconut }');
        await writeFile(join(folder, 'tiny.yaml'), configuration);
        expect(await run(['train', 'tiny.yaml', 'workers=0'])).toMatchObject({ code: 0 });
      }
      const site = join(folder, 'site');
      await cp(trained ?? join(folder, 'run', 'reasoner'), join(site, 'reasoner'), { recursive: true });
      [interpreter] = (await readdir(join(site, 'reasoner', 'interpreters'))) as [string];
      const packageFolder = fileURLToPath(new URL('..', import.meta.url));
      ({ results, warnings } = await runPage({ packageFolder, page: pageOf(interpreter), site }));
    });
    afterAll(async () => rm(folder, { recursive: true, force: true }));

    it('is bundled without stand-ins for Node’s modules, and runs without an error', () => {
      expect(warnings.filter((message) => /externalized|node:/.test(message))).toEqual([]);
      expect(results['errors']).toEqual([]);
      expect(results['engine']).toBe('wasm');
    });

    it('thinks and answers as Node does: the same tokens, the same thoughts within 1e-4, the same words of them', async () => {
      await useEngine({ engine: 'wasm' });
      const site = join(folder, 'site', 'reasoner');
      const reasoner = await Reasoner.load({ folder: site });
      const image = { path: 'scene', load: () => Promise.resolve({ data: pixels, ...picture }) };
      const [answer] = await reasoner.think({ questions: [{ question, image }] });
      const seen = results['answer'] as Answer;
      expect(seen.ids).toEqual(answer!.ids);
      expect(answer!.thoughts.length).toBeGreaterThan(0);
      expect(seen.thoughts.map(({ stage, position }) => [stage, position])).toEqual(
        answer!.thoughts.map(({ stage, position }) => [stage, position]),
      );
      for (const [index, { hidden }] of answer!.thoughts.entries())
        for (const [unit, value] of hidden.entries())
          expect(Math.abs(seen.thoughts[index]!.hidden[unit]! - value)).toBeLessThan(1e-4);
      const explainer = await Explainer.load({ folder: join(site, 'interpreters', interpreter) });
      const { stage } = answer!.thoughts[0]!;
      const states = answer!.thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden);
      expect(results['explanation']).toBe((await explainer.explain({ requests: [{ question, stage, states }] }))[0]);
    });
  },
);
