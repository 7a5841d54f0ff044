import type { Served } from './offer';

/** What the page is told that it can read, with the addresses by which it does. */
export function describeOffer({
  served: { models, data, examples, runs, problems },
  fileAddress,
  imageAddress,
  view,
}: {
  served: Served;
  fileAddress: (model: number, file: number) => string;
  imageAddress: (example: number) => string;
  /** Where it opens. */
  view?: string;
}): Record<string, unknown> {
  return {
    models: models.map(({ folder, files, audit }, model) => ({
      path: folder,
      files: files.map(({ name, size }, file) => ({ path: name, size, address: fileAddress(model, file) })),
      ...(audit && { audit }),
    })),
    ...(data !== undefined && { data }),
    examples: examples.map(({ id, question, answer, steps, category, facts, image }, index) => ({
      id,
      question,
      answer,
      steps,
      category,
      facts,
      ...(image && { image: imageAddress(index), imageFile: image.path }),
    })),
    runs,
    problems,
    ...(view !== undefined && { view }),
  };
}
