import { smoothstep } from './colour';
import type { FaceIdentity } from './identity';
import type { FaceVariation } from './variation';

const REACH = 2.2;
const STEPS = 440;

/** The hairline of one picture: above it (smaller y) is hair. Tabulated, as it is asked for at every sample. */
export class Hairline {
  private readonly heights = new Float64Array(STEPS + 2);

  constructor(identity: FaceIdentity, variation: FaceVariation) {
    for (let step = 0; step <= STEPS + 1; step++) {
      this.heights[step] = hairlineY(identity, variation, (step / STEPS) * 2 * REACH - REACH);
    }
  }

  /** Height of the hairline at an angle of the head. */
  at(lambda: number): number {
    const at = Math.max(0, Math.min(STEPS, ((lambda + REACH) * STEPS) / (2 * REACH)));
    const index = Math.floor(at);
    const before = this.heights[index]!;
    return before + (this.heights[index + 1]! - before) * (at - index);
  }
}

function hairlineY({ hair }: FaceIdentity, { look }: FaceVariation, lambda: number): number {
  const angle = Math.abs(lambda);
  const peak = hair.peak * Math.exp(-(lambda * lambda) / 0.02);
  const lopsided = lambda > 0 === hair.part > 0 ? 1.25 : 0.8;
  const corner = lopsided * hair.recession * Math.exp(-((angle - 0.5) ** 2) / 0.05);
  let y = hair.lineY + peak - corner + 5 * smoothstep(0.45, 1.05, angle);
  if (hair.fringe > 0) {
    const sweep = 1 - 0.75 * Math.exp(-((lambda - hair.part * 0.7) ** 2) / 0.04);
    y += (hair.fringe + look.hairLift) * sweep * (1 - smoothstep(0.75, 1.1, angle));
  }
  const drop = smoothstep(hair.sideAngle - 0.12, hair.sideAngle + 0.08, angle);
  return y + (hair.sideY - y) * drop;
}
