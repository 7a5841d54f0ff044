import { chromium, runPage } from '@subtext/build/browser-page';
import { createImageProcessor } from '@subtext/encoders';
import { useEngine } from '@subtext/tensor';
import { loadTokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../src/generation/generate';
import { loadModel } from '../src/load-model';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
/** What a page does with the packages as they are published: dist, by the condition that bundlers for browsers set. */
const page = `
import { openFiles } from '@subtext/core';
import { createImageProcessor } from '@subtext/encoders';
import { generate, loadModel } from '@subtext/model';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { loadTokenizer } from '@subtext/tokenizer';

const results = { errors: [] };
window.addEventListener('error', ({ message }) => results.errors.push(message));
window.addEventListener('unhandledrejection', ({ reason }) => results.errors.push(String(reason)));
async function answers(folder) {
  const [model, tokenizer] = [await loadModel({ folder }), await loadTokenizer({ folder })];
  const inputs = [tokenizer.encode('cat sees dog').ids, tokenizer.encode('dog').ids];
  const { ids } = await generate({ model, inputs, maxNewTokens: 8 });
  return { inputs, ids };
}
try {
  results.engine = (await useEngine({ engine: 'auto' })).name;
  const address = new URL('/model', location.href).href;
  results.overHttp = await answers(address);
  const files = await Promise.all(['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(async (name) => new File([await (await fetch(address + '/' + name)).blob()], name)));
  results.fromFiles = await answers(openFiles(files));
  await useEngine({ engine: 'cpu' });
  results.onCpu = await answers(address);
  const { value, gradients } = tf.tidy(() => { const grad = tf.grad((x) => x.square().sum())(tf.tensor1d([1, 2])); return { value: 0, gradients: [...grad.dataSync()] }; });
  results.gradient = gradients;
  const processor = createImageProcessor({ config: { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 4 }, crop_size: { height: 4, width: 4 } } });
  const { pixelValues } = await processor.process([{ data: Uint8Array.from({ length: 6 * 5 * 3 }, (_, index) => index * 2), width: 6, height: 5 }]);
  results.pixels = [...pixelValues.data];
  results.missing = await loadModel({ folder: new URL('/nowhere', location.href).href }).catch((error) => error.message);
} catch (error) {
  results.errors.push(String(error.stack ?? error));
}
await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
`;

describe.skipIf(chromium === undefined)(
  `in ${chromium ?? 'a browser: there is no Chromium here (set CHROMIUM to one)'}`,
  () => {
    let folder: string;
    let results: Record<string, unknown>;
    let warnings: string[];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'subtext-browser-'));
      const model = join(folder, 'model');
      await mkdir(model, { recursive: true });
      for (const name of ['config.json', 'generation_config.json', 'model.safetensors'])
        await cp(join(packageFolder, 'fixtures', 'golden', 'llama', name), join(model, name));
      await trainWordLevelTokenizer({ texts: ['cat sees dog', 'dog sees bird'] }).save({ folder: model });
      ({ results, warnings } = await runPage({ packageFolder, page, site: folder }));
    });
    afterAll(async () => rm(folder, { recursive: true, force: true }));

    it('is bundled without stand-ins for Node’s modules, and runs without an error', () => {
      expect(warnings.filter((message) => /externalized|node:/.test(message))).toEqual([]);
      expect(results['errors']).toEqual([]);
      expect(results['engine']).toBe('wasm');
    });

    it('generates the ids that Node generates: from an address, from File objects, on wasm and cpu', async () => {
      await useEngine({ engine: 'wasm' });
      const site = join(folder, 'model');
      const [model, tokenizer] = [await loadModel({ folder: site }), await loadTokenizer({ folder: site })];
      const inputs = [tokenizer.encode('cat sees dog').ids, tokenizer.encode('dog').ids];
      const { ids } = await generate({ model, inputs, maxNewTokens: 8 });
      expect(ids[0]).toHaveLength(8);
      for (const way of ['overHttp', 'fromFiles', 'onCpu']) expect(results[way], way).toEqual({ inputs, ids });
    });

    it('computes gradients, prepares raw pixels as Node does, and says what an address lacks', async () => {
      expect(results['gradient']).toEqual([2, 4]);
      const processor = createImageProcessor({
        config: {
          image_processor_type: 'CLIPImageProcessor',
          size: { shortest_edge: 4 },
          crop_size: { height: 4, width: 4 },
        },
      });
      const { pixelValues } = await processor.process([
        { data: Uint8Array.from({ length: 6 * 5 * 3 }, (_, index) => index * 2), width: 6, height: 5 },
      ]);
      expect(results['pixels']).toEqual([...pixelValues.data]);
      expect(results['missing']).toMatch(/nowhere/);
    });
  },
);
