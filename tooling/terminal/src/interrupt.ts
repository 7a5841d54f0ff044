/** A signal that SIGINT and SIGTERM abort, so that long work saves and leaves; a second SIGINT ends at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nStopping after this step; press Ctrl-C again to end at once.\n');
    controller.abort();
  };
  process.on('SIGINT', abort);
  process.on('SIGTERM', abort);
  return controller.signal;
}
