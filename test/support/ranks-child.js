'use strict';
// One rank of a run: joins the group, and calls a function of the module that it is given.
// RANK, WORLD_SIZE and MASTER_PORT come in the environment; the result goes to the parent.
require('ts-node/register/transpile-only');
const { ProcessGroup } = require('../../lib/distributed/process-group');
const { setThreads } = require('../../lib/runtime/settings');

async function main([module, name, text]) {
  const [rank, worldSize, masterPort] = ['RANK', 'WORLD_SIZE', 'MASTER_PORT'].map((key) =>
    Number(process.env[key]),
  );
  await setThreads(1);
  const place = { rank, worldSize, localRank: rank, masterAddress: '127.0.0.1', masterPort };
  const options = JSON.parse(text);
  const group = await ProcessGroup.join(place, { timeout: options.timeout ?? 60 });
  const result = await require(module)[name](group, options);
  await group.leave();
  return { result: result ?? null };
}

main(process.argv.slice(2))
  .catch(({ code, message, stack }) => {
    process.exitCode = 1;
    return { error: { code, message, stack } };
  })
  .then((outcome) => process.send(outcome, () => process.disconnect()));
