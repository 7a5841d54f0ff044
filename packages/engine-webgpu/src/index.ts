export { webgpuEngine as engine } from './engine';
