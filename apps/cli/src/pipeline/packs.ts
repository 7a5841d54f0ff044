import type { LanguageModel } from '@subtext/model';
import { loadPack, packedReasoner, PackedModel, type Reasoner } from '@subtext/reasoner';
import { repeated } from '@subtext/terminal';
import { Option } from 'commander';

/** `--pack FILE`, as often as there are packs. */
export function packOption(): Option {
  return new Option(
    '--pack <file>',
    'a knowledge pack to put before the question (made by subtext pack); may be repeated',
  )
    .argParser(repeated)
    .default([]);
}

/** The reasoner that has read packs, or the one that it is where there are none. */
export async function withPacks({
  reasoner,
  paths,
}: {
  reasoner: Reasoner;
  paths: readonly string[];
}): Promise<Reasoner> {
  return paths.length === 0 ? reasoner : packedReasoner({ reasoner, packs: await loadPacks(paths) });
}

/** The model that has read packs, or the one that it is where there are none. */
export async function modelWithPacks({
  model,
  paths,
}: {
  model: LanguageModel;
  paths: readonly string[];
}): Promise<LanguageModel> {
  return paths.length === 0 ? model : PackedModel.open({ model, packs: await loadPacks(paths) });
}

const loadPacks = (paths: readonly string[]) => Promise.all(paths.map((path) => loadPack({ path })));
