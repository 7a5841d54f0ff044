import type { CommandEntry } from '@subtext/terminal';

/** Every command. A new one is one file and one line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  start: {
    description: 'run the main demo: train a model to think in hidden tokens, decode its thoughts, and report on both',
    load: async () => (await import('./start')).startCommand(),
  },
  think: {
    description: 'ask a trained reasoner a question',
    load: async () => (await import('./think')).thinkCommand(),
  },
  pack: {
    description: 'condense documents into a knowledge pack: a few positions that replace them in the prompt',
    load: async () => (await import('./pack')).packCommand(),
  },
  inspect: {
    description: 'open a model in the browser to read and edit its thoughts',
    load: async () => (await import('./inspect')).inspectCommand(),
  },
  import: {
    description: 'convert a checkpoint of the original Coconut, CODI or SIM-CoT code to a reasoner',
    load: async () => (await import('./import')).importCommand(),
  },
  train: {
    description: 'train from a configuration file; run again to resume an interrupted run',
    load: async () => (await import('./train')).trainCommand(),
  },
  thoughts: {
    description: "show what a graph reasoner's thoughts encode about the nodes: the search frontier in superposition",
    load: async () => (await import('./thoughts')).thoughtsCommand(),
  },
  runs: {
    description: 'list, compare and plot training runs',
    load: async () => (await import('./runs')).runsCommand(),
  },
  experiment: {
    description: 'train and compare variants over several seeds, with significance tests; resumes',
    load: async () => (await import('./experiment')).experimentCommand(),
  },
  eval: {
    description: 'benchmarks, comparisons and audits of thoughts (same as subtext-eval)',
    load: async () => (await import('./eval')).evalCommand(),
  },
  presets: {
    description: 'list the built-in configurations, or copy one to edit it',
    load: async () => (await import('./presets')).presetsCommand(),
  },
  push: {
    description: 'upload a model to the Hugging Face Hub with a model card; a dry run without --yes',
    load: async () => (await import('./push')).pushCommand(),
  },
  forward: {
    description: 'run one forward pass on a file of inputs and save the outputs, named as in transformers',
    load: async () => (await import('./forward')).forwardCommand(),
  },
  generate: {
    description: 'continue a text, or the rows of an input file',
    load: async () => (await import('./generate')).generateCommand(),
  },
  data: { description: 'generate and check data sets', load: async () => (await import('./data')).dataCommand() },
  bench: {
    description: 'measure training and generation speed of an engine',
    load: async () => (await import('./bench')).benchCommand(),
  },
  doctor: {
    description: 'show what this machine supports, which engine would run and why, and what would make it faster',
    load: async () => (await import('./doctor')).doctorCommand(),
  },
  engine: { description: 'install an engine', load: async () => (await import('./engine')).engineCommand() },
};
