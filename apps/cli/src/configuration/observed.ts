const key = Symbol.for('subtext.observe-configuration');

/** A configuration through the eyes of a test that sees which keys are read (test/matrix); itself everywhere else. */
export function observed<Configuration>(configuration: Configuration): Configuration {
  const observe = (globalThis as { [key]?: (value: Configuration) => Configuration })[key];
  return observe ? observe(configuration) : configuration;
}
