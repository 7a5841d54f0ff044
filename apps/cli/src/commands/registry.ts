import type { CommandEntry } from '@subtext/terminal';

/** Every command. A new one is one file and one line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  start: {
    description: 'the main job: train a model to think in hidden tokens, read its thoughts back, and show both',
    load: async () => (await import('./start')).startCommand(),
  },
  think: {
    description: 'ask a trained reasoner a question',
    load: async () => (await import('./think')).thinkCommand(),
  },
  pack: {
    description:
      'condense documents into a knowledge pack: a few positions that stand before a question in their place',
    load: async () => (await import('./pack')).packCommand(),
  },
  inspect: {
    description: 'open a model in the browser: look into its thoughts, change them, see what happens',
    load: async () => (await import('./inspect')).inspectCommand(),
  },
  import: {
    description: 'make a reasoner of a checkpoint that the code of Coconut, CODI or SIM-CoT saved',
    load: async () => (await import('./import')).importCommand(),
  },
  train: {
    description: 'train from a configuration file; an interrupted run resumes when it is started again',
    load: async () => (await import('./train')).trainCommand(),
  },
  thoughts: {
    description: "show what a graph reasoner's thoughts hold of the nodes: the search frontier in superposition",
    load: async () => (await import('./thoughts')).thoughtsCommand(),
  },
  runs: {
    description: 'list, compare and plot training runs',
    load: async () => (await import('./runs')).runsCommand(),
  },
  experiment: {
    description: 'train and compare over what is varied and several seeds: one file, one table with tests; resumes',
    load: async () => (await import('./experiment')).experimentCommand(),
  },
  eval: {
    description: 'run, compare and audit: benchmarks, what is significant, whether thoughts are used (as subtext-eval)',
    load: async () => (await import('./eval')).evalCommand(),
  },
  presets: {
    description: 'list the configurations that come with the command, and copy one to change it',
    load: async () => (await import('./presets')).presetsCommand(),
  },
  push: {
    description:
      "send a model's folder to the Hugging Face Hub, with its card; without --yes it says what it would send",
    load: async () => (await import('./push')).pushCommand(),
  },
  forward: {
    description: 'run a model once over a file of inputs and save its outputs, both named as transformers names them',
    load: async () => (await import('./forward')).forwardCommand(),
  },
  generate: {
    description: 'continue a text, or the rows of a file of inputs',
    load: async () => (await import('./generate')).generateCommand(),
  },
  data: { description: 'make and inspect data sets', load: async () => (await import('./data')).dataCommand() },
  bench: {
    description: 'measure how fast an engine trains and generates here',
    load: async () => (await import('./bench')).benchCommand(),
  },
  doctor: {
    description: 'say what this machine has, which engine would run and why, and what would make it faster',
    load: async () => (await import('./doctor')).doctorCommand(),
  },
  engine: { description: 'install an engine', load: async () => (await import('./engine')).engineCommand() },
};
