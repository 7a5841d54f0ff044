/** The first NVIDIA GPU, as its driver names it, or null: `NVIDIA H200, 143771 MiB`. Node only. */
export async function nvidiaProcessor(): Promise<string | null> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return null;
  }
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    execFile(
      'nvidia-smi',
      ['--query-gpu=name,memory.total', '--format=csv,noheader'],
      { timeout: 10_000 },
      (error, output) => {
        resolve(error ? null : (output.trim().split('\n')[0] ?? null) || null);
      },
    );
  });
}
