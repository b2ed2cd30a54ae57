/**
 * Environment variables of runs over several processes: what launchers of the field tell their workers, and what
 * `kappa launch` takes for its flags. lib/env.ts reads them and lists them with all others.
 */

/** What a worker may learn from its launcher. */
export const workerVariables = {
  RANK: "number of this process in the run, from 0: a launcher's, such as kappa launch, torchrun or PyTorchJob",
  WORLD_SIZE: 'number of processes of the run',
  LOCAL_RANK: 'number of this process on its machine; without it, the only one there',
  LOCAL_WORLD_SIZE: 'number of processes on this machine',
  MASTER_ADDR: 'address of the machine of rank 0, also over what Slurm says',
  MASTER_PORT: 'port there, also over what is made of the job of Slurm',
  TORCHELASTIC_RESTART_COUNT: 'how often the launcher has started all processes anew after a failure',
  TORCHELASTIC_RUN_ID: 'name of the run at its launcher',
  TORCHELASTIC_USE_AGENT_STORE:
    'True: the launcher (torchrun) serves the store at MASTER_ADDR and MASTER_PORT',
  KAPPA_LAUNCH: 'the launch of kappa launch that this process belongs to',
  KAPPA_ROUND:
    'how often kappa launch has started the processes before, be it after a failure or a change of nodes',
  KAPPA_NODE_ADDR: 'address of this machine as the others reach it, by kappa launch',
  KUBERNETES_SERVICE_HOST: 'anything: a pod of Kubernetes; only said in messages',
  SLURM_STEP_NUM_TASKS: 'above 1: srun has started that many processes, and each joins the others',
  SLURM_PROCID: 'rank under srun',
  SLURM_LOCALID: 'local rank under srun',
  SLURM_NODEID: 'number of this machine under srun',
  SLURM_STEP_TASKS_PER_NODE: 'processes of each machine under srun, like 2(x3),1',
  SLURM_STEP_NODELIST: 'machines under srun, like gpu[001-003,7]; the first has rank 0',
  SLURM_JOB_NODELIST: 'machines of the job, where the step names none',
  SLURM_JOB_ID: 'number of the job of Slurm, from which the port is made',
  SLURM_STEP_ID: 'number of the step of Slurm, likewise',
  OMPI_COMM_WORLD_RANK: 'rank under mpirun of Open MPI',
  OMPI_COMM_WORLD_SIZE: 'number of processes there',
  OMPI_COMM_WORLD_LOCAL_RANK: 'local rank there',
  OMPI_COMM_WORLD_LOCAL_SIZE: 'number of processes on this machine there',
  PMI_RANK: 'rank under mpirun of Intel MPI or MPICH',
  PMI_SIZE: 'number of processes there',
  MPI_LOCALRANKID: 'local rank there',
  MPI_LOCALNRANKS: 'number of processes on this machine there',
} as const;

/** What `kappa launch` takes where the flag is not given, as torchrun does: Kubernetes sets them in its pods. */
export const launcherVariables = {
  PET_NPROC_PER_NODE: '--nproc-per-node of kappa launch',
  PET_NNODES: '--nnodes of kappa launch',
  PET_NODE_RANK: '--node-rank of kappa launch',
  PET_MASTER_ADDR: '--master-addr of kappa launch',
  PET_MASTER_PORT: '--master-port of kappa launch',
  PET_RDZV_ENDPOINT: '--rdzv-endpoint of kappa launch',
  PET_RDZV_ID: '--rdzv-id of kappa launch',
  PET_MAX_RESTARTS: '--max-restarts of kappa launch',
} as const;

/** Some of the variables by name; one that is empty is left out. */
export type Picked<Table> = { readonly [Name in keyof Table]?: string };

/** What the environment says to a worker. */
export type WorkerVariables = Picked<typeof workerVariables>;

/** What the environment says to `kappa launch`. */
export type LauncherVariables = Picked<typeof launcherVariables>;

/** The variables of a table that are set and not empty. */
export function pick<Table extends object>(
  table: Table,
  variables: Readonly<Record<string, string | undefined>>,
): Picked<Table> {
  const names = Object.keys(table);
  const set = names.map((name) => [name, variables[name]] as const).filter(([, value]) => Boolean(value));
  return Object.fromEntries(set) as Picked<Table>;
}
