import { tf } from '@subtext/tensor';
import type { AttentionKernel } from '@subtext/tensor';
import { loadRows, maskKind, numbersPerThread, ownColumns, ownNumbers, visibilityCode } from './attention-code';
import { attentionTiles } from './attention-tiles';
import { elementwise } from './elementwise';
import { numberCode } from './number-code';
import type { RunShader } from './run-shader';

type Options = Parameters<AttentionKernel['backward']>[0];

/**
 * The gradients of attention with probabilities computed again from the scores and their log-sum-exp: with
 * P = exp(S − logSumExp), `dV = Pᵀ·dO`, `dS = P ∘ (dO·Vᵀ − rowsum(dO ∘ O))`, `dQ = scale·dS·K`, `dK = scale·dSᵀ·Q`.
 * One shader adds over keys for each query, another over queries (of each head in a group) for each key: no atomics, the
 * same sums every time. Dao et al. 2022 (arXiv:2205.14135).
 */
export function attentionBackwardKernel(run: RunShader): AttentionKernel['backward'] {
  return (options) => {
    const { query, key } = options;
    if (query.size === 0 || key.size === 0) {
      return { query: tf.zeros(query.shape), key: tf.zeros(key.shape), value: tf.zeros(key.shape) };
    }
    const rowNumbers = rowNumbersOf(run, options);
    const result = { query: toQuery(run, options, rowNumbers), ...toKeyAndValue(run, options, rowNumbers) };
    rowNumbers.dispose();
    return result;
  };
}

/** Log-sum-exp and rowsum(dO ∘ O), side by side for each head and query: `[batch, heads, queryTime, 2]`. One binding, not two. */
function rowNumbersOf(run: RunShader, { gradient, output, kept, heads }: Options): tf.Tensor {
  const [logSumExp] = kept as [tf.Tensor3D];
  const [batch, queryTime, width] = output.shape;
  const size = elementwise(
    logSumExp.size,
    `let time = i % uniforms.queryTime;
  let head = i / uniforms.queryTime % uniforms.heads;
  let batch = i / uniforms.queryTime / uniforms.heads;
  let place = ((batch * uniforms.queryTime + time) * uniforms.heads + head) * uniforms.headWidth;
  var sum = 0.0;
  for (var at = 0; at < uniforms.headWidth; at++) { sum += gradient[place + at] * output[place + at]; }
  rowNumbers[2 * i] = logSumExp[i];
  rowNumbers[2 * i + 1] = sum;`,
  );
  return run({
    name: 'attentionRows',
    inputs: { gradient, output, logSumExp },
    outputs: { rowNumbers: [batch, heads, queryTime, 2] },
    ...size,
    integers: { ...size.integers, heads, queryTime, headWidth: width / heads },
  }).rowNumbers;
}

const place = (tileCount: string, heads: string) => `
  let tile = i32(group) % uniforms.${tileCount};
  let head = i32(group) / uniforms.${tileCount} % uniforms.${heads};
  let batch = i32(group) / uniforms.${tileCount} / uniforms.${heads};`;

