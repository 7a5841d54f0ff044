export { createOutput, duration, type Output, type Progress } from '@subtext/terminal';
