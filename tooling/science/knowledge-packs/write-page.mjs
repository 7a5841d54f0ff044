import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { writeNotices } from '../../results/notices.mjs';

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const total = (counts, key) => counts.reduce((sum, one) => sum + one[key], 0);
const conditions = ['document', 'pack', 'own rows, untrained', 'zeros', 'nothing'];
const groups = { studied: 'asked in self-study', reworded: 'the other wording', never: 'never asked' };

/** Right answers over rows, of some groups of questions. */
const accuracy = ({ rows, condition, of = ['reworded', 'never'] }) => {
  const counts = rows.flatMap((row) => of.map((group) => row.conditions[condition][group]));
  return total(counts, 'right') / total(counts, 'asked');
};
const swapped = (rows, key) =>
  total(
    rows.map(({ swap }) => swap),
    key,
  ) /
  total(
    rows.map(({ swap }) => swap),
    'asked',
  );

/** Writes the page from its numbers and notes. */
export async function writePage({ file, page, root }) {
  const { seeds, steps, rows, reader, text } = JSON.parse(readFileSync(file, 'utf8'));
  const kinds = [...new Map(rows.map(({ form, positions }) => [`${form} ${positions}`, { form, positions }])).values()];
  const of = ({ form, positions }) => rows.filter((row) => row.form === form && row.positions === positions);
  const bySeed = (own, value) => seeds.map((seed) => percent(value(own.filter((row) => row.seed === seed)))).join(', ');
  const kept = (own) => accuracy({ rows: own, condition: 'pack' }) / accuracy({ rows: own, condition: 'document' });
  const table = [
    '| pack | positions | fewer | held-out questions, right: document | pack | **of the document** | by seed | own rows, untrained | zeros | nothing | another sheet’s pack: the answer follows | stays |',
    '|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|',
    ...kinds.map((kind) => {
      const own = of(kind);
      const right = conditions.map((condition) => percent(accuracy({ rows: own, condition })));
      const { span } = own[0];
      return `| ${kind.form} | ${kind.positions} of ${span} | ${(span / kind.positions).toFixed(1)} × | ${right[0]} | ${right[1]} | **${percent(kept(own))}** | ${bySeed(own, kept)} | ${right.slice(2).join(' | ')} | ${percent(swapped(own, 'follows'))} | ${percent(swapped(own, 'stays'))} |`;
    }),
  ];
  const byGroup = [
    `| pack | ${Object.values(groups).join(' | ')} |`,
    '|---|---:|---:|---:|',
    ...kinds.map(
      (kind) =>
        `| ${kind.form}, ${kind.positions} | ${Object.keys(groups)
          .map((group) => percent(accuracy({ rows: of(kind), condition: 'pack', of: [group] })))
          .join(' | ')} |`,
    ),
  ];
  const sheets = new Set(rows.map(({ seed, pair, twin }) => `${seed} ${pair} ${twin}`)).size;
  const notes = page.replace(/\.md$/, '-notes.md');
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const onText = text && [
    '## Real text',
    `A fable of ${text.span} tokens and ${text.model}: next-token probabilities against those after the fable, over ${text.held} continuations that were not studied. ${text.positions} positions in its place, trained (seeds ${text.rows.map(({ seed }) => seed).join(', ')}): KL ${text.rows.map(({ kl }) => kl.toFixed(3)).join(', ')} (mean ${mean(text.rows.map(({ kl }) => kl)).toFixed(3)}), the same likeliest token in ${text.rows.map(({ same }) => percent(same)).join(', ')}. The fable's own rows, untrained: KL ${text.untrained.kl.toFixed(3)}, ${percent(text.untrained.same)}. Nothing: KL ${text.nothing.kl.toFixed(3)}, ${percent(text.nothing.same)}.`,
  ];
  const parts = [
    '# Knowledge packs',
    '<!-- made -->\n<!-- /made -->',
    'Made by `node tooling/science/knowledge-packs.mjs --text-model stories260K`; `--text-model` is the folder of a small language model, for the last part.',
    `What of a document does a [knowledge pack](../guide/knowledge-packs.md) keep, and are answers made of it? A sheet names eight people with a town and a drink each (\`Ada:Rome,tea\`, ${rows[0].span} tokens); a question asks for one of the two, or whose it is, in one of two wordings (64 a sheet). The reader (Llama, 3 layers × 64, from random weights) has learnt to answer from a sheet before the question, on other sheets: ${percent(reader.right / reader.asked)} of ${reader.asked} questions about unseen ones. Of ${sheets} unseen sheets packs are made, ${steps} steps each (seeds ${seeds.join(', ')} of sheets and of self-study; one reader). Self-study asks three quarters of what can be asked, in one wording, and never sees a right answer but what the reader says with the sheet; held-out questions are the other wordings and all that was never asked.`,
    table.join('\n'),
    'Sheets come in pairs of the same words, matched otherwise: with the pack of the other one, an answer *follows* if it is what the other sheet says, and *stays* if it is what its own does. No position looks at the sheet itself.',
    '## By what self-study asked',
    byGroup.join('\n'),
    ...(existsSync(notes) ? [readFileSync(notes, 'utf8').trim()] : []),
    ...(onText ?? []),
  ];
  writeFileSync(page, `${parts.join('\n\n')}\n`);
  writeNotices(root);
}
