import { tf } from '../tensorflow';
import { EngineError } from '../errors';
import type { Engine, EngineDevice, EngineName, EngineWork } from './engine';
import { engineInUse, findEngine, knownEngines, noEngine } from './registry';
import { passedSelfTest, rememberSelfTest } from './self-test-record';

/** The engine in use. */
export interface EngineChoice {
  name: EngineName;
  device: EngineDevice;
  /** Why it was chosen. */
  reason: string;
  /** Engines that `auto` rejected, with reasons. */
  passedOver: { name: EngineName; reason: string }[];
}

let current: EngineChoice | null = null;

/**
 * Selects the engine for all following computations. `'auto'` chooses the fastest that works on this machine: a GPU that
 * has passed the self-test (`rememberSelfTest`), then CPU engines that pass a one-second self-test, which is run now and
 * recorded; if `work` is small, engines that start slowly are skipped. The environment variable `SUBTEXT_ENGINE`
 * overrides `'auto'`. An engine requested by name that cannot run is an error; there is no silent fallback.
 *
 * @throws EngineError `unknown-engine`, `engine-unavailable`, `no-engine`
 */
export async function useEngine({
  engine = 'auto',
  work,
}: {
  /** @default 'auto' */
  engine?: EngineName | 'auto';
  /** Estimated amount of computation, used only by `auto`. @default large */
  work?: EngineWork;
} = {}): Promise<EngineChoice> {
  const requested = engine === 'auto' ? environmentEngine() : null;
  if (engine === 'auto' && requested === null) return choose(work);
  const named = await namedEngine(requested ?? engine, requested === null ? '' : ' (from SUBTEXT_ENGINE)');
  const device = await named.load();
  return activate(named, {
    name: named.name,
    device,
    reason: requested === null ? 'asked for by name' : 'named by SUBTEXT_ENGINE',
    passedOver: [],
  });
}

/**
 * Name of the engine in use.
 *
 * @throws EngineError `no-engine` before {@link useEngine}
 */
export function engineName(): EngineName {
  const engine = engineInUse();
  if (!engine) throw noEngine();
  return engine.name;
}

/** The last choice of {@link useEngine}; null before. */
export function engineChoice(): EngineChoice | null {
  return current;
}

/**
 * Whether an engine has passed a self-test on this machine, or passes one now, which takes about a second and is recorded.
 * GPUs are not tested here, since a driver can crash the process.
 */
async function seenToRun(engine: Engine, device: EngineDevice): Promise<boolean> {
  const tested = { engine: engine.name, device };
  if (engine.embedded || (await passedSelfTest(tested))) return true;
  if (device.kind === 'gpu') return false;
  const { quickSelfTest } = await import('../parity/self-test');
  const passed = await quickSelfTest(engine.backend);
  // If the record can't be written, the test just runs again next time.
  await rememberSelfTest({ ...tested, passed }).catch(() => undefined);
  return passed;
}

async function choose(work?: EngineWork): Promise<EngineChoice> {
  const passedOver: EngineChoice['passedOver'] = [];
  const candidates: { engine: Engine; device: EngineDevice; preference: number }[] = [];
  const consider = async (engine: Engine) => {
    const leave = (reason: string) => void passedOver.push({ name: engine.name, reason });
    if (!(await engine.installed())) return leave('not installed');
    try {
      const device = await engine.load();
      const preference = engine.preference(device);
      if (preference <= 0)
        return leave(device.software ? 'a software adapter is never chosen by itself' : 'taken only by name');
      if (!(await seenToRun(engine, device)))
        return leave(
          device.kind === 'gpu'
            ? 'a GPU is taken by name, or once `doctor --selftest` has passed on this machine'
            : 'it fails the self-test: `doctor --selftest` tells how',
        );
      candidates.push({ engine, device, preference });
    } catch (error) {
      leave(error instanceof Error ? error.message : String(error));
    }
  };
  const engines = await knownEngines();
  const slow = engines.filter((engine) => work && engine.startsTooSlowlyFor?.(work));
  for (const engine of engines) if (!slow.includes(engine)) await consider(engine);
  if (candidates.length > 0)
    passedOver.push(...slow.map(({ name }) => ({ name, reason: 'takes longer to start than this work takes' })));
  else for (const engine of slow) await consider(engine);
  const [best, ...others] = candidates.sort((first, second) => second.preference - first.preference);
  if (!best) {
    throw new EngineError({
      engine: 'auto',
      code: 'no-engine',
      message: `No engine runs here: ${passedOver.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}.`,
    });
  }
  passedOver.push(...others.map(({ engine }) => ({ name: engine.name, reason: `${best.engine.name} is faster here` })));
  return activate(best.engine, {
    name: best.engine.name,
    device: best.device,
    reason: work === undefined ? 'the fastest that runs here' : 'the fastest here for this much work',
    passedOver,
  });
}

async function activate(engine: Engine, choice: EngineChoice): Promise<EngineChoice> {
  if (!(await tf.setBackend(engine.backend))) {
    throw new EngineError({
      engine: engine.name,
      code: 'engine-unavailable',
      message: `${engine.name}: TensorFlow.js refused the backend '${engine.backend}'.`,
    });
  }
  current = choice;
  return choice;
}

function environmentEngine(): string | null {
  const value = typeof process === 'undefined' ? undefined : process.env?.SUBTEXT_ENGINE;
  return value && value !== 'auto' ? value : null;
}

async function namedEngine(name: string, origin: string): Promise<Engine> {
  const engine = await findEngine(name);
  if (!engine) {
    const engines = await knownEngines();
    throw new EngineError({
      engine: name,
      code: 'unknown-engine',
      message: `Unknown engine '${name}'${origin}. Known: auto, ${engines.map((candidate) => candidate.name).join(', ')}. Others come with a package @subtext/engine-NAME.`,
    });
  }
  return engine;
}
