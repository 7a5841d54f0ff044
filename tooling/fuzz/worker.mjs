/**
 * A process that carries out command lines of the built commands, one after another, without the cost of a start for
 * each. It says of each what was printed, what the exit code would have been, and what went wrong beside the command.
 */
import { setImmediate } from 'node:timers';
import { pathToFileURL } from 'node:url';

const faults = [];
let running = 0;
process.on('uncaughtException', (error) => faults.push(`uncaught: ${error?.stack ?? error}`));
process.on('unhandledRejection', (error) => faults.push(`unhandled rejection: ${error?.stack ?? error}`));
const ours = new Map(
  ['uncaughtException', 'unhandledRejection', 'message', 'disconnect'].map((name) => [name, process.listeners(name)]),
);

class Exit extends Error {}
process.exit = (code) => {
  if (code !== undefined) process.exitCode = code;
  throw new Exit('exit');
};

let printed = { stdout: '', stderr: '' };
for (const stream of ['stdout', 'stderr']) {
  process[stream].write = (text, encoding, done) => {
    if (printed[stream].length < 200_000)
      printed[stream] += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback) void Promise.resolve().then(() => callback());
    return true;
  };
}

/** Listeners that a command left, so that the next one starts as a new process would. */
function removeListeners() {
  for (const name of process.eventNames()) {
    for (const listener of process.listeners(name))
      if (
        !(ours.get(name) ?? []).includes(listener) &&
        /^SIG|^uncaught|^unhandled|^beforeExit|^exit|^warning/.test(String(name))
      )
        process.removeListener(name, listener);
  }
}

process.on('message', async ({ main, words, folder }) => {
  printed = { stdout: '', stderr: '' };
  faults.length = 0;
  process.exitCode = undefined;
  process.argv = [process.execPath, main, ...words];
  process.chdir(folder);
  running += 1;
  try {
    await import(`${pathToFileURL(main).href}?run=${running}`);
  } catch (error) {
    if (!(error instanceof Exit)) faults.push(`thrown: ${error?.stack ?? error}`);
  }
  // What comes late, such as a rejection that nobody waits for, belongs to this case.
  await new Promise((done) => setImmediate(done));
  removeListeners();
  process.send({
    ...printed,
    code: process.exitCode ?? 0,
    faults: [...faults],
    peak: process.resourceUsage().maxRSS * 1024,
    bytes: process.memoryUsage.rss(),
  });
});
process.on('disconnect', () => process.reallyExit(0));
process.send('ready');
