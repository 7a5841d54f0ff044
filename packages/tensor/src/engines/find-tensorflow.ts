import { engineHome } from './engine-home';

/** A tfjs-node package on this machine. */
export interface TensorflowLocation {
  /** Folder of the package. */
  folder: string;
  packageName: string;
  /** The package's version. */
  version: string;
  /** `project`: the user's own dependency; `subtext`: made by `installTensorflow`. */
  origin: 'project' | 'subtext';
}

const packageNames = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Every tfjs-node package that can be found, the best first: for a GPU before for a processor, the project's own before ours.
 *
 * @param engines where Subtext installs engines, @default see `engineHome`
 */
export async function findTensorflow(engines?: string): Promise<TensorflowLocation[]> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return [];
  }
  const [{ createRequire }, { dirname, join }, { existsSync, readFileSync }] = await Promise.all([import('node:module'), import('node:path'), import('node:fs')]);
  const locations: TensorflowLocation[] = [];
  const add = (manifestFile: string, origin: TensorflowLocation['origin'], name?: string) => {
    const { name: packageName, version } = JSON.parse(readFileSync(manifestFile, 'utf8')) as { name: string; version: string };
    locations.push({ folder: dirname(manifestFile), packageName: name ?? packageName, version, origin });
  };
  // From the application first, then from this package, as Node itself would look.
  const origins = [createRequire(join(process.cwd(), 'package.json')), createRequire(import.meta.url)];
  const home = engines ?? (await engineHome());
  for (const name of packageNames) {
    for (const require of origins) {
      const found = resolveOrNull(require, `${name}/package.json`);
      if (found && !locations.some(({ folder }) => folder === dirname(found))) {
        add(found, 'project');
      }
    }
    const ours = join(home, name.endsWith('-gpu') ? 'tensorflow-gpu' : 'tensorflow-cpu');
    const manifest = join(ours, 'node_modules', '@tensorflow', 'tfjs-node', 'package.json');
    // The installer writes its own manifest last: without it the installation is not whole.
    if (existsSync(join(ours, 'subtext-engine.json')) && existsSync(manifest)) {
      add(manifest, 'subtext', name);
    }
  }
  return locations;
}

function resolveOrNull(require: NodeJS.Require, request: string): string | null {
  try {
    return require.resolve(request);
  } catch {
    return null;
  }
}
