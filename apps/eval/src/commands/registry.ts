import type { CommandEntry } from '@subtext/terminal';

/** Every command. A new one is one file and one line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    description: 'ask a model the questions of one or more tasks and score its answers',
    load: async () => (await import('./run')).runCommand(),
  },
  merge: {
    description: 'put the parts of a run together that --shard answered, with the options of the run',
    load: async () => (await import('./run')).mergeCommand(),
  },
  list: {
    description: 'list the tasks and the data that each expects',
    load: async () => (await import('./list')).listCommand(),
  },
  compare: {
    description: 'compare runs on the same samples: intervals, McNemar, bootstrap; names what is not significant',
    load: async () => (await import('./compare')).compareCommand(),
  },
  audit: {
    description: "measure whether a model's thoughts are used, whether its interpreters read them, and what they hold",
    load: async () => (await import('./audit')).auditCommand(),
  },
  probe: {
    description:
      'measure which facts can be read from the thoughts, beside untrained models, the question and control tasks',
    load: async () => (await import('./probe')).probeCommand(),
  },
  direction: {
    description: 'find a direction among the thoughts of a stage, to steer by: from examples of one kind to another',
    load: async () => (await import('./direction')).directionCommand(),
  },
  monitor: {
    description: 'train a monitor that flags thoughts by their states, and measure what it finds and misses',
    load: async () => (await import('./monitor')).monitorCommand(),
  },
  uncertainty: {
    description:
      'measure what is held of what cannot be known, in thoughts and in words, against the true distribution',
    load: async () => (await import('./uncertainty')).uncertaintyCommand(),
  },
};
