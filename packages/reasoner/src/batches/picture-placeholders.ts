import type { Tokenizer } from '@subtext/tokenizer';

import { ReasonerError } from '../errors';
import type { LayoutContext } from '../methods/reasoning-method';

/** Marks around the tiles of a picture, as the processors of Idefics3 and SmolVLM in transformers write them. */
const marks = {
  around: '<fake_token_around_image>',
  whole: '<global-img>',
  tile: (row: number, column: number) => `<row_${row}_col_${column}>`,
};

/**
 * Ids that stand in a prompt for a picture that is cut into tiles: each tile behind the mark of its row and column, a line
 * for a row of them, then the whole picture (`Idefics3Processor`, `SmolVLMProcessor` in transformers). A mark that the
 * vocabulary lacks is left out: a small model from scratch needs none.
 *
 * @throws ReasonerError where the tokenizer does not keep the image tokens apart
 */
export function tilePlaceholders({
  rows,
  columns,
  image,
  tokenizer,
}: {
  /** Of tiles; 0 and 0 where the picture is one tile. */
  rows: number;
  columns: number;
  image: NonNullable<LayoutContext['image']>;
  tokenizer: Tokenizer;
}): number[] {
  const mark = (token: string) => (tokenizer.has(token) ? token : '');
  const tile = tokenizer.decode([image.tokenId], { skipSpecialTokens: false }).repeat(image.tokens);
  const around = mark(marks.around);
  const whole = `${around}${mark(marks.whole)}${tile}${around}`;
  const lines = Array.from(
    { length: rows },
    (_, row) =>
      `${Array.from({ length: columns }, (_, column) => `${around}${mark(marks.tile(row + 1, column + 1))}${tile}`).join('')}\n`,
  );
  const text = rows === 0 ? whole : `${lines.join('')}\n${whole}`;
  const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
  const expected = (rows * columns + 1) * image.tokens;
  const found = ids.reduce((count, id) => count + (id === image.tokenId ? 1 : 0), 0);
  if (found !== expected) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The tokenizer writes a picture of ${rows} × ${columns} tiles and the whole as ${found} image tokens (id ${image.tokenId}) instead of ${expected}. Make the image token a special token of the tokenizer.`,
    });
  }
  return [...ids];
}
