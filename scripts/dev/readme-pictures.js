// Draws docs/images/faces.webp and report.webp: the embedded faces, and the report of a trained configs/base.
// node scripts/dev/readme-pictures.js RUN   (npx kappa train configs/base; needs Chromium, npm run build)
const { execFileSync } = require('node:child_process');
const { mkdirSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { chromium } = require('playwright-core');
const sharp = require('sharp');

const root = path.join(__dirname, '..', '..');
const images = path.join(root, 'docs', 'images');
const scratch = path.join(root, 'build', 'pictures');
const WIDTH = 1100;
const HEIGHT = 960;
const MARGIN = 16;
const LARGEST = 300_000;

function kappa(...args) {
  execFileSync(process.execPath, [path.join(root, 'bin', 'kappa.js'), ...args], { stdio: 'inherit' });
}

async function save(picture, name) {
  const { size } = await picture.webp({ quality: 80, effort: 6 }).toFile(path.join(images, name));
  if (size > LARGEST)
    throw new Error(`${name} has ${size} bytes; at most ${LARGEST} go into the repository.`);
}

async function drawFaces() {
  const faces = path.join(scratch, 'faces');
  kappa('data', 'synth', faces);
  const sheet = path.join(scratch, 'faces.png');
  kappa('data', 'inspect', faces, '--sheet', sheet, '--columns', '8', '--rows', '7');
  await save(sharp(sheet).resize({ width: 900, withoutEnlargement: true }), 'faces.webp');
}

async function drawReport(run) {
  const page = path.join(scratch, 'report.html');
  kappa('report', run, '--output', page);
  const executablePath = process.env.KAPPA_CHROMIUM || '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const opened = await browser.newPage({
      viewport: { width: WIDTH, height: HEIGHT },
      colorScheme: 'light',
    });
    await opened.goto(pathToFileURL(page).href);
    // The curves; what is above them is text.
    const { y } = await opened.locator('h2', { hasText: 'Training' }).boundingBox();
    const clip = { x: 0, y: y - MARGIN, width: WIDTH, height: HEIGHT };
    await save(sharp(await opened.screenshot({ fullPage: true, clip })), 'report.webp');
  } finally {
    await browser.close();
  }
}

async function main() {
  const [run] = process.argv.slice(2);
  if (run === undefined) throw new Error('Name the folder of a trained run, such as runs/base.');
  mkdirSync(scratch, { recursive: true });
  await drawFaces();
  await drawReport(run);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
