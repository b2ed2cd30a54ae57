import { serveTasks } from '../workers/task-worker';
import { runVerifyTask } from './check-task';

serveTasks(runVerifyTask);
