import { generateFactSheets } from '@subtext/data';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const [sheet, other] = [1, 2].map(
  (seed) => generateFactSheets({ seed, people: { minimum: 4, maximum: 4 } }).next().value,
);
const asked = sheet!.questions[0]!.question;

let folder: string;
const at = (name: string) => join(folder, name);
const model = () => at('run/reasoner');
/** Makes a pack in a few steps. */
const pack = (document: string, output: string, ...more: string[]) =>
  subtext(['pack', at(document), '--model', model(), '--output', at(output), '--steps', '4', '--json', ...more]);
const think = (...more: string[]) => subtext(['think', asked, '--model', model(), ...more]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-pack-'));
  for (const [name, { text, questions }] of [
    ['sheet', sheet!],
    ['other', other!],
  ] as const) {
    await writeFile(at(`${name}.txt`), text);
    await writeFile(at(`${name}-questions.txt`), questions.map(({ question }) => `${question}\n`).join(''));
  }
  await writeFile(at('empty.txt'), ' \n');
  const examples = [sheet!, other!].flatMap(({ text, questions }) =>
    questions.map(({ question, answer }) => ({ question: `${text}${question}`, steps: [], answer })),
  );
  await writeFile(at('train.json'), JSON.stringify(examples));
  const sizes = {
    hidden_size: 16,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
  };
  const configuration = {
    output: at('run'),
    engine: 'wasm',
    workers: 0,
    data: { format: 'coconut-json', train: at('train.json') },
    reasoningFormat: 'lines',
    method: { name: 'no-cot' },
    model: { new: { model_type: 'llama', ...sizes, max_position_embeddings: 64, tie_word_embeddings: true } },
    training: { batchSize: 8, shards: 1, text: { steps: 10 } },
  };
  await writeFile(at('run.yaml'), JSON.stringify(configuration));
  expect((await subtext(['train', at('run.yaml')])).code).toBe(0);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('subtext pack', () => {
  it('condenses a document, for think and generate to go on from, alone or with others', async () => {
    const { code, events } = await pack('sheet.txt', 'sheet.safetensors', '--questions', at('sheet-questions.txt'));
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({
      event: 'pack',
      positions: 3,
      span: 25,
      form: 'cache',
      texts: 32,
      steps: 4,
      documents: ['sheet.txt'],
    });
    const second = await pack(
      'other.txt',
      'other.safetensors',
      '--form',
      'thoughts',
      '--positions',
      '2',
      '--texts',
      '20',
    );
    expect(second.events.at(-1)).toMatchObject({ positions: 2, form: 'thoughts', texts: 20 });
    const one = ['--pack', at('sheet.safetensors')];
    const both = [...one, '--pack', at('other.safetensors')];
    for (const packs of [one, both]) {
      const answered = await think(...packs, '--json');
      expect(answered.events.at(-1)).toMatchObject({ event: 'answer', question: asked });
      const generated = await subtext([
        'generate',
        'home:',
        '--model',
        model(),
        ...packs,
        '--max-new-tokens',
        '3',
        '--json',
      ]);
      expect(generated.events.at(-1)).toMatchObject({ event: 'generated', prompt: 'home:' });
    }
  }, 120_000);

  it.each([
    ['an empty document', () => pack('empty.txt', 'a.safetensors'), /document is empty/],
    ['a document that is not there', () => pack('nothing.txt', 'a.safetensors'), /nothing\.txt/],
    [
      'more positions than the document has',
      () => pack('sheet.txt', 'a.safetensors', '--positions', '26'),
      /from 1 to 25/,
    ],
    ['a name that is no safetensors file', () => pack('sheet.txt', 'a.bin'), /must end in \.safetensors/],
    [
      'questions without one',
      () => pack('sheet.txt', 'a.safetensors', '--questions', at('empty.txt')),
      /contains no questions/,
    ],
    ['a pack that is not there', () => think('--pack', at('none.safetensors')), /is not there/],
    ['a file that is no pack', () => think('--pack', join(model(), 'model.safetensors')), /holds no knowledge pack/],
  ])('refuses %s', async (_, run, message) => {
    const { code, stderr } = await run();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/ at .*\.js/);
  });

  it('refuses a pack that is cut short, given twice, or for another model', async () => {
    await pack('sheet.txt', 'good.safetensors', '--texts', '8');
    const bytes = await readFile(at('good.safetensors'));
    await writeFile(at('cut.safetensors'), bytes.subarray(0, bytes.length - 9));
    expect((await think('--pack', at('cut.safetensors'))).stderr).toMatch(/no whole safetensors file/);
    const good = ['--pack', at('good.safetensors')];
    expect((await think(...good, ...good)).stderr).toMatch(/given twice/);
    await cp(at('run.yaml'), at('next.yaml'));
    await subtext(['train', at('next.yaml'), `output=${at('next')}`, 'seed=2']);
    const { code, stderr } = await subtext(['think', asked, '--model', at('next/reasoner'), ...good]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/is for another model/);
  }, 120_000);
});
