// Builds the documentation site into build/site: the API's pages from the sources, the pages of docs/, a check of all links.
// Arguments go to VitePress: npm run docs -- --base /kappaface/
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { faultsOfSite } = require('./check-site');

const root = path.join(__dirname, '..', '..');
const given = process.argv.slice(2);

function run(command, ...args) {
  const program = path.join(root, 'node_modules', '.bin', command);
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

run('typedoc', '--options', 'docs/.vitepress/api/typedoc.json');
run('vitepress', 'build', 'docs', ...given);

const base = /--base[= ](\S+)/.exec(given.join(' '))?.[1] ?? '/';
const { pages, links, faults } = faultsOfSite(path.join(root, 'build', 'site'), base);
for (const fault of faults) console.error(fault);
console.log(`${pages} pages, ${links} links, ${faults.length} of them wrong`);
process.exitCode = faults.length > 0 ? 1 : 0;
