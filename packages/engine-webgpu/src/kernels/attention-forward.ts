import { tf } from '@subtext/tensor';
import type { AttentionKernel } from '@subtext/tensor';
import {
  maskedScore,
  loadRows,
  maskKind,
  numbersPerThread,
  ownColumns,
  ownNumbers,
  visibilityCode,
} from './attention-code';
import { attentionTiles } from './attention-tiles';
import { numberCode } from './number-code';
import type { RunShader } from './run-shader';

/**
 * Attention by tiles of keys with a running softmax, so that scores are never written to memory: Dao et al. 2022
 * (arXiv:2205.14135). A workgroup takes some queries of one head; what lies wholly in their future is not read.
 */
export function attentionForwardKernel(run: RunShader): AttentionKernel['forward'] {
  return ({ query, key, value, heads, keyValueHeads, causal, mask, scale, keyTime: prefix }) => {
    const [batch, queryTime, width] = query.shape;
    const capacity = key.shape[1];
    const keyTime = prefix ?? capacity;
    const headWidth = width / heads;
    if (keyTime === 0 || query.size === 0) {
      return { output: tf.zeros<tf.Rank.R3>(query.shape), kept: [tf.zeros([batch, heads, queryTime])] };
    }
    const tiles = attentionTiles({ time: queryTime, headWidth, rowArrays: 1, columnArrays: 2, scoreArrays: 1 });
    const { rows, lanes, columns } = tiles;
    const queryTiles = Math.ceil(queryTime / rows);
    const load = (to: string, from: string) =>
      loadRows({
        to,
        from,
        count: columns,
        headWidth,
        first: 'start',
        end: 'uniforms.keyTime',
        stride: 'batch * uniforms.capacity',
        head: ['uniforms.keyValueHeads', 'keyHead'],
      });
    const { output, logSumExp } = run({
      name: 'attention',
      declarations: `
var<workgroup> queries: array<f32, ${rows * headWidth}>;
var<workgroup> keys: array<f32, ${columns * headWidth}>;
var<workgroup> values: array<f32, ${columns * headWidth}>;
var<workgroup> scores: array<f32, ${rows * columns}>;
${numberCode}
${visibilityCode({ mask: maskKind(mask), causal })}`,
      body: `
  let tile = i32(group) % uniforms.queryTiles;
  let head = i32(group) / uniforms.queryTiles % uniforms.heads;
  let batch = i32(group) / uniforms.queryTiles / uniforms.heads;
  let keyHead = head / (uniforms.heads / uniforms.keyValueHeads);
  let first = tile * ${rows};
  let own = i32(lane) / ${lanes};
  let part = i32(lane) % ${lanes};
  ${loadRows({ to: 'queries', from: 'query', count: rows, headWidth, first: 'first', end: 'uniforms.queryTime', stride: 'batch * uniforms.queryTime', head: ['uniforms.heads', 'head'], times: 'uniforms.scale' })}
  let end = ${causal ? `min(uniforms.keyTime, uniforms.keyTime - uniforms.queryTime + first + ${rows})` : 'uniforms.keyTime'};
  var highest = ${maskedScore};
  var total = 0.0;
  var sums: array<f32, ${numbersPerThread(tiles, headWidth)}>;
  for (var start = 0; start < end; start += ${columns}) {
    ${load('keys', 'key')}
    ${load('values', 'value')}
    workgroupBarrier();
    ${ownColumns(
      tiles,
      `var score = ${maskedScore};
      if (visible(batch, first + own, start + column)) {
        score = 0.0;
        for (var at = 0; at < ${headWidth}; at++) { score += queries[own * ${headWidth} + at] * keys[column * ${headWidth} + at]; }
      }
      scores[own * ${columns} + column] = score;`,
    )}
    workgroupBarrier();
    var top = highest;
    for (var column = 0; column < ${columns}; column++) { top = max(top, scores[own * ${columns} + column]); }
    let shrink = exponential(highest - top);
    highest = top;
    total *= shrink;
    ${ownNumbers(tiles, headWidth, 'sums[slot] *= shrink;')}
    for (var column = 0; column < ${columns}; column++) {
      let score = scores[own * ${columns} + column];
      // Not the other way round: a score that is not a number must come through.
      let weight = select(exponential(score - top), 0.0, score == ${maskedScore});
      total += weight;
      ${ownNumbers(tiles, headWidth, `sums[slot] += weight * values[column * ${headWidth} + at];`)}
    }
    workgroupBarrier();
  }
  if (first + own >= uniforms.queryTime) { return; }
  // A query that sees no key: zeros, and a sum of exponentials that nothing will use.
  let inverse = select(1.0 / total, 0.0, total == 0.0);
  let place = ((batch * uniforms.queryTime + first + own) * uniforms.heads + head) * ${headWidth};
  ${ownNumbers(tiles, headWidth, 'output[place + at] = sums[slot] * inverse;')}
  if (part == 0) { logSumExp[(batch * uniforms.heads + head) * uniforms.queryTime + first + own] = highest + select(logarithm(total), 0.0, total == 0.0); }`,
      inputs: { query, key, value, ...(mask ? { mask } : {}) },
      outputs: { output: query.shape, logSumExp: [batch, heads, queryTime] },
      integers: { heads, keyValueHeads, queryTime, keyTime, capacity, queryTiles },
      floats: { scale },
      groups: batch * heads * queryTiles,
    });
    return { output: output as tf.Tensor3D, kept: [logSumExp!] };
  };
}
