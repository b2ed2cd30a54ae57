import path from 'node:path';
import { KappaError, ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { loadSharp } from '../../image/decode';

/** Colours of all pictures: ink on white, a pair of hues that colour-blind people can tell apart. */
export const COLOURS = {
  ink: '#1f2933',
  muted: '#7b8794',
  line: '#e4e7eb',
  first: '#2f6fb0',
  second: '#e8973a',
  same: '#2e9e6b',
  different: '#d1495b',
} as const;

const FONT = `font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif"`;

export interface TextStyle {
  size: number;
  /** @default 'start' */
  anchor?: 'start' | 'middle' | 'end';
  /** @default ink */
  fill?: string;
  bold?: boolean;
  /** The text is cut off where it would be wider than this, in pixels. */
  maxWidth?: number;
}

/** A line of text in SVG; its base line begins at (x, y). */
export function svgText(
  text: string,
  x: number,
  y: number,
  { size, anchor = 'start', fill = COLOURS.ink, bold = false, maxWidth = Infinity }: TextStyle,
): string {
  // Letters are a little over half as wide as they are high, on average.
  const fits = Math.max(1, Math.floor(maxWidth / (0.58 * size)));
  const characters = [...text];
  const shown = characters.length > fits ? `${characters.slice(0, fits - 1).join('')}…` : text;
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${x}" y="${y}" ${FONT} font-size="${size}" text-anchor="${anchor}" fill="${fill}"${weight}>${escape(shown)}</text>`;
}

/** A whole picture on white. */
export function svgDocument(width: number, height: number, body: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>${body}</svg>\n`
  );
}

/**
 * Makes sure that text can be drawn into pixels here: a machine without any font would leave it out silently.
 * @throws KappaError ERR_IO
 */
export async function mustHaveFonts(): Promise<void> {
  const probe = svgDocument(40, 40, svgText('8', 8, 30, { size: 30 }));
  const sharp = await loadSharp();
  const pixels = await sharp(Buffer.from(probe))
    .flatten({ background: '#ffffff' })
    .greyscale()
    .raw()
    .toBuffer();
  if (pixels.every((value) => value > 200))
    throw new KappaError(
      'ERR_IO',
      'Text cannot be drawn into a PNG: this machine has no fonts. Install some (on Debian: apt-get install fonts-dejavu-core), or write an .svg where that is possible.',
    );
}

/**
 * Writes a picture as `.svg`, or drawn at twice its size as `.png`; the file appears whole or not at all.
 * @throws KappaError ERR_ARGUMENT for another ending, ERR_IO
 */
export async function writeSvgPicture(file: string, svg: string): Promise<void> {
  const ending = pictureEnding(file, ['.png', '.svg']);
  if (ending === '.svg') return writeFileAtomically(file, (handle) => handle.writeFile(svg));
  await mustHaveFonts();
  const sharp = await loadSharp();
  const png = await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();
  await writeFileAtomically(file, (handle) => handle.writeFile(png));
}

/** The ending of a picture's name. @throws KappaError ERR_ARGUMENT when it is none of those that can be written */
export function pictureEnding(file: string, endings: readonly string[]): string {
  const ending = path.extname(file).toLowerCase();
  if (endings.includes(ending)) return ending;
  throw new KappaError('ERR_ARGUMENT', `The picture ${file} should end in ${endings.join(' or ')}.`);
}

/** Draws an SVG into pixels, as a layer to lay over others. */
export async function rasterize(svg: string, what: string): Promise<Buffer> {
  try {
    return await (await loadSharp())(Buffer.from(svg)).png().toBuffer();
  } catch (error) {
    throw ioError(error, 'draw', what);
  }
}

function escape(text: string): string {
  // Control characters are not allowed in XML, not even escaped.
  const legal = [...text].map((character) => (character < ' ' ? ' ' : character)).join('');
  return legal
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
