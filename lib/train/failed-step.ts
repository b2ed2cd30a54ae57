/** A step that was left out because its loss or a gradient was not finite. */
export interface FailedStep {
  step: number;
  epoch: number;
  /** Its first batch of that epoch. */
  startBatch: number;
  lr: number;
  loss: number;
  /** The factor on the loss (float16). */
  lossScale: number | undefined;
}
