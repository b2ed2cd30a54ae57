import { serveTasks } from '../workers/task-worker';
import { runCheckTask } from './check-task';

serveTasks(runCheckTask);
