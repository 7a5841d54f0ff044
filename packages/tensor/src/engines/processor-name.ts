/** Name of the CPU, if the platform reports it. */
export async function processorName(): Promise<string> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return 'processor';
  }
  const { cpus } = await import('node:os');
  const processors = cpus();
  return processors.length > 0 ? `${processors[0]!.model.trim()} (${processors.length} threads)` : 'processor';
}
