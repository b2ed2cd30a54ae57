import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { createProgressPrinter } from '../../lib/cli/install-progress';
import { writeTree } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';
import { runKappa } from '../support/run-kappa';

function printerFor(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 });
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const printer = createProgressPrinter(stream as unknown as NodeJS.WriteStream);
  return { printer, text: () => text };
}

describe('the progress of kappa libtorch install', () => {
  it('is a line for each source and for writing to disk, where there is no terminal', () => {
    const { printer, text } = printerFor(false);
    printer.listener({ phase: 'wait', message: 'another installation is running' });
    printer.listener({ phase: 'wait', message: 'another installation is running' });
    printer.listener({ phase: 'source', message: 'pip' });
    printer.listener({ phase: 'download', done: 1e6, total: 2e8 });
    printer.listener({ phase: 'unpack', done: 1, total: 2 });
    printer.listener({ phase: 'sync' });
    printer.stop();
    assert.equal(
      text(),
      'LibTorch: another installation is running\nLibTorch: pip\nWriting to disk\n',
      'what takes less than ten seconds needs no line of its own',
    );
  });

  it('is a bar for each phase on a terminal, in megabytes', () => {
    const { printer, text } = printerFor(true);
    printer.listener({ phase: 'download', done: 0, total: 2e8 });
    printer.listener({ phase: 'download', done: 1e8, total: 2e8 });
    printer.message('SIGINT');
    printer.listener({ phase: 'unpack', done: 0, total: 4e8 });
    printer.listener({ phase: 'sync' });
    printer.stop();
    const shown = text();
    assert.match(shown, /\[={10} {10}\] Fetching: 100 MB of 200 MB/);
    assert.match(shown, /SIGINT\n/);
    assert.match(shown, /\[ {20}\] Unpacking: 0 MB of 400 MB/);
    assert.match(shown, /Writing to disk\n$/);
  });
});

describe('kappa libtorch install --variant cu130', () => {
  it('tells where the addon with CUDA comes from, where none goes with the LibTorch', () => {
    const root = writeTree(temporaryFolder(), { version: '2.14.1', cuda: true });
    const env = { LIBTORCH: root, LIBTORCH_USE_PYTORCH: '', KAPPA_SKIP_BUILD: '' };
    const { code, stdout, stderr } = runKappa(['libtorch', 'install', '--variant', 'cu130'], env);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `LibTorch 2.14.1 (cu130) in ${root}, found by LIBTORCH.\n`);
    assert.match(stderr, /npm run build:cuda\. Elsewhere it comes prebuilt/);
  });
});
