import assert from 'node:assert/strict';
import { launchSettings, type LaunchFlags } from '../../../lib/distributed/launcher/settings';
import { throws } from '../../support/assert';

describe('the flags of kappa launch', () => {
  it('give one worker on one machine where none is given', () => {
    const { shows, ...rest } = launchSettings({});
    assert.deepEqual(rest, {
      processes: 1,
      nodes: { min: 1, max: 1 },
      meeting: { kind: 'alone', masterAddress: undefined, masterPort: undefined },
      runId: 'none',
      maxRestarts: 0,
    });
    assert.deepEqual(shows(3), { stdout: true, stderr: true });
  });

  it('say where machines meet', () => {
    const meetings: [LaunchFlags, unknown][] = [
      [
        { nnodes: '1', nodeRank: '0', masterAddr: '127.0.0.1', masterPort: '1234' },
        { kind: 'alone', masterAddress: '127.0.0.1', masterPort: 1234 },
      ],
      [{ standalone: true, nnodes: '4', nodeRank: '2', masterPort: '1' }, { kind: 'alone' }],
      [
        { nnodes: '2', nodeRank: '1', masterAddr: 'node0' },
        { kind: 'static', nodeRank: 1, host: 'node0', port: 29500 },
      ],
      [
        { nnodes: '2', nodeRank: '1', rdzvEndpoint: 'node0:77', rdzvBackend: 'static' },
        { kind: 'static', nodeRank: 1, host: 'node0', port: 77 },
      ],
      [
        { nnodes: '1:4', rdzvEndpoint: 'node0' },
        { kind: 'elastic', host: 'node0', port: 29400 },
      ],
      [
        { nnodes: '2', rdzvEndpoint: '[fd00::1]:5', rdzvBackend: 'c10d' },
        { kind: 'elastic', host: 'fd00::1', port: 5 },
      ],
      [{ rdzvEndpoint: '10.0.0.1:5' }, { kind: 'elastic', host: '10.0.0.1', port: 5 }],
    ];
    for (const [flags, meeting] of meetings) assert.deepEqual(launchSettings(flags).meeting, meeting);
    assert.deepEqual(launchSettings({ nnodes: '1:4', rdzvEndpoint: 'a' }).nodes, { min: 1, max: 4 });
  });

  it('say what the terminal shows, by local rank', () => {
    const { shows } = launchSettings({ tee: '0:3,2:1,3:2' });
    assert.deepEqual(
      [0, 1, 2, 3].map((rank) => Object.values(shows(rank))),
      [
        [true, true],
        [false, false],
        [true, false],
        [false, true],
      ],
    );
    assert.deepEqual(launchSettings({ tee: '2' }).shows(9), { stdout: false, stderr: true });
  });

  it('are the variables of torchrun where they are not given', () => {
    const variables = {
      PET_NPROC_PER_NODE: 'gpu',
      PET_NNODES: '2',
      PET_NODE_RANK: '1',
      PET_MASTER_ADDR: 'job-master-0',
      PET_MASTER_PORT: '23456',
      PET_MAX_RESTARTS: '3',
      PET_RDZV_ID: 'job',
    };
    const { shows: _shows, ...rest } = launchSettings({ nprocPerNode: '4' }, variables);
    assert.deepEqual(rest, {
      processes: 4,
      nodes: { min: 2, max: 2 },
      meeting: { kind: 'static', nodeRank: 1, host: 'job-master-0', port: 23456 },
      runId: 'job',
      maxRestarts: 3,
    });
    assert.equal(launchSettings({}, { PET_NPROC_PER_NODE: 'auto' }).processes, 'auto');
    throws(
      () => launchSettings({}, { PET_NNODES: 'two' }),
      'ERR_CONFIG',
      /the environment variable PET_NNODES but received "two"/,
    );
  });

  it('are refused where they are wrong or contradict each other', () => {
    const two = { nnodes: '2', nodeRank: '0', masterAddr: 'a' };
    const cases: [LaunchFlags, RegExp][] = [
      [{ nprocPerNode: '0' }, /--nproc-per-node but received "0"/],
      [{ nprocPerNode: 'many' }, /from 1 to 4096, auto, cpu or gpu .*"many"/],
      [{ nnodes: '0' }, /--nnodes but received "0"/],
      [{ nnodes: '4:1' }, /a range like 1:4 for --nnodes/],
      [{ nnodes: '1:4' }, /needs --rdzv-endpoint/],
      [{ nnodes: '1:4', nodeRank: '0', rdzvEndpoint: 'a' }, /Leave out --node-rank/],
      [{ nnodes: '2' }, /need --node-rank and --master-addr/],
      [{ nnodes: '2', nodeRank: '0' }, /need --node-rank and --master-addr/],
      [{ ...two, nodeRank: '2' }, /from 0 to 1, as there are 2 nodes for --node-rank but received "2"/],
      [{ ...two, nodeRank: '-1' }, /--node-rank but received "-1"/],
      [{ nodeRank: '1' }, /Expected 0, as there is one node/],
      [{ ...two, masterPort: '65536' }, /a port from 1 to 65535 for --master-port/],
      [{ ...two, masterAddr: 'a b' }, /a host name or an address for --master-addr/],
      [{ nnodes: '2', rdzvEndpoint: 'a:b' }, /HOST:PORT, like .* for --rdzv-endpoint/],
      [{ nnodes: '2', rdzvEndpoint: 'a:0' }, /for --rdzv-endpoint/],
      [{ nnodes: '2', rdzvEndpoint: 'fd00::1' }, /for --rdzv-endpoint/],
      [{ rdzvBackend: 'etcd' }, /c10d or static for --rdzv-backend but received "etcd"/],
      [{ maxRestarts: '-1' }, /--max-restarts/],
      [{ localAddr: '$x' }, /--local-addr/],
      [{ tee: '4' }, /--tee but received "4"/],
      [{ tee: '0:3,1' }, /--tee/],
    ];
    for (const [flags, message] of cases) throws(() => launchSettings(flags), 'ERR_USAGE', message);
  });
});
