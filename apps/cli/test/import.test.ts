import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

interface Recorded {
  base: Record<string, string>;
  checkpoint: string;
  examples: { question: string }[];
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-import-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A base model's folder, what a release's code saved of it (in a folder, as CODI, or in a file), and questions. */
async function written({ name, file }: { name: string; file: string }) {
  const recorded = JSON.parse(
    gunzipSync(
      await readFile(new URL(`../../../packages/reasoner/fixtures/releases/${name}.json.gz`, import.meta.url)),
    ).toString(),
  ) as Recorded;
  const at = (part: string) => join(folder, name, part);
  await mkdir(at('base'), { recursive: true });
  await mkdir(at('saved'), { recursive: true });
  for (const [part, text] of Object.entries(recorded.base)) await writeFile(join(at('base'), part), text);
  await writeFile(join(at('saved'), file), Buffer.from(recorded.checkpoint, 'base64'));
  await writeFile(at('gsm_test.json'), JSON.stringify(recorded.examples));
  return { recorded, at, saved: file === 'pytorch_model.bin' ? at('saved') : join(at('saved'), file) };
}

describe('subtext import', () => {
  it.each([
    { name: 'coconut-gpt2', file: 'checkpoint_33', options: ['--thoughts', '4'], release: 'coconut', thoughts: 4 },
    {
      name: 'codi-llama',
      file: 'pytorch_model.bin',
      options: ['--thoughts', '3', '--lora-alpha', '6', '--from', 'codi'],
      release: 'codi',
      thoughts: 3,
    },
  ])(
    'makes of $name a folder that is asked, measured and audited',
    async ({ name, file, options, release, thoughts }) => {
      const { recorded, at, saved } = await written({ name, file });
      const model = at('reasoner');
      const made = await subtext(['import', saved, '--base', at('base'), '--output', model, ...options, '--json']);
      expect(made.stderr).toBe('');
      expect(made.events.at(-1)).toMatchObject({ event: 'import', release, output: model });
      expect((await readdir(at(''))).filter((entry) => entry.includes('partial'))).toEqual([]);
      // Random weights end no answer: without a limit, one goes on to the model's last position.
      const path = join(model, 'subtext.json');
      const settings = JSON.parse(await readFile(path, 'utf8')) as object;
      await writeFile(path, JSON.stringify({ ...settings, longestResponse: 8 }));

      const asked = await subtext(['think', recorded.examples[0]!.question, '--model', model, '--json']);
      expect(asked.events[0]).toMatchObject({ event: 'answer', answer: null, tokens: { thinking: thoughts } });

      const data = ['--task', 'gsm8k-aug', '--data', at('gsm_test.json')];
      const run = await subtext(['eval', 'run', '--model', model, ...data, '--output', at('results'), '--json']);
      expect(run.code).toBe(0);

      // Random weights answer nothing: no control can decide.
      const audit = await subtext(['eval', 'audit', '--model', model, ...data, '--output', at('audit'), '--json']);
      expect(audit.stderr).toBe('');
      const card = await readFile(join(at('audit'), 'audit.md'), 'utf8');
      expect(card).toContain('**The thoughts: cannot tell.**');
      for (const control of ['zeros', 'mean', 'noise of the same norm', 'another example’s', 'no thoughts at all'])
        expect(card).toContain(`| ${control} | ${recorded.examples.length} |`);

      const again = await subtext(['import', saved, '--base', at('base'), '--output', model]);
      expect(again).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/is there already.+give a new folder/) as string,
      });
    },
  );

  it('writes nothing where the checkpoint is refused', async () => {
    const { at, saved } = await written({ name: 'codi-gpt2', file: 'pytorch_model.bin' });
    const command = ['import', saved, '--base', at('base'), '--output', at('refused')];
    const wrong = await subtext([...command, '--from', 'coconut']);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(
      /^Error: .+ is said to be of coconut; by the names of its tensors it is of codi\..+\n$/,
    );
    await writeFile(join(saved, 'pytorch_model.bin'), 'no checkpoint');
    expect((await subtext(command)).stderr).toMatch(/^Error: .+it is not a PyTorch checkpoint.+\n$/);
    expect((await readdir(at(''))).sort()).toEqual(['base', 'gsm_test.json', 'saved']);
  });
});
