import type { ExampleFacts } from './engine/protocol';

/** What is true of an example, as names and words by which the map's points are told apart. */
export function namedFacts({ facts }: Pick<ExampleFacts, 'facts'>): Record<string, string> {
  if (facts === undefined) return {};
  switch (facts.kind) {
    case 'scene':
      return Object.fromEntries(
        facts.objects.flatMap(({ place, colour, shape }) => [
          [`colour ${place}`, colour],
          [`shape ${place}`, shape],
        ]),
      );
    case 'graph':
      return {
        'hops to the target': String(facts.neighborsByHop.length - 1),
        'ways into the target': String(facts.edges.filter(([, to]) => to === facts.target).length),
      };
    case 'boxes':
      return Object.fromEntries(facts.boxes.map((box, index) => [`shapes in box ${index + 1}`, String(box.length)]));
    default:
      return {};
  }
}
