export { loadTokenizer, type LoadTokenizerOptions } from './load';
export { Tokenizer, type Encoding, type TokenizerFiles } from './tokenizer';
export { trainWordLevelTokenizer } from './train-word-level';
export type { NewToken } from './new-tokens';
export type { ChatMessage, ChatTemplates } from './chat-template';
export type { TokenStream } from './token-stream';
export type { AddedToken, TokenizerFile, TokenizerSettings } from './tokenizer-file';
export { TokenizerError, type TokenizerErrorCode } from './tokenizer-error';
