import { argumentError } from '../../errors';

/** A cell of a text table; numbers are aligned to the right. */
export type Cell = string | number;

/**
 * Lays out a small text table: columns as wide as their widest cell, two spaces between them, numbers (and text
 * that is a number, like `99.83%`) to the right.
 *
 * @param header the columns' names
 * @param rows cells, as many as the header has
 * @returns lines, each ended by a line feed
 * @throws KappaError ERR_ARGUMENT if a row has another number of cells than the header
 */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  for (const [i, row] of rows.entries())
    if (row.length !== header.length) throw argumentError(`row ${i}`, `${header.length} cells`, row);
  const texts = rows.map((row) => row.map(String));
  const widths = header.map((name, column) =>
    Math.max(name.length, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const toRight = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => isNumeric(row[column] ?? '')),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return toRight[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [header, ...texts].map((cells) => `${line(cells)}\n`).join('');
}

function isNumeric(cell: Cell): boolean {
  return (
    typeof cell === 'number' || cell === '-' || /^[+-]?(\d[\d,_]*\.?\d*|\.\d+)(e[+-]?\d+)?( ?%)?$/i.test(cell)
  );
}
