import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Questions of two steps that a small model can learn to answer in its head, from a few hundred examples: the largest of
 * three digits. Calculations modulo a number, which the other tables use, take tens of thousands: with these few a model
 * that is trained in full guesses, and an adapter could not fall behind it.
 *
 * Writes `train.json`, `test.json` and `validation.json`, in which no question stands twice, and gives their paths.
 */
export async function drawDigits({ folder, training, held, validation }) {
  const all = Array.from({ length: 1000 }, (_, number) => [...String(number).padStart(3, '0')].map(Number));
  let state = 5;
  const below = (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  for (let last = all.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [all[last], all[other]] = [all[other], all[last]];
  }
  const examples = all.map(([a, b, c]) => ({
    question: `${a} ${b} ${c}`,
    steps: [`${a} ${b} =${Math.max(a, b)}`, `${Math.max(a, b)} ${c} =${Math.max(a, b, c)}`],
    answer: String(Math.max(a, b, c)),
  }));
  await mkdir(folder, { recursive: true });
  const paths = {};
  let start = 0;
  for (const [name, count] of Object.entries({ train: training, test: held, validation })) {
    paths[name] = join(folder, `${name}.json`);
    await writeFile(paths[name], `${JSON.stringify(examples.slice(start, start + count))}\n`);
    start += count;
  }
  return paths;
}
