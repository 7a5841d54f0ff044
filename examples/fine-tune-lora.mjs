// Fine-tunes a checkpoint with LoRA to think in continuous thoughts, each of which is taught by the words of its step.
//   node fine-tune-lora.mjs MODEL DATA OUTPUT [STEPS]
// MODEL: a folder, or an id of the Hub such as Qwen/Qwen2.5-0.5B. DATA: JSON lines { question, steps, answer }.
import { readExamples } from '@subtext/data';
import { useEngine } from '@subtext/tensor';
import { trainRun } from '@subtext/trainer';

const [model, data, folder, steps = '200'] = process.argv.slice(2);
await useEngine(); // the fastest that this machine has

const { examples } = await readExamples({ path: data });
const schedule = { steps: Number(steps) };
const { reasoner, seconds } = await trainRun({
  folder,
  examples,
  reasoningFormat: 'lines', // a step a line, as the papers on continuous thoughts write them
  method: { name: 'sim-cot', hiddenSteps: 2 },
  model: { from: model, lora: { rank: 16, alpha: 32 } },
  training: { batchSize: 8, learningRate: 1e-3, text: schedule, encode: schedule, recover: schedule },
  onEvent(told) {
    if (told.event === 'progress') console.log(`step ${told.progress.step}: loss ${told.progress.loss.toFixed(3)}`);
    if (told.event === 'notice') console.log(told.notice);
  },
});

// The adapter is PEFT's (`reasoner/adapter`); the folder itself holds the merged model, which transformers loads.
console.log(`${reasoner} after ${Math.round(seconds)} s`);
