import type { CommandEntry } from '@subtext/terminal';

/** Every command. A new one is one file and one line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    description: 'evaluate a model on one or more tasks',
    load: async () => (await import('./run')).runCommand(),
  },
  merge: {
    description: 'combine the parts of a run made with --shard, given the same options',
    load: async () => (await import('./run')).mergeCommand(),
  },
  list: {
    description: 'list the tasks and the data they expect',
    load: async () => (await import('./list')).listCommand(),
  },
  compare: {
    description: "compare runs on the same samples: confidence intervals, McNemar's test, bootstrap",
    load: async () => (await import('./compare')).compareCommand(),
  },
  audit: {
    description: "test whether a model's thoughts are used, whether its interpreters read them, and what they encode",
    load: async () => (await import('./audit')).auditCommand(),
  },
  probe: {
    description:
      'test which facts can be decoded from the thoughts, against untrained models, the question and control tasks',
    load: async () => (await import('./probe')).probeCommand(),
  },
  direction: {
    description: "compute a steering direction for a stage's thoughts, from one kind of example to another",
    load: async () => (await import('./direction')).directionCommand(),
  },
  monitor: {
    description: 'train a monitor that flags thoughts by their states, and report its detections and false alarms',
    load: async () => (await import('./monitor')).monitorCommand(),
  },
  uncertainty: {
    description: 'compare the uncertainty in thoughts and in words with the true distribution',
    load: async () => (await import('./uncertainty')).uncertaintyCommand(),
  },
};
