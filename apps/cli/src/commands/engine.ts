import { compileNative } from '@subtext/engine-native';
import { installTensorflow } from '@subtext/engine-tensorflow';
import { createOutput, interruptSignal } from '@subtext/terminal';
import { Argument, Command } from 'commander';

interface InstallOptions {
  gpu: boolean;
  from: string;
  home?: string;
  force: boolean;
  json: boolean;
}

function installCommand(): Command {
  return new Command('install')
    .description('install an engine; one that already loads is left as it is')
    .addArgument(
      new Argument('<engine>', 'the engine; native compiles its kernels here').choices(['native', 'tensorflow']),
    )
    .option('--gpu', 'tensorflow: for an NVIDIA GPU', false)
    .option(
      '--from <source>',
      "tensorflow: auto or wheel: TensorFlow's Python wheel, found through pip; google: tfjs-node's own download, which has no checksum; or the path of a wheel or folder",
      'auto',
    )
    .option(
      '--home <folder>',
      'where to install, instead of the default folder; set SUBTEXT_ENGINES to it wherever it is used',
    )
    .option('--force', 'install even if one already loads', false)
    .option('--json', 'print one JSON object per line', false)
    .action(async (engine: string, options: InstallOptions) =>
      engine === 'native' ? installNative(options) : installTensorflowEngine(engine, options),
    );
}

async function installNative({ home, force, json }: InstallOptions): Promise<void> {
  const output = createOutput({ json });
  const { file, seconds } = await compileNative({
    home,
    force,
    signal: interruptSignal(),
    onStart: () => output.event({ event: 'install', stage: 'compile' }, '  compiling (about a minute of a processor)'),
  });
  output.event(
    { event: 'installed', engine: 'native', file, seconds },
    `${seconds === 0 ? 'Already there and working' : `Compiled in ${seconds.toFixed(0)} seconds`}: ${file}\n"npx subtext doctor" shows which engine is taken now.`,
  );
}

async function installTensorflowEngine(
  engine: string,
  { gpu, from, home, force, json }: InstallOptions,
): Promise<void> {
  const output = createOutput({ json });
  let last = '';
  const installation = await installTensorflow({
    gpu,
    from,
    home,
    force,
    signal: interruptSignal(),
    onProgress: ({ stage, message, fraction }) => {
      if (fraction !== null)
        return output.progress({ label: message, done: Math.round(fraction * 100), total: 100, details: '%' });
      if (`${stage}: ${message}` === last) return;
      last = `${stage}: ${message}`;
      output.event({ event: 'install', stage, message }, `  ${message}`);
    },
  });
  output.endProgress();
  const { source, folder, tried, kernels, setEngines } = installation;
  const earlier = tried.map(({ source: name, problem }) => `  ${name} did not do: ${problem}\n`).join('');
  output.event(
    { event: 'installed', engine, ...installation },
    `${earlier}${source === 'present' ? 'Already there and working' : `Installed from ${source}`}: ${engine} ${installation.version}${installation.gpu ? ' with a GPU' : ''} in ${folder}.\n${kernels.compiled ? 'Subtext’s own kernels are compiled for it.' : `Without Subtext’s own kernels: ${kernels.problem}.`}\n${setEngines === null ? '' : `Set SUBTEXT_ENGINES=${setEngines} so that it is found there.\n`}"npx subtext doctor" shows which engine is taken now.`,
  );
}

export function engineCommand(): Command {
  return new Command('engine').addCommand(installCommand());
}
