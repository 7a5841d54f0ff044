import { escapeHtml } from './escape-html';

/** An image on a card. */
export interface CardPicture {
  /** Its URL: `data:` in standalone pages, `blob:` where the page holds the bytes. */
  source: string;
  /** Alternative text, for those who cannot see the image. */
  alternativeText: string;
  /** Keeps pixels sharp when a small image is enlarged. @default false */
  pixelated?: boolean;
  /** In pixels: reserves its space before it is decoded. @default unknown */
  size?: { width: number; height: number };
}

/** Renders an image as HTML. */
export function pictureCard({ source, alternativeText, pixelated = false, size }: CardPicture): string {
  const place = size === undefined ? '' : ` width="${size.width}" height="${size.height}"`;
  return `<img class="picture${pixelated ? ' pixelated' : ''}" src="${escapeHtml(source)}" alt="${escapeHtml(alternativeText)}"${place}>`;
}
