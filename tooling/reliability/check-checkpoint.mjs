/** Reads checkpoints without a line of the product's code, so that the product does not judge itself. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What is wrong with a checkpoint's folder; nothing where it is whole. */
export function faultsOf(folder) {
  const manifestFile = join(folder, 'manifest.json');
  if (!existsSync(manifestFile)) return ['no manifest.json'];
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
  } catch {
    return ['manifest.json is not JSON'];
  }
  const names = ['position.json', 'weights.safetensors', 'first-moments.safetensors', 'second-moments.safetensors'];
  const faults = names.filter((name) => !(name in manifest.files)).map((name) => `manifest.json does not name ${name}`);
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    if (!existsSync(join(folder, name))) {
      faults.push(`${name} is missing`);
      continue;
    }
    const data = readFileSync(join(folder, name));
    if (data.byteLength !== bytes) faults.push(`${name} has ${data.byteLength} bytes instead of ${bytes}`);
    else if (createHash('sha256').update(data).digest('hex') !== sha256) faults.push(`${name} has another SHA-256`);
  }
  return faults;
}

/**
 * The checkpoints of a run's folder by step, those that are not whole or were set aside, and what a killed process has
 * left of one that it was writing (`unfinished`) or deleting (`half`): names with their time, since what one process
 * leaves can outlive the next.
 */
export function readCheckpoints(run) {
  const folder = join(run, 'checkpoints');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const whole = [];
  const broken = [];
  for (const name of names.filter((one) => /^step-\d+$/.test(one)).sort()) {
    const faults = faultsOf(join(folder, name));
    if (faults.length > 0) broken.push({ name, faults });
    else whole.push(JSON.parse(readFileSync(join(folder, name, 'position.json'), 'utf8')).step);
  }
  const left = (ending) =>
    names.filter((one) => one.endsWith(ending)).map((one) => `${one}@${statSync(join(folder, one)).mtimeMs}`);
  return { whole, broken, unfinished: left('.tmp'), half: left('.gone'), aside: left('.broken') };
}
