import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  worker: { format: 'iife' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: false, chunkSizeWarningLimit: 4000 },
});
