export { textTable } from '@subtext/terminal';
