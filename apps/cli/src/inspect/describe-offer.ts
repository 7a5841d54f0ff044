import type { Served } from './offer';

/** What the page is told that it can read, with the addresses by which it does. */
export function describeOffer({
  served: { models, data, examples, runs, pictures, problems },
  fileAddress,
  imageAddress,
  pictureAddress,
  view,
}: {
  served: Served;
  fileAddress: (model: number, file: number) => string;
  imageAddress: (example: number) => string;
  pictureAddress: (picture: number) => string;
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
    pictures: pictures.map((_, picture) => pictureAddress(picture)),
    problems,
    ...(view !== undefined && { view }),
  };
}
