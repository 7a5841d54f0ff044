/* global fetch */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { runProgram } from './run-program.mjs';

/** The address that npm asks for all other packages. */
export async function upstream() {
  const { stdout } = await runProgram({ program: 'npm', args: ['config', 'get', 'registry'] });
  return stdout.trim();
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What verdaccio is told: our own packages are taken here, all others from where npm takes them. */
const configuration = (others) => `storage: ./storage
uplinks:
  npm:
    url: ${others}
packages:
  '@subtext/*':
    access: $all
    publish: $all
  '**':
    access: $all
    proxy: npm
max_body_size: 100mb
log: { type: stdout, level: error }
`;

async function install(folder) {
  if (existsSync(join(folder, 'node_modules', 'verdaccio'))) return;
  mkdirSync(folder, { recursive: true });
  // An override: verdaccio asks for node-fetch by a tag that not every mirror has.
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { verdaccio: '^6' }, overrides: { 'node-fetch': '^2.7.0' } }),
  );
  await runProgram({ program: 'npm', args: ['install', '--no-audit', '--no-fund', '--ignore-scripts'], folder });
}

/**
 * A registry on 127.0.0.1 (verdaccio) that keeps in `folder` what is published to it, and starts with what is there.
 * Gives back its address, the environment in which npm publishes to it, the bytes of a tarball in it, and what stops it.
 */
export async function startRegistry({ folder }) {
  await install(folder);
  const port = await freePort();
  writeFileSync(join(folder, 'config.yaml'), configuration(await upstream()));
  const program = join(folder, 'node_modules', 'verdaccio', 'bin', 'verdaccio');
  const words = [program, '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, words, { cwd: folder, stdio: 'ignore' });
  const address = `http://127.0.0.1:${port}/`;
  const answers = () =>
    fetch(`${address}-/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let tries = 0; !(await answers()); tries += 1) {
    if (tries > 240 || child.exitCode !== null) throw new Error('The registry does not answer.');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const settings = join(folder, 'npmrc');
  writeFileSync(settings, `registry=${address}\n//127.0.0.1:${port}/:_authToken=rehearsal\n`);
  return {
    address,
    environment: { NPM_CONFIG_USERCONFIG: settings, npm_config_registry: address },
    tarballBytes(name) {
      const place = join(folder, 'storage', name);
      const tarball = readdirSync(place).find((file) => file.endsWith('.tgz'));
      return statSync(join(place, tarball)).size;
    },
    stop: () => child.kill(),
  };
}
