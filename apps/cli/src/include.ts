import { includeModules } from '@subtext/core/node';

/** Runs the modules of `--include`. Nothing is brought where there are none. */
export async function includeFiles(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const [{ trainingRegistries }, { registerTask }] = await Promise.all([
    import('@subtext/trainer'),
    import('@subtext/eval'),
  ]);
  await includeModules({ paths, registries: { ...trainingRegistries, registerTask } });
}
