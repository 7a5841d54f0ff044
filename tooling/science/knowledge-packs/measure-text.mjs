import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { loadModel } from '../../../packages/model/dist/index.js';
import { documentPack, PackedModel } from '../../../packages/reasoner/dist/index.js';
import { tf } from '../../../packages/tensor/dist/index.js';
import { loadTokenizer } from '../../../packages/tokenizer/dist/index.js';
import { studyContinuations, trainPack } from '../../../packages/trainer/dist/index.js';

/** A fable by Aesop, retold, in words that a model of children's stories knows. */
const story = `Once upon a time, there was a little mouse named Tim. Tim lived near a big lion. One day, the lion was sleeping under a tree. Tim ran over the lion's nose. The lion woke up and was very mad. He put his big paw on Tim. "Please let me go," said Tim. "One day I will help you." The lion laughed. "You are too small to help me," he said. But he was kind, and he let Tim go. The next day, the lion went for a walk in the forest. He fell into a net and could not get out. He was sad and scared. Tim heard the lion cry. He ran to the net and bit the rope with his little teeth. He bit and bit until the net broke. The lion was free. "Thank you, Tim," said the lion. "You are small, but you are a big friend."`;
const ratio = 8;

/** By text, the states' logits of its predicted tokens, a row each. */
function logitsOf({ model, texts }) {
  return texts.map(({ ids }) => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d([ids], undefined, 'int32')) });
    return tf.logSoftmax(model.logits(tf.reshape(hidden, [ids.length, hidden.shape[2]])));
  });
}

/** How far a model's next tokens are from the teacher's, in texts that were not studied: mean KL, and the share of the same likeliest. */
function distance({ model, teacher, texts }) {
  return tf.tidy(() => {
    const own = tf.concat(logitsOf({ model, texts }), 0);
    const taught = tf.concat(logitsOf({ model: teacher, texts }), 0);
    const kl = tf.mean(tf.sum(tf.mul(tf.exp(taught), tf.sub(taught, own)), 1));
    const same = tf.mean(tf.cast(tf.equal(tf.argMax(taught, 1), tf.argMax(own, 1)), 'float32'));
    return { kl: kl.dataSync()[0], same: same.dataSync()[0] };
  });
}

/** A pack of a story for a model of children's stories: how near it comes to the story, on texts of other draws. */
export async function measureText({ folder, seeds }) {
  const tokenizer = await loadTokenizer({ folder });
  const model = await loadModel({ folder, trainable: false });
  const document = [...tokenizer.encode(story).ids];
  const positions = Math.floor(document.length / ratio);
  const teacher = await PackedModel.open({ model, packs: [await documentPack({ model, ids: document })] });
  const held = await studyContinuations({ model, document, count: 64, seed: 9000 });
  const measure = async (pack) => {
    const packed = await PackedModel.open({ model, packs: [pack] });
    const found = distance({ model: packed, teacher, texts: held });
    packed.disposePacks();
    return found;
  };
  const rows = [];
  for (const seed of seeds) {
    const run = await mkdtemp(join(tmpdir(), 'knowledge-packs-'));
    const { pack } = await trainPack({
      folder: join(run, 'run'),
      model: { kind: 'folder', folder },
      document,
      texts: await studyContinuations({ model, document, count: 512, seed: 100 * seed }),
      positions,
      steps: 300,
      seed,
    });
    await rm(run, { recursive: true, force: true });
    rows.push({ seed, ...(await measure(pack)) });
    console.log(`text, seed ${seed}:`, rows.at(-1));
  }
  const untrained = await measure(await documentPack({ model, ids: document, positions }));
  const nothing = distance({ model, teacher, texts: held });
  teacher.dispose();
  return { model: basename(folder), span: document.length, positions, held: held.length, nothing, untrained, rows };
}
