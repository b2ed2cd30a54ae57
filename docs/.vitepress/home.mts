/** What the site's home page has above the text of docs/index.md. */
export const home = {
  layout: 'home',
  hero: {
    name: 'kappaface',
    text: 'Deep face recognition for Node.js',
    tagline:
      'Trains face embeddings with KappaFace, ArcFace and CosFace margins, and measures them by the field’s protocols. TypeScript on LibTorch; no Python takes part.',
    actions: [
      { theme: 'brand', text: 'Getting started', link: '/guide/getting-started' },
      { theme: 'alt', text: 'Coming from insightface', link: '/guide/from-insightface' },
      { theme: 'alt', text: 'API', link: '/reference/api/' },
    ],
  },
};
