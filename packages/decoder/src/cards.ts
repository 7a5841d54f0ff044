export { cardStyles } from './cards/card-styles';
export { escapeHtml } from './cards/escape-html';
export { type CardExample, exampleCard } from './cards/example-card';
export { type CardPicture, pictureCard } from './cards/picture-card';
export { type CardChange, type CardThought, thoughtCard } from './cards/thought-card';
export { type CardVerdict, verdictCard } from './cards/verdict-card';
