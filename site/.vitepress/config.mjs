import { defineConfig } from 'vitepress';

import { sidebar } from '../sidebar.mjs';

export default defineConfig({
  title: 'Subtext',
  description:
    'Models that think in hidden states instead of written text: trained, read back into words, and measured.',
  lang: 'en',
  base: process.env.SITE_BASE ?? '/',
  srcDir: './pages',
  outDir: './dist',
  cacheDir: './.cache',
  cleanUrls: true,
  lastUpdated: false,
  // Links into the reference and the reports of runs lead to files that are laid beside the pages; a test reads all others.
  ignoreDeadLinks: [/^\/api\//, /\.html$/, /\.json$/],
  markdown: { lineNumbers: false },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Quick start', link: '/guide/quick-start' },
      { text: 'Which method', link: '/guide/which-method' },
      { text: 'Results', link: '/results/start' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar,
    outline: { level: [2, 3] },
    socialLinks: [{ icon: 'github', link: 'https://github.com/subtext-ai/subtext' }],
    footer: { message: 'MIT licence' },
  },
});
