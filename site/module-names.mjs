/** A plugin of TypeDoc: entries are called as they are imported, `@subtext/core/node`, and not as their files lie. */
export function load(app) {
  app.converter.on('resolveBegin', ({ project }) => {
    for (const entry of project.children ?? []) {
      const [name, , sub] = entry.name.split('/');
      entry.name = `@subtext/${name}${sub === undefined ? '' : `/${sub}`}`;
    }
  });
}
