const percent = (share) => (100 * share).toFixed(1);
const micro = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} ms` : `${value.toFixed(1)} µs`);
const size = (bytes) =>
  bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
const way = ({ order, optimizerState }) =>
  `${order === 'shards' ? 'in the order of the shards' : 'each rank’s own first'}${optimizerState === 'parts' ? ', state in parts' : ''}`;

/** Seconds of the collectives from Node, and as a share of C's. */
export function collectivesTable({ results }) {
  const bytes = [...new Set(results.map((one) => one.bytes))];
  const of = (call, length) => results.find((one) => one.call === call && one.bytes === length);
  return [
    `| call | ${bytes.map(size).join(' | ')} |`,
    `|---|${bytes.map(() => '---').join('|')}|`,
    ...[...new Set(results.map(({ call }) => call))].map(
      (call) =>
        `| ${call} | ${bytes.map((length) => `${micro(of(call, length).nodeMicroseconds)} (${of(call, length).ofC.toFixed(2)})`).join(' | ')} |`,
    ),
  ].join('\n');
}

/** Tokens a second, and the share of a step that a rank only waits for messages. */
export function trainingTable({ results }) {
  return [
    '| model | ranks | sums | tokens a second | waits, % of a step |',
    '|---|---|---|---|---|',
    ...results.map(
      (one) =>
        `| ${one.model}, ${(one.parameters / 1e6).toFixed(1)} M | ${one.ranks} | ${one.ranks === 1 ? '–' : way(one)} | ${one.tokensPerSecond} | ${one.ranks === 1 ? '–' : percent(one.waitedShare)} |`,
    ),
  ].join('\n');
}

/** What the model of a step says of a slow link, and what was measured there. */
export function emulatedTable({ results }) {
  return [
    '| sums | shards a rank | measured, s | predicted, s | off % |',
    '|---|---|---|---|---|',
    ...results.map(
      (one) =>
        `| ${way(one)} | ${one.shards} | ${one.measured.toFixed(2)} | ${one.predicted.toFixed(2)} | ${one.off > 0 ? '+' : ''}${percent(one.off)} |`,
    ),
  ].join('\n');
}

/** Predicted efficiency by link and number of ranks. */
export function predictionTable({ results }) {
  const ranks = Object.keys(results[0].efficiency);
  return [
    `| a rank is | link | sums | ${ranks.map((count) => `${count} ranks`).join(' | ')} |`,
    `|---|---|---|${ranks.map(() => '---').join('|')}|`,
    ...results.map(
      (one) =>
        `| ${one.kind} | ${one.link} | ${way(one)} | ${Object.values(one.efficiency).map(percent).join(' | ')} |`,
    ),
  ].join('\n');
}

/** A step of 1,024 accelerators in its parts, and what changes would make of it. */
export function changesTable({ changes }) {
  const ms = (seconds) => (1000 * seconds).toFixed(0);
  return [
    '| 1,024 accelerators, 100 Gbit/s, state in parts | computing, ms | messages | waits for gradients | waits for weights | efficiency % |',
    '|---|---|---|---|---|---|',
    ...Object.entries(changes).map(
      ([name, { parts, efficiency }]) =>
        `| ${name} | ${ms(parts.computing + parts.update)} | ${ms(parts.messages)} | ${ms(parts.exposed + parts.told)} | ${ms(parts.gather)} | ${percent(efficiency)} |`,
    ),
  ].join('\n');
}