function toQuery(
  run: RunShader,
  { gradient, query, key, value, heads, keyValueHeads, causal, mask, scale }: Options,
  rowNumbers: tf.Tensor,
): tf.Tensor3D {
  const [batch, queryTime, width] = query.shape;
  const keyTime = key.shape[1];
  const headWidth = width / heads;
  const tiles = attentionTiles({ time: queryTime, headWidth, rowArrays: 2, columnArrays: 2, scoreArrays: 1 });
  const { rows, lanes, columns } = tiles;
  const queryTiles = Math.ceil(queryTime / rows);
  const loadQueries = (to: string, from: string) =>
    loadRows({
      to,
      from,
      count: rows,
      headWidth,
      first: 'first',
      end: 'uniforms.queryTime',
      stride: 'batch * uniforms.queryTime',
      head: ['uniforms.heads', 'head'],
    });
  const loadKeys = (to: string, from: string) =>
    loadRows({
      to,
      from,
      count: columns,
      headWidth,
      first: 'start',
      end: 'uniforms.keyTime',
      stride: 'batch * uniforms.keyTime',
      head: ['uniforms.keyValueHeads', 'keyHead'],
    });
  return run({
    name: 'attentionToQuery',
    declarations: `
var<workgroup> queries: array<f32, ${rows * headWidth}>;
var<workgroup> gradients: array<f32, ${rows * headWidth}>;
var<workgroup> keys: array<f32, ${columns * headWidth}>;
var<workgroup> values: array<f32, ${columns * headWidth}>;
var<workgroup> scoreGradients: array<f32, ${rows * columns}>;
${numberCode}
${visibilityCode({ mask: maskKind(mask), causal })}`,
    body: `${place('queryTiles', 'heads')}
  let keyHead = head / (uniforms.heads / uniforms.keyValueHeads);
  let first = tile * ${rows};
  let own = i32(lane) / ${lanes};
  let part = i32(lane) % ${lanes};
  ${loadQueries('queries', 'query')}
  ${loadQueries('gradients', 'gradient')}
  var logSum = 0.0;
  var rowSum = 0.0;
  if (first + own < uniforms.queryTime) {
    let row = 2 * ((batch * uniforms.heads + head) * uniforms.queryTime + first + own);
    logSum = rowNumbers[row];
    rowSum = rowNumbers[row + 1];
  }
  let end = ${causal ? `min(uniforms.keyTime, uniforms.keyTime - uniforms.queryTime + first + ${rows})` : 'uniforms.keyTime'};
  var sums: array<f32, ${numbersPerThread(tiles, headWidth)}>;
  for (var start = 0; start < end; start += ${columns}) {
    ${loadKeys('keys', 'key')}
    ${loadKeys('values', 'value')}
    workgroupBarrier();
    ${ownColumns(
      tiles,
      `var scoreGradient = 0.0;
      if (visible(batch, first + own, start + column)) {
        var score = 0.0;
        var toWeight = 0.0;
        for (var at = 0; at < ${headWidth}; at++) {
          score += queries[own * ${headWidth} + at] * keys[column * ${headWidth} + at];
          toWeight += gradients[own * ${headWidth} + at] * values[column * ${headWidth} + at];
        }
        scoreGradient = exponential(score * uniforms.scale - logSum) * (toWeight - rowSum);
      }
      scoreGradients[own * ${columns} + column] = scoreGradient;`,
    )}
    workgroupBarrier();
    for (var column = 0; column < ${columns}; column++) {
      let scoreGradient = scoreGradients[own * ${columns} + column];
      ${ownNumbers(tiles, headWidth, `sums[slot] += scoreGradient * keys[column * ${headWidth} + at];`)}
    }
    workgroupBarrier();
  }
  if (first + own >= uniforms.queryTime) { return; }
  let to = ((batch * uniforms.queryTime + first + own) * uniforms.heads + head) * ${headWidth};
  ${ownNumbers(tiles, headWidth, 'toQuery[to + at] = sums[slot] * uniforms.scale;')}`,
    inputs: { gradient, query, key, value, rowNumbers, ...(mask ? { mask } : {}) },
    outputs: { toQuery: query.shape },
    integers: { heads, keyValueHeads, queryTime, keyTime, queryTiles },
    floats: { scale },
    groups: batch * heads * queryTiles,
  }).toQuery as tf.Tensor3D;
}

