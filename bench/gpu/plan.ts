import type { EndToEndCase, HeadCase, MachineCase, NetworkCase } from './case';

/** What is measured, the most telling first: a run may end before the last of it. */
export interface Plan {
  machine: MachineCase;
  heads: HeadCase[];
  networks: NetworkCase[];
  endToEnd: Omit<EndToEndCase, 'root' | 'output'>;
}

const DIM = 512;

/** Sizes that a GPU of today is used for. */
function wholePlan(device: string): Plan {
  const heads = [85_742, 1_000_000].flatMap((classes) =>
    [512, 128, 1024].flatMap((batch) =>
      (['bfloat16', 'float32'] as const).map((precision): HeadCase => ({
        kind: 'head',
        device,
        batch,
        classes,
        dim: DIM,
        precision,
        repeats: 20,
      })),
    ),
  );
  const networks = (['bfloat16', 'float16'] as const).flatMap((precision) =>
    [128, 256].flatMap((batch) =>
      ([100, 50] as const).map((depth): NetworkCase => ({
        kind: 'network',
        device,
        depth,
        widthMultiplier: 1,
        batch,
        precision,
        repeats: 10,
      })),
    ),
  );
  const endToEnd = { depth: 100, widthMultiplier: 1, batch: 128, workers: 12, warm: 15, steps: 60 } as const;
  return {
    machine: { kind: 'machine', device, size: 8192, bytes: 2 ** 30 },
    heads,
    networks,
    endToEnd: { kind: 'end to end', device, precision: 'bfloat16', ...endToEnd },
  };
}

/** The same on any processor in a minute: shows that everything runs, and no more. */
function quickPlan(device: string): Plan {
  const heads = (['float32', 'bfloat16'] as const).map((precision): HeadCase => ({
    kind: 'head',
    device,
    batch: 16,
    classes: 1000,
    dim: 64,
    precision,
    repeats: 3,
  }));
  // PyTorch 2.13 corrupts its heap on a CPU with 8 channels in channels_last.
  const small = { device, depth: 18, widthMultiplier: 0.25 } as const;
  return {
    machine: { kind: 'machine', device, size: 256, bytes: 2 ** 22 },
    heads,
    networks: [{ kind: 'network', ...small, batch: 4, precision: 'float32', repeats: 2 }],
    endToEnd: { kind: 'end to end', ...small, batch: 4, precision: 'float32', workers: 1, warm: 2, steps: 3 },
  };
}

export function planOf(device: string, quick: boolean): Plan {
  return quick ? quickPlan(device) : wholePlan(device);
}
