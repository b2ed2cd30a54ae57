import { serveTasks } from '../../workers/task-worker';
import { runFaceTask } from './face-task';

serveTasks(runFaceTask, (pixels) => [pixels.buffer as ArrayBuffer]);
