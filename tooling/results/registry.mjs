/**
 * The committed results: the page that shows each, which command makes it, and on which code it rests. `confirmed`: a later
 * commit whose code was seen to do the same in part, and in what. `by`: what measured it, where that is not the command any more. `check` says how a result that takes
 * minutes is compared with what the code gives now; the others are listed with what has changed since they were made.
 */
const never = [
  ...[':!*.test.ts', ':!*.md', ':!packages/*/fixtures', ':!packages/*/test'],
  // No result was measured over a network of ranks or on these engines, but those that name them.
  ...[':!packages/hub', ':!packages/mpi', ':!packages/engine-webgpu', ':!packages/engine-tensorflow'],
];
const everything = ['packages', 'apps/cli/src', ...never];
const evaluation = ['packages', 'apps/eval/src', ...never];

/**
 * The first steps of these runs, on one machine: the same weights, byte by byte, with the code of c457fdb, soon after they were
 * made, and with that of 3f651ba, e58c513 and 5438f00, after files had moved to other packages (`short-runs.json`). Those of the
 * first path likewise, with 75effe2, 3f651ba and e58c513.
 */
const firstSteps = (what) => ({
  commit: '5438f00',
  what: `the first steps of ${what} end at the same weights`,
});

/** These numbers were measured before `subtext experiment` took the place of the script; the same configurations trained them. */
const byScript = (name) =>
  `the committed numbers were measured by \`tooling/science/${name}.mjs\` of that commit, which the experiment replaces`;

