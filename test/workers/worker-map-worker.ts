import { KappaError } from '../../lib/errors';
import { serveTasks } from '../../lib/workers/task-worker';

/** Squares numbers, the later the sooner; fails or crashes where it is told to. */
serveTasks(async (task: number | 'fail' | 'crash') => {
  if (task === 'fail') throw new KappaError('ERR_DATA_CORRUPT', 'task 3 is bad');
  if (task === 'crash') process.exit(7);
  await new Promise((resolve) => setTimeout(resolve, 30 - task));
  return task * task;
});
