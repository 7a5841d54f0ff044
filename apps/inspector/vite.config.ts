import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/**
 * The reader of Parquet stays out: a worker is one file, so that what @subtext/data imports only when it opens such a file
 * would come along, and the page opens none. It is some 100 kB, compressed.
 */
const withoutParquet = (): Plugin => ({
  name: 'without-parquet',
  enforce: 'pre',
  resolveId: (id) => (/^hyparquet(?:-compressors)?(?:\/|$)/.test(id) ? '\0without-parquet' : undefined),
  load: (id) => (id === '\0without-parquet' ? "throw new Error('This page reads no Parquet.');" : undefined),
});

export default defineConfig({
  base: './',
  plugins: [svelte()],
  worker: { format: 'iife', plugins: () => [withoutParquet()] },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: false, chunkSizeWarningLimit: 4000 },
});
