import { normalizeAnswer } from '@subtext/data';
import {
  type CardChange,
  type CardExample,
  type CardPicture,
  type CardThought,
  exampleCard,
} from '@subtext/decoder/cards';

import { EvaluationError } from '../errors';
import { imageSize, imageSource, type ReportImage } from './image-source';
import { inlineCode, makeSection, paragraphs, type ReportSection } from './report-section';

/** A thought in words beside the stage it stands for. */
export interface GalleryThought extends Omit<CardThought, 'drawing' | 'changes'> {
  /** What a drawer drew of the thought. @default none */
  drawing?: ReportImage;
  /** What is answered with other thoughts in this one's place. @default none */
  changes?: GalleryChange[];
}

/** What is answered with other thoughts in place of a stage's own. */
export type GalleryChange = Omit<CardChange, 'follows'>;

/** One example of a gallery. */
export interface GalleryItem extends Omit<CardExample, 'image' | 'thoughts' | 'name'> {
  /** @default none */
  image?: ReportImage;
  /** @default none */
  thoughts?: GalleryThought[];
  /** Names the example, such as its id. @default the number in the gallery */
  name?: string;
}

/** Options of {@link gallerySection}. */
export interface GallerySectionOptions {
  title: string;
  /** How the examples were chosen. */
  caption: string;
  items: GalleryItem[];
  /** Text before the gallery. @default none */
  text?: string | string[];
}

/**
 * Examples with picture, question, answer, thinking tokens and each thought in words beside the true
 * stage. Right and wrong ones stand together; a control without scripts shows one kind alone.
 *
 * @throws EvaluationError invalid-image for a picture that cannot stand in the page.
 */
export function gallerySection({ title, caption, items, text = [] }: GallerySectionOptions): ReportSection {
  if (items.length === 0) {
    throw new EvaluationError({
      code: 'empty-set',
      message: `Gallery "${title}": no examples; leave the section out, or give some.`,
    });
  }
  const right = items.filter((item) => item.correct).length;
  const name = `show-${slug(title)}`;
  const choice = (value: string, label: string, checked: boolean) =>
    `<label><input type="radio" name="${name}" class="show-${value}"${checked ? ' checked' : ''}> ${label}</label>`;
  const html = `${paragraphs(text)}
<div class="gallery cards">
<p>${inlineCode(caption)}</p>
<fieldset class="choice"><legend>Show</legend>${choice('all', `all ${items.length}`, true)}${choice('right', `right ${right}`, false)}${choice('wrong', `wrong ${items.length - right}`, false)}</fieldset>
${items.map(cardOf).join('\n')}
</div>`;
  return makeSection({ title, html });
}

function cardOf({ image, thoughts = [], ...item }: GalleryItem, index: number): string {
  return exampleCard({
    name: String(index + 1),
    ...item,
    ...(image && { image: pictureOf(image) }),
    thoughts: thoughts.map(({ drawing, changes = [], ...thought }) => ({
      ...thought,
      ...(drawing && { drawing: pictureOf(drawing) }),
      changes: changes.map((change) => ({ ...change, follows: doesFollow(change) })),
    })),
  });
}

function pictureOf(image: ReportImage): CardPicture {
  const { alternativeText, pixelated } = image;
  return { source: imageSource(image), alternativeText, pixelated, size: imageSize(image) };
}

function doesFollow({ answer, expected }: GalleryChange): boolean {
  return answer !== null && expected !== null && normalizeAnswer(answer) === normalizeAnswer(expected);
}

/** A name that can stand in an id. */
export function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'section' : plain;
}
