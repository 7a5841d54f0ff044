import { commandName, createOutput } from '@subtext/terminal';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-terminal-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe('commandName', () => {
  it('names the installed command inside a project that has it, the package elsewhere', async () => {
    const project = join(folder, 'project');
    await mkdir(join(project, 'deep', 'er'), { recursive: true });
    await mkdir(join(project, 'node_modules', '@subtext', 'cli'), { recursive: true });
    await writeFile(join(project, 'node_modules', '@subtext', 'cli', 'package.json'), '{}');
    expect(commandName('subtext', { folder: join(project, 'deep', 'er') })).toBe('npx subtext');
    expect(commandName('subtext-eval', { folder: project })).toBe('npx @subtext/eval-cli');
    expect(commandName('subtext', { folder })).toBe('npx @subtext/cli');
  });
});

describe('output', () => {
  const printed = (print: () => void): string => {
    let text = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((piece) => ((text += String(piece)), true));
    print();
    vi.restoreAllMocks();
    return text;
  };
  const hostile = 'a\u001b]0;title\u0007\u009b31m\u202e\nb';

  it('writes control characters out, for people and for machines; machines read them back', () => {
    // eslint-disable-next-line no-control-regex
    const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    const plain = createOutput({ json: false });
    const lines = printed(() => {
      plain.notice(hostile);
      plain.heading(hostile);
      plain.event({ event: 'x' }, hostile);
      plain.progress({ label: hostile, done: 1, total: 2, details: hostile });
    });
    expect(lines).not.toMatch(controls);
    expect(lines).toContain('a\\u001b]0;title\\u0007\\u009b31m\\u202e\nb');
    const machine = printed(() => createOutput({ json: true }).event({ event: 'x', hostile }));
    expect(machine).not.toMatch(controls);
    expect(JSON.parse(machine)).toEqual({ event: 'x', hostile });
  });
});
