import { engineName } from '@subtext/tensor';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { RunIdentity } from '../checkpoint/run-folder';
import { TrainerError } from '../errors';
import { type Collective, gatherTexts } from '../parallel/collective';

/** Packages whose code decides what is computed. */
const packages = ['tensor', 'nn', 'model', 'reasoner', 'encoders', 'tokenizer', 'data', 'decoder', 'trainer'];

/**
 * Ranks that would not compute one result are refused, by name: with another configuration, other data, another engine or
 * other code. A collective.
 *
 * @throws TrainerError `ranks-differ`
 */
export async function agreeOnRun({
  collective,
  identity,
}: {
  collective: Collective;
  identity: RunIdentity;
}): Promise<void> {
  if (collective.size === 1) return;
  const own: Record<string, string> = {
    ...(identity.parts ?? { settings: identity.fingerprint }),
    engine: engineName(),
    'version of Node': process.versions.node,
    'processor architecture': process.arch,
    code: await codeDigest(),
  };
  const told = (await gatherTexts({ collective, text: JSON.stringify(own) })).map(
    (text) => JSON.parse(text) as Record<string, string>,
  );
  const [first] = told as [Record<string, string>];
  const shown = new Set(['engine', 'version of Node', 'processor architecture']);
  const differing = told.flatMap((one, rank) => {
    const names = [...new Set([...Object.keys(first), ...Object.keys(one)])].filter(
      (name) => first[name] !== one[name],
    );
    const said = names.map((name) => (shown.has(name) ? `${name} (${one[name]}, not ${first[name]})` : name));
    return names.length === 0 ? [] : [`rank ${rank} in ${said.join(', ')}`];
  });
  if (differing.length > 0)
    throw new TrainerError({
      code: 'ranks-differ',
      message: `The ranks would not train the same run. Unlike rank 0: ${differing.slice(0, 8).join('; ')}${differing.length > 8 ? '; …' : ''}. Give all ranks the same configuration, data, engine and version of Subtext.`,
    });
}

/** The digest of the modules that compute, as they are installed here. */
async function codeDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of packages) {
    // This package's own modules lie beside this one; sources run only in tests.
    const entry = name === 'trainer' ? import.meta.url : import.meta.resolve?.(`@subtext/${name}`);
    if (!entry?.startsWith('file:')) continue;
    const folder = dirname(fileURLToPath(entry));
    for (const file of (await readdir(folder)).filter((one) => one.endsWith('.js')).sort())
      hash
        .update(name)
        .update(file)
        .update(await readFile(join(folder, file)));
  }
  return hash.digest('hex');
}
