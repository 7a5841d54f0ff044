import type { Command } from 'commander';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Sources of another workspace: the commands of the other program stand in the same pages.
import { commands as evalCommands } from '../../eval/src/commands/registry';
import { commands } from '../src/commands/registry';
import { experimentConfiguration } from '../src/experiment/experiment-schema';
import { graphConfiguration } from '../src/configuration/graph-schema';
import { loadConfiguration } from '../src/configuration/load-configuration';
import { trainConfiguration } from '../src/configuration/schema';
import { subtext } from './run-command';
import { blindConfiguration, tinyConfiguration } from './tiny-run';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A command as a page has it: `npx subtext data check FILE`. */
interface DocumentedCommand {
  page: string;
  /** Whether it stands in a block that can be run: `console` needs what a test has not. */
  runs: boolean;
  program: string;
  words: string[];
}

/** The commands of the shell blocks, without comments, lines that go on joined. */
async function documentedCommands(): Promise<DocumentedCommand[]> {
  const inside = async (folder: string) =>
    (await readdir(join(root, folder), { withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map(({ name }) => `${folder}/${name}`);
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'apps/cli/README.md',
    'apps/eval/README.md',
    ...(await inside('docs')),
    ...(await inside('docs/guide')),
  ];
  const found: DocumentedCommand[] = [];
  for (const page of pages) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, kind, block] of text.matchAll(/^```(sh|console)\n([^]*?)^```/gm)) {
      for (const line of block!.replace(/\\\n\s*/g, ' ').split('\n')) {
        // Words as a shell cuts them: quotes may begin within one, `--edit caption="a red circle"`.
        const command = line.replace(/\s+#.*$/, '').replace(/^(?:[A-Z_]+=\S+ )+|^(?:mpirun|srun) .*?(?=npx )/, '');
        const [npx, program, ...words] = (command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) =>
          word.replace(/(["'])([^]*?)\1/g, '$2'),
        );
        if (npx === 'npx' && (program === 'subtext' || program === 'subtext-eval'))
          found.push({ page, program, words, runs: kind === 'sh' });
      }
    }
  }
  return found;
}

let documented: DocumentedCommand[];
beforeAll(async () => {
  documented = await documentedCommands();
});

describe('commands in the documentation', () => {
  it('are known, with every option, value and argument that is given', async () => {
    expect(documented.length).toBeGreaterThan(20);
    for (const { page, program, words } of documented) {
      const where = `${page}: ${program} ${words.join(' ')}`;
      if (words[0]?.startsWith('--')) {
        expect(['--help', '--version'], where).toContain(words[0]);
        continue;
      }
      const entry = (program === 'subtext' ? commands : evalCommands)[words[0]!];
      expect(entry, where).toBeDefined();
      let command: Command = await entry!.load();
      let rest = words.slice(1);
      for (
        let inner = command.commands.find((one) => one.name() === rest[0]);
        inner;
        inner = command.commands.find((one) => one.name() === rest[0])
      ) {
        command = inner;
        rest = rest.slice(1);
      }
      command.exitOverride().configureOutput({ writeErr: () => undefined });
      const { operands, unknown } = command.parseOptions(rest);
      expect(unknown, where).toEqual([]);
      const missing = command.options.filter(
        (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
      );
      expect(
        missing.map(({ long }) => long),
        where,
      ).toEqual([]);
      const required = command.registeredArguments.filter((argument) => argument.required).length;
      const most = command.registeredArguments.some(({ variadic }) => variadic)
        ? Infinity
        : command.registeredArguments.length;
      // A default command below takes what its group is given.
      if (command.commands.length > 0) continue;
      expect(operands.length, where).toBeGreaterThanOrEqual(required);
      expect(operands.length, where).toBeLessThanOrEqual(most);
    }
  });

  it('name npm scripts that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const page of ['README.md', 'CONTRIBUTING.md', 'docs/guide/quick-start.md']) {
      for (const [, script] of (await readFile(join(root, page), 'utf8')).matchAll(
        /^npm (?:run )?(start|test|[\w:]+)/gm,
      ))
        if (script !== 'install') expect(scripts, page).toHaveProperty([script!]);
    }
  });
});

describe('configurations in the documentation', () => {
  it('are valid', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-configurations-'));
    let checked = 0;
    try {
      for (const page of [
        'docs/configuration.md',
        ...(await readdir(join(root, 'docs', 'guide')))
          .filter((name) => name.endsWith('.md'))
          .map((name) => `docs/guide/${name}`),
      ]) {
        for (const [, text] of (await readFile(join(root, page), 'utf8')).matchAll(/^```yaml\n([^]*?)^```/gm)) {
          if (!/^output:/m.test(text!)) continue; // A part of one.
          const path = join(folder, 'page.yaml');
          await writeFile(path, text!);
          const schema = /^axes:/m.test(text!)
            ? experimentConfiguration
            : /^kind: graphs/m.test(text!)
              ? graphConfiguration
              : trainConfiguration;
          await loadConfiguration({ path, schema }).catch((error: Error) =>
            expect(`${page}: ${error.message}`).toBe(`${page}: valid`),
          );
          checked += 1;
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(checked).toBeGreaterThan(3);
  });
});

describe('the quick ones', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-documentation-'));
    // What the pages presuppose: data, a configuration, and the runs that `npm start` leaves, here of a model that has learnt nothing.
    expect((await run(['data', 'generate', 'scenes', 'data', '--train', '24', '--test', '4'])).code).toBe(0);
    await writeFile(join(folder, 'CONFIG.yaml'), blindConfiguration);
    const ownMethod = await readFile(join(root, 'docs', 'guide', 'own-method.md'), 'utf8');
    await writeFile(join(folder, 'mine.mjs'), /^```js\n([^]*?)^```/m.exec(ownMethod)![1]!);
    await writeFile(
      join(folder, 'start.yaml'),
      tinyConfiguration
        .replace('output: run', 'output: runs/start/heima')
        .replace('text: { steps: 12 }', 'text: { steps: 1 }')
        .replaceAll('{ steps: 4 }', '{ steps: 1 }'),
    );
    expect(await run(['train', 'start.yaml', 'workers=0'])).toMatchObject({ code: 0, stderr: '' });
    await cp(join(folder, 'data'), join(folder, 'runs', 'start', 'data'), { recursive: true });
    await cp(join(folder, 'runs', 'start', 'heima', 'reasoner'), join(folder, 'runs', 'start', 'reasoner'), {
      recursive: true,
    });
    await cp(join(folder, 'runs', 'start', 'heima'), join(folder, 'runs', 'start', 'cot'), { recursive: true });
    const released = new URL('../../../packages/reasoner/fixtures/releases/coconut-gpt2.json.gz', import.meta.url);
    const { base, checkpoint } = JSON.parse(gunzipSync(await readFile(released)).toString()) as {
      base: Record<string, string>;
      checkpoint: string;
    };
    await mkdir(join(folder, 'released', 'base'), { recursive: true });
    for (const [name, text] of Object.entries(base)) await writeFile(join(folder, 'released', 'base', name), text);
    await writeFile(join(folder, 'released', 'checkpoint_33'), Buffer.from(checkpoint, 'base64'));
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));
  const run = (words: readonly string[]) => subtext(words, { folder });

  /** Smaller numbers for what would take long; everything else stands as on the page. */
  const shorter: Record<string, string> = {
    '--train': '12',
    '--test': '4',
    '--width': '16',
    '--layers': '1',
    '--tokens': '8',
    '--batch': '4',
    '--max-new-tokens': '4',
  };
  const substitutes: Record<string, string> = {
    MODEL_FOLDER: 'blind/reasoner',
    'data/LLaVA-CoT-100k': 'data',
    CHECKPOINT: 'released/checkpoint_33',
    'openai-community/gpt2': 'released/base',
  };

  /** What is run, and in which order: a model is trained before it is asked. */
  const quick = [
    /^data generate/,
    /^data (check|formats)/,
    /^train CONFIG/,
    /^import /,
    /^(think|generate) /,
    /^doctor$/,
    /^bench /,
    /^runs( |$)/,
  ];

  it('run, with small numbers', async () => {
    const known = new Set<string>();
    const chosen: { page: string; words: string[] }[] = [];
    for (const pattern of quick) {
      for (const { page, program, words, runs } of documented) {
        const line = words.join(' ');
        if (
          !runs ||
          program !== 'subtext' ||
          !pattern.test(line) ||
          known.has(line) ||
          /checkpoints\/graphs/.test(line)
        )
          continue;
        known.add(line);
        const short = words.map((word, index) => substitutes[word] ?? shorter[words[index - 1] ?? ''] ?? word);
        chosen.push({
          page,
          words: /^bench/.test(line)
            ? [
                ...short,
                ...(words[1] === 'train'
                  ? ['--steps', '1', '--warmup', '0', '--heads', '2', '--workers', '0']
                  : ['--rounds', '1', '--new-tokens', '2', '--heads', '2', '--batch', '1']),
              ]
            : short,
        });
      }
    }
    expect(chosen.length).toBeGreaterThan(8);
    const check = async ({ page, words }: { page: string; words: string[] }) => {
      const { code, stderr } = await run(words);
      // Generation tells its speed there.
      expect({ page, words, code, stderr: words[0] === 'generate' ? '' : stderr }).toEqual({
        page,
        words,
        code: 0,
        stderr: '',
      });
    };
    for (const pattern of quick) {
      const kind = chosen.filter(({ words }) => pattern.test(words.join(' ')));
      // Runs of other settings do not share a folder: each has its own, the first the one that is asked afterwards.
      if (kind[0]?.words[0] === 'train')
        for (const [index, one] of kind.entries())
          await check({ ...one, words: [...one.words, ...(index === 0 ? [] : [`output=blind-${index}`])] });
      else await Promise.all(kind.map(check));
    }
  });

  it('as do the programs of the API page, the first on a model that was just trained', async () => {
    const page = await readFile(join(root, 'docs', 'guide', 'api.md'), 'utf8');
    const [program, whole] = [...page.matchAll(/^```js\n([^]*?)^```/gm)].map(([, code]) => code!);
    // Beside the app, where the packages are found.
    const place = await mkdtemp(join(root, 'apps', 'cli', 'node_modules', '.api-page-'));
    try {
      await writeFile(join(place, 'page.mjs'), program!);
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(place, 'page.mjs'), join(folder, 'blind', 'reasoner')],
        { cwd: folder },
      );
      const losses = stdout.match(/^\d+\.\d+$/gm)!.map(Number);
      expect(losses).toHaveLength(5);
      expect(losses[4]!).toBeLessThan(losses[0]!);
      expect(stdout).toMatch(/\[ 1, \d+ \]\s*$/);
      expect(await readdir(join(folder, 'adapter'))).toContain('adapter_model.safetensors');

      await writeFile(join(place, 'whole.mjs'), whole!);
      const cwd = join(place, 'work');
      await mkdir(cwd);
      const { stdout: told } = await promisify(execFile)(process.execPath, [join(place, 'whole.mjs')], { cwd });
      expect(told).toMatch(/^160 \d+\.\d+$/m);
      expect(told).toContain('<THINKING_OF_CAPTION>');
      expect(told).toMatch(/reasoning: '.+'/);
      expect(told).toMatch(/cannot tell\s*$/);
      expect(await readdir(join(cwd, 'audit'))).toEqual(
        expect.arrayContaining(['audit.json', 'audit.md', 'report.html']),
      );
    } finally {
      await rm(place, { recursive: true });
    }
  });
});
