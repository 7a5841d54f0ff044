/**
 * Several "hosts" on one machine: network namespaces with addresses and host names of their own on one switch, with links
 * of a rate, a delay and a loss, that can be cut. For programs that `mpirun` starts on hosts by an agent such as ssh.
 *
 *     const network = await openHosts({ count: 2, megabits: 1000, delayMilliseconds: 0.1 });
 *     const [command, ...words] = [...network.enter(0), 'mpirun', ...network.mpirun.openmpi(), '-n', '2', 'hostname'];
 *     spawnSync(command, words);
 *     network.cut(1);
 *     await network.close();
 *
 * Where the kernel has netem it shapes the links; a rate alone is `tbf`; else a program that is compiled here
 * (`link-relay.c`) carries the packets, at the cost of some of the processors' time for each.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = join(dirname(fileURLToPath(import.meta.url)), 'link-relay.c');
const SUBNET = '10.77.0';
const DEVICE = 'link0';
const SWITCH = 'switch';
const nameOf = (process, what) => `subtext-${process}-${what}`;

/** Runs a program of the system. @throws Error with what it said */
function system(name, ...words) {
  const { error, status, stderr, stdout } = spawnSync(name, words, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${name} ${words.join(' ')}: ${(error?.message ?? stderr).trim()}`);
  return stdout;
}

const works = (name, ...words) => spawnSync(name, words).status === 0;

/** Why this machine cannot have such hosts; undefined where it can. */
export function whyNoHosts() {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid() !== 0)
    return 'network namespaces are made by root alone: start it as root, or in a container with CAP_NET_ADMIN and CAP_SYS_ADMIN';
  for (const [name, word] of [
    ['ip', '-V'],
    ['tc', '-V'],
    ['unshare', '-V'],
  ])
    if (!works(name, word)) return `there is no "${name}" (Debian: apt install iproute2 util-linux)`;
  const name = nameOf(process.pid, 'try');
  try {
    system('ip', 'netns', 'add', name);
    system('ip', '-n', name, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
    return undefined;
  } catch (error) {
    return `no network namespace can be made: ${error.message}`;
  } finally {
    spawnSync('ip', ['netns', 'delete', name]);
  }
}

/** Whether the kernel has a queueing discipline. */
function hasDiscipline(...words) {
  const name = nameOf(process.pid, 'discipline');
  system('ip', 'netns', 'add', name);
  try {
    system('ip', '-n', name, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
    return works('tc', '-n', name, 'qdisc', 'add', 'dev', 'left', 'root', ...words);
  } finally {
    system('ip', 'netns', 'delete', name);
  }
}

/** Removes the namespaces of processes that ended without doing so. */
function removeAbandoned() {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns')) {
    const [, owner] = /^subtext-(\d+)-/.exec(name) ?? [];
    if (owner && !existsSync(`/proc/${owner}`)) removeNamespace(name);
  }
}

/** Ends what runs in a namespace, then removes it. */
function removeNamespace(name) {
  for (const one of spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean))
    try {
      process.kill(Number(one), 'SIGKILL');
    } catch {
      // It has ended.
    }
  spawnSync('ip', ['netns', 'delete', name]);
}

/**
 * Opens hosts on one switch.
 *
 * @param options.count Hosts, 2 to 64.
 * @param options.delayMilliseconds Of each packet on its way from host to host. @default 0
 * @param options.lossPercent Packets that are lost. @default 0
 * @param options.megabits What each host sends, and receives at the same time, a second; 0: what the machine can. @default 0
 * @param options.mtu Largest packet in bytes. @default 9000, as networks for computing have
 * @throws Error where this machine cannot; see `whyNoHosts`
 */
export async function openHosts({ count, delayMilliseconds = 0, lossPercent = 0, megabits = 0, mtu = 9000 }) {
  const why = whyNoHosts();
  if (why) throw new Error(`No hosts can be made here: ${why}.`);
  removeAbandoned();
  const hosts = Array.from({ length: count }, (_, index) => ({
    namespace: nameOf(process.pid, index + 1),
    name: `host-${index + 1}`,
    address: `${SUBNET}.${index + 1}`,
  }));
  const switchSpace = nameOf(process.pid, SWITCH);
  const folder = mkdtempSync(join(tmpdir(), 'subtext-hosts-'));
  const shaping = shapingOf({ delayMilliseconds, lossPercent, megabits });
  let relay;
  const removeAll = () => {
    relay?.kill('SIGKILL');
    for (const name of [...hosts.map(({ namespace }) => namespace), switchSpace]) removeNamespace(name);
    rmSync(folder, { recursive: true, force: true });
  };
  const interrupted = () => process.exit(130);
  process.on('exit', removeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupted);
  const close = async () => {
    process.off('exit', removeAll);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, interrupted);
    removeAll();
  };
  try {
    for (const { namespace } of hosts) system('ip', 'netns', 'add', namespace);
    if (shaping.by === 'relay') relay = await startRelay({ folder, hosts, delayMilliseconds, lossPercent, megabits });
    else layCables({ hosts, switchSpace, disciplines: shaping.disciplines });
    for (const { namespace, address } of hosts) {
      const ip = (...words) => system('ip', '-n', namespace, ...words);
      ip('link', 'set', 'lo', 'up');
      ip('address', 'add', `${address}/24`, 'dev', DEVICE);
      ip('link', 'set', DEVICE, 'mtu', String(mtu), 'txqueuelen', '10000', 'up');
    }
    const agent = writeAgent({ folder, hosts });
    const port = (index, state) => {
      if (relay) relay.stdin.write(`${state === 'up' ? 'join' : 'cut'} ${index + 1}\n`);
      else system('ip', '-n', switchSpace, 'link', 'set', `port${index + 1}`, state);
    };
    return {
      hosts,
      /** What shapes the links: `netem`, `tbf`, `relay`, or `none`. */
      shapedBy: shaping.by,
      /** Words before a command that run it on a host. */
      enter: (index) => enterWords(hosts[index]),
      /** Options of `mpirun`, started on host 0, that take so many processes to each host, over TCP between hosts. */
      mpirun: {
        openmpi: ({ slots = 1 } = {}) => [
          ...['--allow-run-as-root', '--oversubscribe', '--mca', 'plm_rsh_agent', agent],
          ...['--mca', 'btl', 'tcp,self', '--mca', 'pml', 'ob1'],
          ...['--mca', 'btl_tcp_if_include', DEVICE, '--mca', 'oob_tcp_if_include', DEVICE],
          ...['--host', hosts.map(({ address }) => `${address}:${slots}`).join(',')],
        ],
        mpich: ({ slots = 1 } = {}) => [
          ...['-launcher', 'ssh', '-launcher-exec', agent, '-iface', DEVICE],
          ...['-genv', 'UCX_TLS', 'tcp,self', '-genv', 'UCX_NET_DEVICES', DEVICE],
          ...['-hosts', hosts.map(({ address }) => `${address}:${slots}`).join(',')],
        ],
      },
      /** Cuts a host off from the others; its own device stays up. */
      cut: (index) => port(index, 'down'),
      /** Connects it again. */
      join: (index) => port(index, 'up'),
      /** Ends what runs on the hosts, and removes them. */
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What shapes links of this kind here. */
function shapingOf({ delayMilliseconds, lossPercent, megabits }) {
  if (delayMilliseconds === 0 && lossPercent === 0) {
    if (megabits === 0) return { by: 'none' };
    // Packets of 64 KiB stay whole until here; what else the burst lets pass after a pause is faster than the link.
    return { by: 'tbf', disciplines: ['tbf', 'rate', `${megabits}mbit`, 'burst', '80k', 'limit', '16m'] };
  }
  if (!hasDiscipline('netem', 'delay', '1ms')) return { by: 'relay' };
  const words = ['netem', 'limit', '20000', 'delay', `${delayMilliseconds}ms`];
  if (lossPercent > 0) words.push('loss', `${lossPercent}%`);
  if (megabits > 0) words.push('rate', `${megabits}mbit`);
  return { by: 'netem', disciplines: words };
}

/** A bridge in a namespace of its own, and a cable from it to each host. */
function layCables({ hosts, switchSpace, disciplines }) {
  system('ip', 'netns', 'add', switchSpace);
  const ip = (...words) => system('ip', '-n', switchSpace, ...words);
  ip('link', 'add', SWITCH, 'type', 'bridge');
  ip('link', 'set', SWITCH, 'mtu', '65000', 'up');
  for (const [index, { namespace }] of hosts.entries()) {
    const port = `port${index + 1}`;
    ip('link', 'add', port, 'mtu', '65000', 'type', 'veth', 'peer', 'name', DEVICE, 'netns', namespace);
    ip('link', 'set', port, 'master', SWITCH, 'up');
    if (disciplines) system('tc', '-n', namespace, 'qdisc', 'add', 'dev', DEVICE, 'root', ...disciplines);
  }
}

/** Compiles and starts what carries packets where the kernel does not shape links. */
async function startRelay({ folder, hosts, delayMilliseconds, lossPercent, megabits }) {
  const program = join(folder, 'link-relay');
  system(process.env.CC ?? 'cc', '-O2', '-o', program, source);
  const words = [megabits * 1e6, delayMilliseconds * 1e6, lossPercent / 100, 1].map(String);
  const relay = spawn(program, [...words, ...hosts.map(({ namespace, address }) => `${namespace}=${address}`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    relay.stdout.once('data', resolve);
    relay.once('error', reject);
    relay.once('exit', (code) => reject(new Error(`link-relay ended with exit code ${code}`)));
  });
  relay.stdin.on('error', () => undefined);
  return relay;
}

/** Words before a command that run it on a host, under its name. */
const enterWords = ({ namespace, name }) => [
  ...['ip', 'netns', 'exec', namespace, 'unshare', '--uts'],
  ...['sh', '-c', 'hostname "$0" && exec "$@"', name],
];

/** What launchers call in place of ssh: `agent HOST COMMAND…` gives a shell on a host the words as one line. */
function writeAgent({ folder, hosts }) {
  const agent = join(folder, 'agent');
  const quoted = (words) => words.map((word) => `'${word}'`).join(' ');
  const cases = hosts.map((host) => `  ${host.address} | ${host.name}) exec ${quoted(enterWords(host))} sh -c "$*" ;;`);
  writeFileSync(
    agent,
    `#!/bin/sh
# Options of ssh mean nothing here.
while [ "\${1#-}" != "$1" ]; do shift; done
host=$1
shift
case $host in
${cases.join('\n')}
esac
echo "agent: there is no host $host" >&2
exit 255
`,
    { mode: 0o755 },
  );
  return agent;
}
