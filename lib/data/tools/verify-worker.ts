import { serveTasks } from '../task-worker';
import { runVerifyTask } from './verify-task';

serveTasks(runVerifyTask);
