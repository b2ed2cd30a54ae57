import { serveTasks } from '../workers/task-worker';
import { runConvertTask } from './convert-task';

serveTasks(runConvertTask, (replies) =>
  replies.flatMap((reply) => ('image' in reply ? [reply.image.buffer as ArrayBuffer] : [])),
);
