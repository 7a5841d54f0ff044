import { nativeFolder, nativeSources, type NativeSources } from '@subtext/native-kernels';
import { engineHome } from '@subtext/tensor/engine';

/** The kernels and their binding to TensorFlow; null where this package was bundled without them. Node only. */
export function tensorflowSources(): NativeSources | null {
  return nativeSources(nativeFolder(import.meta.url));
}

/**
 * Where the kernels compiled for a tfjs-node package lie, whether or not they are there: another version of the sources
 * or another TensorFlow has another place, so that neither is ever loaded with the other's.
 *
 * @param packageFolder the folder of `@tensorflow/tfjs-node`
 * @param home where Subtext keeps engines, @default see `engineHome`
 */
export async function nativeKernelsFile({
  packageFolder,
  sources,
  home,
}: {
  packageFolder: string;
  sources: NativeSources;
  home?: string;
}): Promise<string> {
  const [{ createHash }, { join }] = await Promise.all([import('node:crypto'), import('node:path')]);
  const key = createHash('sha256')
    .update([sources.hash, packageFolder, process.platform, process.arch].join('\n'))
    .digest('hex')
    .slice(0, 16);
  return join(home ?? (await engineHome()), 'tensorflow-kernels', key, 'subtext_kernels.node');
}
