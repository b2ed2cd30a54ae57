import { spinning } from '../../env';
import { usableProcessors } from '../../processors';
import { runChild } from '../process';
import type { Check } from '../build/tools';
import { LOAD_PROGRAM, loadArguments } from './try-addon';
import type { AddonChoice } from './plan';

/** What a processor computes in a precision, in operations a second. */
interface Rates {
  convolution: number;
  head: number;
}

interface Measured {
  fast: boolean;
  float32: Rates;
  bfloat16: Rates;
}

const BATCH = 128;
const CLASSES = 8192;
const DIMENSIONS = 512;

/** Runs in a process of its own, without the library: a broken addon may crash. */
const PROGRAM = `${LOAD_PROGRAM}
addon.initialize(Error, false, Number(args[0]), true);
const rates = async (precision) => ({
  convolution: await addon.measureConvolution(precision, 0.4),
  head: (6 * ${BATCH} * ${CLASSES} * ${DIMENSIONS}) / (await addon.measureHeadLimit({
    batch: ${BATCH}, classes: ${CLASSES}, dim: ${DIMENSIONS}, bf16: precision === 'bfloat16', repeats: 5 })),
});
(async () => {
  const [float32, bfloat16] = [await rates('float32'), await rates('bfloat16')];
  console.log(JSON.stringify({ fast: addon.computesFast('bfloat16', 'cpu'), float32, bfloat16 }));
})();
`;

const TIMEOUT_MS = 120_000;

/** What the default precision is here, and how fast each is: convolutions, and a step of the head. */
export async function checkPrecision(choice: AddonChoice): Promise<Check> {
  const name = 'Precision';
  const args = ['-e', PROGRAM, ...loadArguments(choice), String(usableProcessors())];
  const { code, stdout, stderr } = await runChild(process.execPath, args, {
    timeoutMs: TIMEOUT_MS,
    env: { ...process.env, ...spinning().variables },
  });
  if (code !== 0) {
    const detail = `could not be measured: ${stderr.trim().split('\n').pop() || `exit code ${code}`}`;
    return { name, status: 'warning', detail, remedy: 'npx kappa doctor once more, or npx kappa build' };
  }
  const { fast, float32, bfloat16 } = JSON.parse(stdout) as Measured;
  const gigaflops = (rate: number): string => (rate / 1e9).toPrecision(3).replace(/\.0*$/, '');
  const both = (what: keyof Rates): string =>
    `${what} ${gigaflops(float32[what])} GFLOP/s in float32, ${gigaflops(bfloat16[what])} in bfloat16`;
  const chosen = fast ? 'bfloat16' : 'float32, for bfloat16 is emulated here';
  return { name, status: 'ok', detail: `auto takes ${chosen}: ${both('convolution')}; ${both('head')}` };
}
