import type { ReasoningExample } from '@subtext/data';
import { createModel, generate, saveModel } from '@subtext/model';
import { tf, useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadPlainModel, plainModel } from './plain-model';

const text = {
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  initializer_range: 0.5,
};
const vision = {
  model_type: 'clip_vision_model',
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  image_size: 8,
  patch_size: 4,
};
const example = (id: string, question: string): ReasoningExample => ({ id, question, steps: [], answer: '7' });
const picture = (value: number) => ({
  path: `${value}.png`,
  load: () => Promise.resolve({ data: new Uint8Array(8 * 8 * 3).fill(value), width: 8, height: 8 }),
});

let folder: string;
let tokenizer: ReturnType<typeof trainWordLevelTokenizer>;

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-plain-'));
  tokenizer = trainWordLevelTokenizer({
    texts: ['Question: the ant has 7 or 3 ?\nAnswer: USER ASSISTANT'],
    specialTokens: ['<image>'],
  });
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** Saves a random model as a Hugging Face folder and loads it as the command does. */
async function saved({
  name,
  config,
  template,
  files = {},
}: {
  name: string;
  config: Record<string, unknown>;
  template?: string;
  files?: Record<string, unknown>;
}) {
  const model = createModel({ config, seed: 3 });
  await saveModel({ model, folder: join(folder, name) });
  model.dispose();
  await tokenizer.save({ folder: join(folder, name) });
  if (template !== undefined) await writeFile(join(folder, name, 'chat_template.jinja'), template);
  for (const [file, value] of Object.entries(files)) await writeFile(join(folder, name, file), JSON.stringify(value));
  return loadPlainModel({ folder: join(folder, name) });
}

describe('a plain model', () => {
  const llama = () => ({ model_type: 'llama', ...text, vocab_size: tokenizer.vocabularySize });

  it('is asked through its chat template, else as question and answer; rows do not depend on those beside them', async () => {
    const examples = [example('a', 'the ant has 7'), example('b', 'has 3 or 7 ?')];
    const prompts = examples.map(({ question }) => question);
    for (const [name, template, written] of [
      [
        'templated',
        "{% for m in messages %}USER {{ m['content'] }}{% endfor %} ASSISTANT",
        (question: string) => tokenizer.encode(`USER ${question} ASSISTANT`, { addSpecialTokens: false }).ids,
      ],
      ['base', undefined, (question: string) => tokenizer.encode(`Question: ${question}\nAnswer:`).ids],
    ] as const) {
      const opened = await saved({ name, config: llama(), template });
      // The first pass makes the table of rotary positions.
      await plainModel({ ...opened, maximumTokens: 5 }).answer({ examples, prompts });
      const before = tf.memory().numTensors;
      const answers = await plainModel({ ...opened, maximumTokens: 5 }).answer({ examples, prompts });
      expect(tf.memory().numTensors).toBe(before);
      for (const [row, prompt] of prompts.entries()) {
        const { ids } = await generate({
          model: opened.model,
          inputs: [written(prompt)],
          maxNewTokens: 5,
          stopIds: [opened.tokenizer.endId!],
        });
        const output = tokenizer.decode(ids[0]!, { skipSpecialTokens: true }).trim();
        expect(answers[row]).toEqual({
          output,
          answer: output,
          generatedTokens: ids[0]!.length,
          generatedTokensWithoutTags: ids[0]!.length,
          thoughts: 0,
          forwardPasses: ids[0]!.length,
        });
      }
      const drawn = (batch: readonly ReasoningExample[]) =>
        plainModel({ ...opened, maximumTokens: 5, temperature: 1, seed: 2 }).answer({
          examples: batch,
          prompts: batch.map(({ question }) => question),
        });
      expect(await drawn(examples.slice(1))).toEqual((await drawn(examples)).slice(1));
      opened.model.dispose();
    }
  });

  it('looks at pictures where it is a LLaVA', async () => {
    const opened = await saved({
      name: 'llava',
      config: {
        model_type: 'llava',
        image_token_index: tokenizer.idOf('<image>'),
        vision_feature_layer: -1,
        vision_feature_select_strategy: 'default',
        vision_config: vision,
        text_config: { model_type: 'llama', ...text, vocab_size: tokenizer.vocabularySize },
      },
      template:
        "{% for m in messages %}USER {% if m['content'] is string %}{{ m['content'] }}{% else %}{% for p in m['content'] %}{% if p['type'] == 'image' %}<image>\n{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% endif %}{% endfor %} ASSISTANT",
      files: {
        'preprocessor_config.json': {
          image_processor_type: 'CLIPImageProcessor',
          size: { height: 8, width: 8 },
          do_center_crop: false,
        },
      },
    });
    const model = plainModel({ ...opened, maximumTokens: 6 });
    const ask = async (image?: ReturnType<typeof picture>) => {
      const [answer] = await model.answer({
        examples: [{ ...example('a', 'has 7 ?'), ...(image ? { image } : {}) }],
        prompts: ['has 7 ?'],
      });
      return answer!.output;
    };
    const [dark, bright, blind] = [await ask(picture(5)), await ask(picture(250)), await ask()];
    expect(await ask(picture(5))).toBe(dark);
    expect(new Set([dark, bright, blind]).size).toBeGreaterThan(1);
    opened.model.dispose();
  });

  it('refuses pictures without a vision encoder, and questions over the context, with codes', async () => {
    const opened = await saved({ name: 'blind', config: llama() });
    const model = plainModel({ ...opened, maximumTokens: 2 });
    await expect(
      model.answer({ examples: [{ ...example('a', '7'), image: picture(1) }], prompts: ['7'] }),
    ).rejects.toMatchObject({ code: 'task-model-mismatch' });
    await expect(model.answer({ examples: [example('a', '7')], prompts: ['7 '.repeat(80)] })).rejects.toMatchObject({
      code: 'too-many-positions',
    });
    opened.model.dispose();
  });
});
