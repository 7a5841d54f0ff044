import { defaultWorkgroup } from './run-shader';

/**
 * WGSL `workgroupSum(lane, v)`: the sum over the workgroup's threads, of two numbers at once, known to each of them. All
 * add in the same order, so that the result does not depend on timing, and wait only twice: a tree of halves would wait
 * for each level.
 */
export const workgroupSum = `
var<workgroup> parts: array<vec2f, ${defaultWorkgroup}>;
fn workgroupSum(lane: u32, value: vec2f) -> vec2f {
  workgroupBarrier();
  parts[lane] = value;
  workgroupBarrier();
  var sum = vec2f(0.0);
  for (var i = 0u; i < ${defaultWorkgroup}u; i++) { sum += parts[i]; }
  return sum;
}`;
