import assert from 'node:assert/strict';
import { parseHostList, parseTasksPerNode } from '../../lib/distributed/host-list';
import { throws } from '../support/assert';

describe('a list of hosts', () => {
  it('is read as Slurm writes it', () => {
    const cases: [string, string[]][] = [
      ['login', ['login']],
      ['gpu[001-003,7],login', ['gpu001', 'gpu002', 'gpu003', 'gpu7', 'login']],
      ['a,b-1,c.example.org', ['a', 'b-1', 'c.example.org']],
      ['n[8-11]', ['n8', 'n9', 'n10', 'n11']],
      ['n[098-101]', ['n098', 'n099', 'n100', 'n101']],
      ['rack[1-2]n[0-1]', ['rack1n0', 'rack1n1', 'rack2n0', 'rack2n1']],
      ['n[1-2]-ib,m[3]', ['n1-ib', 'n2-ib', 'm3']],
      ['[1-2]', ['1', '2']],
    ];
    for (const [text, hosts] of cases) assert.deepEqual(parseHostList(text), hosts, text);
  });

  it('is refused where it is none, with its name', () => {
    for (const text of [
      ...['', 'a,', 'n[', 'n]', 'n[1', 'n[1]]', 'n[[1]]', 'n[]', 'n[a]', 'n[1-]', 'n[3-1]', 'n[1-2-3]'],
      ...['n[1-99999999]', 'n[1-1000][1-1000]', 'a b', 'a;b', '$(x)'],
    ])
      throws(() => parseHostList(text, 'SLURM_STEP_NODELIST'), 'ERR_CONFIG', /SLURM_STEP_NODELIST/);
  });

  it('goes with tasks for each node', () => {
    assert.deepEqual(parseTasksPerNode('2(x3),1', 'X'), [2, 2, 2, 1]);
    assert.deepEqual(parseTasksPerNode('4', 'X'), [4]);
    for (const text of ['', '2(x)', 'x3', '2(x999999999)', '-1'])
      throws(() => parseTasksPerNode(text, 'SLURM_STEP_TASKS_PER_NODE'), 'ERR_CONFIG', /SLURM_STEP_TASKS/);
  });
});
