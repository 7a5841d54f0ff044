/** The processor's name, where the platform tells it. */
export async function processorName(): Promise<string> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return 'processor';
  }
  const { cpus } = await import('node:os');
  const processors = cpus();
  return processors.length > 0 ? `${processors[0]!.model.trim()} (${processors.length} threads)` : 'processor';
}
