import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { generateFactSheets } from '../../../packages/data/dist/index.js';
import { documentIds, documentPack, packedReasoner, Reasoner } from '../../../packages/reasoner/dist/index.js';
import { RandomStream } from '../../../packages/tensor/dist/index.js';
import { studyAnswers, trainPack } from '../../../packages/trainer/dist/index.js';

/** People of a sheet: 48 positions. */
const people = 8;
/** What is compared. */
const variants = [
  { form: 'cache', positions: 6 },
  { form: 'cache', positions: 3 },
  { form: 'thoughts', positions: 6 },
];
/** The share of what can be asked of a sheet that self-study never asks. */
const neverAsked = 0.25;

/** Asks; the answers. */
const ask = async (reasoner, questions) =>
  (await reasoner.think({ questions: questions.map((question) => ({ question })) })).map(({ answer }) => answer);

/** Asks behind packs. */
async function askBehind({ reasoner, packs, questions }) {
  const packed = await packedReasoner({ reasoner, packs });
  const answers = await ask(packed, questions);
  packed.model.disposePacks();
  return answers;
}

/** Each thing that can be asked of a sheet: never in self-study, or in one of its two wordings. */
function split({ questions, seed }) {
  const random = new RandomStream({ seed, name: 'knowledge-packs/split' });
  const groups = { studied: [], reworded: [], never: [] };
  for (let at = 0; at < questions.length; at += 2) {
    const pair = questions.slice(at, at + 2);
    if (random.uniform() < neverAsked) groups.never.push(...pair);
    else {
      const studied = random.integer(2);
      groups.studied.push(pair[studied]);
      groups.reworded.push(pair[1 - studied]);
    }
  }
  return groups;
}

const zeros = (pack) => ({
  ...pack,
  tensors: pack.tensors.map((tensor) => ({ ...tensor, values: new Float32Array(tensor.values.length) })),
});

/** Right answers of those asked, by group of questions. */
function rightIn(groups, answerOf) {
  return Object.fromEntries(
    Object.entries(groups).map(([name, questions]) => [
      name,
      {
        right: questions.filter(({ question, answer }) => answerOf.get(question) === answer).length,
        asked: questions.length,
      },
    ]),
  );
}

/** Packs of pairs of sheets, the second with the words of the first matched otherwise. */
export async function measureSheets({ reader, seeds, pairs, steps, folder }) {
  const reasoner = await Reasoner.load({ folder: reader });
  const unseen = JSON.parse(readFileSync(join(folder, 'one/test.json'), 'utf8'));
  const told = await ask(
    reasoner,
    unseen.map(({ question }) => question),
  );
  const right = told.filter((answer, at) => answer === unseen[at].answer).length;
  console.log(`The reader answers ${right} of ${unseen.length} questions about unseen sheets.`);
  const rows = [];
  for (const seed of seeds) {
    const sheets = generateFactSheets({ seed: 1000 + seed, people: { minimum: people, maximum: people }, twins: true });
    for (let pair = 0; pair < pairs; pair++) {
      const two = [sheets.next().value, sheets.next().value].map((sheet, twin) => ({
        ...sheet,
        document: documentIds({ reasoner, text: sheet.text }),
        groups: split({ questions: sheet.questions, seed: 100 * seed + 2 * pair + twin }),
      }));
      for (const variant of variants)
        rows.push(...(await measurePair({ reasoner, reader, two, variant, steps, seed, pair, folder })));
    }
  }
  reasoner.dispose();
  return { reader: { right, asked: unseen.length }, steps, pairs, rows };
}

async function measurePair({ reasoner, reader, two, variant, steps, seed, pair, folder }) {
  const { model } = reasoner;
  const packs = [];
  for (const [twin, { document, groups }] of two.entries()) {
    const began = performance.now();
    const { pack, outcome } = await trainPack({
      ...variant,
      folder: join(folder, `pack-${process.pid}`),
      model: { kind: 'folder', folder: reader },
      document,
      texts: await studyAnswers({ reasoner, document, questions: groups.studied.map(({ question }) => question) }),
      steps,
      seed: 10 * seed + twin,
    });
    packs.push({ pack, seconds: outcome.seconds });
    console.log(
      `seed ${seed}, pair ${pair}, ${variant.form} ${variant.positions}: ${((performance.now() - began) / 1000).toFixed(0)} s`,
    );
  }
  const rows = [];
  for (const [twin, sheet] of two.entries()) {
    const { document, groups, questions, text } = sheet;
    const asked = questions.map(({ question }) => question);
    const own = packs[twin].pack;
    const measured = async (answers) => {
      const found = await answers;
      return { answers: found, groups: rightIn(groups, new Map(asked.map((question, at) => [question, found[at]]))) };
    };
    const behind = (pack) => measured(askBehind({ reasoner, packs: [pack], questions: asked }));
    const untrained = await documentPack({ ...variant, model, ids: document });
    const conditions = {
      document: await measured(
        ask(
          reasoner,
          asked.map((question) => `${text}${question}`),
        ),
      ),
      pack: await behind(own),
      'own rows, untrained': await behind(untrained),
      zeros: await behind(zeros(own)),
      nothing: await measured(ask(reasoner, asked)),
    };
    // The same questions with the pack of the sheet whose words are matched otherwise.
    const other = new Map(two[1 - twin].questions.map(({ question, answer }) => [question, answer]));
    const swapped = await askBehind({ reasoner, packs: [packs[1 - twin].pack], questions: asked });
    rows.push({
      seed,
      pair,
      twin,
      ...variant,
      span: document.length,
      texts: groups.studied.length,
      seconds: packs[twin].seconds,
      conditions: Object.fromEntries(Object.entries(conditions).map(([name, { groups: counts }]) => [name, counts])),
      swap: {
        asked: asked.length,
        follows: swapped.filter((answer, at) => answer === other.get(asked[at])).length,
        stays: swapped.filter((answer, at) => answer === questions[at].answer).length,
      },
    });
  }
  return rows;
}
