import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const commandFiles = {
  subtext: join(root, 'apps/cli/dist/main.js'),
  'subtext-eval': join(root, 'apps/eval/dist/main.js'),
};

const text = (extra = '') =>
  `{ model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true${extra} }`;
const vision =
  '{ model_type: clip_vision_model, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, image_size: 16, patch_size: 8 }';

const configurations = {
  'see.yaml': `
output: see
engine: wasm
workers: 0
data: { format: scenes, train: scenes/train.jsonl }
model: { new: { model_type: llava, vision_feature_layer: -1, vision_feature_select_strategy: default, projector_hidden_act: gelu, vision_config: ${vision}, text_config: ${text()} } }
method: { name: heima, thinkingTokens: 1 }
training: { batchSize: 4, learningRate: 0.01, text: { steps: 20 }, encode: { steps: 40 }, recover: { steps: 20 } }
interpreters: { mode: joint, model: { new: ${text()} } }
`,
  'read.yaml': `
output: read
engine: wasm
workers: 0
data: { format: scenes, train: scenes/train.jsonl, images: false }
model: { new: ${text()} }
method: { name: coconut, thoughtsPerStep: 1, hiddenSteps: 1 }
training: { batchSize: 4, text: { steps: 2 }, encode: { steps: 2 }, recover: { steps: 1 } }
`,
  'lora.yaml': `
output: lora
engine: wasm
workers: 0
data: { format: scenes, train: scenes/train.jsonl, images: false }
model: { from: read/reasoner, lora: { rank: 2 } }
method: { name: no-cot }
training: { batchSize: 4, text: { steps: 2 } }
`,
};

const examples = [
  { question: 'What is 1 + 2 ?', steps: ['1 + 2 = 3'], answer: '3' },
  { question: 'What is 2 * 4 ?', steps: ['2 * 4 = 8', '8 = 8'], answer: '8' },
];

/** Data files of every format that is text, two examples each, in the published form. */
const dataFiles = {
  'coconut-json.json': JSON.stringify(examples),
  'gsm8k.jsonl': examples
    .map(({ question, steps, answer }) => JSON.stringify({ question, answer: `${steps.join('\n')}\n#### ${answer}` }))
    .join('\n'),
  'icot.txt': examples
    .map(
      ({ question, steps, answer }) =>
        `${question}||${steps.map((step) => `<<${step.replaceAll(' ', '')}>>`).join(' ')} #### ${answer}`,
    )
    .join('\n'),
  'llava-cot.jsonl': JSON.stringify({
    id: 1,
    image: 'images/a.png',
    conversations: [
      { from: 'human', value: 'What is it?' },
      {
        from: 'gpt',
        value: '<SUMMARY>s</SUMMARY> <CAPTION>c</CAPTION> <REASONING>r</REASONING> <CONCLUSION>red</CONCLUSION>',
      },
    ],
  }),
  'vlmevalkit.tsv':
    'index\timage\tquestion\tA\tB\tanswer\n1\tiVBORw0KGgo=\tWhich?\tred\tblue\tA\n2\t1\tWhat?\tred\tblue\tB\n',
};

/** A Hugging Face model as published: other keys than those that we write. */
const llamaConfig = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 257,
  eos_token_id: 258,
  hidden_act: 'silu',
  hidden_size: 16,
  initializer_range: 0.02,
  intermediate_size: 32,
  max_position_embeddings: 192,
  mlp_bias: false,
  model_type: 'llama',
  num_attention_heads: 2,
  num_hidden_layers: 2,
  num_key_value_heads: 1,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 4,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
    rope_type: 'llama3',
  },
  rope_theta: 10000,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
  transformers_version: '4.45.0',
  use_cache: true,
  vocab_size: 264,
};

function llamaWeights() {
  const layer = {
    'input_layernorm.weight': [16],
    'post_attention_layernorm.weight': [16],
    'self_attn.q_proj.weight': [16, 16],
    'self_attn.k_proj.weight': [8, 16],
    'self_attn.v_proj.weight': [8, 16],
    'self_attn.o_proj.weight': [16, 16],
    'mlp.gate_proj.weight': [32, 16],
    'mlp.up_proj.weight': [32, 16],
    'mlp.down_proj.weight': [16, 32],
  };
  const shapes = {
    'model.embed_tokens.weight': [264, 16],
    'model.norm.weight': [16],
    ...Object.fromEntries(
      [0, 1].flatMap((index) => Object.entries(layer).map(([name, shape]) => [`model.layers.${index}.${name}`, shape])),
    ),
  };
  const header = { __metadata__: { format: 'pt' } };
  let bytes = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = 4 * shape.reduce((product, one) => product * one, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [bytes, bytes + size] };
    bytes += size;
  }
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([
    head,
    text,
    Buffer.from(Float32Array.from({ length: bytes / 4 }, (_, index) => Math.sin(index) * 0.2).buffer),
  ]);
}