export const results = [
  {
    file: 'docs/results/start.json',
    page: 'docs/results/start.md',
    command: 'npm start',
    code: [...everything, 'apps/cli/presets/small', 'apps/cli/presets/scenes'],
    check: {
      words: [
        'apps/cli/bin/subtext.js',
        'start',
        '--preset',
        'small',
        '--seed',
        '1',
        '--engine',
        'native',
        '--workers',
        '2',
      ],
      output: 'results.json',
      minutes: 5,
      // Runs on two kinds of processor, with vectors of other widths, part in the last bits, and trained models by this
      // much. On one machine the numbers are equal.
      tolerances: { accuracy: 0.02, factsRight: 0.08, generated: 0, withoutTags: 0, thinking: 0 },
    },
  },
  {
    file: 'docs/results/start-seed-2.json',
    page: 'docs/results/start.md',
    command: 'npm start -- --seed 2',
    code: [...everything, 'apps/cli/presets/small', 'apps/cli/presets/scenes'],
  },
  {
    file: 'docs/results/start-seed-3.json',
    page: 'docs/results/start.md',
    command: 'npm start -- --seed 3',
    code: [...everything, 'apps/cli/presets/small', 'apps/cli/presets/scenes'],
  },
  {
    file: 'docs/results/full.json',
    page: 'docs/results/start.md',
    command: 'npx subtext start --preset full',
    code: [...everything, 'apps/cli/presets'],
  },
  {
    file: 'docs/results/arithmetic.json',
    page: 'docs/results/arithmetic.md',
    command: 'npx subtext experiment tooling/science/arithmetic/experiment.yaml',
    by: byScript('arithmetic'),
    confirmed: firstSteps('`coconut`, `sim-cot`, `codi`, `heima`, `adaptive` and `icot`'),
    code: [...everything, 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/graphs.json',
    page: 'docs/results/graphs.md',
    command: 'npx subtext experiment tooling/science/graphs/experiment.yaml evaluation.data=prosqa_graph_valid.json',
    by: byScript('graphs'),
    confirmed: firstSteps('`coconut`, `pause` and `cot`'),
    code: [...everything, 'tooling/science/graphs'],
  },
  {
    file: 'docs/results/graphs-used.json',
    page: 'docs/results/graphs-used.md',
    command: 'npx subtext experiment tooling/science/graphs/used.yaml evaluation.data=prosqa_graph_valid.json',
    code: [...everything, 'tooling/science/graphs'],
  },
  {
    file: 'docs/results/visibility.json',
    page: 'docs/results/visibility.md',
    command: 'npx subtext experiment tooling/science/visibility/experiment.yaml',
    code: [...everything, 'tooling/science/visibility', 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/coconut-longer.json',
    page: 'docs/results/coconut-longer.md',
    command: 'npx subtext experiment tooling/science/visibility/coconut-longer.yaml',
    code: [...everything, 'tooling/science/visibility', 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/cot2.json',
    page: 'docs/results/cot2.md',
    command: 'npx subtext experiment tooling/science/cot2/experiment.yaml',
    code: [...everything, 'tooling/science/cot2'],
  },
  {
    file: 'docs/results/one-pass.json',
    page: 'docs/results/one-pass.md',
    command: 'npx subtext experiment tooling/science/one-pass/experiment.yaml',
    code: [...everything, 'tooling/science/one-pass', 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/one-pass-graphs.json',
    page: 'docs/results/one-pass-graphs.md',
    command: 'npx subtext experiment tooling/science/one-pass/graphs.yaml',
    code: [...everything, 'tooling/science/one-pass', 'tooling/science/graphs'],
  },
  {
    file: 'docs/results/recurrent-depth.json',
    page: 'docs/results/recurrent-depth.md',
    command: 'npx subtext experiment tooling/science/recurrent-depth/experiment.yaml',
    code: [...everything, 'tooling/science/recurrent-depth'],
  },
  {
    file: 'docs/results/recurrent-depth-maze.json',
    page: 'docs/results/recurrent-depth-maze.md',
    command: 'npx subtext experiment tooling/science/recurrent-depth/maze-experiment.yaml seeds=[1]',
    code: [...everything, 'tooling/science/recurrent-depth'],
  },
  {
    file: 'docs/results/rewards.json',
    page: 'docs/results/rewards.md',
    command: 'npx subtext experiment tooling/science/rewards/experiment.yaml',
    code: [...everything, 'tooling/science/rewards'],
  },
  {
    file: 'docs/results/halting.json',
    page: 'docs/results/halting.md',
    command: 'npx subtext experiment tooling/science/halting/experiment.yaml',
    code: [...everything, 'tooling/science/halting', 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/halting-development.json',
    page: 'docs/results/halting-development.md',
    command: 'npx subtext experiment tooling/science/halting/development.yaml',
    code: [...everything, 'tooling/science/halting', 'tooling/science/arithmetic'],
  },
  {
    file: 'docs/results/knowledge-packs.json',
    page: 'docs/results/knowledge-packs.md',
    command: 'node tooling/science/knowledge-packs.mjs',
    code: [...everything, 'tooling/science/knowledge-packs', 'tooling/science/knowledge-packs.mjs'],
  },
  {
    file: 'docs/results/monitor.json',
    page: 'docs/results/monitor.md',
    command: 'node tooling/science/monitor.mjs',
    code: [...everything, 'apps/eval/src', 'tooling/science/monitor', 'tooling/science/monitor.mjs'],
  },
  {
    file: 'docs/results/first-path.json',
    page: 'docs/results/first-path.md',
    command: 'node tooling/science/first-path.mjs --folder stories260K --python python3',
    // A folder that these runs need was not at hand later.
    confirmed: { ...firstSteps('`heima`, `sim-cot` and `codi` on stories260K'), commit: 'e58c513' },
    code: [...everything, 'apps/eval/src', 'tooling/science/first-path'],
  },
  {
    file: 'docs/results/first-path-settings.json',
    page: 'docs/results/first-path.md',
    command: 'node tooling/science/first-path/compare-settings.mjs --folder stories260K codi:full codi:lora …',
    code: [...everything, 'apps/eval/src', 'tooling/science/first-path'],
  },
  {
    file: 'docs/results/uncertainty.json',
    page: 'docs/results/uncertainty.md',
    command: 'node tooling/science/uncertainty.mjs',
    code: [...everything, 'apps/eval/src', 'tooling/science/uncertainty'],
  },
  {
    file: 'docs/results/short-runs.json',
    command: 'node tooling/results/short-runs.mjs --output docs/results',
    code: [...everything, 'tooling/science/arithmetic', 'tooling/science/graphs'],
    check: {
      words: ['tooling/results/short-runs.mjs'],
      output: 'short-runs.json',
      minutes: 2,
      // As above: the last bits of another kind of processor.
      tolerances: { step: 0, loss: 0.002 },
    },
  },
  {
    file: 'docs/results/audit-published.json',
    page: 'docs/results/audits.md',
    command: 'node tooling/science/audits.mjs --models published',
    code: evaluation,
  },
  {
    file: 'docs/results/audit-chain.json',
    page: 'docs/results/audits.md',
    command: 'node tooling/science/audits.mjs --models chain',
    code: evaluation,
  },
  {
    file: 'docs/results/checkpoints.json',
    page: 'docs/results/checkpoints.md',
    command: 'node tooling/bench/checkpoints.mjs',
    code: ['packages/model', 'packages/nn', 'packages/tensor', ':!*.test.ts'],
  },
  {
    file: 'docs/results/checkpoints-gpt2.json',
    page: 'docs/results/checkpoints.md',
    command: 'node tooling/bench/checkpoints.mjs',
    code: ['packages/model', 'packages/nn', 'packages/tensor', ':!*.test.ts'],
  },
  {
    file: 'docs/results/coconut-speed.json',
    page: 'docs/results/coconut-speed.md',
    command: 'node tooling/bench/coconut.mjs',
    code: ['packages/trainer', 'packages/reasoner', 'packages/model', 'packages/nn', 'packages/tensor', ':!*.test.ts'],
  },
  {
    file: 'docs/results/coconut-speed-tensorflow.json',
    page: 'docs/results/coconut-speed.md',
    command: 'node tooling/bench/coconut.mjs --engine tensorflow',
    code: ['packages/trainer', 'packages/reasoner', 'packages/model', 'packages/nn', 'packages/tensor', ':!*.test.ts'],
  },
  ...['engines-node24', 'engines-pytorch', 'engines-quiet', 'engines-tensorflow', 'engines-train-512'].map((name) => ({
    file: `docs/results/${name}.json`,
    page: 'docs/results/engines.md',
    command: 'node tooling/bench/engines.mjs',
    code: ['packages/tensor', ':!*.test.ts'],
  })),
  {
    file: 'docs/results/engines-native.json',
    page: 'docs/results/engines.md',
    command: 'node tooling/bench/engines.mjs --engines native --rounds 2',
    code: ['packages/tensor', 'packages/native-kernels', 'packages/engine-native', ':!*.test.ts'],
  },
  {
    file: 'docs/results/large.json',
    page: 'docs/results/engines.md',
    command: 'node tooling/bench/large.mjs --models MODELS --llamacpp FOLDER --rounds 2 --tokens 8',
    code: ['packages/model', 'packages/native-kernels', 'packages/engine-native', ':!*.test.ts'],
  },
  {
    file: 'docs/results/recompute.json',
    page: 'docs/results/engines.md',
    command: 'node tooling/bench/recompute.mjs',
    code: ['packages/tensor', 'packages/nn', ':!*.test.ts'],
  },
  {
    file: 'docs/results/weight-dtypes.json',
    page: 'docs/results/engines.md',
    command: 'node tooling/bench/weight-dtypes.mjs --model stories260K',
    code: ['packages/native-kernels/native/weight-store.cc', 'packages/native-kernels/native/widen.h'],
  },
  ...[
    ['collectives', 'collectives.mjs', ['packages/mpi/src']],
    ['training', 'training.mjs', ['packages/mpi/src', 'packages/trainer/src/parallel', 'apps/cli/src/bench']],
    ['emulated', 'emulated.mjs', ['packages/mpi/src', 'packages/trainer/src/parallel']],
    ['predictions', 'predict.mjs', ['packages/trainer/src/parallel']],
  ].map(([name, program, code]) => ({
    file: `docs/results/scale-${name}.json`,
    page: 'docs/results/scale.md',
    command: `node tooling/scale/${program}`,
    code: [...code, 'tooling/scale', ':!*.test.ts'],
  })),
  {
    file: 'docs/results/packages.json',
    page: 'docs/results/packages.md',
    command: 'npm run rehearse -- --nodes 20,22,24 --output docs/results/packages.json',
    code: [
      'packages',
      'apps',
      'tooling/rehearsal',
      ':!*.test.ts',
      ':!*.md',
      ':!packages/*/fixtures',
      ':!packages/*/test',
    ],
  },
  {
    file: 'docs/results/reliability.json',
    page: 'docs/reliability.md',
    command: 'node tooling/reliability/kill-harness.mjs',
    code: ['packages/trainer', 'packages/reasoner', 'packages/core', ':!*.test.ts'],
  },
  {
    file: 'docs/results/ranks-killed.json',
    page: 'docs/reliability.md',
    command: 'node tooling/reliability/kill-ranks.mjs',
    code: ['packages/trainer', 'packages/mpi', 'packages/core', ':!*.test.ts'],
  },
  {
    file: 'docs/results/hosts.json',
    page: 'docs/reliability.md',
    command: 'node tooling/reliability/hosts.mjs',
    code: ['packages/trainer', 'packages/mpi', ':!*.test.ts'],
  },
];
