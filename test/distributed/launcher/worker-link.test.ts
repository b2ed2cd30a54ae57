import assert from 'node:assert/strict';
import { readLinkMessage } from '../../../lib/distributed/launcher/link-messages';
import { linkToLauncher } from '../../../lib/distributed/launcher/worker-link';
import { temporaryFolder } from '../../support/folder';
import { TestLaunch, workerProgram } from '../../support/launch';

describe("a worker's link to its launcher", function () {
  this.timeout(60_000);
  const worker = workerProgram(temporaryFolder());

  it('does nothing where there is no launcher', async () => {
    const onLost = (): never => assert.fail('there was nothing to lose');
    const link = linkToLauncher(undefined, { onLost });
    assert.equal(link.isLinked, false);
    link.reportProgress(1);
    await link.reportFailure({ message: 'nobody hears' });
    link.close();
  });

  it('keeps no process alive', async () => {
    const launch = new TestLaunch(worker(`say(link.isLinked); link.reportProgress(3);`));
    assert.deepEqual(await launch.result, { outcome: 'done' });
    assert.equal(launch.text, 'true\n');
  });

  it('takes only what a worker may say', () => {
    assert.deepEqual(readLinkMessage({ kappa: 'progress', step: 3 }), { kappa: 'progress', step: 3 });
    const failure = { kappa: 'failure', code: 'ERR_IO', message: 'x' };
    assert.deepEqual(readLinkMessage(failure), failure);
    assert.equal(readLinkMessage({ ...failure, message: 'y'.repeat(1e5) })?.kappa, 'failure');
    for (const value of [
      ...[null, 3, 'text', [], {}, { kappa: 'other' }, { kappa: 'progress', step: -1 }],
      ...[{ kappa: 'progress', step: '3' }, { kappa: 'failure' }, { kappa: 'failure', message: 3 }],
    ])
      assert.equal(readLinkMessage(value), undefined, JSON.stringify(value));
  });
});
