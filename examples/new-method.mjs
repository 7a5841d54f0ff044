// A method of one's own: the chain of thought is written from its last step to its first. A method says how an example is
// laid out and in which phases it is trained; the trainer, the generator and the audits read the same object.
//   node new-method.mjs DATA OUTPUT [STEPS]
// On the command line: the same function as the default export of a module, `subtext train CONFIG.yaml --include FILE`.
import { readExamples } from '@subtext/data';
import { createMethod, Reasoner, registerMethod, z } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { trainRun } from '@subtext/trainer';

const backwards = registerMethod({
  name: 'backwards',
  // Checked wherever the method is named: in a configuration, here, and in the saved model's subtext.json.
  options: z.strictObject({ keep: z.number().int().min(1).default(8).describe('how many of the last steps are kept') }),
  create({ keep }) {
    const chain = createMethod({ name: 'cot' });
    /** @param {import('@subtext/data').ReasoningExample} example */
    const turned = (example) => ({ ...example, steps: example.steps.slice(-keep).reverse() });
    return {
      ...chain,
      name: 'backwards',
      layout: ({ example, ...rest }) => chain.layout({ ...rest, example: turned(example) }),
    };
  },
});

const [data, folder, steps = '300'] = process.argv.slice(2);
await useEngine();
const { examples } = await readExamples({ path: data });
const { reasoner: trained } = await trainRun({
  folder,
  examples,
  reasoningFormat: 'lines',
  method: backwards({ keep: 3 }),
  model: { new: { model_type: 'gpt2', n_positions: 64, n_embd: 32, n_layer: 2, n_head: 2 } },
  training: { batchSize: 8, learningRate: 3e-3, text: { steps: Number(steps) } },
  workers: 0, // threads would have to register the method too: give its module as `include` for that
});

const reasoner = await Reasoner.load({ folder: trained });
const [{ text }] = await reasoner.think({ questions: [{ question: examples[0].question }] });
console.log(`${examples[0].question}\n${text}`);
