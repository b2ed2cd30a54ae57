import assert from 'node:assert/strict';
import type { WorkerVariables } from '../../lib/distributed-variables';
import { workerEnvironment, type WorkerEnvironment } from '../../lib/distributed/worker-environment';
import { throws } from '../support/assert';

const launcher = { RANK: '5', WORLD_SIZE: '8', LOCAL_RANK: '1', LOCAL_WORLD_SIZE: '4' } as const;
const master = { MASTER_ADDR: 'node0', MASTER_PORT: '1234' } as const;
const srun = {
  SLURM_STEP_NUM_TASKS: '7',
  SLURM_PROCID: '6',
  SLURM_LOCALID: '0',
  SLURM_NODEID: '3',
  SLURM_STEP_TASKS_PER_NODE: '2(x3),1',
  SLURM_STEP_NODELIST: 'gpu[008-010,12]',
  SLURM_JOB_ID: '123456',
  SLURM_STEP_ID: '0',
} as const;

/** The environment with the rest as it is where nobody says anything. */
function expected(values: Partial<WorkerEnvironment>): Partial<WorkerEnvironment> {
  return { restartCount: 0, round: 0, runId: '', storeIsHosted: false, ...values };
}

describe('what a process learns of its part in a run', () => {
  it('comes from the variables of kappa launch and torchrun', () => {
    const elastic = { TORCHELASTIC_RESTART_COUNT: '2', TORCHELASTIC_RUN_ID: 'r1' };
    const torchrun = { ...launcher, ...master, ...elastic, TORCHELASTIC_USE_AGENT_STORE: 'True' };
    const places = { rank: 5, worldSize: 8, localRank: 1, localWorldSize: 4 };
    const where = { masterAddress: 'node0', masterPort: 1234 };
    const run = { restartCount: 2, runId: 'r1' };
    assert.deepEqual(
      workerEnvironment(torchrun),
      expected({ ...places, ...where, ...run, source: 'torchrun', storeIsHosted: true }),
    );
    assert.deepEqual(
      workerEnvironment({
        ...torchrun,
        TORCHELASTIC_USE_AGENT_STORE: 'False',
        KAPPA_ROUND: '3',
        KAPPA_NODE_ADDR: '10.0.0.7',
      }),
      expected({ ...places, ...where, ...run, source: 'launch', round: 3, nodeAddress: '10.0.0.7' }),
    );
    assert.equal(workerEnvironment({ ...launcher, ...master })?.source, 'environment');
  });

  it('comes from PyTorchJob, which gives a pod one process and no local rank', () => {
    assert.deepEqual(
      workerEnvironment({ RANK: '1', WORLD_SIZE: '3', ...master, KUBERNETES_SERVICE_HOST: '10.0.0.1' }),
      expected({
        ...{ rank: 1, worldSize: 3, localRank: 0, localWorldSize: 1 },
        ...{ masterAddress: 'node0', masterPort: 1234, source: 'kubernetes' },
      }),
    );
  });

  it('comes from Slurm under srun: rank 0 is on the first host, the port is made of the job', () => {
    const places = { rank: 6, worldSize: 7, localRank: 0, localWorldSize: 1 };
    const found = workerEnvironment(srun);
    assert.deepEqual(
      found,
      expected({ ...places, masterAddress: 'gpu008', masterPort: 13456, source: 'slurm' }),
    );
    assert.equal(workerEnvironment({ ...srun, ...master })?.masterAddress, 'node0');
    assert.equal(workerEnvironment({ ...srun, ...master })?.masterPort, 1234);
    // Two steps of one job meet at two ports.
    assert.notEqual(workerEnvironment({ ...srun, SLURM_STEP_ID: '1' })?.masterPort, found?.masterPort);
    const { SLURM_STEP_NODELIST: _step, ...job } = srun;
    assert.equal(workerEnvironment({ ...job, SLURM_JOB_NODELIST: 'login,gpu1' })?.masterAddress, 'login');
    // srun --mpi=pmi2 speaks PMI, too.
    assert.equal(workerEnvironment({ ...srun, PMI_RANK: '6', PMI_SIZE: '7' })?.source, 'slurm');
  });

  it('comes from Open MPI, Intel MPI and MPICH, also within a job of Slurm', () => {
    const places = { rank: 3, worldSize: 4, localRank: 3, localWorldSize: 4 };
    const open = {
      ...{ OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_SIZE: '4' },
      ...{ OMPI_COMM_WORLD_LOCAL_RANK: '3', OMPI_COMM_WORLD_LOCAL_SIZE: '4' },
    };
    const where = { masterAddress: '127.0.0.1', masterPort: 29500 };
    assert.deepEqual(workerEnvironment(open), expected({ ...places, ...where, source: 'openmpi' }));
    const hydra = { PMI_RANK: '3', PMI_SIZE: '4', MPI_LOCALRANKID: '3', MPI_LOCALNRANKS: '4' };
    assert.deepEqual(workerEnvironment(hydra), expected({ ...places, ...where, source: 'mpi' }));
    // mpirun starts its daemons by srun, whose variables its processes inherit.
    assert.equal(workerEnvironment({ ...srun, ...open })?.source, 'openmpi');
    assert.equal(workerEnvironment({ ...srun, ...hydra })?.source, 'mpi');
    const two = { ...open, OMPI_COMM_WORLD_LOCAL_RANK: '1', OMPI_COMM_WORLD_LOCAL_SIZE: '2' };
    throws(() => workerEnvironment(two), 'ERR_CONFIG', /MASTER_ADDR under mpirun .*several machines/);
    assert.equal(workerEnvironment({ ...two, MASTER_ADDR: 'node0' })?.masterAddress, 'node0');
  });

  it('is nothing for whoever is alone', () => {
    const alone: WorkerVariables[] = [
      {},
      // A container that sets where the others would be.
      master,
      { WORLD_SIZE: '1' },
      // A script of sbatch, a login shell within a job, one task.
      {
        SLURM_JOB_ID: '9',
        SLURM_JOB_NODELIST: 'gpu[1-2]',
        SLURM_PROCID: '0',
        SLURM_LOCALID: '0',
        SLURM_NODEID: '0',
      },
      { ...srun, SLURM_STEP_NUM_TASKS: '1', SLURM_PROCID: '0' },
      { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1' },
      { PMI_RANK: '0', PMI_SIZE: '1', MPI_LOCALRANKID: '0' },
    ];
    for (const variables of alone)
      assert.equal(workerEnvironment(variables), undefined, JSON.stringify(variables));
  });

  it('needs no address where a launcher started one process', () => {
    assert.deepEqual(
      workerEnvironment({ RANK: '0', WORLD_SIZE: '1' }),
      expected({
        ...{ rank: 0, worldSize: 1, localRank: 0, localWorldSize: 1 },
        ...{ masterAddress: '127.0.0.1', masterPort: 29500, source: 'environment' },
      }),
    );
  });

  const whole = { ...launcher, ...master };
  const wrong: [WorkerVariables, RegExp][] = [
    [{ WORLD_SIZE: '4' }, /variable RANK beside WORLD_SIZE=4/],
    [{ RANK: '1', ...master }, /variable WORLD_SIZE beside RANK=1/],
    [{ RANK: '1', WORLD_SIZE: '2', MASTER_PORT: '1' }, /variable MASTER_ADDR beside WORLD_SIZE=2/],
    [{ RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: 'a' }, /variable MASTER_PORT beside WORLD_SIZE=2/],
    [{ ...whole, RANK: '8' }, /a whole number from 0 to 7 .*RANK but received "8"/],
    [{ ...whole, RANK: '-1' }, /from 0 to 7 .*RANK but received "-1"/],
    [{ ...whole, RANK: '1.5' }, /from 0 to 7 .*RANK but received "1\.5"/],
    [{ ...whole, WORLD_SIZE: 'many' }, /at least 1 .*WORLD_SIZE but received "many"/],
    [{ ...whole, WORLD_SIZE: '0' }, /at least 1 .*WORLD_SIZE but received "0"/],
    [{ ...whole, LOCAL_RANK: '4' }, /from 0 to 3 .*LOCAL_RANK but received "4"/],
    [{ ...whole, LOCAL_WORLD_SIZE: '9' }, /from 1 to 8 .*LOCAL_WORLD_SIZE but received "9"/],
    [{ ...whole, LOCAL_RANK: '3', RANK: '2' }, /at most RANK, which is 2 .*LOCAL_RANK/],
    [{ ...whole, LOCAL_RANK: undefined }, /variable LOCAL_RANK beside LOCAL_WORLD_SIZE=4/],
    [{ ...whole, MASTER_PORT: '70000' }, /from 1 to 65535 .*MASTER_PORT but received "70000"/],
    [{ ...whole, TORCHELASTIC_RESTART_COUNT: 'x' }, /TORCHELASTIC_RESTART_COUNT but received "x"/],
    [{ ...srun, SLURM_PROCID: undefined }, /SLURM_PROCID beside SLURM_STEP_NUM_TASKS=7/],
    [{ ...srun, SLURM_PROCID: '7' }, /from 0 to 6 .*SLURM_PROCID/],
    [{ ...srun, SLURM_LOCALID: '1' }, /from 0 to 0 .*SLURM_LOCALID/],
    [{ ...srun, SLURM_LOCALID: undefined }, /SLURM_LOCALID beside/],
    [{ ...srun, SLURM_NODEID: '4' }, /from 0 to 3 .*SLURM_NODEID/],
    [{ ...srun, SLURM_STEP_TASKS_PER_NODE: '2(x4)' }, /7 tasks in all .*SLURM_STEP_TASKS_PER_NODE/],
    [{ ...srun, SLURM_STEP_NODELIST: 'gpu[1-' }, /SLURM_STEP_NODELIST but received "gpu\[1-"/],
    [{ ...srun, SLURM_STEP_NODELIST: undefined }, /SLURM_STEP_NODELIST beside/],
    [{ ...srun, SLURM_JOB_ID: undefined }, /SLURM_JOB_ID beside/],
    [{ ...srun, WORLD_SIZE: '8' }, /Expected 7, as slurm has it, .*WORLD_SIZE but received "8"/],
    [{ OMPI_COMM_WORLD_RANK: '0' }, /OMPI_COMM_WORLD_SIZE beside OMPI_COMM_WORLD_RANK=0/],
    [{ PMI_SIZE: '2' }, /PMI_RANK beside PMI_SIZE=2/],
    [{ PMI_RANK: '0', PMI_SIZE: '2' }, /MPI_LOCALRANKID beside PMI_SIZE=2/],
  ];
  it('is an error that names the variable where one is missing, impossible or contradicts another', () => {
    for (const [variables, message] of wrong)
      throws(() => workerEnvironment(variables), 'ERR_CONFIG', message);
  });
});
