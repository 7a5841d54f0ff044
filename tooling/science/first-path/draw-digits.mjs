import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Questions of two steps that a small model can learn to answer in its head, from a few hundred examples: the largest of
 * three digits. Calculations modulo a number, which the other tables use, take tens of thousands: with these few a model
 * that is trained in full guesses, and an adapter could not fall behind it.
 */
export async function drawDigits({ train, test, ...counts }) {
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
  await mkdir(dirname(train), { recursive: true });
  await writeFile(train, `${JSON.stringify(examples.slice(0, counts.training))}\n`);
  await writeFile(test, `${JSON.stringify(examples.slice(counts.training, counts.training + counts.held))}\n`);
}
