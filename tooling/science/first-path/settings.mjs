/** Each method, and how long each kind of its phases is trained where there is something to learn: Coconut's kind has more phases. */
export const methods = {
  heima: { specification: { name: 'heima', thinkingTokens: 1 }, steps: { text: 160, encode: 100, recover: 60 } },
  coconut: { specification: { name: 'coconut', hiddenSteps: 2 }, steps: { text: 80, encode: 60, recover: 30 } },
  'sim-cot': { specification: { name: 'sim-cot', hiddenSteps: 2 }, steps: { text: 80, encode: 90, recover: 30 } },
  codi: { specification: { name: 'codi', count: 2 }, steps: { text: 80, encode: 460, recover: 30 } },
  adaptive: { specification: { name: 'adaptive', hiddenSteps: 2 }, steps: { text: 80, encode: 60, recover: 30 } },
};

export const adapter = (tokens) => ({ rank: 16, alpha: 32, tokens });

/** Each tuning with the learning rate that `compare-settings.mjs` found best for it. */
export const tunings = {
  full: { learningRate: 0.002 },
  'LoRA, rows': { learningRate: 0.002, lora: adapter('rows') },
  LoRA: { learningRate: 0.002, lora: adapter('none') },
};

/** Questions that no row is trained on: those that the page reports, and those that settings are chosen by. None stands in two sets. */
export const asked = { training: 300, held: 240, validation: 240 };

/** What `subtext train` is given. `learns`: the steps above; else two of each phase. */
export function configurationOf({ output, folder, data, method, learningRate, lora, learns, heldOut, steps = {} }) {
  const counts = { ...methods[method].steps, ...steps };
  return {
    output,
    engine: 'wasm',
    workers: 0,
    reasoningFormat: 'lines',
    data: { format: 'coconut-json', train: data.train, evaluation: heldOut },
    model: { from: folder, ...(lora && { lora }) },
    method: methods[method].specification,
    training: {
      batchSize: learns ? 16 : 4,
      learningRate,
      warmupSteps: 20,
      shards: 1,
      ...Object.fromEntries(Object.entries(counts).map(([kind, count]) => [kind, { steps: learns ? count : 2 }])),
    },
    // SIM-CoT brings its own. Heima's come after the reasoner, which they leave as it is.
    ...(method === 'heima' && {
      interpreters: {
        mode: 'after',
        model: { from: 'reasoner', ...(lora && { lora: adapter('rows') }) },
        schedule: { steps: learns ? 60 : 2 },
      },
    }),
  };
}
