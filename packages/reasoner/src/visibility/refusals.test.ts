import { useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, smallReasoner } from '../../test/small-reasoners';
import { Reasoner, type ReasonerSettings } from '../index';

let folder: string;
let reasoner: Reasoner;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-refusals-'));
  ({ reasoner } = smallReasoner({ method: { name: 'heima', fromWords: 0.5 }, visibility: 'chain' }));
  await reasoner.save({ folder });
});
afterAll(async () => {
  reasoner.dispose();
  await rm(folder, { recursive: true });
});

/** The same model with other settings; the weights stay the first one's. */
const withSettings = (settings: Partial<ReasonerSettings>, model = reasoner.model) =>
  new Reasoner({ model, tokenizer: reasoner.tokenizer, settings: { ...reasoner.settings, ...settings } });

describe('one clear error each', () => {
  it('for a family that ignores visibility tables; without a table it is taken', () => {
    const deaf = Object.create(reasoner.model, {
      takesVisibility: { value: false },
      modelType: { value: 'deaf' },
    }) as typeof reasoner.model;
    expect(() => withSettings({}, deaf)).toThrowError(
      expect.objectContaining({
        code: 'visibility-unsupported',
        message: expect.stringMatching(/A deaf model ignores visibility tables.*visibility "all"/) as string,
      }),
    );
    const { visibility: _visibility, ...published } = reasoner.settings;
    const own = new Reasoner({
      model: deaf,
      tokenizer: reasoner.tokenizer,
      settings: { ...published, method: { name: 'heima' } },
    });
    expect(own.sights({ questions: examplesFor('llama') })).toBeUndefined();
  });

  it('for a saved table that names a role that there is not, or lets the answer see nothing', async () => {
    const path = join(folder, 'subtext.json');
    const settings = JSON.parse(await readFile(path, 'utf8')) as ReasonerSettings;
    for (const [visibility, code] of [
      [{ answer: ['plan'] }, 'unknown-role'],
      [{ answer: [] }, 'blind-answer'],
    ] as const) {
      await writeFile(path, JSON.stringify({ ...settings, visibility }));
      await expect(Reasoner.load({ folder })).rejects.toMatchObject({ code });
    }
    await writeFile(path, JSON.stringify(settings));
  });

  it('for an edit of a stage that is written as text', async () => {
    const own = withSettings({ hiddenStages: ['summary', 'reasoning'] });
    const [question] = examplesFor('llama');
    await expect(own.think({ questions: [{ ...question!, words: { caption: 'red square' } }] })).rejects.toMatchObject({
      code: 'missing-stage',
      message:
        'This reasoner writes the stage "caption" as text. The stages that it holds in thoughts: summary, reasoning.',
    });
  });
});
