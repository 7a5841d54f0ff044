import { serveWork } from './serve-work';

/** The worker that computes on WebAssembly. */
serveWork();
