import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { drawRun } from '../support/drawn-run';
import { verificationRecord } from '../support/evaluation-records';
import { temporaryFolder } from '../support/folder';
import { runKappaEach } from '../support/run-kappa';

describe('kappa report', function () {
  this.timeout(120_000);
  it('writes a page or tables, and says where; what is wrong with the command line is told', async () => {
    const folder = temporaryFolder();
    const record = verificationRecord({ seed: 1, model: 'runs/a/checkpoints/step-00000400' }, 'lfw');
    const one = await drawRun(path.join(folder, 'a'), { records: [record] });
    const two = await drawRun(path.join(folder, 'b'));
    const output = path.join(folder, 'two.html');
    const markdown = path.join(folder, 'tables.md');
    const [page, json, tables, written, nothing, usage, absent] = runKappaEach([
      ['report', one],
      ['report', one, two, '--output', output, '--json'],
      ['report', one, '--markdown'],
      ['report', one, '--markdown', '--output', markdown],
      ['report'],
      ['report', one, '--markdown', '--json'],
      ['report', path.join(folder, 'nowhere')],
    ]);
    assert.deepEqual(page, { code: 0, stdout: `${path.join(one, 'report.html')}\n`, stderr: '' });
    assert.match(readFileSync(path.join(one, 'report.html'), 'utf8'), /^<!doctype html>/);
    assert.deepEqual(JSON.parse(json!.stdout), { report: output });
    assert.ok(existsSync(output));
    assert.match(tables!.stdout, /^## Table 1[^]*\| KappaFace \(memory buffer\) \| 99\.83 /);
    assert.equal(`${tables!.stdout}`.trimEnd(), readFileSync(markdown, 'utf8').trimEnd());
    assert.equal(written!.stdout, '');
    assert.deepEqual([nothing!.code, usage!.code], [2, 2]);
    assert.match(usage!.stderr, /--markdown goes with neither/);
    assert.equal(absent!.code, 1);
    assert.match(absent!.stderr, /no run and has no evaluations/);
  });
});
