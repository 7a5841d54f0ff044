/**
 * What is changed and which command then reads it. `files` are the folders and files that make one case's folder, from
 * the seeds; `change` says which of them may be changed.
 */
const reasonerFiles = /\.(json|safetensors)$/;
const think = ['think', 'where is the red square ?', '--model', 'model', '--json'];

export const targets = [
  {
    name: 'published folder',
    command: 'subtext',
    files: { model: 'published' },
    change: reasonerFiles,
    words: ['generate', 'the red square', '--model', 'model', '--max-new-tokens', '3', '--json'],
    weight: 10,
  },
  {
    name: 'model folder, text',
    command: 'subtext',
    files: { model: 'read/reasoner' },
    change: reasonerFiles,
    words: ['generate', 'the red square', '--model', 'model', '--max-new-tokens', '3', '--json'],
    weight: 8,
  },
  {
    name: 'reasoner folder, text',
    command: 'subtext',
    files: { model: 'read/reasoner' },
    change: reasonerFiles,
    words: think,
    weight: 8,
  },
  {
    name: 'reasoner folder with pictures and interpreters',
    command: 'subtext',
    files: { model: 'see/reasoner', 'a.png': 'scenes/images/train/000001.png' },
    change: /\.(json|safetensors)$/,
    words: [...think, '--image', 'a.png', '--explain'],
    weight: 10,
  },
  {
    name: 'picture',
    command: 'subtext',
    files: { model: 'see/reasoner', 'a.png': 'scenes/images/train/000001.png' },
    change: /\.png$/,
    words: [...think, '--image', 'a.png'],
    weight: 4,
  },
  {
    name: 'adapter',
    command: 'subtext',
    files: { model: 'lora/reasoner' },
    change: /adapter/,
    words: think,
    weight: 6,
  },
  {
    name: 'scenes data',
    command: 'subtext',
    files: { 'train.jsonl': 'scenes/train.jsonl', images: 'scenes/images' },
    change: /\.(jsonl|png)$/,
    words: ['data', 'check', 'train.jsonl', '--format', 'scenes', '--json'],
    weight: 4,
  },
  ...['coconut-json.json', 'gsm8k.jsonl', 'icot.txt', 'llava-cot.jsonl', 'vlmevalkit.tsv'].map((file) => {
    const format = { 'icot.txt': 'icot-text' }[file] ?? file.replace(/\.[a-z]+$/, '');
    return {
      name: `${format} data`,
      command: 'subtext',
      files: { [file]: `data/${file}`, images: 'scenes/images' },
      change: new RegExp(file.replace('.', '\\.')),
      words: ['data', 'check', file, '--format', format, '--json'],
      weight: 2,
    };
  }),
  {
    name: 'results',
    command: 'subtext-eval',
    files: { a: 'results-a', b: 'results-b' },
    change: /^a\/.*\.jsonl?$/,
    words: ['compare', 'a', 'b', '--json'],
    weight: 4,
  },
  {
    name: 'run folders, listed',
    command: 'subtext',
    files: { runs: 'see' },
    change: /^runs\/[^/]*\.jsonl?$/,
    words: ['runs', 'list', 'runs', '--json'],
    weight: 4,
  },
  {
    name: 'run folders, plotted',
    command: 'subtext',
    files: { runs: 'see' },
    change: /^runs\/[^/]*\.jsonl?$/,
    words: ['runs', 'plot', 'runs'],
    weight: 2,
  },
  {
    name: 'configuration',
    command: 'subtext',
    files: { 'read.yaml': 'read.yaml', read: 'read', scenes: 'scenes' },
    change: /^read\.yaml$|^read\/[^/]*\.jsonl?$/,
    words: ['train', 'read.yaml', '--dry-run', '--json'],
    weight: 1,
  },
];
