import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { countProcesses } from '../../../lib/distributed/launcher/count-processes';
import { usableProcessors } from '../../../lib/processors';
import { rejects } from '../../support/assert';
import { temporaryFolder, writeFile } from '../../support/folder';

describe('the number of workers', () => {
  const folder = temporaryFolder();
  const program = (name: string, script: string): string => {
    const file = writeFile(folder, name, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const cuda = { device: 'cuda', visibleGpus: undefined };

  it('is what was said, or one for each processor where the config computes there', async () => {
    const cpu = { device: 'cpu', visibleGpus: '0,1,2,3,4,5,6,7,8' };
    assert.equal(await countProcesses(3, cuda), 3);
    assert.equal(await countProcesses('auto', cpu), usableProcessors());
    assert.equal(await countProcesses('cpu', cuda), usableProcessors());
  });

  it('is one for each GPU that may be used', async () => {
    for (const [visibleGpus, count] of [
      ['0', 1],
      ['2,3', 2],
      ['GPU-8932f937, MIG-GPU-1/2/0', 2],
      ['0,1,-1,2', 2],
    ] as const)
      assert.equal(await countProcesses('auto', { device: 'cuda:1', visibleGpus }), count);
    for (const visibleGpus of ['', '-1'])
      await rejects(
        countProcesses('gpu', { device: 'cpu', visibleGpus }),
        'ERR_DEVICE',
        /CUDA_VISIBLE_DEVICES is "(-1)?"/,
      );
  });

  it('is one for each GPU that nvidia-smi lists', async function () {
    if (process.platform === 'win32') return this.skip();
    const list = program(
      'two-gpus',
      `[ "$1" = -L ] && echo 'GPU 0: H100 (UUID: GPU-1)' && echo '  MIG 1g.10gb Device 0: (UUID: MIG-1)' && echo 'GPU 1: H100 (UUID: GPU-2)'`,
    );
    assert.equal(await countProcesses('gpu', { ...cuda, lister: list }), 2);
    const broken = program('broken', `echo 'NVIDIA-SMI has failed' ; exit 9`);
    await rejects(countProcesses('gpu', { ...cuda, lister: broken }), 'ERR_DEVICE', /NVIDIA-SMI has failed/);
    const none = program('none', 'true');
    await rejects(
      countProcesses('auto', { ...cuda, lister: none }),
      'ERR_DEVICE',
      /lists none\)?\. Give a number/,
    );
    const missing = path.join(folder, 'missing');
    await rejects(
      countProcesses('gpu', { ...cuda, lister: missing }),
      'ERR_DEVICE',
      /there is none: .*ENOENT/,
    );
  });
});