function toKeyAndValue(
  run: RunShader,
  { gradient, query, key, value, heads, keyValueHeads, causal, mask, scale }: Options,
  rowNumbers: tf.Tensor,
): { key: tf.Tensor3D; value: tf.Tensor3D } {
  const [batch, queryTime, width] = query.shape;
  const keyTime = key.shape[1];
  const headWidth = width / heads;
  const tiles = attentionTiles({ time: keyTime, headWidth, rowArrays: 2, columnArrays: 2, scoreArrays: 2 });
  const { rows, lanes, columns } = tiles;
  const keyTiles = Math.ceil(keyTime / rows);
  const loadKeys = (to: string, from: string) =>
    loadRows({
      to,
      from,
      count: rows,
      headWidth,
      first: 'first',
      end: 'uniforms.keyTime',
      stride: 'batch * uniforms.keyTime',
      head: ['uniforms.keyValueHeads', 'head'],
    });
  const loadQueries = (to: string, from: string) =>
    loadRows({
      to,
      from,
      count: columns,
      headWidth,
      first: 'start',
      end: 'uniforms.queryTime',
      stride: 'batch * uniforms.queryTime',
      head: ['uniforms.heads', 'queryHead'],
    });
  const { toKey, toValue } = run({
    name: 'attentionToKeyAndValue',
    declarations: `
var<workgroup> keys: array<f32, ${rows * headWidth}>;
var<workgroup> values: array<f32, ${rows * headWidth}>;
var<workgroup> queries: array<f32, ${columns * headWidth}>;
var<workgroup> gradients: array<f32, ${columns * headWidth}>;
var<workgroup> weights: array<f32, ${rows * columns}>;
var<workgroup> scoreGradients: array<f32, ${rows * columns}>;
${numberCode}
${visibilityCode({ mask: maskKind(mask), causal })}`,
    body: `${place('keyTiles', 'keyValueHeads')}
  let first = tile * ${rows};
  let own = i32(lane) / ${lanes};
  let part = i32(lane) % ${lanes};
  ${loadKeys('keys', 'key')}
  ${loadKeys('values', 'value')}
  // Queries before this one see none of these keys.
  let firstQuery = ${causal ? `max(0, first - (uniforms.keyTime - uniforms.queryTime)) / ${columns} * ${columns}` : '0'};
  let group_ = uniforms.heads / uniforms.keyValueHeads;
  var keySums: array<f32, ${numbersPerThread(tiles, headWidth)}>;
  var valueSums: array<f32, ${numbersPerThread(tiles, headWidth)}>;
  for (var queryHead = head * group_; queryHead < (head + 1) * group_; queryHead++) {
    for (var start = firstQuery; start < uniforms.queryTime; start += ${columns}) {
      ${loadQueries('queries', 'query')}
      ${loadQueries('gradients', 'gradient')}
      workgroupBarrier();
      ${ownColumns(
        tiles,
        `var weight = 0.0;
        var scoreGradient = 0.0;
        if (visible(batch, start + column, first + own)) {
          var score = 0.0;
          var toWeight = 0.0;
          for (var at = 0; at < ${headWidth}; at++) {
            score += queries[column * ${headWidth} + at] * keys[own * ${headWidth} + at];
            toWeight += gradients[column * ${headWidth} + at] * values[own * ${headWidth} + at];
          }
          let row = 2 * ((batch * uniforms.heads + queryHead) * uniforms.queryTime + start + column);
          weight = exponential(score * uniforms.scale - rowNumbers[row]);
          scoreGradient = weight * (toWeight - rowNumbers[row + 1]);
        }
        weights[own * ${columns} + column] = weight;
        scoreGradients[own * ${columns} + column] = scoreGradient;`,
      )}
      workgroupBarrier();
      for (var column = 0; column < ${columns}; column++) {
        let weight = weights[own * ${columns} + column];
        let scoreGradient = scoreGradients[own * ${columns} + column];
        ${ownNumbers(tiles, headWidth, `keySums[slot] += scoreGradient * queries[column * ${headWidth} + at]; valueSums[slot] += weight * gradients[column * ${headWidth} + at];`)}
      }
      workgroupBarrier();
    }
  }
  if (first + own >= uniforms.keyTime) { return; }
  let to = ((batch * uniforms.keyTime + first + own) * uniforms.keyValueHeads + head) * ${headWidth};
  ${ownNumbers(tiles, headWidth, 'toKey[to + at] = keySums[slot] * uniforms.scale; toValue[to + at] = valueSums[slot];')}`,
    inputs: { gradient, query, key, value, rowNumbers, ...(mask ? { mask } : {}) },
    outputs: { toKey: key.shape, toValue: key.shape },
    integers: { heads, keyValueHeads, queryTime, keyTime, keyTiles },
    floats: { scale },
    groups: batch * keyValueHeads * keyTiles,
  });
  return { key: toKey as tf.Tensor3D, value: toValue as tf.Tensor3D };
}
