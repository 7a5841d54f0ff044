const majors = (versions) => versions.map((version) => version.split('.')[0]).join(', ');
const listed = (versions = []) => (versions.length === 0 ? '–' : majors(versions));

const inBrowser = { example: 'its example runs', imported: 'imported' };

/** What each package is to somebody who installs it. */
export function packagesTable({ packages }) {
  return [
    '| package | ESM, Node | CommonJS, Node | types | Chromium | tarball | installed | dependencies, all |',
    '|---|---|---|---|---|---|---|---|',
    ...packages.map(
      ({
        name,
        import: imported,
        require: required,
        command,
        forBrowsers,
        types,
        browser,
        tarball,
        installed,
        dependencies,
        packages: all,
      }) => {
        const esm = command.length > 0 ? `command: ${majors(command)}` : listed(imported);
        // The second half of what is tried may not have been reached.
        const reached = types !== undefined || imported.length === 0;
        const page = !forBrowsers ? '–' : !reached ? 'not reached' : (inBrowser[browser] ?? 'fails');
        const seen = !reached ? 'not reached' : (types ?? []).length === 0 ? '–' : types.join(', ');
        return `| \`${name}\` | ${esm} | ${listed(required)} | ${seen} | ${page} | ${tarball} kB | ${(installed / 1000).toFixed(1)} MB | ${dependencies}, ${all} |`;
      },
    ),
  ].join('\n');
}

/** What the rehearsal saw besides. */
export function rehearsalLines({ nodes, compiler, platform, faults, packages, start }) {
  const those = (what) => packages.filter((one) => (one[what] ?? []).length > 0);
  const asked = packages.filter(({ vulnerable }) => vulnerable !== null);
  const scripts = [...new Set(packages.flatMap((one) => one.scripts))];
  return [
    `- Node ${nodes.join(', ')}; TypeScript ${compiler}, \`strict\`, without \`skipLibCheck\`. Faults: ${faults}.`,
    `- Install scripts: ${scripts.length === 0 ? 'none' : `only ${scripts.map((name) => `\`${name}\``).join(', ')}`}; none was run, everything was installed with \`--ignore-scripts\`.`,
    `- Deprecated: ${
      those('deprecated').length === 0
        ? 'none'
        : those('deprecated')
            .map(({ name }) => `\`${name}\``)
            .join(', ')
    }. Known vulnerabilities: ${
      asked.length < packages.length
        ? 'not checked, no advisory database was reachable'
        : those('vulnerable').length === 0
          ? 'none (`npm audit`)'
          : those('vulnerable')
              .map(({ name }) => `\`${name}\``)
              .join(', ')
    }.`,
    platform
      ? `- \`@subtext/engine-native\` runs without a compiler, from the prebuilt package for ${platform}.`
      : '- No platform package was built: no compiler was found.',
    ...(start
      ? [
          `- \`npx @subtext/cli start\` in an empty folder without a compiler, engine ${start.engine}: ${start.start === 'whole' ? 'completed' : start.start}, after ${start.seconds} s. \`think\` answered “${start.question}” with “${start.answer}”${start.inspector ? `; \`inspect\` showed “${start.inspector.replace(/\s+/g, ' ')}” in Chromium` : ''}.`,
        ]
      : []),
  ].join('\n');
}
