import path from 'node:path';

/** Root of the package, from the sources (`lib/libtorch`) as from the compiled files (`dist/libtorch`). */
export const PACKAGE_ROOT = path.resolve(__dirname, '..', '..');