/** A tokenizer of single bytes that has every kind of part: patterns, normalizers, a template, added tokens, a chat template. */
function byteTokenizer() {
  // Bytes that print are their own characters, the others follow from U+0100 on (GPT-2's table).
  const printing = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !printing(byte));
  const vocabulary = Object.fromEntries(
    bytes.map((byte) => [String.fromCharCode(printing(byte) ? byte : 256 + others.indexOf(byte)), byte]),
  );
  const added = (id, content) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [added(257, '<s>'), added(258, '</s>'), { ...added(259, '<think>'), special: false }],
      normalizer: {
        type: 'Sequence',
        normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }],
      },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          {
            type: 'Split',
            pattern: { Regex: "(?i:'s|'t|'re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+" },
            behavior: 'Isolated',
            invert: false,
          },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { '<s>': { id: '<s>', ids: [257], tokens: ['<s>'] } },
      },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: { ...vocabulary, th: 256 },
        merges: [['t', 'h']],
      },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<s>',
      eos_token: {
        __type: 'AddedToken',
        content: '</s>',
        lstrip: false,
        rstrip: false,
        normalized: false,
        single_word: false,
        special: true,
      },
      add_bos_token: true,
      clean_up_tokenization_spaces: false,
      model_max_length: 192,
      added_tokens_decoder: {
        257: { content: '<s>', lstrip: false, rstrip: false, normalized: false, single_word: false, special: true },
      },
      chat_template:
        "{% for message in messages %}{{ '<s>' + message['role'] + ': ' + message['content'] | trim + '</s>\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
    },
    'special_tokens_map.json': { bos_token: '<s>', eos_token: '</s>' },
    'generation_config.json': { bos_token_id: 257, eos_token_id: [258], do_sample: true, temperature: 0.6, top_p: 0.9 },
  };
}

function command(name, words, folder) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [commandFiles[name], ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, SUBTEXT_ENGINE: 'wasm', HF_HUB_OFFLINE: '1' },
  });
  if (status !== 0)
    throw new Error(`${name} ${words.join(' ')} failed while the seeds were made:\n${stdout}\n${stderr}`);
}

/**
 * Makes the sound folders that the fuzzer changes: models of some thousand numbers (one that sees, with an interpreter;
 * one that reads; an adapter), data of every format, an evaluation's results, run folders.
 */
export function makeSeeds(folder) {
  for (const [name, path] of Object.entries(commandFiles))
    if (!existsSync(path)) throw new Error(`${name} is not built: run "npm run bootstrap" first.`);
  mkdirSync(join(folder, 'data'), { recursive: true });
  for (const [name, content] of Object.entries(configurations)) writeFileSync(join(folder, name), content);
  for (const [name, content] of Object.entries(dataFiles)) writeFileSync(join(folder, 'data', name), content);
  command('subtext', ['data', 'generate', 'scenes', 'scenes', '--train', '8', '--test', '2', '--seed', '7'], folder);
  mkdirSync(join(folder, 'published'));
  for (const [name, content] of Object.entries({ ...byteTokenizer(), 'config.json': llamaConfig }))
    writeFileSync(join(folder, 'published', name), JSON.stringify(content));
  writeFileSync(join(folder, 'published', 'model.safetensors'), llamaWeights());
  for (const name of ['see', 'read', 'lora']) command('subtext', ['train', `${name}.yaml`], folder);
  command(
    'subtext-eval',
    ['run', '--model', 'see/reasoner', '--task', 'scenes', '--data', 'scenes', '--limit', '2', '--output', 'results-a'],
    folder,
  );
  command(
    'subtext-eval',
    ['run', '--model', 'see/reasoner', '--task', 'scenes', '--data', 'scenes', '--limit', '2', '--output', 'results-b'],
    folder,
  );
}
