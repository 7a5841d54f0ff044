import { escapeHtml } from './escape-html';

/** A picture on a card. */
export interface CardPicture {
  /** Its address: `data:` where the page stands alone, `blob:` where it holds the bytes. */
  source: string;
  /** What the picture shows, for those who cannot see it. */
  alternativeText: string;
  /** Keeps the pixels sharp when a small picture is enlarged. @default false */
  pixelated?: boolean;
  /** In pixels: keeps its place before it is decoded. @default not known */
  size?: { width: number; height: number };
}

/** A picture as HTML. */
export function pictureCard({ source, alternativeText, pixelated = false, size }: CardPicture): string {
  const place = size === undefined ? '' : ` width="${size.width}" height="${size.height}"`;
  return `<img class="picture${pixelated ? ' pixelated' : ''}" src="${escapeHtml(source)}" alt="${escapeHtml(alternativeText)}"${place}>`;
}
