import {
  describeEngines,
  rememberSelfTest,
  selfTest,
  useEngine,
  type EngineChoice,
  type EngineName,
  type EngineReport,
  type SelfTestReport,
} from '@subtext/tensor';
import { createOutput, engineOption, type Output, textTable } from '@subtext/terminal';
import { Command } from 'commander';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';

const gibibyte = 2 ** 30;

/** What the machine is. */
function describeMachine() {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Number((totalmem() / gibibyte).toFixed(1)),
    freeMemoryGiB: Number((freemem() / gibibyte).toFixed(1)),
  };
}

function state({ loads, installed, device }: EngineReport): string {
  if (!loads) return installed ? 'does not load' : 'not installed';
  return device?.software ? 'software only' : 'runs';
}

/** The engine that would be taken; an engine named by SUBTEXT_ENGINE that cannot run is told, not thrown. */
async function choose(engine: EngineName | 'auto'): Promise<EngineChoice | { problem: string }> {
  try {
    return await useEngine({ engine });
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .option('--selftest', 'hold every engine that runs here against a float64 reference (a minute)', false)
    .addOption(engineOption())
    .option('--json', 'print one JSON object', false)
    .action(async ({ json, selftest, engine }: { json: boolean; selftest: boolean; engine: EngineName | 'auto' }) => {
      const output = createOutput({ json });
      const machine = describeMachine();
      const engines = await describeEngines();
      const choice = await choose(engine);
      if (!json) showReport({ machine, engines, choice, output });
      const tested = selftest
        ? await runSelfTests({
            engines: engines.filter(({ loads, name }) => loads && (engine === 'auto' || name === engine)),
            output,
          })
        : undefined;
      output.event({ event: 'doctor', machine, engines, choice, ...(tested ? { selftest: tested } : {}) });
      if ('problem' in choice || tested?.some(({ failed }) => failed > 0)) process.exitCode = 1;
    });
}

function showReport({
  machine,
  engines,
  choice,
  output,
}: {
  machine: ReturnType<typeof describeMachine>;
  engines: readonly EngineReport[];
  choice: EngineChoice | { problem: string };
  output: Output;
}): void {
  output.notice(
    `Node ${machine.node} on ${machine.platform}; ${machine.processor}, ${machine.cores} cores; ${machine.memoryGiB} GiB of memory, ${machine.freeMemoryGiB} free\n`,
  );
  const rows = engines.map((report) => [
    'name' in choice && choice.name === report.name ? '→' : '',
    report.name,
    state(report),
    report.version ?? '',
    report.device?.name ?? report.summary,
  ]);
  output.notice(textTable({ header: ['', 'engine', 'state', 'version', 'device'], rows }));
  if ('problem' in choice) return output.notice(`\nNo engine can be used: ${choice.problem}`);
  output.notice(`\nSelected: ${choice.name} (${choice.reason}).`);
  for (const { name, reason } of choice.passedOver) output.notice(`  not ${name}: ${firstSentence(reason)}`);
  const fewer = engines.filter(({ loads, weightDtypes }) => loads && weightDtypes.length > 1);
  for (const { name, weightDtypes } of fewer)
    output.notice(`Quantized weights (--dtype): ${name}, as ${weightDtypes.slice(1).join(', ')}.`);
  const advice = engines.filter((report): report is EngineReport & { advice: string } => report.advice !== null);
  if (advice.length > 0)
    output.notice(`\nWhat would help:\n${advice.map(({ name, advice: text }) => `  ${name}: ${text}`).join('\n')}`);
}

/** A reason of several lines, such as a loader's, on one line. */
function firstSentence(reason: string): string {
  const [line = ''] = reason.split('\n');
  return line.length > 160 ? `${line.slice(0, 157)}…` : line;
}

async function runSelfTests({
  engines,
  output,
}: {
  engines: readonly EngineReport[];
  output: Output;
}): Promise<SelfTestReport[]> {
  const reports: SelfTestReport[] = [];
  for (const { name: engine, device } of engines) {
    const report = await selfTest({
      engine,
      onCase: ({ done, total }) => output.progress({ label: `self-test of ${engine}`, done, total }),
    });
    output.endProgress();
    reports.push(report);
    // From then on `auto` takes it.
    if (device?.kind === 'gpu' && !device.software)
      await rememberSelfTest({ engine, device, passed: report.failed === 0 });
    if (output.json) continue;
    output.notice(
      `${engine}: ${report.passed} checks passed, ${report.failed} failed, ${(report.milliseconds / 1000).toFixed(1)} s`,
    );
    for (const { name, faults } of report.results.filter((result) => result.faults.length > 0))
      output.notice(`  ${name}: ${faults.join('; ')}`);
  }
  return reports;
}
