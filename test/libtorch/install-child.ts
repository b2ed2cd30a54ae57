// Run by install.test.ts in processes of their own: installs and prints the result as JSON.
import { installLibtorch } from '../../lib/libtorch/install';

installLibtorch({ onProgress: ({ phase }) => void process.stderr.write(`${phase}\n`) }).then(
  (found) => process.stdout.write(JSON.stringify(found)),
  (error: Error) => {
    process.stderr.write(error.message);
    process.exitCode = 1;
  },
);
