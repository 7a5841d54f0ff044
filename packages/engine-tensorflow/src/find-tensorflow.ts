import { engineHome } from '@subtext/tensor/engine';
import { findPackage, packagePlaces } from '@subtext/tensor/engine';

/** A tfjs-node package on this machine. */
export interface TensorflowLocation {
  /** Folder of the package. */
  folder: string;
  packageName: string;
  /** The package's version. */
  version: string;
  /** `project`: a dependency of the project that Subtext is installed in, or in a folder of NODE_PATH; `subtext`: made by `installTensorflow`. */
  origin: 'project' | 'subtext';
}

const packageNames = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * All tfjs-node packages found, best first: GPU before CPU, the project's own before ours. See `packagePlaces` for the
 * search locations.
 *
 * @param engines where Subtext installs engines, @default see `engineHome`
 */
export async function findTensorflow(engines?: string): Promise<TensorflowLocation[]> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return [];
  }
  const [{ join }, { existsSync }] = await Promise.all([import('node:path'), import('node:fs')]);
  const home = engines ?? (await engineHome());
  const places = await packagePlaces({ from: import.meta.url });
  const locations: TensorflowLocation[] = [];
  for (const packageName of packageNames) {
    const project = await findPackage({ name: packageName, places });
    if (project) {
      locations.push({ folder: project.folder, packageName, version: project.version, origin: 'project' });
    }
    const ours = join(home, packageName.endsWith('-gpu') ? 'tensorflow-gpu' : 'tensorflow-cpu');
    const installed = await findPackage({ name: '@tensorflow/tfjs-node', places: [join(ours, 'node_modules')] });
    // The installer writes its manifest last: without it the installation is incomplete.
    if (installed && existsSync(join(ours, 'subtext-engine.json'))) {
      locations.push({ folder: installed.folder, packageName, version: installed.version, origin: 'subtext' });
    }
  }
  return locations;
}
