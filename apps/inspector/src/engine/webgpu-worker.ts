import { engine } from '@subtext/engine-webgpu';
import { registerEngine } from '@subtext/tensor';

import { serveWork } from './serve-work';

/** The worker that can compute on a GPU: apart, because those who have none need not load what it takes. */
registerEngine(engine);
serveWork();
