/** What V8 and Node say where a value is not what the code takes it for. */
const rawErrors =
  /Cannot read propert|is not a function|is not iterable|Maximum call stack|Invalid array length|Invalid typed array length|is not a constructor|Invalid string length|Cannot convert|Invalid count value|is not defined|offset is out of bounds|Reduce of empty|Cannot mix BigInt|out of memory\b.*Allocation|Array buffer allocation failed/;

const gigabytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GB`;

/** What is wrong with how a command ended; undefined where nothing is. */
export function judge(result, { memory }) {
  if (result.hung !== undefined) return { kind: 'hang', text: `no end within ${result.hung} seconds` };
  if (result.memory !== undefined)
    return { kind: 'memory', text: typeof result.memory === 'number' ? gigabytes(result.memory) : result.memory };
  if (result.crashed !== undefined) return { kind: 'crash', text: result.crashed };
  if (result.faults.length > 0) return { kind: 'uncaught', text: result.faults.join('\n') };
  const { stdout, stderr, code } = result;
  // What Node writes last where nobody caught an error.
  if (code !== 0 && /^Node\.js v\d+\.\d+/m.test(stderr)) return { kind: 'uncaught', text: stderr };
  if (/This is a fault of Subtext/.test(stderr)) return { kind: 'raw error', text: stderr };
  if (/^ {4}at .*:\d+:\d+\)?$/m.test(stderr)) return { kind: 'raw error', text: stderr };
  const all = `${stdout}\n${stderr}`;
  if (rawErrors.test(all)) return { kind: 'raw error', text: all.slice(-3000) };
  if (/"code":"ERR_/.test(stdout)) return { kind: 'raw error', text: stdout.slice(-3000) };
  // What a command says of faulty data is its result.
  if (code !== 0 && !/^\{.*"faults"/m.test(stdout) && !/^Error: \S/m.test(stderr) && !/^error: /m.test(stderr))
    return { kind: 'no message', text: `exit code ${code}: ${stderr}` };
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u001b\u009b]/.test(all.replaceAll('\u001b[2K', '')))
    return { kind: 'control characters', text: JSON.stringify(all.slice(-1500)) };
  if (/^Error: .*(\bundefined\b|\[object Object\])/m.test(stderr)) return { kind: 'unclear message', text: stderr };
  if (result.peak > memory) return { kind: 'memory', text: gigabytes(result.peak) };
  return undefined;
}
