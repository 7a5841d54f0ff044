import { reportError, UsageError } from '@subtext/terminal';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written where, and the exit code. */
function report(error: unknown, json = false): { code: number; stdout: string; stderr: string } {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation((text) => ((written[name] += String(text)), true));
  return { code: reportError({ error, json }), ...written };
}

describe('reportError', () => {
  it('says what to do where the system only says what it refused', () => {
    const refused = Object.assign(new Error("EACCES: permission denied, mkdir '/closed/run'"), {
      code: 'EACCES',
      syscall: 'mkdir',
    });
    expect(report(refused)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "Error: EACCES: permission denied, mkdir '/closed/run'. There is no permission: choose another folder or change its permissions.\n",
    });
  });

  it('shows a stack for faults of the program only, and leaves other system errors as they are', async () => {
    const missing: unknown = await writeFile(tmpdir(), '').catch((error: unknown) => error);
    expect(report(missing).stderr).toMatch(/^Error: EISDIR[^\n]*\n$/);
    expect(report(new UsageError('Give two runs.')).stderr).toBe('Error: Give two runs.\n');
    expect(report(new RangeError('beyond')).stderr).toMatch(
      /^Error: beyond\nRangeError: beyond\n\s+at [^]*fault of Subtext/,
    );
  });

  it('tells machines, and a stop by its own exit code', () => {
    expect(JSON.parse(report(new UsageError('Give two runs.'), true).stdout)).toEqual({
      event: 'error',
      message: 'Give two runs.',
    });
    expect(report(new DOMException('This operation was aborted', 'AbortError'))).toEqual({
      code: 130,
      stdout: '',
      stderr: 'Stopped.\n',
    });
  });
});
